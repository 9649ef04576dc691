"""Files of a session, fetched by real browsers: by the one it is for, and by others who know the address."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Download, Page, expect

from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.web.downloads import BROWSER_COOKIE
from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_books import MINUTE, add_flow, make_books, make_result
from tests.mirrored import follow
from tests.servers import wait_until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = make_books(tmp_path_factory.mktemp("books"))
    with AtlasWriter(made.atlas) as writer:
        add_flow(writer, "LOS-00000001", created_at=now_ms() - 5 * MINUTE, result=make_result("LOS-00000001"))
        follow(writer, made.atlas)
    with running_pages(desk_environment(made.atlas.parent)) as url:
        yield url


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def fetch(url: str, cookie: str | None) -> tuple[int, dict[str, str], bytes]:
    """A file as a program fetches it, which is no browser with a session."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request(
            "GET", parts.path, headers={"Cookie": f"{BROWSER_COOKIE}={cookie}"} if cookie else {}
        )
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def cookie_of(page: Page) -> str:
    (cookie,) = [one for one in page.context.cookies() if one["name"] == BROWSER_COOKIE]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["expires"] == -1  # gone with the browser
    return cookie["value"]


def take_template(page: Page) -> Download:
    button = page.get_by_role("button", name="Download a template")
    for _ in range(3):
        # A click that falls into a run of the page's own may be taken back: a person clicks again.
        page.get_by_role("tab", name="Many by CSV").click()
        with suppress(AssertionError):
            expect(button).to_be_visible(timeout=6_000)
            break
    with page.expect_download() as waiting:
        button.click()
    return waiting.value


def test_a_file_reaches_only_the_browser_whose_live_session_made_it_c11_c43(
    chrome: Browser, pages: str
) -> None:
    with visiting(chrome, pages) as other:
        other.open("/submit")
        with visiting(chrome, pages) as visitor:
            visitor.open("/submit")
            file = take_template(visitor.page)
            assert b"application_id" in Path(file.path()).read_bytes()
            mine, theirs = cookie_of(visitor.page), cookie_of(other.page)
            assert mine != theirs
            status, headers, body = fetch(file.url, mine)
            assert status == 200
            assert b"application_id" in body
            assert headers["content-disposition"].startswith("attachment")
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            for stranger in (None, theirs, "a" * 43, "", mine[:-1]):
                assert fetch(file.url, stranger)[0] == 404
        wait_until(lambda: fetch(file.url, mine)[0] == 404)  # the session has ended


def test_an_export_that_is_made_on_the_click_reaches_its_browser_alone_b125(
    chrome: Browser, pages: str
) -> None:
    with visiting(chrome, pages) as visitor:
        visitor.open("/results")
        visitor.page.get_by_role("button", name="Export").click()
        with visitor.page.expect_download() as waiting:
            visitor.page.get_by_role("button", name="Download").click()
        assert b"LOS-00000001" in Path(waiting.value.path()).read_bytes()
        assert fetch(waiting.value.url, None)[0] == 404
        status, headers, _ = fetch(waiting.value.url, cookie_of(visitor.page))
        assert status == 200
        assert headers["content-disposition"].startswith("attachment")
        logo = visitor.page.get_by_test_id("stSidebarLogo")
        assert logo.evaluate("image => image.naturalWidth") > 0  # the page's own pictures are such files too


def test_a_link_from_another_site_leaves_the_open_tabs_their_files(
    chrome: Browser, pages: str, tmp_path: Path
) -> None:
    (tmp_path / "mail.html").write_text(f'<a href="{pages}/submit">open the desk</a>')
    with elsewhere(tmp_path) as site, visiting(chrome, pages) as visitor:
        visitor.open("/submit")
        before = cookie_of(visitor.page)
        tab = visitor.page.context.new_page()
        tab.goto(f"{site}/mail.html")
        tab.get_by_text("open the desk").click()
        Visitor(tab, pages).settle()
        assert b"application_id" in Path(take_template(tab).path()).read_bytes()
        assert cookie_of(visitor.page) == before
        assert b"application_id" in Path(take_template(visitor.page).path()).read_bytes()


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """Another site, which a browser tells from ours by its name."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *parts: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
