"""Who calls at the receiver, and by which name: what a caller may say of himself, and what not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from starlette.types import Scope

from atlas_core.setting_values import Address, Network
from atlas_core.settings import Settings

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::[0-9]{1,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# What a proxy or a browser adds: whoever brings one of these is not a program on this machine alone.
_FROM_ELSEWHERE = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"via", b"origin")

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Callers:
    """The rules about callers: the names under which the receiver may be called, the one proxy that is
    believed, and the networks Atlas calls from (none: any)."""

    names: frozenset[str]
    proxy: Address | None = None
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Callers:
        """The rules that follow from the settings."""
        given = {settings.receiver_address, urlsplit(settings.receiver_url).hostname or ""} - {""}
        names = _LOOPBACK_NAMES | {name.lower() for name in given}
        return cls(names, settings.receiver_proxy, settings.callback_addresses)

    def calls_us(self, scope: Scope) -> bool:
        """Whether a request is addressed to a name of ours: that of a setting, or the very address it came
        to. A page that lures a browser here under another name (DNS rebinding) is told by that."""
        host, came_to = _host(scope["headers"]), _address(scope["server"])
        return host is not None and (host in self.names or (came_to is not None and host == str(came_to)))

    def address_of(self, scope: Scope) -> Address | None:
        """Where a request comes from: the peer, or what our own proxy says of it."""
        peer = _address(scope["client"])
        if self.proxy is None or peer != self.proxy:
            return peer
        hops = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        return read_address(hops.decode("latin-1").rpartition(",")[2]) or peer

    def hidden(self, scope: Scope) -> Address | None:
        """The proxy behind which callers hide, because no setting says that it is ours."""
        peer = _address(scope["client"])
        forwards = any(name == b"x-forwarded-for" for name, _ in scope["headers"])
        return peer if forwards and peer != self.proxy else None

    def may_call(self, address: Address | None) -> bool:
        """Whether Atlas may call from there."""
        return not self.networks or (
            address is not None and any(address in network for network in self.networks)
        )

    def is_here(self, scope: Scope) -> bool:
        """Whether a request comes from a program on this machine that calls it by a loopback name."""
        peer = _address(scope["client"])
        return (
            peer is not None
            and peer.is_loopback
            and _host(scope["headers"]) in _LOOPBACK_NAMES
            and not any(name.startswith(_FROM_ELSEWHERE) for name, _ in scope["headers"])
        )


def neighbourhood(address: Address | None) -> str:
    """What stands for a caller where callers are counted: his address, of IPv6 the network of a household,
    in which he may choose addresses freely."""
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(IPv6Network((address, 64), strict=False))
    return "unknown" if address is None else str(address)


def read_address(text: str) -> Address | None:
    """The address, IPv4 where it is one in the dress of IPv6; None where it is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped: IPv4Address | None = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _host(headers: Headers) -> str | None:
    """The host of the one Host header; None where there is none, several, or an odd one."""
    given = [value.decode("latin-1") for name, value in headers if name == b"host"]
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        return None
    if match[1] is None:
        return match[2].lower()
    address = read_address(match[1])
    return None if address is None else str(address)


def _address(end: tuple[str, int] | None) -> Address | None:
    return None if end is None else read_address(end[0])
