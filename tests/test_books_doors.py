"""What the book keeps of who called: tokens given, refusals counted, and the counts of deliveries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Migrations

from atlas_core.books import attempts, doors, inbox
from atlas_core.books.doors import CALLERS_AN_HOUR, HOUR_MS, LIVE_TOKENS, MINUTE_MS, OTHERS, Refusal
from atlas_core.books.schema import ATLAS, Edition, migrate, migrate_atlas
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from tests.made_books import START, MadeBooks, add_flow, begin, make_books, make_result, submit, upload
from tests.workers import rows


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def give(writer: AtlasWriter, number: int, attempt_id: int, *, now: int = START, life: int = 600_000) -> None:
    writer.write(
        doors.save_token,
        f"{number:064}",
        attempt_id,
        caller="203.0.113.7",
        expires_at=now + life,
        now=now,
    )


def test_tokens_of_one_minute_are_one_call_with_a_count(books: MadeBooks, writer: AtlasWriter) -> None:
    attempt_id = begin(writer, submit(books))
    minute = START // MINUTE_MS * MINUTE_MS
    for number, now in enumerate((minute, minute + 1, minute + MINUTE_MS)):
        give(writer, number, attempt_id, now=now)
    kept = rows(books.atlas, "SELECT called_at, last_at, times, caller FROM auth_calls ORDER BY called_at")
    assert kept == [
        (minute, minute + 1, 2, "203.0.113.7"),
        (minute + MINUTE_MS, minute + MINUTE_MS, 1, "203.0.113.7"),
    ]
    assert rows(books.atlas, "SELECT count(*) FROM receiver_tokens") == [(3,)]


def test_a_full_table_of_tokens_gives_up_those_of_whoever_fills_it_b92(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    greedy, modest = (begin(writer, submit(books)) for _ in range(2))
    give(writer, 0, modest)

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(1, LIVE_TOKENS + 50):
            doors.save_token(
                connection,
                f"{number:064}",
                greedy,
                caller="203.0.113.9",
                expires_at=START + 600_001 + number,
                now=START,
            )

    writer.write(fill)
    assert rows(books.atlas, "SELECT count(*) FROM receiver_tokens") == [(LIVE_TOKENS,)]
    assert rows(books.atlas, "SELECT count(*) FROM receiver_tokens WHERE attempt_id = ?", modest) == [(1,)]
    newest = rows(
        books.atlas, "SELECT 1 FROM receiver_tokens WHERE token_hash = ?", f"{LIVE_TOKENS + 49:064}"
    )
    assert newest == [(1,)]
    give(writer, 999_999, modest, now=START + 700_000)  # by now most have expired, and make room
    left = rows(books.atlas, "SELECT count(*) FROM receiver_tokens")[0][0]
    assert 1 <= left < LIVE_TOKENS


def test_expired_tokens_are_forgotten(books: MadeBooks, writer: AtlasWriter) -> None:
    attempt_id = begin(writer, submit(books))
    for number in (1, 2):
        give(writer, number, attempt_id, life=number)
    assert writer.write(doors.forget_tokens, now=START + 1) == 1
    with Worklist(books.atlas) as worklist:
        assert not worklist.has_live_token(f"{1:064}", START)
        assert worklist.has_live_token(f"{2:064}", START + 1)
        assert not worklist.has_live_token(f"{2:064}", START + 2)


def test_refusals_of_one_hour_add_up(books: MadeBooks, writer: AtlasWriter) -> None:
    hour = START // HOUR_MS * HOUR_MS
    told = [
        Refusal("auth", 401, "203.0.113.7", 3, hour + 10),
        Refusal("auth", 401, "203.0.113.7", 2, hour + 20),
        Refusal("auth", 429, "203.0.113.7", 1, hour + 30),
        Refusal("auth", 401, "203.0.113.7", 1, hour + HOUR_MS),
    ]
    writer.write(doors.record_refusals, told[:1])
    writer.write(doors.record_refusals, told[1:])
    kept = rows(books.atlas, "SELECT hour, status, times, last_at FROM refusals ORDER BY refusal_id")
    first = hour // HOUR_MS
    assert kept == [
        (first, 401, 5, hour + 20),
        (first, 429, 1, hour + 30),
        (first + 1, 401, 1, hour + HOUR_MS),
    ]


def test_beyond_a_hundred_callers_of_an_hour_the_rest_are_others(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    crowd = [
        Refusal("other", 404, f"203.0.{number // 250}.{number % 250}", 1, START) for number in range(300)
    ]
    for refusal in crowd:  # in as many writes: a restart begins no new hundred
        writer.write(doors.record_refusals, [refusal])
    writer.write(doors.record_refusals, [Refusal("auth", 401, crowd[0].caller, 1, START)])
    callers = rows(books.atlas, "SELECT count(DISTINCT caller) FROM refusals")
    assert callers == [(CALLERS_AN_HOUR + 1,)]
    others = rows(books.atlas, "SELECT sum(times) FROM refusals WHERE caller = ?", OTHERS)
    assert others == [(200,)]
    assert rows(books.atlas, "SELECT sum(times) FROM refusals") == [(301,)]


def test_callers_are_forgotten_in_time(books: MadeBooks, writer: AtlasWriter) -> None:
    attempt_id = begin(writer, submit(books))
    for number, now in enumerate((START, START + 100 * MINUTE_MS)):
        give(writer, number, attempt_id, now=now)
        writer.write(doors.record_refusals, [Refusal("auth", 401, "203.0.113.7", 1, now)])
    assert writer.write(doors.forget_callers, before=START + 1) == 2
    assert rows(books.atlas, "SELECT called_at FROM auth_calls") == [(START + 100 * MINUTE_MS,)]
    assert rows(books.atlas, "SELECT last_at FROM refusals") == [(START + 100 * MINUTE_MS,)]


def counted(books: MadeBooks) -> dict[tuple[str, str], int]:
    found = rows(books.atlas, "SELECT channel, outcome, deliveries FROM delivery_counts WHERE deliveries > 0")
    return {(channel, outcome): count for channel, outcome, count in found}


def test_deliveries_are_counted_as_they_come_change_and_go(books: MadeBooks, writer: AtlasWriter) -> None:
    attempt_id = begin(writer, submit(books))
    upload(writer, attempt_id, "flow-0001")
    add_flow(writer, "flow-0002", result=make_result("flow-0002"))
    result = make_result("flow-0001")
    for _ in range(2):
        writer.write(inbox.save_callback, attempt_id, result, other_application=False, received_at=START)
    assert counted(books) == {("callback", "waiting"): 1, ("extracts", "confirmed"): 1}
    writer.write(lambda connection: inbox.bury_delivery(connection, 2, "it was poisoned"))
    assert counted(books) == {("callback", "dead letter"): 1, ("extracts", "confirmed"): 1}
    writer.write(lambda connection: connection.execute("DELETE FROM deliveries WHERE delivery_id = 2"))
    assert counted(books) == {("extracts", "confirmed"): 1}


def first_edition() -> Edition:
    first = Migrations("atlas")
    known = ATLAS.migrations._migrations[0]
    first(name=known.name)(known.fn)
    return replace(ATLAS, migrations=first)


def test_a_book_of_the_first_edition_is_counted_at_its_upgrade(tmp_path: Path) -> None:
    book = tmp_path / "atlas.db"
    migrate(book, first_edition())
    with closing(sqlite3.connect(book)) as connection, connection:
        for number, outcome in enumerate(("confirmed", "confirmed", "late")):
            connection.execute(
                "INSERT INTO deliveries (channel, received_at, last_seen_at, digest, size, outcome)"
                " VALUES ('callback', 1, 1, ?, 1, ?)",
                (f"{number:064}", outcome),
            )
    migrate_atlas(book)
    assert rows(book, "SELECT * FROM delivery_counts") == [
        ("callback", "confirmed", 2),
        ("callback", "late", 1),
    ]


class Steps:
    """Counts what SQLite does for a connection's statements, in thousands of its steps."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.thousands = 0
        connection.set_progress_handler(self._count, 1_000)

    def _count(self) -> int:
        self.thousands += 1
        return 0


@pytest.fixture
def crowded(books: MadeBooks, writer: AtlasWriter) -> MadeBooks:
    """Twenty thousand deliveries that wait for nothing."""

    def crowd(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO deliveries (channel, received_at, last_seen_at, digest, size, outcome)"
            " VALUES ('callback', 1, 1, ?, 1, 'confirmed')",
            ((f"{number:064}",) for number in range(20_000)),
        )

    writer.write(crowd)
    return books


def test_callbacks_that_wait_are_found_without_reading_all_deliveries(crowded: MadeBooks) -> None:
    """Among a million deliveries it once took 0.6 s to find none, and the worker looks every 2 s."""
    with Worklist(crowded.atlas) as worklist:
        steps = Steps(worklist._connection)
        assert worklist.waiting_deliveries() == []
        assert steps.thousands < 5


def test_a_flows_answer_and_old_orphans_are_kept_without_reading_all_deliveries(
    crowded: MadeBooks, writer: AtlasWriter
) -> None:
    """Among a million deliveries each answer of flow/init once held the book for a second."""
    attempt_id = begin(writer, submit(crowded))

    def keep(connection: sqlite3.Connection) -> int:
        steps = Steps(connection)
        attempts.save_init_answer(connection, attempt_id, "flow-0001", now=START)
        inbox.record_old_orphans(connection, received_before=START, now=START)
        connection.set_progress_handler(None, 0)
        return steps.thousands

    assert writer.write(keep) < 5
