"""The review page as sessions run it: judging, deciding, taking back; and what a lead sees and sets."""

from __future__ import annotations

from pathlib import Path

from atlas_core.books.claims import claim_case
from atlas_core.clock import now_ms
from tests.made_books import make_books
from tests.made_columns import FAILED, MadeFlow
from tests.page_sessions import said, sessions_over, show
from tests.review_sessions import MINUTE, RAVI, a_case, a_room


def test_before_there_are_books_and_with_nothing_in_them_the_page_says_so(tmp_path: Path) -> None:
    with sessions_over(tmp_path / "nothing"):
        assert "Nothing here yet" in said(show("review"))
    with sessions_over(make_books(tmp_path).atlas.parent):
        for tab in ("Cases", "Team"):
            assert not show("review", tab=tab).error
        assert "Nothing waits for you" in said(show("review"))


def test_a_case_is_judged_and_decided_and_the_next_one_comes_by_itself() -> None:
    with a_room(a_case(40, 95), a_case(20, 95), a_case(95)) as room:
        anna = room.sit()
        assert anna.case == "APP-2"
        assert "similarity 20 of 100" in anna.said
        assert room.record(2).claimed_by
        anna.press("Different")
        assert room.verdicts(2) == ["different"]
        assert anna.case == "APP-2"
        anna.press("Reject")
        assert (room.decisions(2), anna.case) == (["reject"], "APP-1")
        anna.press("Same")
        assert "Nothing waits for you" in anna.press("Accept")
        assert (room.verdicts(1), room.decisions(1)) == (["same"], ["accept"])


def test_accepting_waits_for_every_verdict_and_a_new_document_does_not() -> None:
    with a_room(a_case(40, 50)) as room:
        anna = room.sit()
        anna.press("Same")
        assert "1 verdict missing" in anna.press("Accept")
        assert room.decisions(1) == []
        anna.press("New document")
        anna.press("Ask for it")
        made = room.record(1).decisions[0]
        assert (made["decision"], made["document"]) == ("ask for a new document", "INVOICE")
        assert "APP-1 we need a new copy of this document: Invoice." in anna.page.code[0].value


def test_undo_takes_back_the_decision_and_then_the_verdict() -> None:
    with a_room(a_case(40), a_case(60)) as room:
        anna = room.sit()
        anna.press("Same")
        anna.press("Accept")
        assert anna.case == "APP-2"
        anna.press("Undo")
        assert (anna.case, room.decisions(1)) == ("APP-1", ["accept", "undone"])
        assert room.record(2).claimed_by is None
        anna.press("Undo")
        assert (room.verdicts(1), anna.case) == ([], "APP-1")
        anna.press("Different")
        anna.press("Reject")
        assert room.decisions(1) == ["accept", "undone", "reject"]
        assert "nothing of yours" not in anna.said


def test_with_nothing_to_take_back_undo_says_so() -> None:
    with a_room(a_case(40)) as room:
        assert "nothing of yours to take back" in room.sit().press("Undo")


def test_a_verdict_can_be_changed() -> None:
    with a_room(a_case(40)) as room:
        anna = room.sit()
        anna.press("Same")
        anna.press("Change")
        anna.press("Cannot tell")
        assert room.verdicts(1) == ["cannot tell"]


def test_what_is_left_for_later_comes_again_when_asked() -> None:
    with a_room(a_case(40), a_case(60)) as room:
        anna = room.sit()
        anna.press("Later")
        assert (anna.case, room.record(1).claimed_by) == ("APP-2", None)
        assert "Only what you left for later" in anna.press("Later")
        anna.press("Show them again")
        assert anna.case == "APP-1"


def test_a_flow_that_failed_has_nothing_to_judge_and_a_stray_key_does_not_decide_it() -> None:
    with a_room(MadeFlow(created_at=now_ms() - MINUTE, status=FAILED, has_result=False)) as room:
        anna = room.sit()
        assert "It could not fetch the documents" in anna.said
        assert "Same" not in anna.labels
        anna.press("Reject")  # within half a second: meant for the case before
        if room.decisions(1) == []:
            anna.page.session_state["review_sitting"].shown_at -= 1_000
            anna.press("Reject")
        assert room.decisions(1) == ["reject"]


# ------------------------------------------------------------------------------------------ the lead's view


def test_a_lead_sees_the_queue_who_has_what_and_the_pace() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        anna.press("Different")
        anna.press("Reject")
        page = show("review", tab="Team")
        assert {metric.label: metric.value for metric in page.metric}["Waiting"] == "0"  # anna has the other
        claims, pace = (table.value for table in page.dataframe)
        assert claims["application"].tolist() == ["APP-2"]
        assert pace["week"].tolist() == [1]
        assert "No cross-check was judged by two people yet" in said(page)


def test_a_lead_assigns_the_next_cases_and_they_come_first() -> None:
    with a_room(a_case(20), a_case(30), a_case(40), a_case(10)) as room:
        claim_case(room.desk, RAVI, "flow-00004")
        page = show("review", tab="Team")
        page.number_input(key="assign_count").set_value(2)
        page.selectbox(key="assign_who").set_value("ravi")
        page.run()
        page.button(key="assign_some").click().run()
        assert "2 cases assigned to ravi" in said(page)
        assert room.record(1).assigned_to == room.record(2).assigned_to == "ravi"
        assert room.sit().case == "APP-3"


def test_a_lead_sets_the_rules_of_blind_samples() -> None:
    with a_room(a_case(20)) as room:
        page = show("review", tab="Team")
        page.number_input[1].set_value(5.0)
        page.checkbox[0].check()
        next(button for button in page.button if button.label == "Put in force").click()
        page.run()
        assert "In force from now" in said(page)
        assert "Score hidden" in room.sit().said


def test_evidence_is_of_what_the_filters_find_and_asks_what_it_is_for() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        assert room.book
        page = show("review", tab="Team")
        assert "Filter first" in said(page)
        page = show("review", tab="Team", find="APP-2")
        download = page.get("download_button")[0]
        assert download.label == "Download the evidence of 1 case"
        assert download.proto.disabled
        page.text_input(key="evidence_reason_filtered").set_value("Audit of June").run()
        assert not page.get("download_button")[0].proto.disabled


def test_a_note_is_kept_beside_the_case() -> None:
    with a_room(a_case(20)) as room:
        anna = room.sit()
        anna.page.session_state["more_flow-00001"] = True
        anna.page.run()
        anna.page.text_area[0].set_value("Called the branch")
        anna.press("Keep the note")
        assert "Called the branch" in anna.said
