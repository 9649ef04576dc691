"""A backup is whole and proved so, or it is not there; and taking one holds nobody up."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
import threading
from collections import namedtuple
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from atlas_core.books.backups import (
    DAILY,
    HOURLY,
    SOME_A_DAY,
    at_work_in,
    beyond,
    cadence_of,
    copies_in,
    find_copy,
    seconds_until_due,
    take_backup,
)
from atlas_core.books.copies import Copy, Inventory, copied_minute, verify_copy
from atlas_core.books.schema import check_book
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookDamaged, BookError, BookFull, InputError
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result, submit
from tests.workers import rows

FORK = multiprocessing.get_context("fork")
HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for number in range(5):
            add_flow(writer, f"flow-{number:04}", result=make_result(f"flow-{number:04}"))
    submit(made, "APP-1")
    return made


def backups(books: MadeBooks) -> Path:
    return books.atlas.parent / "backups"


def test_a_backup_is_the_book_for_its_owner_alone_and_can_be_proved(books: MadeBooks) -> None:
    for book in (books.atlas, books.desk):
        copy = take_backup(book, backups(books), now=START)
        assert copy.name == f"{book.stem}-20260921T141320Z"
        check_book(copy.file)
        verify_copy(find_copy(backups(books), copy.name))
        files = {path.name: path.stat().st_mode & 0o777 for path in copy.folder.iterdir()}
        assert files == {book.name: 0o600, "manifest.json": 0o600}
        assert copy.folder.stat().st_mode & 0o777 == 0o700
    assert backups(books).stat().st_mode & 0o777 == 0o700
    atlas, desk = copies_in(backups(books))
    assert (atlas.inventory.rows["flows"], atlas.inventory.newest["flows"]) == (5, 5)
    assert atlas.inventory.rows["fields"] == 10
    assert desk.inventory.rows["submissions"] == 1


def test_a_copy_knows_that_it_is_one_and_the_book_does_not_change(books: MadeBooks) -> None:
    before = books.atlas.read_bytes()
    copy = take_backup(books.atlas, backups(books), now=START)
    assert books.atlas.read_bytes() == before
    with closing(sqlite3.connect(copy.file)) as connection:
        assert copied_minute(connection) == START // 60_000
    with closing(sqlite3.connect(books.atlas)) as connection:
        assert copied_minute(connection) == 0


def test_whole_links_of_documents_are_in_no_backup_b127(books: MadeBooks) -> None:
    assert b"sig=secret" in books.desk.read_bytes()
    copy = take_backup(books.desk, backups(books), now=START)
    assert b"sig=secret" not in copy.file.read_bytes()
    assert rows(copy.file, "SELECT url_host, object_name FROM submission_files") == [
        ("files.example", "a.pdf")
    ]
    assert b"sig=secret" in books.desk.read_bytes()


def test_backups_under_load_are_each_of_one_moment(books: MadeBooks) -> None:
    """A16: while results are written as fast as they can be."""
    ending = threading.Event()

    def write(writer: AtlasWriter) -> None:
        number = 0
        while not ending.is_set():
            number += 1
            add_flow(writer, f"busy-{number:06}", result=make_result(f"busy-{number:06}"), by_callback=True)

    with AtlasWriter(books.atlas) as writer:
        thread = threading.Thread(target=write, args=(writer,))
        thread.start()
        flows = 0
        try:
            for turn in range(15):
                copy = take_backup(books.atlas, backups(books), now=START + turn * 1_000)
                verify_copy(copy)
                held = copy.inventory.rows
                assert held["results"] == held["flows"], "a flow and its result are one job"
                assert held["flows"] >= flows
                flows = held["flows"]
        finally:
            ending.set()
            thread.join()
    assert flows > 5, "nothing was written meanwhile"
    check_book(copies_in(backups(books))[-1].file)


_WITH_EFFECT = frozenset(
    {"open", "mkdir", "rename", "fsync", "unlink", "rmdir", "execute", "backup", "write"}
)


def _killed_at(number: int, books: MadeBooks) -> bool:
    """Whether the backup was killed before its so manieth call of those that change files."""

    def run() -> None:
        calls = 0

        def count(_frame: FrameType, event: str, called: object) -> None:
            nonlocal calls
            if event == "c_call" and called.__name__ in _WITH_EFFECT:  # type: ignore[attr-defined]
                calls += 1
                if calls == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        take_backup(books.desk, backups(books), now=START + 40 * DAY)
        sys.setprofile(None)
        os._exit(0)

    process = FORK.Process(target=run)
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def test_a_backup_killed_anywhere_is_never_under_a_final_name_b104(books: MadeBooks) -> None:
    number, published, was_killed = -1, 0, True
    while was_killed:
        number += 4
        shutil.rmtree(backups(books), ignore_errors=True)
        old = take_backup(books.desk, backups(books), now=START, label="before-upgrade")
        was_killed = _killed_at(number, books)
        seen = copies_in(backups(books))
        assert old.name in [copy.name for copy in seen]
        for copy in seen:
            verify_copy(copy)
        published += len(seen) - 1
        take_backup(books.desk, backups(books), now=START + 41 * DAY)
        assert not list(backups(books).glob(".*")), f"after call {number} something is left over"
    assert number > 60, "the backup was not killed often enough to tell"
    assert published > 1


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "gone", "other manifest"])
def test_a_harmed_backup_is_found_out(books: MadeBooks, harm: str) -> None:
    copy = take_backup(books.atlas, backups(books), now=START)
    content = bytearray(copy.file.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
        copy.file.write_bytes(content)
    elif harm == "cut":
        copy.file.write_bytes(content[: len(content) // 2])
    elif harm == "empty":
        copy.file.write_bytes(b"")
    elif harm == "gone":
        copy.file.unlink()
    else:
        copy = replace(copy, inventory=replace(copy.inventory, rows=copy.inventory.rows | {"flows": 6}))
    with pytest.raises(BookDamaged):
        verify_copy(copy)


def test_what_is_no_backup_is_passed_over_and_not_taken_for_one(books: MadeBooks, tmp_path: Path) -> None:
    copy = take_backup(books.atlas, backups(books), now=START)
    (copy.folder / "manifest.json").write_text("{")
    (backups(books) / "atlas-notes").mkdir()
    assert copies_in(backups(books)) == []
    with pytest.raises(BookDamaged, match=r"manifest\.json"):
        find_copy(backups(books), copy.name)
    with pytest.raises(InputError, match="lists them"):
        find_copy(backups(books), "atlas-20200101T000000Z")
    assert copies_in(tmp_path / "nothing") == []


def test_a_damaged_book_gives_no_backup_b100(books: MadeBooks) -> None:
    """Wherever the damage is: counting the rows alone finds little of it."""
    sound = books.atlas.read_bytes()
    with closing(sqlite3.connect(books.atlas)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        indexes = connection.execute("SELECT rootpage FROM sqlite_schema WHERE type = 'index'").fetchall()
    assert len(indexes) > 10
    for (page,) in indexes:
        torn = bytearray(sound)
        torn[(page - 1) * size : (page - 1) * size + 20] = bytes(20)
        books.atlas.write_bytes(torn)
        with pytest.raises(BookDamaged):
            take_backup(books.atlas, backups(books), now=START)
        assert list(backups(books).iterdir()) == []


def test_a_disk_without_room_is_left_alone(books: MadeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 500 * 2**20))
    with pytest.raises(BookFull, match=r"has 524\.3 MB free.*ATLAS_BACKUP_DIR"):
        take_backup(books.atlas, backups(books), now=START)
    assert list(backups(books).iterdir()) == []


def test_two_backups_at_once_do_not_sweep_each_other_away(books: MadeBooks) -> None:
    with at_work_in(backups(books)), pytest.raises(BookBusy, match="when it is done"):
        take_backup(books.atlas, backups(books), now=START)


def test_a_backup_that_shall_stop_is_gone(books: MadeBooks) -> None:
    with pytest.raises(BookError, match="given up"):
        take_backup(books.atlas, backups(books), now=START, is_stopping=lambda: True)
    assert list(backups(books).iterdir()) == []


# ------------------------------------------------------------------------------------- when and how many


def made_up(taken_at: int, *, size: int = 1, label: str = "", book: str = "atlas.db") -> Copy:
    folder = Path(f"/nowhere/{book[:-3]}-{taken_at}{label}")
    return Copy(folder, book, taken_at, label, "", (), size, "", Inventory({}, {}))


def test_large_books_are_copied_less_often_than_small_ones() -> None:
    assert cadence_of("atlas", 10**6) == HOURLY
    assert cadence_of("atlas", 10**9) == SOME_A_DAY
    assert cadence_of("atlas", 8 * 10**9) == DAILY
    assert cadence_of("desk", 8 * 10**9) == HOURLY


def test_the_newest_and_one_of_each_day_are_kept() -> None:
    hourly = [made_up(START + number * HOUR, book="desk.db") for number in range(24 * 30)]
    kept = [copy for copy in hourly if copy not in beyond(hourly)]
    assert kept[-24:] == hourly[-24:]
    days = {copy.taken_at // DAY for copy in kept}
    assert len(days) == 14
    assert len(kept) == 24 + 14 - 2
    large = [made_up(START + number * DAY, size=8 * 10**9) for number in range(10)]
    assert [copy for copy in large if copy not in beyond(large)] == large[-3:]


def test_copies_from_before_upgrades_have_their_own_number() -> None:
    upgrades = [made_up(START + number, label="before-upgrade") for number in range(5)]
    assert beyond(upgrades) == upgrades[:2]
    hourly = [made_up(START + DAY + number * HOUR) for number in range(30)]
    assert [copy for copy in beyond(upgrades + hourly) if copy.label] == upgrades[:2]


def test_a_backup_is_due_when_the_newest_is_old_enough_also_after_the_clock_was_set_back_b107(
    books: MadeBooks,
) -> None:
    def wait(now: int) -> float:
        return seconds_until_due(books.atlas, backups(books), hours=1, now=now)

    assert wait(START) == 0
    first = take_backup(books.atlas, backups(books), now=START)
    assert wait(START + 15 * 60_000) == 45 * 60
    assert wait(START + HOUR) == 0
    assert wait(START - DAY) == 0
    second = take_backup(books.atlas, backups(books), now=START - DAY)
    assert [copy.name for copy in copies_in(backups(books))] == [first.name, second.name]
    assert second.taken_at > first.taken_at
