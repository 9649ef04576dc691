"""Books that stay open between two looks of a page."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.books.kept_books import KeptBooks
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookError, BookMissing, BookNewer
from tests.made_books import MadeBooks, add_flow, make_books


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def kept(books: MadeBooks) -> KeptBooks:
    return KeptBooks(books.atlas, books.desk)


def flows(kept: KeptBooks) -> int:
    with kept.reading() as opened:
        return int(opened.rows("SELECT count(*) FROM flows")[0][0])


def test_each_look_sees_what_was_committed_since(books: MadeBooks, kept: KeptBooks) -> None:
    assert flows(kept) == 0
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
        assert flows(kept) == 1
        add_flow(writer, "flow-0002")
    assert flows(kept) == 2


def test_a_look_opens_the_books_anew_only_where_another_has_them(kept: KeptBooks) -> None:
    def temporary(named: str) -> bool:
        with kept.reading() as opened:
            return bool(opened.rows("SELECT 1 FROM temp.sqlite_schema WHERE name = ?", [named]))

    with kept.reading() as opened:
        opened.read(lambda connection: connection.execute("PRAGMA query_only = OFF"))
        opened.read(lambda connection: connection.execute("CREATE TEMP TABLE mine (x)"))
        assert not temporary("mine")
    with kept.reading(), kept.reading():
        pass
    assert temporary("mine")


def test_books_that_were_put_back_are_read_and_not_the_ones_they_replaced(
    books: MadeBooks, kept: KeptBooks, tmp_path: Path
) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
    assert flows(kept) == 1
    other = make_books(tmp_path / "other")
    other.atlas.replace(books.atlas)
    assert flows(kept) == 0


def test_books_that_were_upgraded_while_they_were_open_are_refused(books: MadeBooks, kept: KeptBooks) -> None:
    flows(kept)
    with closing(sqlite3.connect(books.desk, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE of_tomorrow (x)")
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " SELECT migration_set, 'desk_9999', applied_at FROM _sqlite_migrations LIMIT 1"
        )
    with pytest.raises(BookNewer, match=r"desk\.db was written by a newer Atlas Desk"):
        flows(kept)


def test_books_that_are_gone_are_missed(books: MadeBooks, kept: KeptBooks) -> None:
    flows(kept)
    books.desk.unlink()
    with pytest.raises(BookMissing, match=r"There is no desk\.db"):
        flows(kept)


def test_between_two_looks_nobody_waits_for_the_reader(books: MadeBooks, kept: KeptBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
        with kept.reading() as opened, opened.snapshot():
            opened.rows("SELECT count(*) FROM flows")
        busy = writer.write(lambda connection: connection.execute("SELECT 1").fetchone())
        assert tuple(busy) == (1,)
    with closing(sqlite3.connect(books.atlas, timeout=0)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    with closing(sqlite3.connect(books.desk, timeout=0, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")


def test_a_writer_that_closes_leaves_all_in_the_book_itself_though_a_page_has_it_open(
    books: MadeBooks, kept: KeptBooks, tmp_path: Path
) -> None:
    """A closed book once left its newest rows in the log, for the page beside it could not empty that."""
    with AtlasWriter(books.atlas) as writer:
        flows(kept)
        add_flow(writer, "flow-0001")
        assert flows(kept) == 1
    alone = tmp_path / "copy.db"
    alone.write_bytes(books.atlas.read_bytes())
    with closing(sqlite3.connect(alone)) as connection:
        assert connection.execute("SELECT flow_uuid FROM flows").fetchall() == [("flow-0001",)]
    assert flows(kept) == 1


def test_a_question_that_failed_spoils_no_later_one(kept: KeptBooks) -> None:
    with pytest.raises(BookError), kept.reading() as opened, opened.snapshot():
        opened.rows("SELECT nonsense")
    assert flows(kept) == 0


def test_many_threads_look_at_once(books: MadeBooks, kept: KeptBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: flows(kept), range(400))) == {1}
