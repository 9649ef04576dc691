"""Both books as ordered, named migrations. Applied ones never change: a new edition is a new migration."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database, Migrations

from atlas_core.books.backups import take_backup
from atlas_core.books.book import (
    alone_in,
    applied_migrations,
    damaged,
    filing,
    lock_writer,
    open_for_reading,
    open_for_writing,
    refuse_network,
    require_file,
    speaking_of,
    sync_folder,
    transaction,
    undo_interrupted_write,
)
from atlas_core.books.copies import BEFORE_UPGRADE
from atlas_core.clock import now_ms
from atlas_core.errors import BookDamaged, BookError, BookNewer

_ROOM = Path(__file__).parent
_READ_THROUGH_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Edition:
    """What one book is made of: its migrations in order, the journal it keeps, and the tables without whose
    rows there is nothing in it to lose."""

    migrations: Migrations
    journal: str
    one_writer: bool
    holds: tuple[str, ...]


ATLAS = Edition(Migrations("atlas"), "wal", one_writer=True, holds=("attempts", "flows", "deliveries"))
DESK = Edition(Migrations("desk"), "delete", one_writer=False, holds=("submissions", "saved_views"))


@ATLAS.migrations(name="0001 what Atlas said")
def _atlas_first(book: Database) -> None:
    _run(book, _ROOM / "atlas.sql")


@ATLAS.migrations(name="0002 who called at the door")
def _atlas_doors(book: Database) -> None:
    _run(book, _ROOM / "atlas_0002.sql")


@ATLAS.migrations(name="0003 how Atlas answers")
def _atlas_answers(book: Database) -> None:
    _run(book, _ROOM / "atlas_0003.sql")


@ATLAS.migrations(name="0004 replays and alerts")
def _atlas_alerts(book: Database) -> None:
    _run(book, _ROOM / "atlas_0004.sql")


@ATLAS.migrations(name="0005 outcomes by thresholds")
def _atlas_thresholds(book: Database) -> None:
    _run(book, _ROOM / "atlas_0005.sql")


@ATLAS.migrations(name="0006 what was erased")
def _atlas_erased(book: Database) -> None:
    _run(book, _ROOM / "atlas_0006.sql")


@DESK.migrations(name="0001 what we said")
def _desk_first(book: Database) -> None:
    _run(book, _ROOM / "desk.sql")


@DESK.migrations(name="0002 which desk this is")
def _desk_second(book: Database) -> None:
    _run(book, _ROOM / "desk_0002.sql")


@DESK.migrations(name="0003 who did what")
def _desk_audit(book: Database) -> None:
    _run(book, _ROOM / "desk_0003.sql")


@DESK.migrations(name="0004 what people judged")
def _desk_judged(book: Database) -> None:
    _run(book, _ROOM / "desk_0004.sql")


@DESK.migrations(name="0005 replays and dismissals")
def _desk_wishes(book: Database) -> None:
    _run(book, _ROOM / "desk_0005.sql")


@DESK.migrations(name="0006 what is to be erased")
def _desk_erased(book: Database) -> None:
    _run(book, _ROOM / "desk_0006.sql")


@DESK.migrations(name="0007 who is signed in")
def _desk_sign_ins(book: Database) -> None:
    _run(book, _ROOM / "desk_0007.sql")


def migrate_atlas(path: Path, backup_dir: Path | None = None) -> None:
    """Creates atlas.db or brings it up to this program's edition; see `migrate`. Backups are beside it where
    no folder is named."""
    migrate(path, ATLAS, backup_dir or path.parent / "backups")


def migrate_desk(path: Path, backup_dir: Path | None = None) -> None:
    """Creates desk.db or brings it up to this program's edition; see `migrate`. Backups are beside it where
    no folder is named."""
    migrate(path, DESK, backup_dir or path.parent / "backups")


def migrate(path: Path, edition: Edition, backup_dir: Path | None = None) -> None:
    """Creates a book (for its owner alone, and so its folder) or applies the migrations it lacks.

    A book with something in it is first copied into `backup_dir`, where one is given; where it cannot be
    copied, it is not upgraded. Raises `BookNewer`, `BookDamaged`, `BookBusy` (its writer is at work and an
    upgrade is due), `BookError` where the folder is on a network; a file that is refused is left as it is.
    Safe to run again after a kill at any moment. A book of up to 256 MB is read through; a larger one would
    hold up the start for minutes, so that only `check_book` and backups read it whole.
    """
    folder = path.parent
    with filing(path):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_network(folder)
        with alone_in(folder):
            _sweep(_unfinished(path))  # of a kill, perhaps between the link and the end of the making
            if path.exists():
                _refuse_second_name(path)
                _upgrade(path, edition, backup_dir)
            else:
                _refuse_stray_journal(path)
                _create(path, edition)


def check_book(path: Path) -> None:
    """Reads the whole book and raises `BookDamaged` where it is not sound, `BookMissing`, `BookNewer`.

    Takes seconds for each gigabyte.
    """
    require_file(path)
    undo_interrupted_write(path)
    with closing(open_for_reading(path)) as connection, speaking_of(path):
        for edition in (ATLAS, DESK):
            if edition.migrations.name in applied_migrations(connection):
                require_edition(connection, path, edition)
                break
        else:
            raise damaged(path, "it is a database, but none of ours")
        complaints = [row[0] for row in connection.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
        if complaints:
            raise damaged(path, "; ".join(complaints))
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise damaged(path, "it has rows that point at rows which are not there")


def require_edition(
    connection: sqlite3.Connection, path: Path, edition: Edition, schema: str = "main"
) -> None:
    """Raises unless the open book `path` (attached as `schema`) is exactly of this program's edition.

    `BookNewer` where a newer program wrote it, `BookDamaged` where it is some other database, `BookError`
    where it waits for an upgrade.
    """
    if _pending(connection, path, edition, schema):
        raise BookError(f"{path.name} is of an older edition. Start the worker: it brings it up to date.")


def require_known(applied: Collection[str], edition: Edition, name: str) -> list[str]:
    """The migrations that a book with the `applied` ones lacks. Raises `BookNewer` where it has others."""
    known = [migration.name for migration in edition.migrations._migrations]
    if set(applied) - set(known):
        raise BookNewer(
            f"{name} was written by a newer Atlas Desk. It is left as it is: install that version again."
        )
    return [migration for migration in known if migration not in applied]


def _run(book: Database, script: Path) -> None:
    """The script's statements, one by one: `executescript` would commit what came before it."""
    statement = ""
    for line in script.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            book.conn.execute(statement)
            statement = ""


def _create(path: Path, edition: Edition) -> None:
    """Makes the book under another name and links it to its own when whole, so that a kill leaves either no
    book or a sound one, never an empty file that looks like one."""
    unfinished = _unfinished(path)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(descriptor)
    try:
        with speaking_of(path), closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_mode = {edition.journal}")
            _apply(connection, edition)
        os.link(unfinished, path)
        sync_folder(path.parent)
    finally:
        _sweep(unfinished)


def _refuse_second_name(path: Path) -> None:
    """Under each name SQLite keeps another log and other locks."""
    if path.stat().st_nlink > 1:
        raise BookError(
            f"{path} has a second name on this disk (a hard link), and a book that is used by two names gets "
            "damaged. Remove the other name, or make it a copy: python -m atlas_core backup"
        )


def _refuse_stray_journal(path: Path) -> None:
    """What a lost book left would be played into a new one of its name."""
    for end in ("-wal", "-journal"):
        stray = path.with_name(path.name + end)
        if stray.exists():
            raise BookDamaged(
                f"There is no {path.name} in {path.parent}, but {stray.name}, which holds writes to it. Put "
                "the book back beside it, or restore a backup: python -m atlas_core restore"
            )


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")


def _sweep(unfinished: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            unfinished.with_name(unfinished.name + end).unlink()


def _upgrade(path: Path, edition: Edition, backup_dir: Path | None) -> None:
    require_file(path)
    undo_interrupted_write(path)
    with speaking_of(path), closing(open_for_reading(path)) as connection:
        due = _pending(connection, path, edition)
        if path.stat().st_size <= _READ_THROUGH_BYTES:
            complaint = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if complaint != "ok":
                raise damaged(path, "its pages contradict each other")
        first_rows = (f"SELECT 1 FROM {table} LIMIT 1" for table in edition.holds)  # noqa: S608 our own
        holds = any(connection.execute(select).fetchone() for select in first_rows)
    if due:
        lock = lock_writer(path) if edition.one_writer else None
        try:
            if holds and backup_dir is not None:
                _copy_first(path, backup_dir)
            with speaking_of(path), closing(open_for_writing(path, edition.journal)) as connection:
                _apply(connection, edition)
        finally:
            if lock is not None:
                os.close(lock)


def _copy_first(path: Path, backup_dir: Path) -> None:
    try:
        take_backup(path, backup_dir, now=now_ms(), label=BEFORE_UPGRADE)
    except BookError as error:
        raise BookError(
            f"{path.name} is of an older edition, and is not upgraded before it was copied: {error}"
        ) from error


def _apply(connection: sqlite3.Connection, edition: Edition) -> None:
    """All pending migrations and the record of them in one transaction: all of it, or nothing."""
    with transaction(connection):
        edition.migrations.apply(Database(connection, execute_plugins=False))


def _pending(connection: sqlite3.Connection, path: Path, edition: Edition, schema: str = "main") -> list[str]:
    """Names of the migrations still to come. Raises where the book is not ours or newer than this program."""
    with speaking_of(path):
        applied = applied_migrations(connection, schema).get(edition.migrations.name)
    if applied is None:
        raise damaged(path, f"it is a database, but not the {edition.migrations.name} book")
    return require_known(applied, edition, path.name)
