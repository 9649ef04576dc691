"""A connection that breaks while somebody is at a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from atlas_core.books.writer import AtlasWriter
from tests.browser import chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_books import MadeBooks, add_flow, make_books, make_result
from tests.mirrored import follow

pytestmark = pytest.mark.browser


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        add_flow(writer, "LOS-00000001", application_id="LOAN-001", result=make_result("LOS-00000001"))
        follow(writer, made.atlas)
    return made


@pytest.fixture
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_a_server_started_anew_finds_its_pages_again_with_what_was_typed_b129(
    chrome: Browser, books: MadeBooks
) -> None:
    environment = desk_environment(books.atlas.parent)
    url = f"http://127.0.0.1:{environment['ATLAS_UI_PORT']}"
    with visiting(chrome, url) as visitor:
        typed = visitor.page.get_by_role("textbox", name="Application id")
        with running_pages(environment):
            visitor.open("/submit")
            typed.fill("LOAN-777")
        expect(visitor.page.get_by_text("Connection error")).to_be_visible()
        with running_pages(environment):
            expect(visitor.page.get_by_text("Connection error")).to_be_hidden()
            visitor.settle()
            expect(typed).to_have_value("LOAN-777")
        visitor.complaints.clear()  # the browser told of the server that was away
