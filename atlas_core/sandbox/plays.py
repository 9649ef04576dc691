"""What can go wrong with a message: one function a play, each changes the message it is given."""

from collections.abc import Callable
from typing import Any

from .messages import Answer, Message

Options = dict[str, Any]


def _delay(message: Message, options: Options) -> None:
    message.delay += float(options.get("seconds", 1.0))


def _status(message: Message, options: Options) -> None:
    if not isinstance(message, Answer):
        return
    message.status = int(options.get("code", 503))
    message.document = options.get("body", {"error": options.get("message", "Service unavailable")})
    message.headers.update(options.get("headers", {}))


PLAYS: dict[str, Callable[[Message, Options], None]] = {"delay": _delay, "status": _status}
WITHOUT_WORK = frozenset({"status"})
