"""Reviewers in a real Chromium: keys alone, two browsers, a result that changes, no worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from atlas_core.books.claims import CLAIM_MS, claim_case
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.clock import now_ms
from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.review_sessions import RAVI, Room, a_case
from tests.test_review_queue import reviewing

pytestmark = pytest.mark.browser
CASES = 24


@pytest.fixture(scope="module")
def room() -> Iterator[tuple[Room, str]]:
    """A desk whose worker does not run: people decide all the same."""
    flows = [a_case(10 + number, minutes_ago=60) for number in range(CASES)]
    with ExitStack() as stack:
        cases = stack.enter_context(reviewing(*flows))
        set_review_rules(cases.desk, RAVI, ReviewRules(second_share=0))  # else some come again by lot
        url = stack.enter_context(running_pages(desk_environment(cases.book.folder)))
        yield Room(cases.book, cases, cases.desk), url


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def at_case(visitor: Visitor) -> int:
    """The number of the case on the screen."""
    heading = visitor.page.get_by_role("heading", name=re.compile(r"^APP-\d+$"))
    expect(heading).to_be_visible()
    return int((heading.text_content() or "")[4:])


def press(visitor: Visitor, key: str, shows: Locator, *, gone: bool = False) -> None:
    """A key, and what the page shows then, or no longer. A busy machine may draw the buttons anew just when
    the key comes; then it is pressed again, as a person would: no key here does harm twice."""
    for _ in range(4):
        visitor.page.keyboard.press(key)
        with suppress(PlaywrightTimeoutError):
            shows.first.wait_for(state="hidden" if gone else "visible", timeout=5_000)
            return
    raise AssertionError(f"{key} did nothing")


def case_of(visitor: Visitor, number: int) -> Locator:
    return visitor.page.get_by_role("heading", name=f"APP-{number}", exact=True)


def said(visitor: Visitor, verdict: str) -> Locator:
    return visitor.page.get_by_text(f"You said: {verdict}")


def expect_case(visitor: Visitor, number: int) -> None:
    expect(case_of(visitor, number)).to_be_visible()


def test_a_case_is_judged_decided_and_taken_back_by_keys_alone_while_no_worker_runs(
    chrome: Browser, room: tuple[Room, str]
) -> None:
    desk, url = room
    with visiting(chrome, url) as anna:
        anna.open("/review")
        expect(anna.page.get_by_text("What you decide is kept anyway")).to_be_visible()
        first = at_case(anna)
        press(anna, "2", said(anna, "different"))
        press(anna, "x", case_of(anna, first + 1))
        assert desk.decisions(first) == ["reject"]
        press(anna, "u", case_of(anna, first))
        press(anna, "u", said(anna, "different"), gone=True)
        assert desk.verdicts(first) == []
        press(anna, "1", said(anna, "same"))
        press(anna, "a", case_of(anna, first + 1))
        assert desk.decisions(first) == ["reject", "undone", "accept"]
        assert desk.verdicts(first) == ["same"]
        asks = anna.page.get_by_role("button", name="Ask for it")
        press(anna, "n", asks)
        press(anna, "n", asks, gone=True)
        reason = anna.page.get_by_role("textbox", name="Reason for the verdict, if any")
        reason.click()
        reason.press_sequentially("1a2")
        anna.page.wait_for_timeout(300)
        assert desk.verdicts(first + 1) == []  # keys rest while somebody types
        anna.page.get_by_role("button", name="Same").click()
        expect(anna.page.get_by_text("You said: same")).to_be_visible()
        assert [verdict["reason"] for verdict in desk.record(first + 1).verdicts] == ["1a2"]
        anna.page.get_by_role("button", name="Accept").dblclick()  # B119: one decision all the same
        expect_case(anna, first + 2)
        assert (desk.decisions(first + 1), desk.decisions(first + 2)) == (["accept"], [])


def test_two_browsers_decide_every_case_between_them_and_none_twice(
    chrome: Browser, room: tuple[Room, str]
) -> None:
    desk, url = room
    with visiting(chrome, url) as anna, visiting(chrome, url) as ravi:
        for person in (anna, ravi):
            person.open("/review")
        met: list[int] = []
        for _ in range(4):
            for person in (anna, ravi):
                number = at_case(person)
                met.append(number)
                press(person, "2", said(person, "different"))
                press(person, "x", case_of(person, number), gone=True)
        assert len(set(met)) == len(met) == 8
        assert all(desk.decisions(number) == ["reject"] for number in met)
        people = {desk.record(number).decisions[0]["decided_by"] for number in met}
        assert len(people) == 2


def test_a_reload_keeps_the_person_and_the_case_and_a_lost_claim_and_a_new_result_are_told(
    chrome: Browser, room: tuple[Room, str]
) -> None:
    desk, url = room
    with visiting(chrome, url) as anna:
        anna.open("/review")
        number = at_case(anna)
        anna.open("/review")
        expect_case(anna, number)

        desk.cases.bring_again(number, 5)
        press(anna, "1", anna.page.get_by_text("changed while you were reading"))
        expect(anna.page.get_by_text("similarity 5 of 100")).to_be_visible()
        assert len(desk.verdicts(number)) == 1  # kept with the version it judged

        claim_case(desk.desk, RAVI, f"flow-{number:05}", now=now_ms() + CLAIM_MS + 1)
        press(anna, "2", anna.page.get_by_text("is no longer yours"))
        expect(anna.page.get_by_text("ravi is working on this case")).to_be_visible()
        assert at_case(anna) != number
        assert desk.cases.seen(number).decision_id == 0
