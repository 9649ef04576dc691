"""Somebody who runs the desk: real Chromium, pages, worker, and a sandbox that spoils callbacks."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.models import FileToSend
from tests.browser import chromium, visiting
from tests.desk_processes import RunningDesk, running_desk
from tests.servers import running_sandbox
from tests.workers import rows, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk that has sent one application, of which the callback came cut in half."""
    with (
        running_sandbox(seconds=0.5) as sandbox,
        running_desk(tmp_path_factory.mktemp("books"), sandbox.url) as running,
    ):
        sandbox.play({"callback": {"play": "half"}})
        files = [FileToSend("invoice", "https://papers.example.com/LOAN-1/invoice.jpg")]
        Desk(running.data_dir / "desk.db").save_submission(
            "LOAN-1", "PROD_CDL", {}, files, "command", by=COMMAND
        )
        book = running.data_dir / "atlas.db"
        until(lambda: rows(book, "SELECT 1 FROM deliveries WHERE outcome = 'dead letter'"))
        until(lambda: rows(book, "SELECT 1 FROM flows WHERE confirmed_at IS NOT NULL"))
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_a_dead_letter_is_found_read_replayed_and_its_link_shows_the_same(
    chrome: Browser, desk: RunningDesk
) -> None:
    with visiting(chrome, desk.url) as visitor:
        page = visitor.page
        visitor.open("/operations")
        expect(visitor.title("Operations")).to_be_visible()
        page.get_by_text("Dead letter · 1").click()
        expect(page.get_by_text("1 of 1 arrival, newest first")).to_be_visible()
        visitor.click_cell("Arrivals, newest first", 0, 35)
        expect(page.get_by_text(re.compile("^Place in the payload: byte"))).to_be_visible()
        expect(page.get_by_text("brackets do not match").first).to_be_visible()

        page.get_by_role("button", name="Read it again").click()
        expect(page.get_by_text("1 delivery will be read again; 1 is a dead letter.")).to_be_visible()
        page.get_by_role("button", name="Read 1 delivery again").dblclick()
        expect(page.get_by_text("Asked for: 1 delivery.")).to_be_visible()
        replays = visitor.table("Replays, newest first")
        expect(replays.get_by_text("1 fetched instead")).to_be_attached()
        assert len(rows(desk.data_dir / "desk.db", "SELECT 1 FROM replays")) == 1

        address = page.url.removeprefix(desk.url)
        assert "became=dead" in address
        with visiting(chrome, desk.url) as other:
            other.open(address)
            expect(other.page.get_by_text("1 of 1 arrival, newest first")).to_be_visible()
            expect(other.page.get_by_text(re.compile("^Place in the payload: byte"))).to_be_visible()


def test_every_tab_fits_a_phone_and_the_self_test_tells_that_the_loop_works(
    chrome: Browser, desk: RunningDesk
) -> None:
    with visiting(chrome, desk.url, width=390) as visitor:
        page = visitor.page
        visitor.open("/operations")
        for tab in ("Callbacks and polls", "Dead letters", "Atlas", "Storage", "Alerts", "Self-test"):
            page.get_by_role("tab", name=tab, exact=True).click()
            visitor.settle()
            sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert sideways <= 0, tab
        page.get_by_role("button", name="Run the self-test").click()
        expect(page.get_by_text("The whole loop works: Atlas can reach us.")).to_be_visible()
        assert "tab=Self-test" in page.url
