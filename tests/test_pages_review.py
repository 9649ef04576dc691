"""The review page as sessions run it: judging, deciding, taking back, and being told when a case moved."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books import attempts
from atlas_core.books.case_decisions import decide_case
from atlas_core.books.claims import CLAIM_MS, CaseSeen, claim_case
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.reading import open_books
from atlas_core.books.reveals import PER_HOUR, SHOWN_MS, note_reveal
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.verdicts import give_verdict
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend
from atlas_core.thresholds import Thresholds
from tests.made_books import make_books
from tests.made_columns import FAILED, MadeCheck, MadeDocument, MadeFlow
from tests.page_sessions import said, sessions_over, show
from tests.review_sessions import MINUTE, Room, Sitting, a_case, a_room

RAVI = User("ravi", "Ravi", frozenset({Role.LEAD}))
USUAL = InForce(Thresholds())
HOSTILE = "<a href='http://canary.invalid'>![x](http://canary.invalid/x.png)</a>"


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


# -------------------------------------------------------------------------------------- two people at once


def test_two_people_are_never_given_the_same_case() -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna, ravi = room.sit(), room.sit()
        assert (anna.case, ravi.case) == ("APP-1", "APP-2")
        assert room.record(1).claimed_by != room.record(2).claimed_by


def seen(room: Room, number: int) -> CaseSeen:
    return room.cases.seen(number)


@pytest.mark.parametrize("press", ["Same", "Accept"])
def test_who_comes_second_is_told_what_became_of_the_case_b118(press: str) -> None:
    with a_room(a_case(20), a_case(30)) as room:
        anna = room.sit()
        later = now_ms() + CLAIM_MS + 1
        decide_case(room.desk, RAVI, seen(room, 1), "reject", outcome="review", in_force=USUAL, now=later)
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
        decide_case(room.desk, RAVI, seen(room, 1), "accept", outcome="review", in_force=USUAL)
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
        decide_case(room.desk, RAVI, seen(room, 1), "accept", outcome="review", in_force=USUAL, now=1)
        room.cases.bring_again(1, 15)
        words = room.sit().said
        assert "A newer result came since" in words


# ---------------------------------------------------------------------------------------------- honesty


def plain(words: str) -> str:
    """What a screen says, less what differs from case to case and from person to person."""
    words = re.sub(r"APP\\-\d", "APP", words)
    words = re.sub(r"local-[0-9a-f]{4}", "local", words)
    return re.sub(r"\d+ (min|s|h)\b", "n", words)


def test_nothing_on_the_screen_tells_a_pass_that_was_drawn_from_a_case_of_its_own() -> None:
    flows = [a_case(*scores, minutes_ago=60) for scores in ((20,), (95,))]
    with a_room(*flows) as room:
        room.cases.draw(2, 0, share=0.02)
        set_review_rules(room.desk, RAVI, ReviewRules(scores_hidden=True))
        ordinary, drawn = room.sit(case="flow-00001"), room.sit(case="flow-00002")
        assert "Score hidden" in drawn.said
        assert "similarity" not in drawn.said
        assert plain(ordinary.said) == plain(drawn.said)
        assert ordinary.labels == drawn.labels
        assert not drawn.page.get("page_link")
        drawn.press("Same")
        drawn.press("Accept")
    assert room.book


def test_a_drawn_pass_is_kept_as_one_with_the_share_it_stands_for() -> None:
    with a_room(a_case(95)) as room:
        room.cases.draw(1, 0, share=0.02)
        anna = room.sit()
        anna.press("Same")
        with open_books(room.book.folder / "atlas.db", room.book.folder / "desk.db") as books:
            row = books.rows("SELECT drawn, weight, score_shown FROM desk.verdicts")[0]
        assert tuple(row) == ("lot", 50.0, 0)


def test_an_ordinary_check_beside_a_drawn_one_stands_by_its_place_and_not_by_its_score() -> None:
    with a_room(a_case(95, 20)) as room:
        room.cases.draw(1, 0)
        words = room.sit().said
        assert words.index("1 of 2: Customer name") < words.index("2 of 2: Dealer address")
        assert "similarity" not in words


def test_who_judges_a_second_time_is_told_nothing_of_the_first() -> None:
    with a_room(a_case(20)) as room:
        check = room.cases
        give_verdict(room.desk, RAVI, seen(room, 1), [a_judged_check()], "different", adoption_id=None, now=1)
        check.decide(RAVI, 1, "reject", second_share=1)
        anna = room.sit()
        assert anna.case == "APP-1"
        assert "ravi" not in anna.said
        assert "You said" not in anna.said
        anna.press("Same")
        anna.press("Accept")
        assert [decision["is_second"] for decision in room.record(1).decisions] == [0, 1]
        page = show("review", tab="Team")
        assert page.dataframe[-1].value["n"].tolist() == [1]


def a_judged_check():  # type: ignore[no-untyped-def]
    from atlas_core.books.verdicts import JudgedCheck

    return JudgedCheck(0, "CUSTOMER_NAME", "D", "n", "I", "n", 20, ("one", "two"), "queue", 1.0, True)


def test_filters_narrow_the_queue_and_those_that_would_tell_a_drawn_pass_are_passed_over() -> None:
    with a_room(a_case(20), a_case(30, product="LAP"), a_case(95, product="LAP")) as room:
        room.cases.draw(3, 0)
        assert room.sit(product="LAP").case in ("APP-2", "APP-3")
        assert "No case fits" in room.sit(product="NEVER").said
        anna = room.sit(outcome="clear")
        assert "Review passes over these" in anna.said
        assert anna.case == "APP-1"


# ------------------------------------------------------------------------------------ values and documents


def test_personal_values_are_masked_until_they_are_asked_for_and_the_log_keeps_that() -> None:
    papers = (
        MadeDocument("DELIVERY_ORDER", fields=(("customer_name", "Asha Rao", 0.9),)),
        MadeDocument("INVOICE", fields=(("document_quality_flag", "xerox_copy", None),)),
    )
    with a_room(a_case(20, papers=papers)) as room:
        anna = room.sit()
        assert "Invoice · customer name · confidence not given · xerox copy" in anna.said
        anna.press("Read the documents")
        shown = next(table.value for table in anna.page.dataframe)
        assert shown["value"].tolist() == ["A\u2022\u2022\u2022 R\u2022\u2022"]
        anna.press("Show whole values")
        assert anna.page.dataframe[0].value["value"].tolist() == ["Asha Rao"]
        with open_books(room.book.folder / "atlas.db", room.book.folder / "desk.db") as books:
            entry = audit_entries(books, action="reveal").iloc[0]
        assert (entry["subject"], entry["who"][:6]) == ("flow-00001", "local-")
        # They once stayed whole for as long as the case was on the screen.
        revealed = anna.page.session_state["revealed"]
        anna.page.session_state["revealed"] = {place: at - SHOWN_MS for place, at in revealed.items()}
        anna.page.run()
        masked = ["A\u2022\u2022\u2022 R\u2022\u2022"]
        assert anna.page.dataframe[0].value["value"].tolist() == masked
        somebody = replace(LOCAL, who=entry["who"])
        for number in range(PER_HOUR - 1):
            note_reveal(room.desk, somebody, "flow-00001", f"value {number}", reason="why")
        anna.press("Show whole values")
        assert "values within an hour" in anna.said
        assert anna.page.dataframe[0].value["value"].tolist() == masked


def submit(room: Room, url: str) -> None:
    """The first document of the first flow, as it was submitted from this address."""
    submission_id = room.desk.save_submission(
        "APP-1", "CDL", {}, [FileToSend("flow-00001-0", url)], "form", by=RAVI
    )
    with AtlasWriter(room.book.folder / "atlas.db") as writer:
        attempt_id = writer.write(
            attempts.start_attempt,
            submission_id,
            1,
            application_id="APP-1",
            product_type="CDL",
            auth_part="a" * 64,
            callback_part="c" * 64,
            now=now_ms(),
        )
        writer.write(attempts.save_init_answer, attempt_id, "flow-00001", now=now_ms())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://files.example/a.png", "not among those that documents may be shown from"),
        ("http://127.0.0.1:8700/a.png", ""),
        (None, "links are forgotten when they end"),
    ],
)
def test_a_document_is_shown_when_asked_and_only_from_hosts_that_are_allowed(
    url: str | None, words: str
) -> None:
    with a_room(a_case(20)) as room:
        if url:
            submit(room, url)
        anna = room.sit()
        anna.press("Read the documents")
        assert words in anna.said
        assert not anna.page.get("image")
        if not words:
            anna.press("Show the document")
            assert anna.page.get("image")[0].proto.imgs[0].url == url
            assert "the link ends in" in anna.said
        else:
            assert "Show the document" not in anna.labels


def test_hostile_names_are_texts() -> None:
    flow = MadeFlow(
        created_at=now_ms() - MINUTE,
        product=HOSTILE,
        application=f"APP{HOSTILE}",
        documents=(MadeDocument(HOSTILE, HOSTILE, HOSTILE, ((HOSTILE, HOSTILE, 0.5),)),),
        checks=(MadeCheck(HOSTILE, 20, HOSTILE, HOSTILE, HOSTILE),),
    )
    with a_room(flow) as room:
        anna = room.sit()
        anna.press("New document")
        for kind in ("markdown", "caption", "subheader", "info", "warning", "success"):
            for element in anna.page.get(kind):
                assert "![x](http" not in str(element.value)
        for html in anna.page.get("html"):
            assert "<a " not in html.proto.body


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
