"""What an answer of Atlas means: the value asked for, or one of our errors.

A question may be asked again; a deed (flow/init, multiupload) may have been done although its answer is bad,
and then the outcome is unknown. A status of 3xx or 4xx says that it was not done.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from atlas_core.api.payloads import parse_json, parse_refusal
from atlas_core.api.retries import parse_retry_after
from atlas_core.api.transport import DO_NOT_RESEND, Call, Reply
from atlas_core.errors import (
    AtlasError,
    Busy,
    CredentialsRefused,
    FlowNotFound,
    NoAnswer,
    OutcomeUnknown,
    PayloadError,
    ReceiverUnreachable,
    Refused,
    UnexpectedReply,
    VersionRetired,
)

T = TypeVar("T")

_MEDIA_TYPE = re.compile(r"[a-z0-9.+/-]{1,60}")
_ERROR_STATUS = re.compile(r"[45][0-9]{2}")
_STATUS_OF_MESSAGE = {"Invalid token": 401, "Flow not found": 409}
_ASK_SUPPORT = "If it goes on, send this sentence to Atlas's support."


def understand(call: Call, reply: Reply, parse: Callable[[bytes], T]) -> T:
    """What `parse` reads in a good answer; raises an AtlasError for every other.

    An error envelope inside a 2xx counts as that error.
    """
    if reply.status >= 300:
        raise _failure(call, reply)
    if reply.status < 200 or reply.trouble or _is_html(reply):
        raise _unusable(call, reply)
    # Only a question's answer can be told from an envelope before it is parsed: a deed that brought its id
    # was done, whatever else stands beside it.
    if not call.is_deed and b"error" in reply.body and parse_refusal(reply.body) is not None:
        raise _failure(call, reply)
    try:
        return parse(reply.body)
    except PayloadError as error:
        problem = str(error)
    if call.is_deed and parse_refusal(reply.body) is not None:
        raise _failure(call, reply)
    raise _unusable(call, reply, problem)


def _failure(call: Call, reply: Reply) -> AtlasError:
    """The error that an answer's status stands for, or the envelope's own status inside a 2xx."""
    from_proxy = _is_html(reply)
    message = None if reply.trouble or from_proxy else parse_refusal(reply.body)
    status = reply.status
    if status < 300:
        status = _status_inside(reply.body) or status
    if 300 <= status < 400:
        came = f"it was redirected to {redirected_to(reply.location)} (status {status})"
        return UnexpectedReply(call.asked, came, "Nothing was sent there. Check ATLAS_BASE_URL.", status)

    if from_proxy:
        came = f"a proxy answered, not Atlas ({_described(reply)})"
    elif message:
        came = f"Atlas answered {status}: {message.rstrip('.')}"
    else:
        came = f"an answer without Atlas's error message came ({_described(reply)})"
    if status == 429 or (status == 503 and (message or not call.is_deed)):
        retry_after = parse_retry_after(reply.retry_after)
        advice = f"Try again in {retry_after:.0f} s." if retry_after else "Try again later."
        return Busy(call.asked, came, advice, status, retry_after)
    if status >= 500 and call.is_deed:
        return OutcomeUnknown(call.asked, came, DO_NOT_RESEND, status)
    if from_proxy:
        return UnexpectedReply(call.asked, came, "Check ATLAS_BASE_URL, ATLAS_PROXY and the network.", status)
    kind = call.refusals.get(status, Refused)
    return kind(call.asked, came, _ADVICE.get(kind) or _advice(status, message), status)


def _unusable(call: Call, reply: Reply, problem: str = "") -> AtlasError:
    """The error for a 2xx that cannot be read as what was asked."""
    reason = (
        "a proxy answered, not Atlas"
        if _is_html(reply)
        else reply.trouble or problem or "no final answer came"
    )
    came = f"{reason} ({_described(reply)})"
    if call.is_deed:
        return OutcomeUnknown(call.asked, came, DO_NOT_RESEND, reply.status)
    if not reply.is_whole:
        return NoAnswer(call.asked, came, "It can be asked again.", reply.status)
    return UnexpectedReply(call.asked, came, _ASK_SUPPORT, reply.status)


def _status_inside(body: bytes) -> int | None:
    """The status that an envelope names itself, or that its documented message always comes with."""
    answer, _flags = parse_json(body)
    if not isinstance(answer, dict):
        return None
    code = answer.get("error_code")
    if isinstance(code, str | int) and _ERROR_STATUS.fullmatch(str(code)):
        return int(code)
    return _STATUS_OF_MESSAGE.get(str(answer.get("error")))


def _is_html(reply: Reply) -> bool:
    return "html" in reply.media_type or reply.body[:64].lstrip()[:1] == b"<"


def _described(reply: Reply) -> str:
    """Status, media type, length and digest: enough to know the answer again, nothing of its text."""
    if reply.trouble:
        return f"status {reply.status}"
    media_type = reply.media_type if _MEDIA_TYPE.fullmatch(reply.media_type) else "no media type"
    size = f"{len(reply.body)} bytes"
    digest = f", sha256 {hashlib.sha256(reply.body).hexdigest()[:16]}" if reply.body else ""
    return f"status {reply.status}, {media_type}, {size}{digest}"


def redirected_to(location: str) -> str:
    """The host that a redirect leads to, in words."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        return "an unreadable address"
    return host if host and host.isascii() and host.isprintable() else "the same host"


def _advice(status: int, message: str | None) -> str:
    if status >= 500:
        return "Atlas has trouble of its own; it can be asked again."
    if message:
        return "Correct what the message names."
    return "Check ATLAS_BASE_URL and what these credentials may do."


_ADVICE: dict[type[Refused], str] = {
    CredentialsRefused: "Check ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET.",
    FlowNotFound: "Check the flow_uuid and that these credentials may see it.",
    VersionRetired: "Atlas no longer serves this version of its API: update Atlas Desk.",
    ReceiverUnreachable: "Atlas cannot reach us: check ATLAS_RECEIVER_URL and that it answers from outside.",
}
