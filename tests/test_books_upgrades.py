"""An upgrade copies the book first, loses nothing, and a killed one is made whole by the next start."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
from collections import namedtuple
from contextlib import closing
from pathlib import Path
from types import FrameType

import pytest

from atlas_core.books.agreement import agree
from atlas_core.books.backups import copies_in
from atlas_core.books.copies import BEFORE_UPGRADE, take_inventory, verify_copy
from atlas_core.books.mirror import Mirror
from atlas_core.books.restoring import restore
from atlas_core.books.schema import check_book, migrate, migrate_atlas, migrate_desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookError, BookNewer
from tests.made_books import START, make_books
from tests.old_books import make_old_books, next_edition

FORK = multiprocessing.get_context("fork")
FLOWS = 10_000


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with books of the first edition; copy it, for others use it too."""
    folder = tmp_path_factory.mktemp("old") / "data"
    make_old_books(folder, FLOWS)
    return folder


def taken_from(old: Path, folder: Path) -> tuple[Path, Path]:
    shutil.copytree(old, folder)
    return folder / "atlas.db", folder / "desk.db"


def test_books_of_the_first_edition_are_upgraded_whole_after_a_copy_was_taken(
    old: Path, tmp_path: Path
) -> None:
    """A18"""
    atlas, desk = taken_from(old, tmp_path / "data")
    migrate_atlas(atlas)
    migrate_desk(desk)
    for book in (atlas, desk):
        check_book(book)
    with AtlasWriter(atlas) as writer:
        agreed = agree(writer, atlas, desk, now=START)
        assert (agreed.was_behind, agreed.notes) == (False, FLOWS)
        assert Mirror(writer, atlas).catch_up() == FLOWS
    copies = {copy.book: copy for copy in copies_in(tmp_path / "data" / "backups")}
    assert copies["desk.db"].label == BEFORE_UPGRADE
    assert copies["desk.db"].edition == ("0001 what we said",)
    assert copies["desk.db"].inventory.rows["submissions"] == FLOWS
    for copy in copies.values():
        verify_copy(copy)
    with closing(sqlite3.connect(atlas)) as connection:
        rows = take_inventory(connection).rows
    for table in ("flows", "attempts", "deliveries", "results", "documents", "fields", "cross_checks"):
        assert rows[table] == FLOWS, table
    before = desk.read_bytes()
    migrate_desk(desk)
    assert desk.read_bytes() == before
    assert len(copies_in(tmp_path / "data" / "backups")) == len(copies)


def test_a_copy_from_before_an_upgrade_can_be_restored(old: Path, tmp_path: Path) -> None:
    atlas, desk = taken_from(old, tmp_path / "data")
    migrate_atlas(atlas)
    migrate_desk(desk)
    with AtlasWriter(atlas) as writer:
        agree(writer, atlas, desk, now=START)
    copies = copies_in(tmp_path / "data" / "backups", "desk.db")
    restored = restore(copies, tmp_path / "data", now=START)
    assert restored.agreed is not None
    assert (restored.agreed.unknown, restored.agreed.notes) == (0, FLOWS)


def test_an_empty_book_needs_no_copy(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    migrate(books.atlas, next_edition(), tmp_path / "backups")
    assert not (tmp_path / "backups").exists()


def test_what_cannot_be_copied_is_not_upgraded(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, desk = taken_from(old, tmp_path / "data")
    before = desk.read_bytes()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 10**6))
    with pytest.raises(
        BookError, match=r"desk\.db is of an older edition.*before it was copied.*1\.0 MB free"
    ):
        migrate_desk(desk)
    assert desk.read_bytes() == before


def test_an_upgrade_that_fails_leaves_the_book_and_its_copy(old: Path, tmp_path: Path) -> None:
    atlas, _ = taken_from(old, tmp_path / "data")
    migrate_atlas(atlas)
    with closing(sqlite3.connect(atlas)) as connection:
        before = list(connection.iterdump())
    with pytest.raises(BookError, match="no such table: missing"):
        migrate(atlas, next_edition(fails=True), tmp_path / "backups")
    with closing(sqlite3.connect(atlas)) as connection:
        assert list(connection.iterdump()) == before
    assert len(copies_in(tmp_path / "backups", "atlas.db")) == 1


_STEPS = frozenset({"execute", "executemany", "backup", "rename", "fsync", "mkdir", "commit"})


def killed_upgrade(number: int, path: Path, backups: Path) -> bool:
    """Whether an upgrade was killed before its so manieth step."""

    def run() -> None:
        steps = 0

        def count(_frame: FrameType, event: str, called: object) -> None:
            nonlocal steps
            if event == "c_call" and getattr(called, "__name__", "") in _STEPS:
                steps += 1
                if steps == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        migrate(path, next_edition(), backups)
        sys.setprofile(None)
        os._exit(0)

    child = FORK.Process(target=run)
    child.start()
    child.join()
    return child.exitcode == -signal.SIGKILL


def test_killed_at_any_of_its_steps_the_next_start_makes_the_same_of_it_b104(tmp_path: Path) -> None:
    make_old_books(tmp_path / "first", 50)
    migrate_atlas(tmp_path / "first" / "atlas.db", tmp_path / "unused")
    number, was_killed = -1, True
    while was_killed:
        number += 5
        book = tmp_path / str(number) / "atlas.db"
        book.parent.mkdir()
        shutil.copyfile(tmp_path / "first" / "atlas.db", book)
        was_killed = killed_upgrade(number, book, book.parent / "backups")
        migrate(book, next_edition(), book.parent / "backups")
        with closing(sqlite3.connect(book)) as connection:
            assert connection.execute(
                "SELECT count(*) FROM flows WHERE said = application_id"
            ).fetchone() == (50,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copies = copies_in(book.parent / "backups")
        assert copies
        for copy in copies:
            verify_copy(copy)
        assert not list((book.parent / "backups").glob(".*"))
        shutil.rmtree(book.parent)
    assert number > 60, "the upgrade was not killed often enough to tell"


def test_a_program_of_this_edition_leaves_the_next_one_alone(old: Path, tmp_path: Path) -> None:
    atlas, _ = taken_from(old, tmp_path / "data")
    migrate(atlas, next_edition(), None)
    with pytest.raises(BookNewer):
        migrate_atlas(atlas)


def test_a_writer_killed_with_half_a_change_on_disk_does_not_keep_the_worker_from_starting_b109(
    tmp_path: Path,
) -> None:
    """Once the start ended with "may not be written by this user"."""
    books = make_books(tmp_path)

    def write_and_die() -> None:
        connection = sqlite3.connect(books.desk, isolation_level=None)
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("BEGIN IMMEDIATE")
        views = [("me", f"view {number}", "x" * 3_000, 0, 0) for number in range(400)]
        connection.executemany(
            "INSERT INTO saved_views (owner, name, address, is_shared, saved_at) VALUES (?, ?, ?, ?, ?)",
            views,
        )
        os.kill(os.getpid(), signal.SIGKILL)

    child = FORK.Process(target=write_and_die)
    child.start()
    child.join()
    assert books.desk.with_name("desk.db-journal").exists()
    migrate_desk(books.desk)
    check_book(books.desk)
    with closing(sqlite3.connect(books.desk)) as connection:
        assert connection.execute("SELECT count(*) FROM saved_views").fetchone() == (0,)
