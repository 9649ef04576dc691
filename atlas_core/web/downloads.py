"""Whose browser may fetch which file: only one that a live session of its own told the address of it.

The server gives a session's file to whoever knows its address. Every browser therefore carries a random
cookie; what a session tells its browser over the WebSocket is noted, and a file goes to that cookie alone.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator

from google.protobuf.message import DecodeError, Message
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

BROWSER_COOKIE = "atlas_desk_browser"
FOLDER = "/media/"
KEPT_FILES = 2_000
"""Of one browser; the oldest are forgotten first."""
KEPT_SECONDS = 600.0
"""A session that lost its connection comes back within this time, and is then not told everything again."""

_ADDRESS = re.compile(r"/media/([0-9a-f]{32,128})(?:\.\w+)?")
# Fields that only Streamlit fills: a text that a person typed comes back in others, and opens nothing.
_FIELDS = frozenset({"url", "image", "icon_image", "favicon"})
_COOKIE = re.compile(r"[\w-]{43}")


def new_cookie() -> str:
    """A value for a browser that has none yet."""
    return secrets.token_urlsafe(32)


def is_cookie(value: str | None) -> bool:
    """Whether a browser's value is one that we may have made."""
    return value is not None and _COOKIE.fullmatch(value) is not None


class Downloads:
    """What the live sessions told each browser. Used on the event loop's thread alone."""

    def __init__(self) -> None:
        self._connections: Counter[str] = Counter()
        self._files: dict[str, OrderedDict[str, None]] = {}
        self._left: dict[str, float] = {}

    def connect(self, cookie: str) -> None:
        """A session of this browser begins, or comes back."""
        self._connections[cookie] += 1
        self._left.pop(cookie, None)
        now = time.monotonic()
        for gone in [gone for gone, at in self._left.items() if now - at > KEPT_SECONDS]:
            del self._left[gone]
            self._files.pop(gone, None)

    def disconnect(self, cookie: str) -> None:
        """A session ends; with a browser's last one its files are out of reach."""
        self._connections[cookie] -= 1
        if self._connections[cookie] <= 0:
            del self._connections[cookie]
            self._left[cookie] = time.monotonic()

    def note(self, cookie: str, content: bytes) -> None:
        """Takes from a message to the browser which files it names."""
        if FOLDER.encode() not in content:
            return
        try:
            found = list(_files_in(ForwardMsg.FromString(content)))
        except DecodeError:
            return
        files = self._files.setdefault(cookie, OrderedDict())
        for file in found:
            files[file] = None
            files.move_to_end(file)
        while len(files) > KEPT_FILES:
            files.popitem(last=False)

    def may_fetch(self, cookie: str | None, path: str) -> bool:
        """Whether this browser was told of the file at this path, and is still here."""
        address = _ADDRESS.fullmatch(path)
        if address is None or cookie is None or not self._connections.get(cookie):
            return False
        return address[1] in self._files.get(cookie, ())


def _files_in(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        parts = value if field.is_repeated else [value]
        if field.message_type is not None:
            if not field.message_type.GetOptions().map_entry:
                for part in parts:
                    yield from _files_in(part)
        elif field.name in _FIELDS and field.type == field.TYPE_STRING:
            yield from (address[1] for part in parts if (address := _ADDRESS.fullmatch(part)))
