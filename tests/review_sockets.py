"""Reviewers without a browser: the WebSocket alone, over which a browser presses the page's buttons."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from atlas_core.web.people import BROWSER_COOKIE

_PATIENCE = 60.0
_ID = re.compile(r"\$\$ID-[0-9a-f]{32}-(.*)")


@dataclass
class Screen:
    """What the last run drew: headings, texts, and by their keys the buttons with their fragments."""

    headings: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def case(self) -> str:
        """The flow on the screen, as the buttons' keys name it; empty where there is none."""
        keys = (key for key in self.buttons if key.startswith("decide_accept_"))
        return next(keys, "").removeprefix("decide_accept_")


class Reviewer:
    """One person's session on the review page of a running desk."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._script = ""
        self.screen = Screen()

    def open(self, query: str = "") -> Screen:
        """Opens the review page."""
        question = BackMsg()
        question.rerun_script.page_name = "review"
        question.rerun_script.query_string = query
        self._ask(question)
        return self.screen

    def press(self, key: str) -> float:
        """Presses the button with this key; returns the seconds until the page had run."""
        widget, fragment = self.screen.buttons[key]
        question = BackMsg()
        question.rerun_script.page_script_hash = self._script
        question.rerun_script.fragment_id = fragment
        state = question.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = widget, True
        return self._ask(question)

    def _ask(self, question: BackMsg) -> float:
        begin = time.perf_counter()
        self._socket.send(question.SerializeToString())
        self.screen = Screen()
        while True:
            content = self._socket.recv(timeout=_PATIENCE)
            message = ForwardMsg.FromString(content if isinstance(content, bytes) else content.encode())
            if message.HasField("new_session"):
                self._script = message.new_session.page_script_hash
            if message.HasField("delta") and message.delta.HasField("new_element"):
                self._note(message)
            if message.HasField("script_finished") and message.script_finished in _ENDS:
                return time.perf_counter() - begin

    def _note(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if element.HasField("exception"):
            raise RuntimeError(element.exception.message)
        if element.HasField("heading"):
            self.screen.headings.append(element.heading.body)
        if element.HasField("alert"):
            self.screen.words.append(element.alert.body)
        named = _ID.fullmatch(element.button.id) if element.HasField("button") else None
        if named:
            self.screen.buttons[named[1]] = (element.button.id, message.delta.fragment_id)


_ENDS = (
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)


@contextmanager
def reviewer(url: str) -> Iterator[Reviewer]:
    """Somebody with a browser of their own at the pages of `url`."""
    cookie = f"{BROWSER_COOKIE}={secrets.token_urlsafe(9)}"
    with connect(
        url.replace("http://", "ws://") + "/_stcore/stream",
        origin=url,  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers={"Cookie": cookie},
        max_size=None,
    ) as socket:
        yield Reviewer(socket)
