"""What people do with cases: claims, verdicts, decisions, and what happens where two meet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from atlas_core.access import Role, User
from atlas_core.books.case_decisions import decide_case, undo_decision
from atlas_core.books.claims import (
    CLAIM_MS,
    CaseSeen,
    assign_cases,
    claim_case,
    note_case,
    release_case,
)
from atlas_core.books.desk import Desk
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.queries.reviews import (
    case_record,
    claims_now,
    decisions_made,
    earlier_verdicts,
    judged_checks,
    judged_twice,
    rules_now,
)
from atlas_core.books.queries.threshold_sets import adoptions, threshold_sets, thresholds_now
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.books.threshold_sets import InForce, adopt_thresholds, draft_thresholds
from atlas_core.books.verdicts import JudgedCheck, give_verdict, undo_verdict
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import CaseMoved, InputError, NotAllowed
from atlas_core.thresholds import Thresholds
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result, reading

ANNA = User("anna@lender.example", "Anna", frozenset({Role.ANALYST}))
RAVI = User("ravi@lender.example", "Ravi", frozenset({Role.LEAD}))
VERA = User("vera@lender.example", "Vera", frozenset({Role.VIEWER}))
USUAL = InForce(Thresholds())
DIGEST = "d" * 64
SEEN = CaseSeen("flow-0001", DIGEST)
CHECK = JudgedCheck(
    0,
    "CUSTOMER_NAME",
    "DELIVERY_ORDER",
    "customer_name",
    "INVOICE",
    "customer_name",
    41,
    ("asha rao", "asha n rao"),
    "queue",
    1.0,
    True,
)


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for number in (1, 2, 3):
            flow_uuid = f"flow-{number:04}"
            add_flow(
                writer, flow_uuid, application_id=f"APP-{number}", result=make_result(flow_uuid, name="A")
            )
    return made


@pytest.fixture
def desk(books: MadeBooks) -> Desk:
    return books.open_desk()


# ----------------------------------------------------------------------------------------------- claims


def test_a_claimed_case_is_nobody_elses_until_the_claim_ends(desk: Desk, books: MadeBooks) -> None:
    ends_at = claim_case(desk, ANNA, "flow-0001", now=START)
    assert ends_at == START + CLAIM_MS
    with pytest.raises(CaseMoved, match=r"^anna@.* is working on this case"):
        claim_case(desk, RAVI, "flow-0001", now=ends_at - 1)
    assert claim_case(desk, ANNA, "flow-0001", now=START + 5) == START + 5 + CLAIM_MS
    with reading(books) as opened:
        assert claims_now(opened, now=START)[["who", "flow_uuid", "claimed_at"]].values.tolist() == [
            [ANNA.who, "flow-0001", START]
        ]
    assert claim_case(desk, RAVI, "flow-0001", now=START + 5 + CLAIM_MS)
    with pytest.raises(CaseMoved, match="ravi@"):
        decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL, now=START + 6 + CLAIM_MS)


def test_a_case_given_back_is_free_and_only_ones_own_can_be_given_back(desk: Desk) -> None:
    claim_case(desk, ANNA, "flow-0001", now=START)
    release_case(desk, RAVI, "flow-0001")
    with pytest.raises(CaseMoved):
        claim_case(desk, RAVI, "flow-0001", now=START)
    release_case(desk, ANNA, "flow-0001")
    claim_case(desk, RAVI, "flow-0001", now=START)


def test_only_a_lead_assigns_and_a_decision_ends_it(desk: Desk, books: MadeBooks) -> None:
    with pytest.raises(NotAllowed):
        assign_cases(desk, ANNA, ["flow-0001"], ANNA.who)
    assign_cases(desk, RAVI, ["flow-0001", "flow-0002"], ANNA.who)
    assign_cases(desk, RAVI, ["flow-0002"], None)
    with reading(books) as opened:
        assert case_record(opened, "flow-0001", now=START).assigned_to == ANNA.who
        assert case_record(opened, "flow-0002", now=START).assigned_to is None
    decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL)
    with reading(books) as opened:
        assert case_record(opened, "flow-0001", now=START).assigned_to is None


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_note_has_something_to_say_and_an_end(desk: Desk, text: str) -> None:
    with pytest.raises(InputError, match="1 to 2,000"):
        note_case(desk, ANNA, "flow-0001", text)


def test_a_viewer_judges_nothing(desk: Desk) -> None:
    for do in (
        lambda: claim_case(desk, VERA, "flow-0001"),
        lambda: give_verdict(desk, VERA, SEEN, [CHECK], "same", adoption_id=None),
        lambda: decide_case(desk, VERA, SEEN, "accept", outcome="review", in_force=USUAL),
        lambda: undo_decision(desk, VERA, 1),
        lambda: note_case(desk, VERA, "flow-0001", "hello"),
        lambda: set_review_rules(desk, ANNA, ReviewRules()),
    ):
        with pytest.raises(NotAllowed):
            do()


# --------------------------------------------------------------------------------------------- verdicts


def test_a_verdict_is_kept_with_what_it_was_given_on_and_without_the_values(
    desk: Desk, books: MadeBooks
) -> None:
    give_verdict(
        desk, ANNA, SEEN, [CHECK], "different", reason="another  person", adoption_id=None, now=START
    )
    with reading(books) as opened:
        kept = case_record(opened, "flow-0001", now=START).verdicts
        evidence = judged_checks(opened).to_dict("records")
        assert audit_entries(opened).iloc[0]["detail"] == '{"verdict": "different"}'
    assert kept == [
        {
            "position": 0,
            "digest": DIGEST,
            "verdict": "different",
            "reason": "another person",
            "drawn": "queue",
            "judged_by": ANNA.who,
            "judged_at": START,
            "stroke": 1,
        }
    ]
    assert [(row["name"], row["similarity"], row["weight"]) for row in evidence] == [("CUSTOMER_NAME", 41, 1)]
    assert b"asha" not in books.desk.read_bytes()


def test_another_verdict_of_the_same_person_takes_the_first_ones_place(desk: Desk, books: MadeBooks) -> None:
    pair = [CHECK, replace(CHECK, position=1)]
    give_verdict(desk, ANNA, SEEN, pair, "different", adoption_id=None, now=START)
    give_verdict(desk, ANNA, SEEN, [CHECK], "same", adoption_id=None, now=START + 1)
    with reading(books) as opened:
        kept = case_record(opened, "flow-0001", now=START).verdicts
    assert {row["position"]: row["verdict"] for row in kept} == {0: "same", 1: "different"}
    assert undo_verdict(desk, ANNA, "flow-0001", now=START + 2)
    assert undo_verdict(desk, ANNA, "flow-0001", now=START + 3)
    assert not undo_verdict(desk, ANNA, "flow-0001", now=START + 4)
    with reading(books) as opened:
        assert case_record(opened, "flow-0001", now=START).verdicts == []
        assert judged_checks(opened).empty


def test_the_same_pair_of_values_brings_earlier_verdicts_to_mind_in_either_order(
    desk: Desk, books: MadeBooks
) -> None:
    give_verdict(desk, ANNA, SEEN, [CHECK], "same", adoption_id=None, now=START)
    turned = replace(CHECK, values=(CHECK.values[1], CHECK.values[0]))
    other = replace(CHECK, values=("asha rao", "somebody else"))
    give_verdict(desk, RAVI, replace(SEEN, flow_uuid="flow-0002"), [other], "different", adoption_id=None)
    with reading(books) as opened:
        found = earlier_verdicts(opened, turned.values, name="CUSTOMER_NAME", dealer=None, but_of="flow-0003")
        assert found[["is_same_pair", "verdict", "application_id"]].values.tolist() == [[1, "same", "APP-1"]]
        assert earlier_verdicts(
            opened, turned.values, name="CUSTOMER_NAME", dealer=None, but_of="flow-0001"
        ).empty


def test_what_was_judged_twice_counts_once_as_evidence_and_as_a_pair_for_agreement(
    desk: Desk, books: MadeBooks
) -> None:
    give_verdict(desk, ANNA, SEEN, [CHECK], "same", adoption_id=None)
    second = replace(CHECK, drawn="second")
    release_case(desk, ANNA, "flow-0001")
    give_verdict(desk, RAVI, replace(SEEN, is_second=True), [second], "different", adoption_id=None)
    with reading(books) as opened:
        assert judged_checks(opened)["verdict"].tolist() == ["same"]
        assert judged_twice(opened)[["name", "first", "second"]].values.tolist() == [
            ["CUSTOMER_NAME", "same", "different"]
        ]


def test_a_case_without_a_result_has_nothing_to_judge(desk: Desk) -> None:
    with pytest.raises(InputError, match="no cross-check"):
        give_verdict(desk, ANNA, CaseSeen("flow-0001", None), [CHECK], "same", adoption_id=None)


# -------------------------------------------------------------------------------------------- decisions


def test_two_who_decide_at_once_are_one_decision_and_one_told_b118(desk: Desk, books: MadeBooks) -> None:
    decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL)
    for do in (
        lambda: decide_case(desk, RAVI, SEEN, "reject", outcome="review", in_force=USUAL),
        lambda: give_verdict(desk, RAVI, SEEN, [CHECK], "same", adoption_id=None),
    ):
        with pytest.raises(CaseMoved, match=r"^anna@.* has decided this case meanwhile \(accept\)"):
            do()
    with reading(books) as opened:
        record = case_record(opened, "flow-0001", now=START)
    assert [row["decision"] for row in record.decisions] == ["accept"]
    assert record.verdicts == []


def test_a_double_click_is_one_decision_b119(desk: Desk, books: MadeBooks) -> None:
    decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL)
    with pytest.raises(CaseMoved, match="You have decided this case meanwhile"):
        decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL)
    with reading(books) as opened:
        assert len(decisions_made(opened, decided_from=0)) == 1


def test_a_decision_remembers_its_thresholds(desk: Desk, books: MadeBooks) -> None:
    own = Thresholds(60, 85, (("CUSTOMER_NAME", 50, 80),))
    set_id = draft_thresholds(desk, ANNA, "Milder", own, why="fewer needless reviews", evidence={"n": 300})
    adoption_id = adopt_thresholds(desk, RAVI, set_id, why="agreed", seen_adoption=None, now=START)
    with reading(books) as opened:
        in_force = thresholds_now(opened, Thresholds())
    assert in_force == InForce(own, adoption_id, set_id, "Milder", START)
    decide_case(desk, ANNA, SEEN, "reject", outcome="review", in_force=in_force)
    with reading(books) as opened:
        row = opened.rows("SELECT adoption_id, thresholds FROM desk.case_decisions")[0]
    assert row["adoption_id"] == adoption_id
    assert json.loads(row["thresholds"]) == {
        "review_below": 60,
        "strong_from": 85,
        "per_check": [["CUSTOMER_NAME", 50, 80]],
    }


def test_ones_own_newest_decision_can_be_taken_back_and_the_case_is_ones_own_again(
    desk: Desk, books: MadeBooks
) -> None:
    decision_id = decide_case(
        desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL, second_share=1, now=START
    )
    with pytest.raises(CaseMoved, match="cannot be taken back"):
        undo_decision(desk, RAVI, decision_id, now=START)
    assert undo_decision(desk, ANNA, decision_id, now=START) == "flow-0001"
    with pytest.raises(CaseMoved, match="cannot be taken back"):
        undo_decision(desk, ANNA, decision_id, now=START)
    with reading(books) as opened:
        record = case_record(opened, "flow-0001", now=START)
        assert decisions_made(opened, decided_from=0).empty
        assert opened.rows("SELECT count(*) FROM desk.second_looks")[0][0] == 0
    assert [row["decision"] for row in record.decisions] == ["accept", "undone"]
    assert record.claimed_by == ANNA.who
    again = replace(SEEN, decision_id=record.decisions[-1]["decision_id"])
    decide_case(desk, ANNA, again, "reject", outcome="review", in_force=USUAL, now=START + 1)


def test_a_new_document_is_asked_for_by_its_name(desk: Desk, books: MadeBooks) -> None:
    with pytest.raises(InputError, match="which document"):
        decide_case(desk, ANNA, SEEN, "ask for a new document", outcome="review", in_force=USUAL)
    decide_case(
        desk,
        ANNA,
        SEEN,
        "ask for a new document",
        outcome="review",
        in_force=USUAL,
        document="INVOICE",
        reason="cut off",
    )
    with reading(books) as opened:
        made = case_record(opened, "flow-0001", now=START).decisions[0]
    assert (made["document"], made["reason"]) == ("INVOICE", "cut off")


def test_a_drawn_case_is_judged_once_more_and_then_done(desk: Desk, books: MadeBooks) -> None:
    decide_case(desk, ANNA, SEEN, "accept", outcome="review", in_force=USUAL, second_share=1)
    with reading(books) as opened:
        decision_id = case_record(opened, "flow-0001", now=START).decisions[0]["decision_id"]
        assert opened.rows("SELECT first_by FROM desk.second_looks WHERE done_at IS NULL")[0][0] == ANNA.who
    second = CaseSeen("flow-0001", DIGEST, decision_id, is_second=True)
    decide_case(desk, RAVI, second, "reject", outcome="review", in_force=USUAL, second_share=1)
    with reading(books) as opened:
        assert opened.rows("SELECT count(*) FROM desk.second_looks WHERE done_at IS NULL")[0][0] == 0


# ------------------------------------------------------------------------------------- rules, thresholds


def test_the_newest_rules_are_in_force_and_shares_are_shares(desk: Desk, books: MadeBooks) -> None:
    with reading(books) as opened:
        assert rules_now(opened) == ReviewRules(0.02, 0.02, 0.02, False)
    set_review_rules(desk, RAVI, ReviewRules(0.1, 0.2, 0.0, True))
    with reading(books) as opened:
        assert rules_now(opened) == ReviewRules(0.1, 0.2, 0.0, True)
    with pytest.raises(InputError, match="0 % to 100 %"):
        set_review_rules(desk, RAVI, ReviewRules(strong_share=1.2))


def test_thresholds_are_drafted_adopted_and_rolled_back_and_nothing_is_overwritten(
    desk: Desk, books: MadeBooks
) -> None:
    first = draft_thresholds(desk, ANNA, "First", Thresholds(60, 90), why="w", evidence={})
    other = draft_thresholds(desk, ANNA, "Other", Thresholds(80, 95), why="w", evidence={}, based_on=first)
    with reading(books) as opened:
        assert thresholds_now(opened, Thresholds(71, 91)).thresholds == Thresholds(71, 91)
        assert threshold_sets(opened)["adopted_at"].isna().all()
    with pytest.raises(NotAllowed):
        adopt_thresholds(desk, ANNA, first, why="w", seen_adoption=None)
    one = adopt_thresholds(desk, RAVI, first, why="w", seen_adoption=None)
    with pytest.raises(InputError, match="meanwhile"):
        adopt_thresholds(desk, RAVI, other, why="w", seen_adoption=None)
    two = adopt_thresholds(desk, RAVI, other, why="w", seen_adoption=one)
    with pytest.raises(InputError, match="in force already"):
        adopt_thresholds(desk, RAVI, other, why="w", seen_adoption=two)
    adopt_thresholds(desk, RAVI, first, why="too many cases", seen_adoption=two)
    with reading(books) as opened:
        assert thresholds_now(opened, Thresholds()).name == "First"
        assert adoptions(opened)["name"].tolist() == ["First", "Other", "First"]
        assert audit_entries(opened, action="adopt thresholds")["reason"].tolist() == [
            "too many cases",
            "w",
            "w",
        ]


@pytest.mark.parametrize(
    ("name", "why", "words"),
    [
        ("", "w", "name of 1 to 80"),
        ("x" * 81, "w", "name of 1 to 80"),
        ("Again", "w", "already"),
        ("N", " ", "why"),
    ],
)
def test_a_set_needs_a_name_of_its_own_and_a_reason(desk: Desk, name: str, why: str, words: str) -> None:
    draft_thresholds(desk, ANNA, "Again", Thresholds(), why="w", evidence={})
    with pytest.raises(InputError, match=words):
        draft_thresholds(desk, ANNA, name, Thresholds(), why=why, evidence={})


def test_a_set_that_is_not_there_is_not_adopted(desk: Desk) -> None:
    with pytest.raises(InputError, match="no set 9"):
        adopt_thresholds(desk, RAVI, 9, why="w", seen_adoption=None)
