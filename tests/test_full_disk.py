"""A full disk is an error and no damage: nothing acknowledged is lost, and writing goes on by itself."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books import store
from atlas_core.books.schema import check_book
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookFull
from tests.doors import Door, open_door
from tests.made_books import make_books
from tests.page_sessions import said, sessions_over, show
from tests.workers import rows


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


def limit(connection: sqlite3.Connection, spare: int) -> None:
    """The book may grow by so many pages: SQLite's own limit stands for the full disk."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + spare}")


def results(number: int) -> bytes:
    noise = "".join(f"{number * 7919 + place:x}" for place in range(4_000))  # does not compress away
    return json.dumps({"flow_uuid": "flow-0001", "ocr_data": [], "cross_checks": [], "x": noise}).encode()


def test_over_a_full_book_callbacks_are_refused_and_taken_again_without_a_restart_b88(door: Door) -> None:
    """A17"""
    token = door.token()
    door.writer.write(limit, 12)
    statuses, kept = [], []
    for number in range(12):
        status, headers, _ = door.ask("POST", "/atlas/callback/callback-part", results(number), Token=token)
        statuses.append(status)
        if status == 200:
            kept.append(number)
        else:
            assert headers["retry-after"] == "30"
    assert set(statuses) == {200, 503}
    assert len(door.deliveries()) == len(kept), "kept is exactly what was acknowledged"
    door.writer.write(limit, 10_000)
    again = [number for number in range(12) if number not in kept]
    assert [door.call(results(number), token) for number in again] == [200] * len(again)
    assert len(door.deliveries()) == 12
    check_book(door.book)


def test_a_full_book_loses_no_job_that_was_answered_among_others_that_were_not(tmp_path: Path) -> None:
    books = make_books(tmp_path)

    def note(connection: sqlite3.Connection, number: int) -> int:
        connection.execute("INSERT INTO book VALUES (?, ?)", [f"{number:06}", "x" * 9_000])
        return number

    answered, refused = [], 0
    with AtlasWriter(books.atlas) as writer:
        writer.write(limit, 200)
        futures = [writer.write_soon(note, number) for number in range(300)]
        for future in futures:
            try:
                answered.append(future.result())
            except BookFull:
                refused += 1
        writer.write(limit, 10_000)
        answered.append(writer.write(note, 999))
    held = rows(books.atlas, "SELECT key FROM book WHERE value LIKE 'x%' ORDER BY key")
    assert [int(key) for (key,) in held] == sorted(answered)
    assert refused > 0
    check_book(books.atlas)


@pytest.mark.parametrize(
    ("free", "told"),
    [(100 * 2**20, "The disk is nearly full"), (0, "The disk is full"), (600 * 2**20, "The worker is not")],
)
def test_the_pages_see_a_full_disk_for_themselves_b88(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, told: str
) -> None:
    """A worker that cannot write cannot say so: it looked as if it did not run."""
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        writer.write(store.record_state, "worker", "running", "", now=now_ms() - 60_000)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, free))
    with sessions_over(books.atlas.parent):
        text = said(show("today"))
    assert told in text
    assert ("The worker is not running" in text) == (free > 0)


def test_failing_backups_and_a_growing_log_are_told_on_every_page(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        writer.write(store.record_state, "worker", "running", "", now=now_ms())
        writer.write(store.record_state, "backup of desk.db", "ok", "", now=now_ms() - 3 * 3_600_000)
        writer.write(store.record_state, "backup", "failed", "The disk is full.", now=now_ms() - 60_000)
        writer.write(store.record_state, "log", "growing", "It has 99 MB.", now=now_ms() - 60_000)
    with sessions_over(books.atlas.parent):
        text = said(show("today"))
    assert "Backups fail since" in text
    assert "taken 3 h ago." in text
    assert "The log of the book grows since" in text
