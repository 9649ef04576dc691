"""Other thresholds come into force: which outcomes move, and what is kept of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_core.access import LOCAL
from atlas_core.books import outcome_moves
from atlas_core.books.desk import Desk
from atlas_core.books.outcome_moves import move_outcomes
from atlas_core.books.threshold_sets import InForce, adopt_thresholds, draft_thresholds
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import Flag, FlagKind
from atlas_core.thresholds import Thresholds
from tests.made_columns import FAILED, RUNNING, MadeBook, MadeCheck, MadeDocument, MadeFlow, made_book
from tests.servers import running_sandbox
from tests.workers import running_worker, settings_for, until

NOW = 1_800_000_000_000
CHECKS = ("NAME", "MODEL")

flows = st.lists(
    st.builds(
        MadeFlow,
        status=st.sampled_from((MadeFlow().status, MadeFlow().status, FAILED, RUNNING)),
        documents=st.lists(
            st.builds(MadeDocument, type=st.just("INVOICE"), code=st.sampled_from(("", "", "INVALID_DOC"))),
            max_size=2,
        ).map(tuple),
        checks=st.lists(
            st.builds(
                MadeCheck, name=st.sampled_from(CHECKS), score=st.sampled_from((None, 10, 65, 69.5, 70, 85))
            ),
            max_size=3,
        ).map(tuple),
        flags=st.sampled_from(((), (Flag(FlagKind.SCORE_UNUSABLE, "x"),))),
        has_result=st.booleans(),
    ),
    max_size=12,
)
thresholds = st.builds(
    lambda low, own: Thresholds(low, 95, (("NAME", own, 95),)) if own else Thresholds(low, 95),
    st.sampled_from((0, 50, 66, 70, 90)),
    st.sampled_from((0, 60, 86)),
)

ORACLE = """
SELECT f.flow_uuid, CASE
  WHEN f.master_status = 'FAILED' THEN 'failed'
  WHEN f.master_status <> 'SUCCESS' OR f.result_id IS NULL THEN 'running'
  WHEN f.document_errors > 0 OR f.review_flags > 0 OR EXISTS (
    SELECT 1 FROM cross_checks c WHERE c.result_id = f.result_id
    AND c.similarity_score < CASE c.name WHEN 'NAME' THEN ? ELSE ? END) THEN 'review'
  ELSE 'clear' END
FROM flows f ORDER BY f.flow_id
"""


def expected(book: MadeBook, now: Thresholds) -> list[tuple[object, ...]]:
    return book.rows(ORACLE, (now.of("NAME")[0], now.of("MODEL")[0]))


def outcomes(book: MadeBook) -> list[tuple[object, ...]]:
    return book.rows("SELECT flow_uuid, outcome FROM flows ORDER BY flow_id")


@given(flows, st.lists(thresholds, min_size=1, max_size=3), st.sampled_from((1, 3, 2_000)))
@settings(max_examples=25)
def test_outcomes_follow_whatever_comes_into_force_and_every_move_is_kept(
    made: list[MadeFlow], sets: list[Thresholds], at_once: int
) -> None:
    with made_book(made) as book, AtlasWriter(book.folder / "atlas.db") as writer:
        with patch.object(outcome_moves, "FLOWS_AT_ONCE", at_once):
            for number, own in enumerate(sets, 1):
                before = outcomes(book)
                steps = 0
                while not writer.write(move_outcomes, InForce(own, number, number), now=NOW + number):
                    steps += 1
                    assert steps <= len(made) + 1
                assert outcomes(book) == expected(book, own)
                moved = [(was, now) for was, now in zip(before, outcomes(book), strict=True) if was != now]
                assert [(was[1], now[1]) for was, now in moved] == book.rows(
                    "SELECT before, after FROM outcome_changes WHERE adoption_id = ? ORDER BY flow_id",
                    (number,),
                )
        assert book.rows("SELECT low_checks FROM flows ORDER BY flow_id") == book.rows(
            "SELECT (SELECT count(*) FROM cross_checks c WHERE c.result_id = f.result_id"
            " AND c.similarity_score < CASE c.name WHEN 'NAME' THEN ? ELSE ? END)"
            " FROM flows f ORDER BY flow_id",
            (sets[-1].of("NAME")[0], sets[-1].of("MODEL")[0]),
        )


def test_a_move_left_half_way_goes_on_and_one_that_is_overtaken_begins_anew() -> None:
    made = [MadeFlow(checks=(MadeCheck("NAME", 75),)) for _ in range(6)]
    with made_book(made) as book, patch.object(outcome_moves, "FLOWS_AT_ONCE", 2):
        stricter, milder = InForce(Thresholds(80, 90), 1, 1), InForce(Thresholds(60, 90), 2, 2)
        with AtlasWriter(book.folder / "atlas.db") as writer:
            assert not writer.write(move_outcomes, stricter, now=NOW)
        assert [row[1] for row in outcomes(book)] == ["review"] * 2 + ["clear"] * 4
        with AtlasWriter(book.folder / "atlas.db") as writer:  # after a kill
            assert not writer.write(move_outcomes, stricter, now=NOW)
            assert [row[1] for row in outcomes(book)] == ["review"] * 4 + ["clear"] * 2
            while not writer.write(move_outcomes, milder, now=NOW):
                pass
        assert {row[1] for row in outcomes(book)} == {"clear"}
        assert book.rows("SELECT count(*) FROM outcome_changes WHERE adoption_id = 2") == [(4,)]


def test_the_same_thresholds_under_another_name_move_nothing() -> None:
    with made_book([MadeFlow(checks=(MadeCheck("NAME", 75),))] * 3) as book:
        with AtlasWriter(book.folder / "atlas.db") as writer:
            while not writer.write(move_outcomes, InForce(Thresholds()), now=NOW):
                pass
            assert writer.write(move_outcomes, InForce(Thresholds(), 4, 4), now=NOW)
        assert book.rows("SELECT count(*) FROM outcome_changes") == [(0,)]


def test_an_outcome_nobody_can_tell_stays_unknown() -> None:
    with made_book([MadeFlow(checks=(MadeCheck("NAME", 75),))]) as book:
        with closing(sqlite3.connect(book.folder / "atlas.db")) as connection, connection:
            connection.execute("UPDATE flows SET outcome = 'unknown'")
        with AtlasWriter(book.folder / "atlas.db") as writer:
            while not writer.write(move_outcomes, InForce(Thresholds(80, 90)), now=NOW):
                pass
        assert [row[1] for row in outcomes(book)] == ["unknown"]


def test_a_worker_follows_what_is_adopted_and_rolled_back_for_old_flows_and_new_ones(tmp_path: Path) -> None:
    with (
        running_sandbox(seconds=0.2) as sandbox,
        running_worker(settings_for(tmp_path, sandbox.url)) as worker,
    ):

        def ended(application_id: str) -> bool:
            return bool(worker.flow(application_id).get("confirmed_at"))

        desk = Desk(worker.settings.desk_book)
        worker.submit("APP-OLD")
        until(lambda: ended("APP-OLD"))
        before = worker.flow("APP-OLD")["outcome"]
        all_of_them = draft_thresholds(desk, LOCAL, "All", Thresholds(100, 100), why="w", evidence={})
        usual = draft_thresholds(desk, LOCAL, "Usual", Thresholds(), why="w", evidence={})
        one = adopt_thresholds(desk, LOCAL, all_of_them, why="w", seen_adoption=None)
        until(lambda: worker.flow("APP-OLD")["outcome"] == "review")
        worker.submit("APP-NEW")
        until(lambda: ended("APP-NEW"))
        assert worker.flow("APP-NEW")["outcome"] == "review"
        adopt_thresholds(desk, LOCAL, usual, why="w", seen_adoption=one)
        until(lambda: worker.flow("APP-OLD")["outcome"] == before)
