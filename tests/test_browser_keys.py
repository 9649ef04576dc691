"""Explore without a mouse, in a real Chromium: every chart's cases and every table's rows can be opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import Visitor, chromium, pointed_at, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_columns import made_book
from tests.test_pages_explore import a_book_of

pytestmark = pytest.mark.browser
TO_REACH = 60
ON_HISTOGRAM = "The numbers of: Histogram of the similarity"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with made_book(a_book_of(200)) as book, running_pages(desk_environment(book.folder)) as address:
        yield address


@pytest.fixture
def visit(url: str) -> Iterator[Visitor]:
    with ExitStack() as stack:
        yield stack.enter_context(visiting(stack.enter_context(chromium()), url))


def tab_to(visit: Visitor, wanted: Locator) -> None:
    """Presses Tab until something within `wanted` has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(TO_REACH):
        visit.page.keyboard.press("Tab")
        if wanted.evaluate("one => one.contains(document.activeElement)"):
            return
    raise AssertionError(f"{TO_REACH} tabs do not lead to {wanted}")


def ask_for_keys(visit: Visitor) -> None:
    tab_to(visit, visit.page.get_by_role("switch", name="Work by keyboard"))
    visit.page.keyboard.press("Space")
    expect(visit.page.get_by_role("region", name="The numbers of: ").first).to_be_attached()
    visit.settle()


def table(visit: Visitor, name: str) -> Locator:
    return visit.page.get_by_role("region", name=name).first


def open_row(visit: Visitor, rows: Locator, number: int) -> None:
    """Goes to a row of a table, counted from 1, and opens it."""
    tab_to(visit, rows.locator("canvas").first)
    for _ in range(number - 1):
        visit.page.keyboard.press("ArrowDown")
    visit.page.keyboard.press("Shift+Space")


def test_from_a_bar_to_its_cross_checks_and_from_a_row_to_its_flow_by_keys_alone(visit: Visitor) -> None:
    visit.open("/cross_checks")
    expect(table(visit, ON_HISTOGRAM)).to_have_count(0)
    ask_for_keys(visit)
    open_row(visit, table(visit, ON_HISTOGRAM), 1)
    expect(visit.page.get_by_role("heading", name="20 cross-checks: similarity 40")).to_be_visible()
    assert visit.page.url.endswith("/cross_checks?case_at=histogram&case_similarity=40-40")

    tab_to(visit, visit.page.get_by_role("link", name="Today", exact=True))
    visit.page.keyboard.press("Enter")
    expect(visit.title("Today")).to_be_visible()
    open_row(visit, table(visit, "The numbers of: How far flows have come"), 1)
    expect(visit.page.get_by_role("heading", name="flows: begun")).to_be_visible()
    open_row(visit, table(visit, "Flows, newest first"), 1)
    expect(visit.page.get_by_role("heading", name=re.compile(r"^LOAN-\d+$"))).to_be_visible()


def test_a_table_says_what_the_chart_says_at_the_pointer(visit: Visitor) -> None:
    visit.open("/errors")
    ask_for_keys(visit)
    chart = visit.page.get_by_role("figure", name="Error rate by document type and code")
    cells = chart.locator(".bars .point path")
    said = [
        visit.page.get_by_role("region", name="The numbers of: Error rate").get_by_test_id(
            f"glide-cell-3-{row}"
        )
        for row in range(cells.count())
    ]
    hovered: list[str | None] = []
    for number in range(cells.count()):
        label = pointed_at(cells.nth(number))
        hovered.append(label.text_content())
        visit.page.mouse.move(5, 5)
        expect(label).to_have_count(0)
    assert hovered == [cell.text_content() for cell in said][::-1]
    assert sorted(hovered) == ["10 of 10 documents of the type", "10 of 200 documents of the type"]


def test_tables_of_a_small_screen_do_not_scroll_the_page_sideways(visit: Visitor) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    with visiting(browser, visit.url, width=390) as visitor:
        visitor.open("/cross_checks")
        visitor.page.get_by_test_id("stExpandSidebarButton").click()
        ask_for_keys(visitor)
        expect(table(visitor, ON_HISTOGRAM)).to_be_attached()
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
