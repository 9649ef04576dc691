"""What Cross-checks says of sets of thresholds, and of what other sets would change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books.case_decisions import CaseDecision, decide_case
from atlas_core.books.claims import CaseSeen
from atlas_core.books.columns import open_columns
from atlas_core.books.desk import Desk
from atlas_core.books.outcome_moves import move_outcomes
from atlas_core.books.queries.threshold_sets import decisions_reverted, standing_decisions
from atlas_core.books.reading import open_books
from atlas_core.books.threshold_sets import InForce, adopt_thresholds, draft_thresholds
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError
from atlas_core.insight.replay import replay
from atlas_core.thresholds import Thresholds, thresholds_of_table
from tests.judged_books import NAME, PLENTY, judge, judged_book
from tests.made_columns import MadeBook, MadeCheck, MadeFlow, made_book
from tests.page_sessions import button, said, sessions_over, show, table_with
from tests.test_pages_explore import HOSTILE, figures, metrics, opened

CALIBRATION, SETS = "Calibration", "Threshold sets"
MILDER = Thresholds().with_check(NAME, 60, 90)


@pytest.fixture(scope="module")
def judged() -> Iterator[MadeBook]:
    """A book that no test changes."""
    with judged_book() as book, sessions_over(book.folder):
        yield book


@pytest.fixture
def book() -> Iterator[MadeBook]:
    """A book of a test's own, with verdicts on some names."""
    with made_book(PLENTY) as made:
        judge(made, of_flows=20, decision="accept")
        with sessions_over(made.folder):
            yield made


def drafted(book: MadeBook, thresholds: Thresholds = MILDER, name: str = "Milder") -> int:
    desk = Desk(book.folder / "desk.db")
    return draft_thresholds(desk, LOCAL, name, thresholds, why="for the test", evidence={"source": "now"})


def adopted(book: MadeBook, set_id: int, seen: int | None = None) -> int:
    return adopt_thresholds(Desk(book.folder / "desk.db"), LOCAL, set_id, why="w", seen_adoption=seen)


def follow_outcomes(book: MadeBook, in_force: InForce) -> None:
    with AtlasWriter(book.folder / "atlas.db") as writer:
        while not writer.write(move_outcomes, in_force, now=1):
            pass


def test_a_draft_begins_from_the_advice_and_shows_what_it_would_change(judged: MadeBook) -> None:
    session = show("cross_checks", tab=SETS, start="advice")
    filled = table_with(session, "now")
    assert filled["check"] == ["Every other check", "Customer name", "Dealer name"]
    assert (filled["review"], filled["strong"]) == ([70, 60, 70], [90, 60, 90])
    assert filled["now"] == ["70 and 90"] * 3
    assert metrics(session)["Flows whose outcome changes"] == "8"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"start": "tried"}, "Nothing is tried under What if"),
        ({"start": "capacity"}, "Enter under Calibration how many people"),
    ],
)
def test_a_draft_that_has_nothing_to_begin_from_says_where_to_go(
    judged: MadeBook, address: dict[str, str], words: str
) -> None:
    assert words in said(show("cross_checks", tab=SETS, **address))


def test_what_is_tried_and_what_fits_can_be_drafted_too(judged: MadeBook) -> None:
    tried = table_with(show("cross_checks", tab=SETS, start="tried", own=f"{NAME}:65-80"), "now")
    assert (tried["review"], tried["strong"]) == ([70, 65, 70], [90, 80, 90])
    fits = table_with(show("cross_checks", tab=SETS, start="capacity", people="1", day="1"), "now")
    assert fits["review"][1] < 60


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        ({1: {"review": 95}}, "Customer name: review below 95 lies above strong from 90"),
        ({0: {"strong": None}}, "Every other check: “strong from” must be a whole number"),
        ({2: {"review": 170}}, "Dealer name: “review below” must be a whole number"),
    ],
)
def test_thresholds_that_cannot_be_are_named_with_their_row(
    judged: MadeBook, edited: dict[int, dict[str, float]], words: str
) -> None:
    session = show("cross_checks", tab=SETS, start="now")
    editor = f"thresholds_now_{hash(Thresholds())}"
    session.session_state[editor] = {"edited_rows": edited, "added_rows": [], "deleted_rows": []}
    session.run()
    assert [error.value.replace("\\", "").startswith(words) for error in session.error] == [True]
    assert not [one for one in session.button if one.label == "Save draft"]


@pytest.mark.parametrize("value", [70.5, float("nan"), float("inf"), -1, 101, None, "70"])
def test_a_threshold_is_a_whole_number_from_0_to_100(value: object) -> None:
    with pytest.raises(InputError, match="NAME: “review below” must be a whole number from 0 to 100"):
        thresholds_of_table([("", 70, 90), ("NAME", value, 90)])


def test_a_table_becomes_thresholds_and_only_checks_that_differ_have_their_own() -> None:
    rows: list[tuple[str, object, object]] = [("", 70, 90.0), ("A", 70, 90), ("B", 0, 100), ("C", 80, 80)]
    assert thresholds_of_table(rows) == Thresholds(70, 90, (("B", 0, 100), ("C", 80, 80)))


def test_a_draft_is_saved_with_its_evidence_and_changes_nothing_by_itself(book: MadeBook) -> None:
    session = show("cross_checks", tab=SETS, start="advice")
    session.text_input(key="draft_name").input("Milder on names")
    button(session, "Save draft").click().run()
    assert "Say why these thresholds" in said(session)
    assert session.text_input(key="draft_name").value == "Milder on names"
    session.text_input(key="draft_why").input("60 to 69 are the same")
    button(session, "Save draft").click().run()
    assert not session.exception
    assert "Milder on names" in opened(session)
    sets = table_with(session, "evidence")
    assert (sets["name"], sets["state"]) == (["Milder on names"], [["Draft"]])
    assert sets["evidence"][0].startswith("Advice of the verdicts; 400 verdicts on 1 check; at most 2% wrong")
    assert "The thresholds of the settings: nobody has adopted a set yet." in said(session)


def test_a_set_is_compared_with_what_is_in_force_flow_by_flow_both_ways(book: MadeBook) -> None:
    session = show("cross_checks", tab=SETS, set=str(drafted(book)))
    assert metrics(session)["Flows whose outcome changes"] == "8"
    assert "8 flows\\: from review to clear" in opened(session)
    assert table_with(session, "strong") == {
        "check": ["Customer name"],
        "review": ["70 → 60"],
        "strong": ["90"],
    }
    stricter = drafted(book, Thresholds(80, 90), "Stricter")
    assert "8 flows\\: from clear to review" in opened(show("cross_checks", tab=SETS, set=str(stricter)))


def test_a_set_is_adopted_with_a_reason_and_rolled_back(book: MadeBook) -> None:
    set_id = drafted(book)
    session = show("cross_checks", tab=SETS, set=str(set_id))
    button(session, "Adopt").click().run()
    assert "Say why" in said(session)
    session.text_input(key=f"why_adopt_{set_id}").input("too many needless reviews")
    button(session, "Adopt").click().run()
    words = said(session)
    assert "You have put Milder in force" in words.replace("\\", "")
    assert "too many needless reviews" in words
    follow_outcomes(book, InForce(MILDER, 1, set_id))
    session = show("cross_checks", tab=SETS, set=str(set_id))
    assert "It moved 8 outcomes: 0 from clear to review, 8 from review to clear." in said(session)
    assert "8 flows\\: moved from review to clear" in opened(session)
    button(session, "Roll back to the settings").click().run()
    assert "Settings 70 and 90" in opened(session)
    assert metrics(session)["Flows whose outcome changes"] == "8"
    session.text_input(key="why_adopt_2").input("the branch asked")
    button(session, "Adopt").click().run()
    sets = table_with(session, "evidence")
    assert sets["state"] == [["In force"], ["Earlier"]]
    assert button(session, "Roll back to Milder")


def test_who_adopts_after_somebody_else_is_told_and_nothing_is_lost(book: MadeBook) -> None:
    set_id, other = drafted(book), drafted(book, Thresholds(50, 90), "Other")
    session = show("cross_checks", tab=SETS, set=str(set_id))
    adopted(book, other)
    session.text_input(key=f"why_adopt_{set_id}").input("mine")
    button(session, "Adopt").click().run()
    assert "Somebody adopted other thresholds meanwhile" in said(session)
    assert "Other" in opened(session)
    assert session.text_input(key=f"why_adopt_{set_id}").value == "mine"


def test_only_a_lead_adopts_and_a_viewer_does_not_draft(book: MadeBook) -> None:
    set_id = drafted(book)
    for role, words, address in (
        (Role.ANALYST, "A lead can put this set in force", {"set": str(set_id)}),
        (Role.VIEWER, "An analyst or a lead can draft a set", {"start": "now"}),
    ):
        vera = User("vera", "Vera", frozenset({role}))
        with patch("atlas_core.web.signing_in.local_user", lambda: vera):  # noqa: B023
            session = show("cross_checks", tab=SETS, **address)
        assert words in "\n".join(info.value for info in session.info)
        assert not {"Adopt", "Save draft"} & {one.label for one in session.button}


def test_the_page_tells_how_far_outcomes_have_followed(book: MadeBook) -> None:
    follow_outcomes(book, InForce(Thresholds()))
    adopted(book, drafted(book))

    def progress() -> str:
        session = show("cross_checks", tab=SETS)
        return "\n".join(one.proto.text for one in session.get("progress"))

    assert "has not yet begun" in progress()
    with (
        patch("atlas_core.books.outcome_moves.FLOWS_AT_ONCE", 10),
        AtlasWriter(book.folder / "atlas.db") as writer,
    ):
        writer.write(move_outcomes, InForce(MILDER, 1, 1), now=1)
    assert "judges earlier flows anew: 10 of 40" in progress()
    follow_outcomes(book, InForce(MILDER, 1, 1))
    assert "Every outcome follows what is in force" in said(show("cross_checks", tab=SETS))


# ------------------------------------------------------------------------------------------------ replay


def test_past_decisions_are_replayed_both_ways() -> None:
    flows = [MadeFlow(checks=(MadeCheck(NAME, score),)) for score in (40, 65, 65, 75, 75, 95)]
    with made_book(flows) as made, sessions_over(made.folder):
        judge(made, of_flows=2, decision="accept")
        decide(made, "reject", 3, 5)
        decide(made, "accept", 4, 6)
        columns = open_columns(made.folder)
        with open_books(made.folder / "atlas.db", made.folder / "desk.db") as books:
            decisions = standing_decisions(books)
            assert decisions_reverted(books) == (0, 6)
        milder = replay(columns, decisions, Thresholds(60, 90))
        assert (milder.passed_accepted.tolist(), milder.passed_stopped.tolist()) == ([2], [3])
        assert (milder.asked_accepted.tolist(), milder.asked_stopped.tolist()) == ([], [])
        stricter = replay(columns, decisions, Thresholds(80, 90))
        assert (stricter.asked_accepted.tolist(), stricter.asked_stopped.tolist()) == ([4], [5])
        assert stricter.differing == 2
        session = show("cross_checks", tab=SETS, set=str(drafted(made, Thresholds(60, 90))), replayed="x")
        assert metrics(session)["Would pass, was stopped"] == "1"
        button_of = next(one for one in session.button if one.key == "replayed_let-through-stopped")
        button_of.click().run()
        assert "1 flow\\: would pass\\, was stopped" in opened(session)


def decide(made: MadeBook, decision: CaseDecision, *flow_ids: int) -> None:
    desk = Desk(made.folder / "desk.db")
    for flow_id in flow_ids:
        flow_uuid, digest, outcome = made.rows(
            "SELECT f.flow_uuid, r.digest, f.outcome FROM flows f JOIN results r USING (result_id)"
            " WHERE f.flow_id = ?",
            (flow_id,),
        )[0]
        seen = CaseSeen(str(flow_uuid), str(digest))
        decide_case(desk, LOCAL, seen, decision, outcome=str(outcome), in_force=InForce(Thresholds()))


@pytest.mark.parametrize("tab", [CALIBRATION, SETS])
def test_hostile_names_are_texts_here_too(tab: str) -> None:
    hostile = [MadeFlow(checks=(MadeCheck(HOSTILE, 40), MadeCheck(NAME, 40))) for _ in range(3)]
    with made_book(hostile) as made, sessions_over(Path(made.folder)):
        judge(made, decision="accept")
        set_id = drafted(made, Thresholds().with_check(HOSTILE, 20, 30), HOSTILE[:80])
        adopted(made, set_id)
        for address in ({"set": str(set_id)}, {"start": "now", "people": "1", "about": HOSTILE}):
            session = show("cross_checks", tab=tab, **address)
            assert not session.error
            assert "![x](http" not in said_in_markdown(session)
            for figure in figures(session):
                assert "<a href" not in json.dumps(figure["layout"])


def said_in_markdown(session: AppTest) -> str:
    """What goes through Markdown; what is drawn as text may hold anything."""
    kinds = ("subheader", "markdown", "caption", "warning", "error", "info", "success")
    labels = [one.label for one in session.button]
    return "\n".join([*(str(one.value) for kind in kinds for one in session.get(kind)), *labels])
