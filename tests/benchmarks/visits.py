"""Visits in Chromium: how long until a page stands, and what came over its WebSocket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, WebSocket
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_QUIET_MS = 200
_PATIENCE_MS = 60_000
# Goes to another page as the browser's Back does (the address changes, and Streamlit is told), or opens a tab
# of this one. From there to the last change of the page before the script has ended and nothing has changed
# for a while.
_VISIT = """
([path, title, tab, quiet, patience]) => new Promise((resolve, reject) => {
  const begin = performance.now();
  let last = begin;
  const observer = new MutationObserver(() => { last = performance.now(); });
  observer.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
  if (tab) {
    [...document.querySelectorAll("[role=tab]")].find((one) => one.innerText.trim() === tab).click();
  } else {
    history.pushState({}, "", path);
    window.dispatchEvent(new PopStateEvent("popstate", {state: {}}));
  }
  const look = () => {
    const now = performance.now();
    const state = document.querySelector("[data-testid=stApp]").dataset.testScriptState;
    if (document.title.startsWith(title) && state === "notRunning" && now - last > quiet) {
      observer.disconnect();
      resolve(last - begin);
    } else if (now - begin > patience) {
      observer.disconnect();
      reject(new Error(`${path} does not come to rest: ${document.title}, ${state}`));
    } else {
      setTimeout(look, 10);
    }
  };
  look();
})
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A page by its address and its title, or one of its tabs, which is opened from the page itself."""

    name: str
    path: str
    title: str
    tab: str = ""

    @property
    def address(self) -> str:
        """What leads there directly."""
        return f"{self.path}?{urlencode({'tab': self.tab})}" if self.tab else self.path


@dataclass
class Received:
    """What a session's WebSocket brought, in bytes before compression."""

    messages: list[bytes] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(map(len, self.messages))

    def largest_figure(self) -> int:
        """The largest Plotly figure among the messages; 0 where there is none."""
        return max((_figure_bytes(message) for message in self.messages), default=0)


@dataclass
class Tab:
    """One browser tab on the server at `url`."""

    page: Page
    url: str
    received: Received

    def visit(self, place: Place) -> float:
        """Milliseconds of a warm visit until the page stands, from another page or its own first tab."""
        told = [place.path, place.title, place.tab, _QUIET_MS, _PATIENCE_MS]
        return float(self.page.evaluate(_VISIT, told))


@contextmanager
def tab_at(browser: Browser, url: str, path: str = "/") -> Iterator[Tab]:
    """A fresh session, settled on its first page."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    received = Received()

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: received.messages.append(_bytes(frame)))

    page.on("websocket", listen)
    page.goto(url + path)
    page.wait_for_selector("h1")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(_QUIET_MS)
    try:
        yield Tab(page, url, received)
    finally:
        context.close()


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def _figure_bytes(message: bytes) -> int:
    parsed = ForwardMsg.FromString(message)
    if not parsed.HasField("delta") or not parsed.delta.HasField("new_element"):
        return 0
    element = parsed.delta.new_element
    return element.plotly_chart.ByteSize() if element.HasField("plotly_chart") else 0
