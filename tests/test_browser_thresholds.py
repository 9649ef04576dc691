"""From verdicts to thresholds and back, in a real Chromium with a real worker: adopt, see what changed, roll
back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import running_desk
from tests.judged_books import judged_book
from tests.servers import running_sandbox

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def visit() -> Iterator[Visitor]:
    with ExitStack() as stack:
        chrome = stack.enter_context(chromium())
        book = stack.enter_context(judged_book())
        sandbox = stack.enter_context(running_sandbox())
        desk = stack.enter_context(running_desk(book.folder, sandbox.url))
        yield stack.enter_context(visiting(chrome, desk.url))


def test_a_lead_adopts_what_the_verdicts_advise_sees_which_flows_changed_and_rolls_it_back(
    visit: Visitor,
) -> None:
    page = visit.page
    visit.open("/cross_checks?tab=Calibration")
    costs = "What each choice of thresholds costs"
    expect(visit.cell(costs, 1, 1)).to_have_text("As advised")
    visit.click_cell(costs, 1, 40)

    expect(page.get_by_role("tab", name="Threshold sets")).to_have_attribute("aria-selected", "true")
    page.get_by_label("Name", exact=True).fill("Milder on names")
    page.get_by_label("Why", exact=True).fill("60 to 69 were always the same")
    page.get_by_role("button", name="Save draft").click()

    expect(page.get_by_role("heading", name="Milder on names")).to_be_visible()
    expect(page.get_by_role("heading", name="8 flows: from review to clear")).to_be_visible()
    page.get_by_label("Why", exact=True).fill("eight needless reviews")
    page.get_by_role("button", name="Adopt").click()

    expect(page.get_by_text("You have put Milder on names in force.")).to_be_visible()
    moved = "It moved 8 outcomes: 0 from clear to review, 8 from review to clear."
    expect(page.get_by_text(moved)).to_be_visible()
    expect(page.get_by_text("Every outcome follows what is in force.")).to_be_visible()
    visit.open("/results?outcome=review")
    expect(page.get_by_text("1-8 of 8")).to_be_visible()

    visit.open("/cross_checks?tab=Threshold+sets")
    page.get_by_role("button", name="Roll back to the settings").click()
    expect(page.get_by_role("heading", name="8 flows: from clear to review")).to_be_visible()
    page.get_by_label("Why", exact=True).fill("the branch asked for it")
    page.get_by_role("button", name="Adopt").click()
    back = "It moved 8 outcomes: 8 from clear to review, 0 from review to clear."
    expect(page.get_by_text(back)).to_be_visible()
    page.get_by_role("button", name="Roll back to Milder on names").click()
    expect(page.get_by_role("button", name="Roll back to this set")).to_be_visible()


def test_a_point_of_the_calibration_opens_its_cross_checks(visit: Visitor) -> None:
    visit.open("/cross_checks?tab=Calibration&about=CUSTOMER_NAME")
    point = visit.page.get_by_role("figure", name="Share of Customer name").locator(".point").nth(1)
    point.hover(force=True)
    point.click(force=True)
    heading = visit.page.get_by_role("heading", name="160 cross-checks: Customer name, similarity 60 to 64")
    expect(heading).to_be_visible()


def test_neither_tab_scrolls_sideways_on_a_small_screen(visit: Visitor) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    with visiting(browser, visit.url, width=390) as visitor:
        for address in ("tab=Calibration&people=1", "tab=Threshold+sets&start=advice"):
            visitor.open(f"/cross_checks?{address}")
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
