"""The review page when a case moves: two people at once, and results that change under the reader."""

from __future__ import annotations

import re

import pytest

from atlas_core.books.case_decisions import decide_case
from atlas_core.books.claims import CLAIM_MS, claim_case
from atlas_core.clock import now_ms
from tests.page_sessions import show
from tests.review_sessions import RAVI, USUAL, Sitting, a_case, a_room


def test_two_people_are_never_given_the_same_case() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna, ravi = room.sit(), room.sit()
        assert (anna.case, ravi.case) == ("APP-1", "APP-2")
        assert room.record(1).claimed_by != room.record(2).claimed_by


@pytest.mark.parametrize("press", ["Same", "Accept"])
def test_who_comes_second_is_told_what_became_of_the_case_b118(press: str) -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        later, seen = now_ms() + CLAIM_MS + 1, room.cases.seen(1)
        decide_case(room.desk, RAVI, seen, "reject", outcome="review", in_force=USUAL, now=later)
        words = anna.press(press)
        assert "APP\\-1 is no longer yours" in words
        assert re.search(r"ravi has decided .*reject", words)
        assert (room.decisions(1), room.verdicts(1), anna.case) == (["reject"], [], "APP-2")


def test_a_claim_that_ran_out_and_went_to_another_is_told() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        claim_case(room.desk, RAVI, "flow-00001", now=now_ms() + CLAIM_MS + 1)
        words = anna.press("Same")
        assert "APP\\-1 is no longer yours" in words
        assert "ravi is working on this case" in words
        assert (room.verdicts(1), anna.case) == ([], "APP-2")


def test_a_case_that_somebody_is_at_can_be_read_by_its_address_and_not_judged() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        claim_case(room.desk, RAVI, "flow-00001")
        anna = room.sit(case="flow-00001")
        assert anna.case == "APP-1"
        assert "ravi is looking at this case" in anna.said
        assert not {"Same", "Accept", "Note or assign"} & set(anna.labels)
        assert "that these books do not hold" in room.sit(case="nobody").said


def test_a_decided_case_is_opened_to_be_read_and_judged_anew_only_when_asked() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        decide_case(room.desk, RAVI, room.cases.seen(1), "accept", outcome="review", in_force=USUAL)
        anna = room.sit(case="flow-00001")
        assert "ravi decided just now\\: accept" in anna.said
        assert "Accept" not in anna.labels
        anna.press("Judge it anew")
        anna.press("Different")
        anna.press("Reject")
        assert room.decisions(1) == ["accept", "reject"]


def test_a_person_who_reloads_the_page_is_still_at_the_same_case() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        token = anna.page.session_state["browser_token"]
        again = Sitting(show("today"))
        again.page.session_state["browser_token"] = token
        again.page.switch_page("pages/review.py").run()
        assert again.case == "APP-1"


# ------------------------------------------------------------------------------------- results that change


def test_a_result_that_changed_while_somebody_read_is_told_and_nothing_is_decided_b120() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        anna.press("Same")
        room.cases.bring_again(1, 15)
        words = anna.press("Accept")
        assert "The result of APP\\-1 changed while you were reading" in words
        assert "similarity 15 of 100" in words
        assert "1 verdict of yours belong" in words
        assert (room.decisions(1), room.verdicts(1), anna.case) == ([], ["same"], "APP-1")
        anna.press("Different")
        anna.press("Reject")
        assert len({verdict["digest"] for verdict in room.record(1).verdicts}) == 2
        assert room.decisions(1) == ["reject"]


def test_a_newer_result_after_the_decision_asks_for_another_look() -> None:
    with a_room(a_case(20)) as room:
        decide_case(room.desk, RAVI, room.cases.seen(1), "accept", outcome="review", in_force=USUAL, now=1)
        room.cases.bring_again(1, 15)
        words = room.sit().said
        assert "A newer result came since" in words
