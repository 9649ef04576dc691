"""The log of atlas.db: emptied where nobody reads, and where somebody does, known who."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from atlas_core.books.backups import copies_in
from atlas_core.books.log_size import LARGE_BYTES, log_bytes, readers_of
from atlas_core.books.reading import open_books
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.worker.book_keeper import BookKeeper
from tests.made_books import MadeBooks, add_flow, make_books, make_result
from tests.workers import rows, settings_for, until

READER = """
import sqlite3, sys
book = sqlite3.connect(sys.argv[1], isolation_level=None)
book.execute("BEGIN")
book.execute("SELECT count(*) FROM book").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""


@contextmanager
def reader_of(book: Path) -> Iterator[int]:
    """Another process that reads one state of the book for long; its id."""
    command = [sys.executable, "-c", READER, str(book)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield process.pid
        process.communicate("")


def grow(connection: sqlite3.Connection, megabytes: int) -> None:
    for number in range(megabytes):
        connection.execute("INSERT OR REPLACE INTO book VALUES (?, ?)", [f"x{number}", "x" * 1_000_000])


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


def test_a_log_is_emptied_where_nobody_reads_and_jobs_go_on_b103(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer, ThreadPoolExecutor(4) as pool:
        writer.write(grow, 5)
        assert log_bytes(books.atlas) > 5_000_000
        jobs = [pool.submit(add_flow, writer, f"flow-{number:04}") for number in range(100)]
        assert writer.shrink_log()
        assert [job.result() for job in jobs]
        assert writer.shrink_log()
        assert log_bytes(books.atlas) == 0
        writer.write(grow, 1)
    assert log_bytes(books.atlas) == 0
    assert rows(books.atlas, "SELECT count(*) FROM flows") == [(100,)]


def test_a_long_reader_keeps_the_log_is_named_and_holds_up_no_writer_b103(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        writer.write(grow, 1)
        with reader_of(books.atlas) as process:
            writer.write(grow, 2)
            assert not writer.shrink_log()
            assert process in readers_of(books.atlas)
            assert readers_of(books.atlas)[process].startswith("python")
            writer.write(grow, 1)
        assert readers_of(books.atlas) == {}
        assert writer.shrink_log()


def test_readers_are_not_known_where_the_system_does_not_tell(books: MadeBooks, tmp_path: Path) -> None:
    assert readers_of(books.atlas) == {}
    with AtlasWriter(books.atlas):
        assert readers_of(books.atlas, tmp_path / "no such file") == {}


def test_a_question_leaves_no_state_of_the_book_open_b103(books: MadeBooks) -> None:
    """Connection hygiene: whoever keeps a connection reads no longer than his question takes."""
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001", result=make_result("flow-0001"))
        with open_books(books.atlas, books.desk) as reading, Worklist(books.atlas) as worklist:
            reading.rows("SELECT * FROM flows")
            reading.frame("SELECT * FROM flows")
            with reading.snapshot():
                reading.rows("SELECT * FROM flows")
            worklist.watched_flows()
            worklist.waiting_deliveries()
            assert os.getpid() not in readers_of(books.atlas)
            assert writer.shrink_log()


def test_the_worker_tells_of_a_log_that_grows_and_empties_it_when_it_can_b103(books: MadeBooks) -> None:
    def log_state() -> list[tuple[str, str]]:
        return rows(books.atlas, "SELECT state, sentence FROM worker_state WHERE name = 'log'")

    settings = settings_for(books.atlas.parent, "http://127.0.0.1:9", backup_hours=0)
    with AtlasWriter(books.atlas) as writer:
        keeper = BookKeeper(writer, settings, look_seconds=0.05)
        with reader_of(books.atlas) as process:
            writer.write(grow, 80)
            assert log_bytes(books.atlas) > LARGE_BYTES
            keeper.start()
            until(lambda: log_state() and log_state()[0][0] == "growing")
            assert f"{process} (python" in log_state()[0][1]
        until(lambda: log_state() == [("ok", "")])
        assert log_bytes(books.atlas) < 1_000_000
        keeper.stop(5)


def test_a_log_that_cannot_be_emptied_is_told_and_keeps_no_book_from_its_backup(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a log once ended each look of the keeper before any backup was begun, and nothing said so."""

    def log_state() -> list[tuple[str, str]]:
        return rows(books.atlas, "SELECT state, sentence FROM worker_state WHERE name = 'log'")

    def grow_more(connection: sqlite3.Connection) -> None:
        for number in range(3):
            connection.execute("INSERT INTO book VALUES (?, ?)", [f"y{number}", "y" * 1_000_000])

    monkeypatch.setattr("atlas_core.worker.book_keeper.LARGE_BYTES", 1_000_000)
    settings = settings_for(books.atlas.parent, "http://127.0.0.1:9")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with AtlasWriter(books.atlas) as writer:
        writer.write(grow, 20)
        assert writer.shrink_log()
        writer.write(grow_more)
        keeper = BookKeeper(writer, settings, look_seconds=0.05)
        # The log has room below this, and the book above it: a checkpoint fails as on a failing disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (books.atlas.stat().st_size + 1_000_000, usual[1]))
        try:
            keeper.start()
            until(lambda: log_state() and log_state()[0][0] == "growing", 20)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert "could not be emptied: The disk that holds atlas.db failed" in log_state()[0][1]
        assert [copy.book for copy in copies_in(settings.backup_dir)] == ["desk.db"]
        assert rows(books.atlas, "SELECT state FROM worker_state WHERE name = 'backup'") == [("failed",)]
        until(lambda: log_state() == [("ok", "")])
        keeper.stop(5)
