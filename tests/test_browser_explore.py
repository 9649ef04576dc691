"""From a number to its cases, in a real Chromium: one click on a bar, cell or point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Locator, Position, expect

from tests.browser import Visitor, chromium, pointed_at, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_columns import made_book
from tests.test_pages_explore import a_book_of

pytestmark = pytest.mark.browser
DOUBLE_CLICK_MS = 400
"""Two clicks within 300 ms are one double click to Plotly, which selects nothing."""


@pytest.fixture(scope="module")
def visit() -> Iterator[Visitor]:
    with ExitStack() as stack:
        chrome = stack.enter_context(chromium())
        book = stack.enter_context(made_book(a_book_of(200)))
        url = stack.enter_context(running_pages(desk_environment(book.folder)))
        yield stack.enter_context(visiting(chrome, url))


def click_at(figure: Locator, across: float, up: float) -> None:
    """Clicks into a figure's first plot, at shares (0-1) of its width and height."""
    plot = figure.locator(".nsewdrag").first
    expect(plot).to_be_visible()
    box = plot.bounding_box()
    assert box is not None
    position: Position = {"x": box["width"] * across, "y": box["height"] * (1 - up)}
    pointed_at(plot, position)
    plot.click(position=position)


def click_on(point: Locator) -> None:
    """Clicks on a bar, cell or dot."""
    pointed_at(point)
    point.click(force=True)


def test_from_a_bar_to_both_values_and_on_to_the_flow_and_a_copied_link_shows_the_same(
    visit: Visitor,
) -> None:
    visit.open("/cross_checks")
    # The bar is low: it is hit over the whole height of the plot.
    histogram = visit.page.get_by_role("figure", name="Histogram of the similarity")
    click_at(histogram, (40 + 1) / 102, 0.8)
    heading = visit.page.get_by_role("heading", name="20 cross-checks: similarity 40")
    expect(heading).to_be_visible()
    expect(visit.page.get_by_text("one", exact=True).first).to_be_visible()
    expect(visit.page.get_by_text("two", exact=True).first).to_be_visible()
    expect(visit.page).to_have_url(f"{visit.url}/cross_checks?case_at=histogram&case_similarity=40-40")
    address = visit.page.url.removeprefix(visit.url)
    browser = visit.page.context.browser
    assert browser is not None
    with visiting(browser, visit.url) as colleague:
        colleague.open(address)
        expect(colleague.page.get_by_role("heading", name=heading.inner_text())).to_be_visible()
        colleague.page.get_by_role("button", name="Close").click()
        expect(colleague.page.get_by_role("heading", name="similarity 40")).to_have_count(0)
    visit.page.get_by_role("link", name="Open LOAN-").first.click()
    expect(visit.page.get_by_role("heading", name="LOAN-")).to_be_visible()
    visit.page.go_back()
    expect(heading).to_be_visible()


def test_a_cell_of_the_heat_map_and_a_dot_of_the_trend_open_their_cases(visit: Visitor) -> None:
    visit.open("/errors")
    heat = visit.page.get_by_role("figure", name="Error rate by document type")
    click_on(heat.locator(".bars .point path").last)
    expect(visit.page.get_by_role("heading", name="10 documents: Not usable, PAN")).to_be_visible()
    visit.open("/cross_checks?tab=Trend&check=CUSTOMER_NAME")
    point = visit.page.get_by_role("figure", name="Share under the review").locator(".point").nth(1)
    click_on(point)
    expect(visit.page.get_by_role("heading", name="Customer name, similarity 0 to 69, from")).to_be_visible()


def click_in_plot(visitor: Visitor, figure: Locator, bar: int) -> None:
    """Clicks into the middle of one of a figure's bars, of which the clear ones cannot be seen."""
    visitor.settle()
    visitor.page.wait_for_timeout(DOUBLE_CLICK_MS)
    click_on(figure.locator(".barlayer .point path").nth(bar))


def test_a_strip_of_one_check_opens_that_checks_cross_checks_alone(visit: Visitor) -> None:
    visit.open("/cross_checks")
    strips = visit.page.get_by_role("figure", name="Histograms of similarity")
    strips.scroll_into_view_if_needed()
    # The name has most in review and stands first; its bars are: all of it, its spike at 40, that at 95.
    click_in_plot(visit, strips, 1)
    expect(visit.page.get_by_role("heading", name="20 cross-checks: Customer name, sim")).to_be_visible()
    assert "case_check=CUSTOMER_NAME&case_similarity=40-40" in visit.page.url
    strips.scroll_into_view_if_needed()
    click_in_plot(visit, strips, 0)
    expect(visit.page.get_by_role("heading", name="200 cross-checks: Customer name")).to_be_visible()


def test_back_from_another_page_keeps_the_tab_and_its_choices(visit: Visitor) -> None:
    visit.open("/cross_checks?step=Month")
    visit.page.get_by_role("tab", name="Trend").click()
    monthly = visit.page.get_by_text("Share under the review threshold per month")
    expect(monthly).to_be_visible()
    for page in ("Errors", "Results"):
        visit.page.get_by_role("link", name=page, exact=True).first.click()
        expect(visit.title(page)).to_be_visible()
        visit.settle()
        visit.page.go_back()
        expect(visit.title("Cross-checks")).to_be_visible()
        expect(visit.page.get_by_role("tab", name="Trend")).to_have_attribute("aria-selected", "true")
        expect(monthly).to_be_visible()
    visit.open("/cross_checks?tab=Trend&case_at=trend&case_check=CUSTOMER_NAME")
    visit.page.get_by_role("link", name="Open LOAN-").first.click()
    expect(visit.page.get_by_role("heading", name="LOAN-")).to_be_visible()
    visit.page.go_back()
    expect(visit.page.get_by_role("tab", name="Trend")).to_have_attribute("aria-selected", "true")


def test_folded_filters_stay_open_while_they_are_set(visit: Visitor) -> None:
    visit.open("/cross_checks")
    visit.page.get_by_role("button", name="More filters").click()
    kind = visit.page.get_by_role("combobox", name="Document type")
    for name in ("Invoice", "PAN"):
        kind.click()
        visit.page.get_by_role("option", name=name, exact=True).click()
        visit.settle()
        expect(kind).to_be_visible()
    expect(visit.page).to_have_url(f"{visit.url}/cross_checks?type=INVOICE&type=PAN")
    expect(visit.page.get_by_text("1 set", exact=True)).to_be_visible()
    visit.open("/results")
    expect(visit.page.get_by_role("button", name="PAN ·")).to_have_count(0)
    visit.page.get_by_text("More filters").click()
    for name in ("PAN ·", "Invoice ·"):
        visit.page.get_by_role("button", name=name).click()
        visit.settle()
        expect(visit.page.get_by_role("button", name=name)).to_be_visible()
    expect(visit.page).to_have_url(f"{visit.url}/results?type=PAN&type=INVOICE")
    visit.open("/results?type=PAN")
    expect(visit.page.get_by_role("button", name="PAN ·")).to_be_visible()


def test_a_step_of_the_funnel_and_a_stage_open_their_flows(visit: Visitor) -> None:
    visit.open("/?days=90+days")
    funnel = visit.page.get_by_role("figure", name="How far flows have come")
    click_on(funnel.locator(".bars .point path").first)
    expect(visit.page.get_by_role("heading", name="180 flows: clear")).to_be_visible()
    assert "case_at=funnel&case_step=clear" in visit.page.url
    stages = visit.page.get_by_role("figure", name="Time in each stage")
    click_on(stages.locator(".bars .point path").last)
    expect(visit.page.get_by_role("heading", name="200 flows: time in upload")).to_be_visible()
    expect(visit.page.get_by_text("the longest in it first").last).to_be_visible()


def test_a_day_of_today_opens_just_its_flows(visit: Visitor) -> None:
    visit.open("/?days=30+days")
    clear = visit.page.get_by_role("figure", name="Flows per day").locator(".bars").nth(1)
    click_on(clear.locator(".point path").nth(20))
    expect(visit.title("Results")).to_be_visible()
    assert "outcome=clear" in visit.page.url
    assert "since=" in visit.page.url


def test_no_page_of_explore_scrolls_sideways_on_a_small_screen(visit: Visitor) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    with visiting(browser, visit.url, width=390) as visitor:
        for path in ("/", "/cross_checks", "/cross_checks?tab=Trend", "/cross_checks?tab=What+if", "/errors"):
            visitor.open(path)
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
