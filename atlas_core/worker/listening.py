"""Why a server of ours cannot listen where it should, and what to set."""

from __future__ import annotations

import errno
import socket


def why_not_listening(server: str, address: str, port: int, error: OSError | UnicodeError) -> str:
    """A sentence about ATLAS_`server`_ADDRESS where the address is none of this machine's, else about
    ATLAS_`server`_PORT. `error` is what `bind` raised."""
    code = error.errno if isinstance(error, OSError) else None
    is_no_name = isinstance(error, UnicodeError | socket.gaierror) or (code is not None and code < 0)
    if is_no_name or code == errno.EADDRNOTAVAIL:
        return (
            f"The address {address} cannot be used: this machine has no such address. "
            f"Set ATLAS_{server}_ADDRESS to one that it has, like 127.0.0.1."
        )
    reason = error.strerror if isinstance(error, OSError) else error
    return (
        f"Port {port} on {address} cannot be used ({reason}). "
        f"End what uses it, or set ATLAS_{server}_PORT to another port."
    )
