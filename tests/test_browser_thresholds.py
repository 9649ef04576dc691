"""From cases to verdicts, to thresholds and back, in a real Chromium with a real worker: one thing after the
other, as somebody new to it would."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser import Visitor, chromium, pointed_at, visiting
from tests.desk_processes import running_desk
from tests.judged_books import judged_book
from tests.servers import running_sandbox
from tests.test_browser_review import press

pytestmark = pytest.mark.browser
WAITING, JUDGED = 12, 10


@pytest.fixture(scope="module")
def visit() -> Iterator[Visitor]:
    with ExitStack() as stack:
        chrome = stack.enter_context(chromium())
        book = stack.enter_context(judged_book(waiting=WAITING))
        sandbox = stack.enter_context(running_sandbox())
        desk = stack.enter_context(running_desk(book.folder, sandbox.url))
        yield stack.enter_context(visiting(chrome, desk.url))


def reject(visit: Visitor, case: str) -> None:
    """Decides the case on the screen, until nothing of it is there any more."""
    press(visit, "x", visit.page.get_by_text(f"Last: {case}: rejected"))
    expect(visit.page.get_by_role("heading", name=case, exact=True)).to_have_count(0)


def test_ten_cases_are_judged_by_keys_one_is_taken_back_and_the_evidence_of_another_is_kept(
    visit: Visitor,
) -> None:
    page = visit.page
    visit.open("/review")
    name = page.get_by_role("heading", name=re.compile(r"^LATER-\d+$"))
    met: list[str] = []
    for _ in range(JUDGED):
        expect(name).to_be_visible()
        met.append(name.inner_text())
        expect(page.get_by_text("You said: different")).to_have_count(0)
        press(visit, "2", page.get_by_text("You said: different"))
        reject(visit, met[-1])
    assert len(set(met)) == JUDGED
    expect(page.get_by_text(f"{JUDGED} cases decided by you in 24 hours, 2 waiting")).to_be_visible()

    press(visit, "u", page.get_by_role("heading", name=met[-1], exact=True))
    expect(page.get_by_text(f"{JUDGED - 1} cases decided by you in 24 hours")).to_be_visible()
    expect(page.get_by_text("You said: different")).to_be_visible()
    reject(visit, met[-1])

    expect(name).to_be_visible()
    case = name.inner_text()
    page.get_by_role("button", name="Note, assign, evidence").click()
    page.get_by_label("What it is for (the audit log keeps it)").fill("a question from the branch")
    page.get_by_label("What it is for (the audit log keeps it)").press("Tab")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download the evidence of 1 case").click()
    with zipfile.ZipFile(kept.value.path()) as evidence:
        manifest = json.loads(evidence.read("manifest.json"))
        assert (manifest["cases"], manifest["reason"]) == (1, "a question from the branch")
        assert [name for name in evidence.namelist() if name.startswith(f"cases/{case}-")]


def test_a_lead_adopts_what_the_verdicts_advise_sees_which_flows_changed_and_rolls_it_back(
    visit: Visitor,
) -> None:
    page = visit.page
    visit.open("/cross_checks?tab=Calibration")
    costs = "What each choice of thresholds costs"
    expect(visit.cell(costs, 1, 1)).to_have_text("As advised")
    visit.click_cell(costs, 1, 40)

    expect(page.get_by_role("tab", name="Threshold sets")).to_have_attribute("aria-selected", "true")
    visit.settle()
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
    expect(page.get_by_text("1-20 of 20")).to_be_visible()

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
    pointed_at(point)
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
