"""Chromium for tests: a visitor whose every complaint and stray request is noted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Position,
    Request,
    expect,
    sync_playwright,
)

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 20_000
ROW_HEIGHT = 33
TO_BEGIN_MS = 60
TO_BE_TOLD_MS = 250


@dataclass
class Visitor:
    """One browser tab on the desk at `url`; `complaints` must stay empty."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    sign_in: str = ""
    """The address of the one other server that a visitor may be sent to."""

    def open(self, path: str) -> None:
        """A cold visit: the whole page is loaded anew."""
        self.page.goto(self.url + path)
        self.settle()

    def settle(self) -> None:
        """Waits until the page's script has run: at rest, and still so when a run just asked for began."""
        at_rest = "[data-testid=stApp][data-test-script-state=notRunning]"
        self.page.wait_for_selector(at_rest, timeout=WAIT_MS)
        self.page.wait_for_timeout(TO_BEGIN_MS)
        self.page.wait_for_selector(at_rest, timeout=WAIT_MS)

    def title(self, text: str) -> Locator:
        """The page's heading."""
        return self.page.get_by_role("heading", name=text, exact=True)

    def cell(self, table: str, row: int, column: int) -> Locator:
        """What a table says in one cell; rows count from 0 below the heading."""
        return self.table(table).get_by_test_id(f"glide-cell-{column}-{row}")

    def table(self, name: str) -> Locator:
        """A table by its spoken name."""
        return self.page.get_by_role("region", name=name, exact=True).first

    def click_cell(self, table: str, row: int, x: int) -> None:
        """Clicks into a row at `x` pixels from the table's left edge."""
        self.table(table).scroll_into_view_if_needed()
        box = self.table(table).locator("canvas").first.bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + x, box["y"] + ROW_HEIGHT * (row + 1.5))

    def note_console(self, message: ConsoleMessage) -> None:
        # A deep link first tries its own folder for Streamlit's endpoints, which is a 404 by design.
        source = (message.location or {}).get("url", "")
        by_design = "/_stcore/" in source or (self.sign_in and source.startswith(self.sign_in))
        if message.type == "error" and not by_design:
            self.complaints.append(f"{message.type}: {message.text} {message.location}")

    def _servers(self) -> set[str]:
        return {urlsplit(url).netloc for url in (self.url, self.sign_in) if url}

    def note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if self.sign_in and self.page.url.startswith(self.sign_in):
            return  # what the provider's own page asks for
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._servers():
            self.complaints.append(f"request left the host: {request.url}")


def pointed_at(place: Locator, position: Position | None = None) -> Locator:
    """Holds the pointer over a place of a chart until its label shows, and gives that label.

    The pointer is brought back as a hand would: what loads above a chart moves it away from under a pointer.
    """
    label = place.page.locator(".hoverlayer .hovertext").first
    last_try = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < last_try:
        expect(place).to_be_visible()
        place.hover(force=True, position=position)
        place.page.wait_for_timeout(TO_BE_TOLD_MS)
        if label.is_visible():
            break
        place.page.mouse.move(0, 0)
    expect(label).to_be_visible()
    return label


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, url: str, *, width: int = 1440) -> Iterator[Visitor]:
    """A fresh visitor in India without any history; fails where the browser complained."""
    context = browser.new_context(
        viewport={"width": width, "height": 1000}, timezone_id="Asia/Kolkata", locale="en-IN"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    visitor = Visitor(page, url)
    page.on("console", visitor.note_console)
    page.on("request", visitor.note_request)
    page.on("pageerror", lambda error: visitor.complaints.append(f"page error: {error}"))
    try:
        yield visitor
        assert visitor.complaints == [], visitor.complaints
    finally:
        context.close()
