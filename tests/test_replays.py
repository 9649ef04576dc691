"""Deliveries read again because somebody asks, over real workers: what became of each, and that the second
time changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pytest

from atlas_core.access import LOCAL, Role, User
from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts, inbox, queries, store
from atlas_core.books.desk import Desk
from atlas_core.books.queries import Wanted
from atlas_core.books.reading import open_books
from atlas_core.books.schema import check_book
from atlas_core.books.wishes import REPLAYED_AT_MOST, want_replay
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import InputError, NotAllowed
from tests.desk_processes import ROOT, desk_environment
from tests.made_books import MadeBooks, make_books, reading
from tests.workers import (
    RunningWorker,
    empty_results,
    rows,
    running_worker,
    settings_for,
    start_attempt,
    until,
)

NOWHERE = "http://127.0.0.1:9"
POISON = "it could not be taken up (KeyError)"


def letters(books: MadeBooks, number: int, body: bytes | None = None, *, flow: bool = True) -> list[int]:
    """Callbacks to so many attempts that an earlier edition of the program could not take up."""

    def write(connection: Connection) -> None:
        for n in range(1, number + 1):
            attempt_id = attempts.start_attempt(
                connection,
                n,
                1,
                application_id=f"APP-{n}",
                product_type="PROD_CDL",
                auth_part=f"{n:064}",
                callback_part=f"{n:064}",
                now=now_ms(),
            )
            assert attempt_id is not None
            if flow:
                attempts.save_init_answer(connection, attempt_id, f"flow-{n:04}", now=now_ms())
            result = parse_result(empty_results(f"flow-{n:04}"))
            if body is not None and n == 1:
                result = replace(result, canonical=body)
            inbox.save_callback(connection, attempt_id, result, other_application=False, received_at=now_ms())
            inbox.bury_delivery(connection, n, POISON)
        # Nothing is left to be sent: what becomes of a flow is told by its callback alone.
        connection.execute("UPDATE attempts SET state = 'uploaded' WHERE flow_id IS NOT NULL")

    with AtlasWriter(books.atlas) as writer:
        writer.write(write)
    return list(range(1, number + 1))


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@contextmanager
def working(books: MadeBooks) -> Iterator[RunningWorker]:
    """A worker over these books without an Atlas: what becomes of a delivery is told by nothing else."""
    with running_worker(settings_for(books.atlas.parent, NOWHERE)) as worker:
        yield worker


def replay(worker: RunningWorker, *delivery_ids: int) -> list[tuple[Any, ...]]:
    """Asks for a replay, waits for its end, and returns what became of each."""
    replay_id = want_replay(worker.desk, LOCAL, delivery_ids, "they can be read now")
    until(lambda: done(worker.settings.desk_book, replay_id), 20)
    with open_books(worker.settings.atlas_book, worker.settings.desk_book) as opened:
        told = queries.replay_outcomes(opened, replay_id)
    return list(told[["delivery_id", "came", "outcome"]].itertuples(index=False, name=None))


def done(desk_book: Path, replay_id: int) -> bool:
    return rows(desk_book, "SELECT 1 FROM replays WHERE replay_id = ? AND state = 'done'", replay_id) != []


def said_of_flows(worker: RunningWorker) -> list[tuple[Any, ...]]:
    return [
        *worker.rows("SELECT * FROM results ORDER BY result_id"),
        *worker.rows("SELECT * FROM deliveries ORDER BY delivery_id"),
        *worker.rows("SELECT alarm_id, kind, last_at FROM alarms ORDER BY alarm_id"),
        *worker.rows("SELECT flow_id, result_id, outcome, confirmed_at FROM flows ORDER BY flow_id"),
    ]


# ------------------------------------------------------------------------------------------ what they do


def test_a_dead_letter_that_can_be_read_now_is_taken_up_and_the_second_time_nothing_changes(
    books: MadeBooks,
) -> None:
    (delivery_id,) = letters(books, 1)
    with working(books) as worker:
        assert replay(worker, delivery_id) == [(delivery_id, "taken up", "provisional")]
        assert worker.rows("SELECT reason FROM deliveries") == [(None,)]
        assert worker.rows("SELECT version, confirmed FROM results") == [(1, 0)]
        before = said_of_flows(worker)
        assert replay(worker, delivery_id) == [(delivery_id, "nothing changed", "provisional")]
        assert said_of_flows(worker) == before
    with reading(books) as opened:
        row = queries.arrivals_page(opened, Wanted(channel="callback")).rows.iloc[0]
        assert row["replay_came"] == "nothing changed"
        newest, oldest = queries.replays(opened).to_dict("records")
    assert (oldest["taken_up"], oldest["nothing_changed"], oldest["deliveries"]) == (1, 0, 1)
    assert (newest["taken_up"], newest["nothing_changed"], newest["state"]) == (0, 1, "done")
    assert newest["asked_by"] == LOCAL.who


def test_whatever_was_taken_up_already_stays_as_it_is(books: MadeBooks) -> None:
    with working(books) as worker:
        writer = worker.worker._writer
        for number in (1, 2):
            attempt_id = start_attempt(writer, number)
            if number == 1:
                writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=now_ms())
            assert worker.call_back(number, empty_results(f"flow-000{number}")) == 200
        until(lambda: worker.rows("SELECT 1 FROM deliveries WHERE outcome = 'provisional'"))
        assert worker.call_back(1, empty_results("flow-9999")) == 200
        before = said_of_flows(worker)
        assert replay(worker, 1, 2, 3, 77) == [
            (1, "nothing changed", "provisional"),
            (2, "nothing changed", "orphan"),
            (3, "nothing changed", "mismatch"),
            (77, "not there", None),
        ]
        assert said_of_flows(worker) == before


def test_what_still_cannot_be_read_says_where_and_stays_a_dead_letter(books: MadeBooks) -> None:
    wrong, right = letters(books, 2, b'{"flow_uuid": "flow-0001", "ocr_data": [{"fields": 7}]')
    with working(books) as worker:
        assert replay(worker, wrong, right) == [
            (wrong, "still unreadable", "dead letter"),
            (right, "taken up", "provisional"),
        ]
    with reading(books) as opened:
        dead = queries.dead_letters(opened)
    assert dead["delivery_id"].tolist() == [wrong]
    assert "at byte" in dead["reason"].iloc[0]
    assert dead["replay_came"].tolist() == ["still unreadable"]
    assert dead["is_kept"].tolist() == [True]


def test_kept_content_that_the_disk_damaged_is_said_and_holds_no_other_up(books: MadeBooks) -> None:
    spoilt, sound = letters(books, 2)
    with AtlasWriter(books.atlas) as writer:
        writer.write(
            lambda connection: connection.execute(
                "UPDATE deliveries SET body = x'789c00' WHERE delivery_id = ?", (spoilt,)
            )
        )
    with working(books) as worker:
        assert replay(worker, spoilt, sound) == [
            (spoilt, "still unreadable", "dead letter"),
            (sound, "taken up", "provisional"),
        ]
        reason = worker.rows("SELECT reason FROM deliveries WHERE delivery_id = ?", spoilt)
        assert reason == [("its kept content is damaged",)]
        assert worker.worker._inbox.is_alive


def test_a_text_that_was_never_kept_is_fetched_from_atlas_instead_b75(books: MadeBooks) -> None:
    with working(books) as worker:
        writer = worker.worker._writer
        attempt_id = start_attempt(writer, 1)
        flow_id = writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=now_ms())
        assert worker.call_back(1, b'{"flow_uuid": "flow-0001", "ocr_data": [') == 400
        with reading(books) as opened:
            plan = queries.replay_plan(opened, [1])
        assert (plan.readable_letters, plan.unkept_letters, plan.flows) == (0, 1, 1)
        writer.write(store.save_watched, flow_id, False)
        assert replay(worker, 1) == [(1, "not kept", "dead letter")]
        assert worker.rows("SELECT watched FROM flows") == [(1,)]


def test_a_letter_without_a_flow_waits_for_it_and_one_of_another_flow_is_put_aside(books: MadeBooks) -> None:
    early, strange = letters(books, 2, flow=False)
    with AtlasWriter(books.atlas) as writer:
        writer.write(attempts.save_init_answer, 2, "flow-7777", now=now_ms())
    with working(books) as worker:
        assert replay(worker, early, strange) == [
            (early, "taken up", "orphan"),
            (strange, "taken up", "mismatch"),
        ]
        assert worker.rows("SELECT kind, attempt_id FROM alarms") == [("callback for another flow", 2)]
        worker.worker._writer.write(attempts.save_init_answer, 1, "flow-0001", now=now_ms())
        until(lambda: worker.rows("SELECT outcome FROM deliveries LIMIT 1") == [("provisional",)], 5)


def test_five_hundred_dead_letters_are_replayed_and_replaying_all_twice_changes_nothing(
    books: MadeBooks,
) -> None:
    """A7"""
    ids = letters(books, 500)
    with reading(books) as opened:
        found = queries.deliveries_to_replay(opened, Wanted(outcome="dead letter"))
        assert sorted(found) == ids
        plan = queries.replay_plan(opened, [*found, 9999])
    assert (plan.readable_letters, plan.taken_up, plan.missing, plan.flows) == (500, 0, 1, 500)
    with working(books) as worker:
        assert {came for _, came, _ in replay(worker, *ids)} == {"taken up"}
        assert worker.rows("SELECT count(*) FROM results") == [(500,)]
        before = said_of_flows(worker)
        assert {came for _, came, _ in replay(worker, *ids)} == {"nothing changed"}
        assert said_of_flows(worker) == before


@contextmanager
def worker_process(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "atlas_core", "worker"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_replay_that_a_kill_cut_off_goes_on_where_it_was(books: MadeBooks) -> None:
    ids = letters(books, 200)
    replay_id = want_replay(books.open_desk(), LOCAL, ids)

    def so_far() -> int:
        return int(rows(books.atlas, "SELECT count(*) FROM replay_outcomes")[0][0])

    environment = desk_environment(books.atlas.parent, NOWHERE)
    with worker_process(environment) as process:
        until(so_far)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert not done(books.desk, replay_id)
    with worker_process(environment):
        until(lambda: done(books.desk, replay_id))
    check_book(books.atlas)
    assert rows(books.atlas, "SELECT came, count(*) FROM replay_outcomes") == [("taken up", 200)]
    assert rows(books.atlas, "SELECT count(*), count(DISTINCT flow_id) FROM results") == [(200, 200)]


# -------------------------------------------------------------------------------------------- who may ask


def test_who_may_not_replay_leaves_neither_wish_nor_trace(books: MadeBooks) -> None:
    analyst = User("ana", "Ana", frozenset({Role.ANALYST}))
    with pytest.raises(NotAllowed, match="admin or lead"):
        want_replay(books.open_desk(), analyst, [1])
    assert rows(books.desk, "SELECT count(*) FROM replays") == [(0,)]
    assert rows(books.desk, "SELECT count(*) FROM audit") == [(0,)]


def test_a_replay_is_in_the_audit_log_with_its_deliveries_and_reason(books: MadeBooks) -> None:
    desk: Desk = books.open_desk()
    first = want_replay(desk, LOCAL, [3, 1, 2, 9, 2], "Atlas mended its payloads", now=1_790_000_000_000)
    second = want_replay(desk, LOCAL, [5], now=1_790_000_000_000)
    assert second == first + 1
    kept = rows(books.desk, "SELECT who, action, subject, reason, detail FROM audit ORDER BY entry_id")
    assert kept[0][:4] == (LOCAL.who, "replay", "4 deliveries", "Atlas mended its payloads")
    assert json.loads(kept[0][4]) == {"deliveries": 4, "spans": [[1, 3], [9, 9]]}
    assert kept[1][2] == "delivery 5"
    assert desk.verify_audit().broken_at is None


@pytest.mark.parametrize("delivery_ids", [[], range(REPLAYED_AT_MOST + 1)], ids=["none", "too many"])
def test_a_replay_of_nothing_or_of_too_much_is_refused_with_a_way_out(
    books: MadeBooks, delivery_ids: list[int]
) -> None:
    with pytest.raises(InputError, match="1 to 10,000"):
        want_replay(books.open_desk(), LOCAL, delivery_ids)
