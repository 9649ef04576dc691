"""The one writer of atlas.db: what it answered is on disk, whatever happens next."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from atlas_core.books.book import open_for_reading
from atlas_core.books.reading import open_books
from atlas_core.books.schema import check_book
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookError, BookFull, BookMissing, InputError
from tests.made_books import MadeBooks, make_books

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


def add_note(connection: sqlite3.Connection, number: int) -> int:
    connection.execute("INSERT INTO book VALUES (?, '')", [f"{number:06}"])
    return number


def notes(books: MadeBooks) -> list[int]:
    with closing(open_for_reading(books.atlas)) as connection:
        return [int(key) for (key,) in connection.execute("SELECT key FROM book ORDER BY key")]


def test_what_was_answered_is_seen_by_every_other_reader(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        assert writer.write(add_note, 7) == 7
        assert notes(books) == [7]


def test_a_job_that_fails_undoes_only_itself(books: MadeBooks) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        add_note(connection, 2)
        raise InputError("no")

    with AtlasWriter(books.atlas) as writer:
        together = _at_once(writer, [lambda c: add_note(c, 1), half_done, lambda c: add_note(c, 3)])
        assert [together[0].result(), together[2].result()] == [1, 3]
        with pytest.raises(InputError, match="no"):
            together[1].result()
    assert notes(books) == [1, 3]


def test_those_who_wait_at_the_same_moment_share_one_commit(books: MadeBooks) -> None:
    statements: list[str] = []
    with AtlasWriter(books.atlas) as writer:
        writer.write(lambda connection: connection.set_trace_callback(statements.append))
        together = _at_once(writer, [lambda c, n=n: add_note(c, n) for n in range(50)])
        assert [future.result() for future in together] == list(range(50))
    # Two more than the shared one: of the job that turned the trace on, and of the job that held the line.
    assert statements.count("COMMIT") == 3


def _at_once(writer: AtlasWriter, jobs: list) -> list[Future]:
    """The jobs, all waiting before the first of them runs."""
    held, go = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        held.set()
        go.wait()

    writer.write_soon(hold)
    held.wait()
    futures = [writer.write_soon(job) for job in jobs]
    go.set()
    return futures


def test_fifty_threads_are_all_answered(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer, ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(lambda number: writer.write(add_note, number), range(1_000))) == 499_500
    assert notes(books) == list(range(1_000))


def test_closing_writes_what_waits_and_takes_nothing_more(books: MadeBooks) -> None:
    writer = AtlasWriter(books.atlas)
    futures = [writer.write_soon(add_note, number) for number in range(300)]
    writer.close()
    writer.close()
    assert all(future.done() for future in futures)
    assert len(notes(books)) == 300
    with pytest.raises(BookError, match="closed"):
        writer.write(add_note, 999)


def test_a_job_given_up_before_its_turn_is_not_written(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        held, go = threading.Event(), threading.Event()
        writer.write_soon(lambda _: (held.set(), go.wait()))
        held.wait()
        given_up, kept = writer.write_soon(add_note, 1), writer.write_soon(add_note, 2)
        assert given_up.cancel()
        go.set()
        kept.result()
    assert notes(books) == [2]


def test_a_job_cannot_wait_for_its_own_writer(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer, pytest.raises(RuntimeError, match="own connection"):
        writer.write(lambda _: writer.write(add_note, 1))


def test_a_job_that_ends_the_shared_transaction_fails_all_who_share_it_and_nobody_after(
    books: MadeBooks,
) -> None:
    with AtlasWriter(books.atlas) as writer:
        together = _at_once(
            writer, [lambda c: add_note(c, 1), lambda c: c.execute("ROLLBACK"), lambda c: add_note(c, 2)]
        )
        for future in together:
            with pytest.raises(BookError):
                future.result()
        assert writer.write(add_note, 3) == 3
    assert notes(books) == [3]


# ------------------------------------------------------------------------------------- errors are ours


def test_what_the_book_refuses_comes_back_as_our_error(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        writer.write(add_note, 1)
        for wrong in (
            lambda c: add_note(c, 1),
            lambda c: c.execute("SELECT nothing FROM nowhere"),
            lambda c: c.execute("INSERT INTO book VALUES (?, 1)", ["x", "y"]),
            lambda c: c.execute("INSERT INTO book VALUES ('x', ?)", ["\ud800"]),
            lambda c: c.execute("INSERT INTO receiver_tokens VALUES ('x', ?, 1)", [2**70]),
        ):
            with pytest.raises(BookError):
                writer.write(wrong)
    assert notes(books) == [1]


def test_a_full_disk_is_an_error_and_writing_goes_on_when_there_is_room(books: MadeBooks) -> None:
    """A17: SQLite's own limit stands for the full disk."""

    def limit(connection: sqlite3.Connection, spare: int) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    def add_much(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO book VALUES ('much', ?)", ["x" * 1_000_000])

    with AtlasWriter(books.atlas) as writer:
        writer.write(limit, 2)
        with pytest.raises(BookFull, match="nothing was written"):
            writer.write(add_much)
        assert writer.write(add_note, 1) == 1
        writer.write(limit, 10_000)
        writer.write(add_much)
    check_book(books.atlas)


def test_a_reader_cannot_write(books: MadeBooks) -> None:
    with (
        open_books(books.atlas, books.desk) as reading,
        pytest.raises(BookError, match="may not be written"),
    ):
        reading.rows("INSERT INTO book VALUES ('x', 'y')")
    with (
        open_books(books.atlas, books.desk) as reading,
        pytest.raises(BookError, match="may not be written"),
    ):
        reading.rows("DELETE FROM desk.submissions")


def test_the_writer_keeps_its_promises_by_these_settings(books: MadeBooks) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "cell_size_check": 1,
        "busy_timeout": 15_000,
        "journal_size_limit": 64 * 1024 * 1024,
        "mmap_size": 0,
        "temp_store": 2,
    }
    with AtlasWriter(books.atlas) as writer:
        found = writer.write(
            lambda connection: {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
        )
    assert found == wanted


# --------------------------------------------------------------------------- one writer, kills, readers


def test_a_second_writer_is_refused_also_by_another_name_b98_b102(books: MadeBooks, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.symlink_to(books.atlas)
    with AtlasWriter(books.atlas):
        for path in (books.atlas, other):
            with pytest.raises(BookBusy, match=f"process {os.getpid()}"):
                AtlasWriter(path)
    AtlasWriter(other).close()


def _write_until_killed(path: Path, first: int, answered: Pipe) -> None:
    writer = AtlasWriter(path)
    numbers = iter(range(first, first + 1_000_000))
    lock = threading.Lock()

    def write_on() -> None:
        while True:
            with lock:
                number = next(numbers)
            writer.write(add_note, number)
            with lock:
                answered.send(number)

    for _ in range(4):
        threading.Thread(target=write_on, daemon=True).start()
    time.sleep(60)


def test_a_killed_writer_has_kept_all_it_answered_and_the_next_starts_at_once_b109(
    books: MadeBooks,
) -> None:
    """A14"""
    for number in range(8):
        ours, theirs = FORK.Pipe(duplex=False)
        child = FORK.Process(target=_write_until_killed, args=(books.atlas, number * 1_000_000, theirs))
        child.start()
        theirs.close()
        answered = [ours.recv()]
        time.sleep(0.01 + 0.007 * number)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        try:
            while True:
                answered.append(ours.recv())
        except (EOFError, OSError):
            ours.close()
        begun = time.monotonic()
        with AtlasWriter(books.atlas) as writer:
            writer.write(add_note, number * 1_000_000 + 999_999)
        assert time.monotonic() - begun < 5
        assert set(answered) <= set(notes(books))
    check_book(books.atlas)


def _hold_a_transaction(path: Path, held: Pipe) -> None:
    writer = AtlasWriter(path)
    writer.write(lambda connection: (add_note(connection, 1), held.send(1), time.sleep(60)))


def test_a_writer_killed_within_its_transaction_leaves_nothing_locked_b109(books: MadeBooks) -> None:
    ours, theirs = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_hold_a_transaction, args=(books.atlas, theirs))
    child.start()
    assert ours.recv() == 1
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    with AtlasWriter(books.atlas) as writer:
        writer.write(add_note, 2)
    assert notes(books) == [2]


def test_a_book_closed_by_its_writer_is_still_read(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        writer.write(add_note, 1)
    assert not books.atlas.with_name("atlas.db-wal").exists()
    with open_books(books.atlas, books.desk) as reading:
        assert reading.rows("SELECT count(*) FROM book")[0][0] == 1


def test_a_reader_of_a_missing_book_is_told_so(books: MadeBooks, tmp_path: Path) -> None:
    for atlas, desk in ((tmp_path / "a.db", books.desk), (books.atlas, tmp_path / "d.db")):
        with pytest.raises(BookMissing), open_books(atlas, desk):
            pass
    assert not (tmp_path / "a.db").exists()


def test_a_snapshot_shows_one_moment_while_the_writer_goes_on(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer, open_books(books.atlas, books.desk) as reading:
        with reading.snapshot():
            assert reading.rows("SELECT count(*) FROM book")[0][0] == 0
            writer.write(add_note, 1)
            assert reading.rows("SELECT count(*) FROM book")[0][0] == 0
        assert reading.rows("SELECT count(*) FROM book")[0][0] == 1
