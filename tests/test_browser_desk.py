"""A person at the desk: real Chromium, pages, worker and sandbox."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.models import FileToSend
from tests.browser import ROW_HEIGHT, Visitor, chromium, visiting
from tests.desk_processes import RunningDesk, running_desk
from tests.servers import running_sandbox

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with (
        running_sandbox(seconds=1.0) as sandbox,
        running_desk(tmp_path_factory.mktemp("books"), sandbox.url) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def visitor(chrome: Browser, desk: RunningDesk) -> Iterator[Visitor]:
    with visiting(chrome, desk.url) as somebody:
        yield somebody


def fill_cell(visitor: Visitor, row: int, column: int, text: str) -> None:
    """Types into the form's table of documents as a person does."""
    table = visitor.table("Documents of the application")
    box = table.locator("canvas").first.bounding_box()
    assert box is not None
    x = box["x"] + (120 if column == 0 else box["width"] * 0.7)
    editor = visitor.page.locator("#portal textarea")
    for _ in range(5):  # a busy machine draws the table anew between the click and the key
        visitor.page.mouse.click(x, box["y"] + ROW_HEIGHT * (row + 1.5))
        visitor.page.keyboard.press("Enter")
        with suppress(PlaywrightTimeoutError):
            editor.wait_for(timeout=3_000)
            break
    editor.fill(text)
    editor.press("Enter")
    marked = column + 1  # the first column holds the marks of rows
    expect(visitor.cell("Documents of the application", row, marked)).to_have_text(text)


def test_a_new_user_submits_by_form_watches_it_finish_and_reads_what_came_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/")
    expect(page.get_by_text("Nothing has been sent yet")).to_be_visible()
    page.get_by_role("link", name="Submit an application").click()
    expect(visitor.title("Submit")).to_be_visible()

    page.get_by_role("textbox", name="Application id").fill("LOAN-7001")
    page.get_by_role("textbox", name="Application id").press("Enter")
    for row, name in enumerate(("invoice", "delivery-order", "aadhaar")):
        fill_cell(visitor, row, 0, name)
        fill_cell(visitor, row, 1, f"https://papers.example.com/LOAN-7001/{name}.jpg")
    expect(page.get_by_text("nothing stands against sending")).to_be_visible()
    page.get_by_role("button", name="Send to Atlas").dblclick()  # B119: sent once all the same

    expect(page.get_by_role("heading", name="1 of 1 application finished")).to_be_visible()
    expect(visitor.cell("Applications sent together", 0, 1)).to_have_text("LOAN-7001")
    visitor.click_cell("Applications sent together", 0, 35)
    expect(visitor.title("LOAN-7001")).to_be_visible()
    assert "/flow?" in page.url

    expect(page.get_by_text(re.compile(r"similarity \d+ of 100")).first).to_be_visible()
    page.get_by_role("tab", name=re.compile("Documents")).click()
    fields = visitor.table("Fields read in one document")
    expect(fields).to_be_visible()
    expect(fields.get_by_text("Customer name", exact=True).first).to_be_attached()
    page.get_by_role("tab", name="Ids and support").click()
    expect(page.get_by_text("application_id: LOAN-7001")).to_be_visible()


def test_a_csv_of_twenty_is_checked_sent_and_watched(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/submit?tab=Many+by+CSV")
    page.locator("input[type=file]").set_input_files(
        {"name": "many.csv", "mimeType": "text/csv", "buffer": csv_of(20, bad_links=1)}
    )
    expect(page.get_by_text("The link must start with https://.").first).to_be_attached()
    expect(page.get_by_role("button", name="Send 19 applications to Atlas")).to_be_enabled()

    visitor.open("/submit?tab=Many+by+CSV")
    page.locator("input[type=file]").set_input_files(
        {"name": "many.csv", "mimeType": "text/csv", "buffer": csv_of(20)}
    )
    page.get_by_role("button", name="Send 20 applications to Atlas").click()
    expect(page.get_by_role("heading", name="20 of 20 applications finished")).to_be_visible(timeout=40_000)

    page.get_by_role("link", name="Results").click()
    expect(visitor.title("Results")).to_be_visible()
    page.get_by_role("searchbox", name="Any id, from its beginning").fill("CSV-")
    page.get_by_role("searchbox", name="Any id, from its beginning").press("Enter")
    expect(page.get_by_text("of 20 flows")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_problems_of_a_csv_are_told_by_line_in_a_table_without_overhang(
    chrome: Browser, desk: RunningDesk, width: int
) -> None:
    lines = (
        "application_id,file_url,document_id",
        "LOAN-8001,https://papers.example.com/a.jpg,invoice",
        "LOAN-8001,https://papers.example.com/b.jpg,invoice",
        "LOAN-8001,https://papers.example.com/c.jpg,",
    )
    with visiting(chrome, desk.url, width=width) as visitor:
        visitor.open("/submit?tab=Many+by+CSV")
        visitor.page.locator("input[type=file]").set_input_files(
            {"name": "bad.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
        )
        table = visitor.table("What the check found")
        expect(table.get_by_text("This document id is also in line 2;")).to_be_attached()
        expect(visitor.cell("What the check found", 0, 0)).to_have_text("3")
        if width == 1440:
            overhang = table.locator(".dvn-scroller").first
            assert overhang.evaluate("one => one.scrollWidth - one.clientWidth") <= 0


def test_watch_keeps_the_selected_flow_while_flows_come_and_end(chrome: Browser, tmp_path: Path) -> None:
    with (
        running_sandbox(seconds=6.0) as sandbox,
        running_desk(tmp_path, sandbox.url) as slow,
        visiting(chrome, slow.url) as visitor,
    ):
        books = Desk(tmp_path / "desk.db")
        submit(books, "SLOW-1")
        visitor.open("/watch")
        table = "Running flows, oldest first"
        expect(visitor.cell(table, 0, 2)).to_have_text("SLOW-1")
        submit(books, "SLOW-2")
        expect(visitor.cell(table, 1, 2)).to_have_text("SLOW-2")
        visitor.click_cell(table, 1, 15)
        panel = visitor.page.get_by_role("button", name="Ask Atlas now")
        expect(panel).to_be_enabled()
        panel.click()
        expect(visitor.page.get_by_text("Asked. The answer shows here")).to_be_visible()
        expect(visitor.cell(table, 0, 9)).to_contain_text("Ended")  # the first one stays in its place
        told = re.compile(r"^\d running, [12] ended since you came, oldest first\. ")
        expect(visitor.page.get_by_text(told)).to_be_visible()
        overhang = visitor.table(table).locator(".dvn-scroller").first
        assert overhang.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
        expect(visitor.cell(table, 1, 2)).to_have_text("SLOW-2")
        expect(visitor.page.locator("strong", has_text="SLOW-2")).to_be_visible()


def submit(books: Desk, application_id: str) -> None:
    files = [
        FileToSend(name, f"https://papers.example.com/{name}.jpg") for name in ("invoice", "delivery-order")
    ]
    books.save_submission(application_id, "PROD_CDL", {}, files, "form", by=COMMAND)


def csv_of(applications: int, bad_links: int = 0) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["application_id", "file_url", "document_id"])
    for number in range(applications):
        scheme = "http" if number < bad_links else "https"
        for name in ("invoice", "delivery-order"):
            rows.writerow(
                [f"CSV-{number:03d}", f"{scheme}://papers.example.com/CSV-{number:03d}/{name}.jpg", name]
            )
    return text.getvalue().encode()
