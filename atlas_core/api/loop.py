"""A call to ourselves, at the address that Atlas is given: as Atlas would come, and with its caution."""

from __future__ import annotations

import json
from pathlib import Path

from atlas_core import __version__
from atlas_core.api.payloads import parse_json, parse_token
from atlas_core.api.replies import redirected_to
from atlas_core.api.transport import Call, Reply, Wire
from atlas_core.errors import AtlasError, LoopBroken, PayloadError

_HEADERS = {
    "User-Agent": f"atlas-desk/{__version__} probe",
    "Accept": "application/json",
    "Content-Type": "application/json",
}
_NOT_OURS = (
    "Another server answers there, or the proxy passes other paths than /atlas/auth/ and /atlas/callback/."
)
_REASONS = {
    400: "The proxy does not pass the Host header on, or spoils the call.",
    401: "The proxy does not pass the header Token on.",
    404: _NOT_OURS,
    405: "The proxy turns a POST into something else, or another server answers there.",
    413: "The proxy lets no body through.",
    502: "The proxy is there, but does not reach the receiver behind it.",
    503: "The proxy is there, but does not reach the receiver behind it.",
    504: "The proxy is there, but does not reach the receiver behind it.",
}


def call_ourselves(
    receiver_url: str,
    auth_path: str,
    callback_path: str,
    *,
    ca_bundle: Path | None = None,
    total_seconds: float = 15.0,
) -> None:
    """Fetches a token at one path and brings a callback with it to the other, directly, without a proxy.

    Raises `LoopBroken`, whose sentence says how far it came. Whether the callback arrived here and not at
    somebody else's is for the caller to see.
    """
    wire = Wire(
        receiver_url,
        proxy=None,
        ca_bundle=ca_bundle,
        pool=1,
        connect_seconds=3.0,
        read_seconds=10.0,
        total_seconds=total_seconds,
    )
    try:
        reply = _post(wire, receiver_url, auth_path, b"", {})
        try:
            token = parse_token(parse_json(reply.body)[0]).access_token
        except PayloadError:
            raise _broken(
                receiver_url, f"it answered a call for a token with something else. {_NOT_OURS}"
            ) from None
        _post(wire, receiver_url, callback_path, json.dumps({"probe": True}).encode(), {"Token": token})
    finally:
        wire.close()


def _post(wire: Wire, receiver_url: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
    what = "a call for a token" if not headers else "a callback"
    length = {"Content-Length": str(len(body))}
    call = Call("POST probe", "POST", receiver_url + path, {**_HEADERS, **length}, {}, body)
    try:
        reply = wire.exchange(call, headers)
    except AtlasError as error:
        raise _broken(receiver_url, f"{what} did not get through: {error.came}.") from None
    if 300 <= reply.status < 400:
        where = redirected_to(reply.location)
        raise _broken(receiver_url, f"it redirects {what} to {where}. Atlas is not known to follow.")
    if reply.status >= 300 or reply.trouble:
        reason = _REASONS.get(reply.status, "")
        raise _broken(receiver_url, f"it answered {what} with status {reply.status}. {reason}".rstrip())
    return reply


def _broken(receiver_url: str, how: str) -> LoopBroken:
    return LoopBroken(f"Atlas cannot reach us at {receiver_url}: {how}")
