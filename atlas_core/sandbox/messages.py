"""What goes over the wire in either direction, before it is sent: the thing a fault may change."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any


class Verbatim(str):
    """A piece of JSON text that goes out as it stands, legal or not: `NaN`, `1e400`, `1, "name": 2`."""

    __slots__ = ()


def encode(document: object) -> bytes:
    """JSON bytes of a document; each Verbatim in it unquoted."""
    pieces: dict[str, str] = {}

    def marked(node: Any) -> Any:
        if isinstance(node, Verbatim):
            mark = f"verbatim-{secrets.token_hex(8)}"
            pieces[f'"{mark}"'] = str(node)
            return mark
        if isinstance(node, dict):
            return {name: marked(value) for name, value in node.items()}
        return [marked(value) for value in node] if isinstance(node, list) else node

    text = json.dumps(marked(document))
    for mark, piece in pieces.items():
        text = text.replace(mark, piece)
    return text.encode()


@dataclass(slots=True)
class Message:
    """A JSON document on its way, its headers, and the bytes that go instead where `body` is not None.

    `about` are facts of the flow it concerns, for plays that tell more than is documented.
    """

    document: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        """The bytes to send."""
        return encode(self.document) if self.body is None else self.body


@dataclass(slots=True)
class Answer(Message):
    """One of our answers. `wire` names an ill manner of sending it (see wire.py), with its `options`."""

    status: int = 200
    wire: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outgoing(Message):
    """One of our own requests, to an auth_url or a callback_url.

    It is sent `copies` times (one after the other, or `together`), not at all where 0. `hold` keeps it back
    until another callback has gone out. `followers` go after it.
    """

    url: str = ""
    method: str = "POST"
    copies: int = 1
    together: bool = False
    hold: bool = False
    followers: list["Outgoing"] = field(default_factory=list)


class RefusalError(Exception):
    """Atlas says no: an HTTP status and the message of its error envelope."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def answer(self) -> Answer:
        """The refusal in the bare envelope, which the flow endpoints' message forms point at."""
        return Answer(status=self.status, document={"error": self.message})
