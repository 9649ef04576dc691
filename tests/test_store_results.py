"""What becomes of a flow's deliveries and versions, in every order in which they can come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from atlas_core.books import results, store
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import Flag, FlagKind, FlowStatus, Result
from tests.made_books import DONE, FAILED, START, make_books, make_result
from tests.workers import rows

FIRST, SECOND = make_result("flow-0001"), make_result("flow-0001", similarities=(95, 40))


@dataclass
class Ledger:
    """A book with one flow, and what it says of it."""

    book: Path
    writer: AtlasWriter
    flow_id: int
    now: int = START

    def end(self, status: FlowStatus = DONE) -> None:
        self.now += 5_000
        self.writer.write(store.save_look, self.flow_id, status, looked_at=self.now)

    def bring(self, channel: str, result: Result, *, confirmed: bool = False, attempt_id: int = 0) -> str:
        self.now += 5_000
        return self.writer.write(
            results.save_result,
            self.flow_id,
            result,
            channel=channel,
            received_at=self.now,
            confirmed=confirmed,
            standards=Standards(),
            attempt_id=attempt_id or None,
        )

    def flow(self, *columns: str) -> tuple[Any, ...]:
        return rows(self.book, f"SELECT {', '.join(columns)} FROM flows")[0]  # noqa: S608 our own names

    def outcomes(self) -> list[tuple[Any, ...]]:
        return rows(self.book, "SELECT channel, outcome, times_seen FROM deliveries ORDER BY delivery_id")

    def versions(self) -> list[tuple[Any, ...]]:
        return rows(self.book, "SELECT version, digest, confirmed FROM results ORDER BY version")

    def effective(self) -> tuple[Any, ...]:
        return rows(
            self.book, "SELECT r.digest, r.confirmed FROM flows f JOIN results r ON r.result_id = f.result_id"
        )[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        flow_id = writer.write(
            store.save_flow, "flow-0001", application_id="APP-1", product_type="PROD_CDL", created_at=START
        )
        yield Ledger(books.atlas, writer, flow_id)


def test_fetched_results_after_the_end_are_the_flows_confirmed_first_version(ledger: Ledger) -> None:
    ledger.end()
    assert ledger.bring("extracts", FIRST, confirmed=True) == "confirmed"
    assert ledger.versions() == [(1, FIRST.digest, 1)]
    assert ledger.flow("outcome", "documents", "checks", "min_similarity", "watched", "confirmed_at") == (
        "clear",
        1,
        1,
        95,
        0,
        ledger.now,
    )


def test_the_same_results_again_are_a_count_and_no_version(ledger: Ledger) -> None:
    ledger.end()
    for _ in range(3):
        ledger.bring("extracts", FIRST, confirmed=True)
    assert ledger.outcomes() == [("extracts", "confirmed", 3)]
    assert len(ledger.versions()) == 1


def test_a_callback_is_provisional_and_the_same_fetch_confirms_it(ledger: Ledger) -> None:
    assert ledger.bring("callback", FIRST, attempt_id=0) == "provisional"
    assert ledger.flow("outcome", "confirmed_at") == ("running", None)
    ledger.end()
    assert ledger.flow("outcome") == ("clear",)
    assert ledger.bring("extracts", FIRST, confirmed=True) == "confirms"
    assert ledger.versions() == [(1, FIRST.digest, 1)]
    assert ledger.outcomes() == [("callback", "confirmed", 1), ("extracts", "confirms", 1)]


def test_a_fetch_that_names_the_flow_otherwise_than_the_callback_confirms_it(ledger: Ledger) -> None:
    named = replace(FIRST, canonical=FIRST.canonical[:-1] + b', "APP-1"]')
    assert (named.digest, named.canonical) != (FIRST.digest, FIRST.canonical)
    ledger.bring("callback", named)
    ledger.end()
    assert ledger.bring("extracts", FIRST, confirmed=True) == "confirms"
    assert rows(ledger.book, "SELECT 1 FROM alarms") == []
    bodies = rows(ledger.book, "SELECT body IS NOT NULL FROM deliveries ORDER BY delivery_id")
    assert bodies == [(1,), (1,)]  # each as it came


def test_one_body_is_kept_for_each_flow_and_content(ledger: Ledger) -> None:
    ledger.bring("callback", FIRST)
    ledger.end()
    ledger.bring("extracts", FIRST, confirmed=True)
    ledger.bring("extracts", SECOND, confirmed=True)
    bodies = rows(ledger.book, "SELECT body IS NOT NULL FROM deliveries ORDER BY delivery_id")
    assert bodies == [(1,), (0,), (1,)]


def test_fetched_results_outvote_a_callback_that_differs_b69_b74(ledger: Ledger) -> None:
    ledger.bring("callback", FIRST)
    ledger.end()
    assert ledger.bring("extracts", SECOND, confirmed=True) == "confirmed"
    assert ledger.effective() == (SECOND.digest, 1)
    assert ledger.outcomes()[0] == ("callback", "contradicted", 1)
    assert rows(ledger.book, "SELECT kind FROM flags") == [("callback differed",)]
    assert rows(ledger.book, "SELECT kind FROM alarms") == [("callback contradicted",)]
    assert ledger.flow("outcome") == ("review",)


def test_a_callback_after_confirmation_is_late_and_changes_nothing_b68(ledger: Ledger) -> None:
    ledger.end()
    ledger.bring("extracts", FIRST, confirmed=True)
    before = ledger.flow("result_id", "outcome", "confirmed_at")
    assert ledger.bring("callback", SECOND) == "late"
    assert ledger.flow("result_id", "outcome", "confirmed_at") == before
    assert len(ledger.versions()) == 1


def test_results_that_change_after_confirmation_are_a_new_flagged_version(ledger: Ledger) -> None:
    ledger.end()
    ledger.bring("extracts", FIRST, confirmed=True)
    confirmed_at = ledger.flow("confirmed_at")
    ledger.bring("extracts", SECOND, confirmed=True)
    assert ledger.versions() == [(1, FIRST.digest, 1), (2, SECOND.digest, 1)]
    assert ledger.effective() == (SECOND.digest, 1)
    assert rows(ledger.book, "SELECT result_id, kind, raw FROM flags") == [
        (2, "changed after confirmation", "version 1")
    ]
    assert ledger.flow("confirmed_at") == confirmed_at


def test_a_reading_before_the_checks_are_complete_is_confirmed_by_a_later_one(ledger: Ledger) -> None:
    ledger.end(FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS"))
    assert ledger.bring("extracts", FIRST) == "provisional"
    assert ledger.flow("watched", "confirmed_at") == (1, None)
    assert ledger.bring("callback", SECOND) == "contradicted"
    assert ledger.effective() == (FIRST.digest, 0)
    ledger.bring("extracts", FIRST, confirmed=True)
    assert ledger.effective() == (FIRST.digest, 1)
    assert ledger.outcomes()[0] == ("extracts", "confirmed", 2)


def test_a_callback_that_said_first_what_is_confirmed_in_the_end_was_right(ledger: Ledger) -> None:
    """It once stayed 'contradicted', by a reading that Atlas itself had given up since."""
    ledger.end(FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS"))
    ledger.bring("extracts", FIRST)
    assert ledger.bring("callback", SECOND) == "contradicted"
    ledger.bring("extracts", SECOND, confirmed=True)
    assert [row[:2] for row in ledger.outcomes()] == [
        ("extracts", "provisional"),
        ("callback", "confirmed"),
        ("extracts", "confirmed"),
    ]


def test_an_early_fetch_that_says_the_same_twice_is_still_provisional(ledger: Ledger) -> None:
    """The second once looked confirmed in the ledger, before Atlas had finished."""
    ledger.end(FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS"))
    ledger.bring("callback", FIRST)
    for _ in range(2):
        assert ledger.bring("extracts", FIRST) == "provisional"
    assert [row[:2] for row in ledger.outcomes()] == [
        ("callback", "provisional"),
        ("extracts", "provisional"),
    ]
    assert ledger.versions() == [(1, FIRST.digest, 0)]
    ledger.bring("extracts", FIRST, confirmed=True)
    assert [row[:2] for row in ledger.outcomes()] == [("callback", "confirmed"), ("extracts", "confirmed")]


def test_confirmation_brings_the_flags_of_the_reading_that_confirms(ledger: Ledger) -> None:
    ledger.end()
    ledger.bring("extracts", FIRST)
    flag = Flag(FlagKind.CHECKS_UNFINISHED, "crossheck_status", "PENDING")
    flagged = make_result("flow-0001", flags=(flag,))
    assert flagged.digest == FIRST.digest
    ledger.bring("extracts", flagged, confirmed=True)
    assert rows(ledger.book, "SELECT kind, raw FROM flags") == [("cross-checks unfinished", "PENDING")]
    assert ledger.flow("review_flags", "outcome") == (1, "review")


@pytest.mark.parametrize("order", list(permutations(["end", "callback", "fetch", "stale callback"])))
def test_every_order_of_news_ends_with_what_was_fetched_last(ledger: Ledger, order: tuple[str, ...]) -> None:
    for news in order:
        if news == "end":
            ledger.end()
        elif news == "fetch":
            ledger.bring("extracts", SECOND, confirmed=True)
        else:
            ledger.bring("callback", FIRST if news == "stale callback" else SECOND)
    assert ledger.effective() == (SECOND.digest, 1)
    assert ledger.flow("outcome", "min_similarity", "master_status") == ("review", 40, "SUCCESS")


def test_lists_that_were_not_delivered_are_unknown_and_not_zero(ledger: Ledger) -> None:
    ledger.end()
    nothing = Result("flow-0001", None, None, None, (), b"{}", "0" * 64, 2)
    ledger.bring("extracts", nothing, confirmed=True)
    assert ledger.flow("documents", "document_errors", "checks", "min_similarity") == (None, None, None, None)


@pytest.mark.parametrize("end", [DONE, FAILED], ids=["success", "failed"])
def test_an_ended_flow_never_moves_back_b68(ledger: Ledger, end: FlowStatus) -> None:
    ledger.end(end)
    before = ledger.flow("master_status", "upload_status", "outcome", "ended_at")
    changes = rows(ledger.book, "SELECT * FROM status_changes")
    for word in ("IN_PROGRESS", "NOT_STARTED", "PARTIAL"):
        ledger.end(FlowStatus("IN_PROGRESS", end.processing, end.crosscheck, word))
        ledger.end(FlowStatus(None, None, None, None))
    assert ledger.flow("master_status", "upload_status", "outcome", "ended_at") == before
    assert rows(ledger.book, "SELECT * FROM status_changes") == changes
    assert rows(ledger.book, "SELECT kind FROM alarms") == [("status went back",)]


def test_completed_checks_stay_completed_when_a_later_look_says_otherwise_b68(ledger: Ledger) -> None:
    ledger.end()
    ledger.end(FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS"))
    assert ledger.flow("crosscheck_status") == ("COMPLETED",)
    assert rows(ledger.book, "SELECT kind FROM alarms") == [("status went back",)]


@pytest.mark.parametrize(
    ("first", "then", "outcome"),
    [(DONE, FAILED, "failed"), (FAILED, DONE, "review")],
    ids=["failed", "success"],
)
@pytest.mark.parametrize("fetched", ["before", "after", "both"])
def test_another_end_than_before_stands_with_an_alarm_and_a_flag_for_a_person_b69(
    ledger: Ledger, first: FlowStatus, then: FlowStatus, outcome: str, fetched: str
) -> None:
    ledger.end(first)
    if fetched != "after":
        ledger.bring("extracts", FIRST, confirmed=True)
    for _ in range(2):
        ledger.end(then)
    if fetched != "before":
        ledger.bring("extracts", FIRST, confirmed=True)
    assert ledger.flow("master_status", "outcome", "review_flags") == (then.master, outcome, 1)
    assert ledger.versions() == [(1, FIRST.digest, 1)]
    assert rows(ledger.book, "SELECT kind FROM flags") == [("status contradicted",)]
    ((sentence,),) = rows(ledger.book, "SELECT sentence FROM alarms WHERE kind = 'status contradicted'")
    assert f"master was {first.master} and is {then.master}" in sentence


def test_a_contradicted_end_is_flagged_on_every_later_version_too_b69(ledger: Ledger) -> None:
    ledger.end()
    ledger.end(FAILED)
    ledger.end()
    ledger.bring("extracts", FIRST, confirmed=True)
    ledger.bring("extracts", make_result("flow-0001", similarities=(96,)), confirmed=True)
    assert ledger.flow("master_status", "outcome", "review_flags") == ("SUCCESS", "review", 1)
    flagged = rows(ledger.book, "SELECT result_id FROM flags WHERE kind = 'status contradicted'")
    assert flagged == [(1,), (2,)]


def test_a_flow_atlas_forgot_keeps_what_was_confirmed(ledger: Ledger) -> None:
    ledger.end()
    ledger.bring("extracts", FIRST, confirmed=True)
    ledger.writer.write(store.save_trouble, ledger.flow_id, "Unknown.", watched=False, unknown=True)
    assert ledger.flow("outcome", "trouble") == ("clear", "Unknown.")


def test_checks_may_still_complete_after_the_end(ledger: Ledger) -> None:
    ledger.end(FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS"))
    ended_at = ledger.flow("ended_at")
    ledger.end()
    assert ledger.flow("crosscheck_status") == ("COMPLETED",)
    assert ledger.flow("ended_at") == ended_at


def test_a_change_lies_between_two_looks_and_silence_changes_nothing(ledger: Ledger) -> None:
    ledger.end(FlowStatus("NOT_STARTED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED"))
    ledger.end(FlowStatus("IN_PROGRESS", "NOT_STARTED", None, "IN_PROGRESS"))
    changes = rows(
        ledger.book, "SELECT status, not_before, seen_at FROM status_changes WHERE stage = 'upload'"
    )
    assert changes == [("NOT_STARTED", None, START + 5_000), ("IN_PROGRESS", START + 5_000, START + 10_000)]
    assert ledger.flow("crosscheck_status") == ("NOT_STARTED",)


def test_a_clock_that_goes_back_makes_no_negative_interval_b57(ledger: Ledger) -> None:
    ledger.end(FlowStatus("NOT_STARTED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED"))
    ledger.now -= 60_000
    ledger.end()
    backwards = rows(ledger.book, "SELECT 1 FROM status_changes WHERE not_before > seen_at")
    assert backwards == []
