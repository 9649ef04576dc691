"""Sessions of the pages without a browser: the WebSocket alone, over which a browser asks for runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PAGES = ("", "watch", "submit", "results", "cross_checks", "errors")
_PATIENCE = 60.0


class PageSession:
    """One session on the pages of a running desk."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def run(self, page: str) -> int:
        """Runs a page to its end; returns how many elements it drew. Raises where the script failed."""
        question = BackMsg()
        question.rerun_script.page_name = page
        question.rerun_script.query_string = ""
        self._socket.send(question.SerializeToString())
        drawn = 0
        while True:
            content = self._socket.recv(timeout=_PATIENCE)
            message = ForwardMsg.FromString(content if isinstance(content, bytes) else content.encode())
            drawn += message.HasField("delta")
            if message.HasField("delta") and message.delta.new_element.HasField("exception"):
                raise RuntimeError(f"{page or 'today'}: {message.delta.new_element.exception.message}")
            if message.HasField("script_finished"):
                return drawn


@contextmanager
def page_session(url: str) -> Iterator[PageSession]:
    """A session on the pages at `url`."""
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    with connect(address, origin=url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[arg-type]
        yield PageSession(socket)
