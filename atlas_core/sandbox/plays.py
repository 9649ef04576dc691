"""What can go wrong with a message: one function a play, each changes the message it is given."""

import base64
import copy
import gzip
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from .edits import (
    RESULT_CHANGES,
    RESULT_DELETIONS,
    RESULT_SETTINGS,
    STATUS_SETTINGS,
    delete_paths,
    set_paths,
)
from .messages import Answer, Message, Outgoing

Options = dict[str, Any]
Play = Callable[[Any, Options], None]

_CATEGORIES = {
    400: "Bad Request",
    401: "Authentication Error",
    409: "Resource Conflict",
    410: "Resource Gone",
    422: "Unprocessable Entity",
    503: "Service Unavailable",
}
_MESSAGES = {
    400: "Bad request",
    401: "Invalid token",
    409: "Flow not found",
    410: "This API version is no longer available",
    422: "The configured auth_url could not be reached",
    429: "Too many requests",
    503: "A downstream service is unavailable",
}
_ECHOED = ("application_id", "flow_params")
_LOGIN_PAGE = "<!doctype html><title>Sign in</title><p>Please sign in to the network."


def _delay(message: Message, options: Options) -> None:
    message.delay += float(options.get("seconds", 1.0))


def _json(message: Message, options: Options) -> None:
    message.document, message.body = options.get("value"), None


def _status(answer: Answer, options: Options) -> None:
    answer.status = int(options.get("code", 503))
    text = options.get("message", _MESSAGES.get(answer.status, "Something went wrong"))
    answer.document = options.get("body", {"error": text})
    if "retry_after" in options:
        answer.headers["Retry-After"] = str(options["retry_after"])


def _html(answer: Answer, options: Options) -> None:
    answer.status = int(options.get("code", 200))
    answer.body = str(options.get("text", _LOGIN_PAGE)).encode()
    answer.headers["Content-Type"] = "text/html; charset=utf-8"


def _redirect(answer: Answer, options: Options) -> None:
    answer.status, answer.body = int(options.get("code", 302)), b""
    answer.headers["Location"] = str(options["to"])


def _raw(message: Message, options: Options) -> None:
    message.body = (
        base64.b64decode(options["base64"]) if "base64" in options else str(options.get("text", "")).encode()
    )
    if "media" in options:
        message.headers["Content-Type"] = str(options["media"])


def _half(message: Message, options: Options) -> None:
    whole = message.payload
    message.body = whole[: int(options.get("bytes", len(whole) // 2))]


def _bom(message: Message, options: Options) -> None:  # noqa: ARG001
    message.body = b"\xef\xbb\xbf" + message.payload


def _utf16(message: Message, options: Options) -> None:  # noqa: ARG001
    message.body = message.payload.decode().encode("utf-16")


def _bad_utf8(message: Message, options: Options) -> None:  # noqa: ARG001
    message.body = message.payload.replace(b'": "', b'": "\xff', 1)


def _gzip(message: Message, options: Options) -> None:  # noqa: ARG001
    message.body = gzip.compress(message.payload)
    message.headers["Content-Encoding"] = "gzip"


def _header(message: Message, options: Options) -> None:
    message.headers.update({name: str(value) for name, value in options.get("set", {}).items()})
    for name in options.get("remove", []):
        message.headers.pop(name, None)


def _set(message: Message, options: Options) -> None:
    set_paths(message.document, options.get("values", {}))


def _delete(message: Message, options: Options) -> None:
    delete_paths(message.document, options.get("paths", []))


def _unless_refused(edit: Callable[[Any], None]) -> Play:
    """The edit as a play that leaves error answers alone."""

    def play(message: Message, options: Options) -> None:  # noqa: ARG001
        if not (isinstance(message, Answer) and message.status >= 400):
            edit(message.document)

    return play


def _envelope_a(answer: Answer, options: Options) -> None:  # noqa: ARG001
    if isinstance(answer.document, dict) and "error" in answer.document:
        category = _CATEGORIES.get(answer.status, "Error")
        text = f"{category}: {answer.document['error']}"
        answer.document = {"error_code": str(answer.status), "error_message": text}


def _right_spelling(answer: Answer, options: Options) -> None:  # noqa: ARG001
    if "crossheck_status" in answer.document:
        answer.document["crosscheck_status"] = answer.document.pop("crossheck_status")


def _single_object(answer: Answer, options: Options) -> None:  # noqa: ARG001
    if isinstance(answer.document, list) and answer.document:
        answer.document = {"batch_id": answer.document[0]["batch_id"]}


def _with_ids(message: Message, options: Options) -> None:  # noqa: ARG001
    by_id = {file["document_id"]: file for file in message.about.get("files", [])}
    for item in message.document.get("ocr_data", []):
        file = by_id.get(item["document_id"], {})
        item.update({name: file[name] for name in ("batch_id", "file_uuid") if name in file})


def _echo(message: Message, options: Options) -> None:  # noqa: ARG001
    message.document |= {name: message.about[name] for name in _ECHOED if name in message.about}


def _wire(name: str, answer: Answer, options: Options) -> None:
    answer.wire, answer.options = name, options


def _conduct(message: Message, options: Options) -> None:
    """Played by the endpoint itself, which asks for it by name."""


def _bearer(request: Outgoing, options: Options) -> None:  # noqa: ARG001
    request.headers["Authorization"] = f"Bearer {request.headers.pop('Token', '')}"


def _query_token(request: Outgoing, options: Options) -> None:  # noqa: ARG001
    request.url += f"?token={request.headers.pop('Token', '')}"


def _method(request: Outgoing, options: Options) -> None:
    request.method = str(options.get("to", "GET"))


def _path(request: Outgoing, options: Options) -> None:
    to = str(options.get("to", urlsplit(request.url).path + "x"))
    request.url = urlsplit(request.url)._replace(path=to).geturl()


def _drop(request: Outgoing, options: Options) -> None:  # noqa: ARG001
    request.copies = 0


def _duplicate(request: Outgoing, options: Options) -> None:
    request.copies = int(options.get("copies", 2))
    request.together = bool(options.get("together", False))


def _reorder(request: Outgoing, options: Options) -> None:  # noqa: ARG001
    request.hold = True


def _stale(request: Outgoing, options: Options) -> None:
    """An older state of the same results comes after them."""
    older = copy.deepcopy(request)
    older.delay = float(options.get("seconds", 0.2))
    older.document["ocr_data"] = older.document["ocr_data"][: len(older.document["ocr_data"]) // 2]
    older.document["cross_checks"] = []
    request.followers.append(older)


_MESSAGE_PLAYS: dict[str, Play] = {
    "delay": _delay,
    "json": _json,
    "raw": _raw,
    "half": _half,
    "bom": _bom,
    "utf16": _utf16,
    "bad_utf8": _bad_utf8,
    "gzip": _gzip,
    "header": _header,
    "set": _set,
    "delete": _delete,
}
_WIRES = ("reset", "cut", "drip", "hang", "endless", "big", "bomb", "garbage")
_ANSWER_PLAYS: dict[str, Play] = {
    "status": _status,
    "html": _html,
    "empty": lambda answer, _: _raw(answer, {}),
    "redirect": _redirect,
    "envelope_a": _envelope_a,
    **{name: partial(_wire, name) for name in _WIRES},
}
_STATUS_PLAYS: dict[str, Play] = {
    "right_spelling": _right_spelling,
    **{name: _unless_refused(partial(set_paths, values=values)) for name, values in STATUS_SETTINGS.items()},
}
_RESULT_PLAYS: dict[str, Play] = {
    "with_ids": _with_ids,
    "echo": _echo,
    **{name: _unless_refused(partial(set_paths, values=values)) for name, values in RESULT_SETTINGS.items()},
    **{name: _unless_refused(partial(delete_paths, paths=paths)) for name, paths in RESULT_DELETIONS.items()},
    **{name: _unless_refused(change) for name, change in RESULT_CHANGES.items()},
}
_OUTGOING_PLAYS: dict[str, Play] = {
    "bearer": _bearer,
    "no_token": lambda request, _: _header(request, {"remove": ["Token"]}),
    "wrong_token": lambda request, _: _header(request, {"set": {"Token": "not-yours"}}),
    "query_token": _query_token,
    "text_plain": lambda request, _: _header(request, {"set": {"Content-Type": "text/plain"}}),
    "method": _method,
    "path": _path,
    "drop": _drop,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "stale": _stale,
}
_ANY = _MESSAGE_PLAYS | _ANSWER_PLAYS
ANSWERED = ("authtoken", "init", "multiupload", "status", "extracts")
PLAYS: dict[str, dict[str, Play]] = {
    "authtoken": _ANY | {"no_expiry": _unless_refused(partial(delete_paths, paths=["expires_in"]))},
    "init": _ANY | {"los_ids": _conduct, "callback_first": _conduct},
    "multiupload": _ANY | {"single_object": _single_object, "skip_auth": _conduct},
    "status": _ANY | _STATUS_PLAYS,
    "extracts": _ANY | _RESULT_PLAYS,
    "auth": _MESSAGE_PLAYS | _OUTGOING_PLAYS,
    "callback": _MESSAGE_PLAYS | _OUTGOING_PLAYS | _RESULT_PLAYS,
}
# These stand in for an answer, so the work behind it is left undone unless the switch says `"done": true`.
WITHOUT_WORK = frozenset({"status", "html", "redirect", "reset", "endless", "big", "bomb", "garbage"})
# Where and when a play belongs if its switch does not say.
CUSTOMS: dict[str, dict[str, Any]] = {"late_news": {"when": "terminal", "skip": 1}}
