"""How a book is opened, locked and spoken for: the one place that knows SQLite's files and errors."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from atlas_core.errors import BookBusy, BookDamaged, BookError, BookFull, BookMissing

BUSY_SECONDS = 15.0
_JOURNAL_BYTES = 64 * 1024 * 1024
# What a large sort or a savepoint sets aside stays in memory: faster, and no names left in a temporary file.
_NO_TEMPORARY_FILES = "PRAGMA temp_store = MEMORY"
# sqlite-utils' table of the migrations that a book has.
_MIGRATIONS = "_sqlite_migrations"
_NETWORKS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "davfs"}
    | {"fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.davfs2", "fuse.s3fs", "fuse.gcsfuse"}
)


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Turns every error of SQLite inside it into one of ours, whose sentence names the book.

    A value SQLite cannot hold (an integer beyond 64 bits, broken text) is refused by Python, not by SQLite,
    and is a `BookError` all the same.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _book_error(error, path) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise BookError(f"{path.name} cannot hold a value it was given; nothing was written.") from error


@contextmanager
def filing(path: Path) -> Iterator[None]:
    """Turns what the file system refuses inside it into one of our errors."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(path) from error
        raise BookError(f"{path} cannot be made or locked: {error.strerror}. Check its folder.") from error


def _full(path: Path) -> BookFull:
    return BookFull(f"The disk that holds {path.name} is full; nothing was written. Make room and try again.")


def _book_error(error: sqlite3.Error, path: Path) -> BookError:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    name = path.name
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BookBusy(f"{name} was held by somebody else for {BUSY_SECONDS:g} s. Try again.")
    if primary == sqlite3.SQLITE_FULL:
        return _full(path)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, "it is not a sound database")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return missing(path) if not path.exists() else unopenable(path)
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return BookError(f"{name} may not be written by this user. Check the rights of its folder.")
    if primary == sqlite3.SQLITE_IOERR:
        return BookError(f"The disk that holds {name} failed while it was used. Check the disk.")
    return BookError(f"{name} refused what was asked of it ({error}).")


def missing(path: Path) -> BookMissing:
    return BookMissing(f"There is no {path.name} in {path.parent} yet. Start the worker: it makes it.")


def damaged(path: Path, what: str) -> BookDamaged:
    return BookDamaged(
        f"{path} is left as it is: {what}. Stop the desk and restore the newest backup: "
        "python -m atlas_core restore"
    )


def unopenable(path: Path) -> BookError:
    return BookError(f"{path.name} cannot be opened. Check the rights of the file and of {path.parent}.")


def require_file(path: Path) -> None:
    """Raises `BookMissing` where there is no file and `BookDamaged` where it is empty (a copy or a backup
    that was cut off opens as a valid database without a single row)."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise missing(path) from None
    except OSError:
        raise unopenable(path) from None
    if size == 0:
        raise damaged(path, "it is empty")


def refuse_network(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raises `BookError` where the folder is on a network file system: locks do not hold there, and two
    machines would damage the book. Says nothing where the system does not list its mounts."""
    if not mounts.exists():
        return
    kind = _file_system_of(folder.resolve(), mounts.read_text(encoding="utf-8", errors="replace"))
    if kind in _NETWORKS:
        raise BookError(
            f"{folder} is on a network ({kind}), where books get damaged. Set ATLAS_DATA_DIR to a local disk."
        )


def _file_system_of(place: Path, mounts: str) -> str:
    found, kind = Path(), ""
    for line in mounts.splitlines():
        _, escaped, this_kind, *_ = line.split(" ")
        point = Path(escaped.replace("\\040", " "))
        # Of two mounts at one point, the later hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= len(found.parts):
            found, kind = point, this_kind
    return kind


def address_of(path: Path, mode: str) -> str:
    """The book's URI for SQLite; `mode` is `ro` or `rw` (neither creates a file)."""
    return f"{path.resolve().as_uri()}?mode={mode}"


def open_for_writing(path: Path, journal: str) -> sqlite3.Connection:
    """A connection for one writer, in any thread, without implicit transactions.

    `journal` is `wal` or `delete`. Commits are durable before they return. Raises `BookMissing`,
    `BookDamaged` and the rest of `speaking_of`.
    """
    return _open(path, "rw", partial(_set_up_writer, path=path, journal=journal))


def _set_up_writer(connection: sqlite3.Connection, path: Path, journal: str) -> None:
    mode = connection.execute(f"PRAGMA journal_mode = {journal}").fetchone()[0]
    if mode != journal:
        raise BookError(f"{path.name} cannot keep a {journal} journal here. Keep it on a local disk.")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(_NO_TEMPORARY_FILES)
    connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, for one thread at a time."""
    return _open(path, "ro", _set_up_reader)


def _set_up_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute(_NO_TEMPORARY_FILES)


def _open(path: Path, mode: str, set_up: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    require_file(path)
    with speaking_of(path):
        connection = sqlite3.connect(
            address_of(path, mode),
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            set_up(connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT, or all of it undone.

    Never a deferred BEGIN: a read that turns into a write there fails at once, whatever the busy timeout.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Inside it, all selects see the state of one moment; one within another is that other. Keep it short:
    writers wait for it, or their log cannot shrink."""
    is_within = connection.in_transaction
    if not is_within:
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if not is_within and connection.in_transaction:
            connection.execute("COMMIT")


@contextmanager
def alone_in(folder: Path, *, or_else: str = "") -> Iterator[None]:
    """Inside it, nobody else is alone in this folder. Waits for its turn; where `or_else` is given, it raises
    `BookBusy` with that sentence instead."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if or_else else 0))
        except BlockingIOError:
            raise BookBusy(or_else) from None
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def applied_migrations(connection: sqlite3.Connection, schema: str = "main") -> dict[str, set[str]]:
    """The names of the migrations a book has, by the name of their set; empty where it is none of ours."""
    present = connection.execute(
        f"SELECT 1 FROM {schema}.sqlite_schema WHERE name = ?",  # noqa: S608
        [_MIGRATIONS],
    ).fetchone()
    applied: dict[str, set[str]] = {}
    if present:
        for name, migration in connection.execute(f"SELECT migration_set, name FROM {schema}.{_MIGRATIONS}"):  # noqa: S608
            applied.setdefault(name, set()).add(migration)
    return applied


def undo_interrupted_write(path: Path) -> None:
    """A process killed while it wrote leaves a journal that only a writer may roll back."""
    if path.with_name(f"{path.name}-journal").exists():
        with closing(open_for_writing(path, "delete")) as connection, speaking_of(path):
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def lock_writer(path: Path) -> int:
    """Takes the right to write `path` until the returned descriptor is closed, or this process ends.

    A symlink to the book takes the same lock. Raises `BookBusy` at once where another holds it.
    """
    book = path.resolve()
    with filing(book):
        descriptor = os.open(
            book.with_name(f"{book.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "unknown"
        os.close(descriptor)
        raise BookBusy(
            f"{path.name} already has its writer (process {holder}). Run one worker for each folder of books."
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
