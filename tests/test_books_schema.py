"""The books are made whole, upgraded whole, and never overwritten."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from atlas_core.books.book import refuse_network
from atlas_core.books.schema import ATLAS, Edition, check_book, migrate, migrate_atlas, migrate_desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookDamaged, BookError, BookMissing, BookNewer
from tests.made_books import add_flow, make_books, make_result

FORK = multiprocessing.get_context("fork")


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_new_books_are_sound_and_for_their_owner_alone_c34(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    assert [_mode(books.atlas), _mode(books.desk), _mode(books.atlas.parent)] == [0o600, 0o600, 0o700]
    with AtlasWriter(books.atlas):
        assert {_mode(path) for path in books.atlas.parent.iterdir()} == {0o600}
    check_book(books.atlas)
    check_book(books.desk)


def test_the_journals_are_wal_for_atlas_and_rollback_for_the_desk_c34(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    for path, journal in ((books.atlas, "wal"), (books.desk, "delete")):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == (journal,)


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    before = (books.atlas.read_bytes(), books.desk.read_bytes())
    migrate_atlas(books.atlas)
    migrate_desk(books.desk)
    assert (books.atlas.read_bytes(), books.desk.read_bytes()) == before


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, b"SQLite format 3\0" + bytes(4000)])
def test_what_is_no_book_is_refused_and_left_as_it_is_b101(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "atlas.db"
    path.write_bytes(content)
    with pytest.raises(BookDamaged, match="left as it is"):
        migrate_atlas(path)
    with pytest.raises(BookDamaged):
        check_book(path)
    with pytest.raises(BookDamaged):
        AtlasWriter(path)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "atlas.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(BookDamaged, match="not the atlas book"):
        migrate_atlas(path)


def test_the_desk_is_not_taken_for_the_atlas_book(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with pytest.raises(BookDamaged, match="not the atlas book"):
        migrate_atlas(books.desk)


def test_a_missing_book_is_missing_and_not_made_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "atlas.db"
    with pytest.raises(BookMissing, match="Start the worker"):
        check_book(path)
    with pytest.raises(BookMissing):
        AtlasWriter(path)
    assert list(tmp_path.iterdir()) == []


def test_a_book_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with closing(sqlite3.connect(books.desk)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('desk', '0099', '')"
        )
    before = books.desk.read_bytes()
    with pytest.raises(BookNewer, match="newer Atlas Desk"):
        migrate_desk(books.desk)
    with pytest.raises(BookNewer):
        books.open_desk()
    assert books.desk.read_bytes() == before


def test_a_damaged_page_is_found_at_the_start_b100(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        for number in range(40):
            add_flow(writer, f"flow-{number:04}", result=make_result(f"flow-{number:04}"))
    content = bytearray(books.atlas.read_bytes())
    with closing(sqlite3.connect(books.atlas)) as connection:
        root, size = (
            connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'flows'").fetchone()[0],
            connection.execute("PRAGMA page_size").fetchone()[0],
        )
    at = (root - 1) * size
    content[at : at + 20] = bytes(20)
    books.atlas.write_bytes(content)
    with pytest.raises(BookDamaged, match="restore the newest backup"):
        migrate_atlas(books.atlas)
    assert books.atlas.read_bytes() == content


def test_a_row_without_its_parent_is_found_by_the_check(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with closing(sqlite3.connect(books.atlas)) as connection, connection:
        connection.execute("INSERT INTO batches VALUES (77, 'batch', 0)")
    with pytest.raises(BookDamaged, match="rows which are not there"):
        check_book(books.atlas)


def test_a_folder_that_cannot_hold_books_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BookError, match="cannot be made"):
        migrate_atlas(tmp_path / "file" / "data" / "atlas.db")


@pytest.mark.parametrize(
    ("folder", "refused"),
    [("/srv/books/data", True), ("/srv/books/data/own disk/x", False), ("/srv/booksaside", False)],
)
def test_a_folder_on_a_network_is_refused_b99(tmp_path: Path, folder: str, refused: bool) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda1 / ext4 rw 0 0\n"
        "server:/books /srv/books nfs4 rw,vers=4.2 0 0\n"
        "/dev/vdb1 /srv/books/data/own\\040disk ext4 rw 0 0\n"
    )
    if refused:
        with pytest.raises(BookError, match="nfs4"):
            refuse_network(Path(folder), mounts)
    else:
        refuse_network(Path(folder), mounts)


def test_a_system_that_does_not_list_its_mounts_is_trusted(tmp_path: Path) -> None:
    refuse_network(tmp_path, tmp_path / "no such file")


# ------------------------------------------------------------------------------------ kills and races


def test_a_kill_while_a_book_is_made_leaves_none_or_a_sound_one_b104(tmp_path: Path) -> None:
    begun = time.monotonic()
    migrate_atlas(tmp_path / "whole" / "atlas.db")
    whole = time.monotonic() - begun
    rounds, left_over = 12, 0
    for number in range(rounds):
        path = tmp_path / str(number) / "atlas.db"
        child = FORK.Process(target=migrate_atlas, args=(path,))
        child.start()
        time.sleep(whole * 1.2 * number / rounds)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        if path.exists():
            check_book(path)
        elif path.parent.exists():
            left_over += len(list(path.parent.iterdir()))
        migrate_atlas(path)
        check_book(path)
        assert not list(path.parent.glob(".*")), "unfinished files are swept"
    assert left_over, "no kill fell into the making"


def test_a_kill_just_after_a_book_was_made_leaves_no_second_name_of_it(tmp_path: Path) -> None:
    """It once stayed for good: only the making of a book swept, and there was nothing more to make."""
    books = make_books(tmp_path)
    second = books.atlas.with_name(".atlas.db.unfinished")
    os.link(books.atlas, second)
    migrate_atlas(books.atlas)
    assert not second.exists()
    check_book(books.atlas)


def test_two_who_make_the_same_book_at_once_both_find_it_made(tmp_path: Path) -> None:
    path = tmp_path / "data" / "desk.db"
    children = [FORK.Process(target=migrate_desk, args=(path,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
    check_book(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["desk.db"]


def _later_edition(*, fails: bool = False, seconds: float = 0.0) -> Edition:
    """This edition and one more migration of two steps."""
    migrations = Migrations("atlas")
    for known in ATLAS.migrations._migrations:
        migrations(name=known.name)(known.fn)

    @migrations(name="0002 notes")
    def _notes(book: Database) -> None:
        book.conn.execute("CREATE TABLE notes (note TEXT) STRICT")
        time.sleep(seconds)
        book.conn.execute("INSERT INTO missing VALUES (1)" if fails else "INSERT INTO notes VALUES ('x')")

    return replace(ATLAS, migrations=migrations)


def _notes_in(path: Path) -> list[tuple[str]] | None:
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'notes'").fetchone():
            return connection.execute("SELECT note FROM notes").fetchall()
    return None


def test_an_upgrade_keeps_what_is_there_and_older_programs_then_refuse(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
    migrate(books.atlas, _later_edition())
    assert _notes_in(books.atlas) == [("x",)]
    with closing(sqlite3.connect(books.atlas)) as connection:
        assert connection.execute("SELECT flow_uuid FROM flows").fetchall() == [("flow-0001",)]
    with pytest.raises(BookNewer):
        AtlasWriter(books.atlas)


def test_an_upgrade_that_fails_leaves_the_book_as_it_was(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with pytest.raises(BookError, match="no such table"):
        migrate(books.atlas, _later_edition(fails=True))
    assert _notes_in(books.atlas) is None
    migrate(books.atlas, _later_edition())
    assert _notes_in(books.atlas) == [("x",)]


def test_a_killed_upgrade_is_made_whole_by_the_next_start_b104_b109(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    child = FORK.Process(target=migrate, args=(books.atlas, _later_edition(seconds=30)))
    child.start()
    lock = books.atlas.with_name("atlas.db.lock")
    while not lock.exists() or not lock.read_text():
        time.sleep(0.005)
    time.sleep(0.05)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    assert _notes_in(books.atlas) is None
    migrate(books.atlas, _later_edition())
    assert _notes_in(books.atlas) == [("x",)]


def test_a_book_is_not_upgraded_under_its_writer(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas), pytest.raises(BookBusy, match="already has its writer"):
        migrate(books.atlas, _later_edition())
