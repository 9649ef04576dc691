"""Puts copies in the place of books: proved first, and what was there is set aside, never deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from pathlib import Path

from atlas_core.books.agreement import Agreed, agree
from atlas_core.books.book import (
    alone_in,
    filing,
    lock_writer,
    open_for_reading,
    open_for_writing,
    refuse_network,
    speaking_of,
    sync_folder,
)
from atlas_core.books.column_head import mirror_folder
from atlas_core.books.copies import Copy, moment_in_name, verify_bytes, verify_copy
from atlas_core.books.erased_files import erase_in_file, holds_some_of
from atlas_core.books.eraser import Eraser
from atlas_core.books.erasing_views import Said, stands_in_others
from atlas_core.books.room import require_room
from atlas_core.books.schema import ATLAS, DESK, migrate, require_known
from atlas_core.books.tombstones import Case, Tombstone, set_tombstones, tombstones_in
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookDamaged, InputError

_ENDS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the books that were there lie now (None where there were none), and what the two books learnt
    from each other (None while there is only one)."""

    set_aside: Path | None
    agreed: Agreed | None


def restore(
    copies: Sequence[Copy], data_dir: Path, *, now: int, tombstones: Sequence[Tombstone] = ()
) -> Restored:
    """Makes these copies, of one book each, the books of `data_dir`. What was erased there, or is among the
    `tombstones`, is erased from them before they take their place.

    Raises `BookBusy` where a worker or a writer holds the books, `BookDamaged` where a copy is not what it
    was, `BookNewer`, `InputError` for two copies of one book; then the books are as they were. Killed at any
    moment it can be done again.
    """
    if len({copy.book for copy in copies}) < len(copies):
        raise InputError("Name one backup of each book.")
    for copy in copies:
        require_known(copy.edition, ATLAS if copy.book == "atlas.db" else DESK, f"The backup {copy.name}")
        verify_copy(copy)
    with filing(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_network(data_dir)
        with _nobody_at_work(data_dir):
            set_tombstones(data_dir, tombstones)
            erased = tombstones_in(data_dir)
            said = Said(_said_by_others(copies, data_dir))
            # atlas.db first: what its copy says of the erased, the other's saved views may not repeat.
            ordered = sorted(copies, key=lambda copy: copy.book)
            staged = [(_stage(copy, data_dir, erased, said), data_dir / copy.book) for copy in ordered]
            set_aside = _swap(staged, data_dir, now)
    return Restored(set_aside, _agree(data_dir, now))


@contextmanager
def _nobody_at_work(data_dir: Path) -> Iterator[None]:
    atlas, desk = data_dir / "atlas.db", data_dir / "desk.db"
    try:
        lock = lock_writer(atlas)
    except BookBusy as error:
        raise BookBusy(f"{error} Stop the desk, and restore then.") from None
    try:
        with alone_in(data_dir), ExitStack() as held:
            if desk.exists():
                with suppress(BookDamaged):  # then nobody writes to it anyway
                    connection = held.enter_context(closing(open_for_writing(desk, DESK.journal)))
                    with speaking_of(desk):
                        connection.execute("BEGIN EXCLUSIVE")
            yield
    finally:
        os.close(lock)


def _said_by_others(copies: Sequence[Copy], data_dir: Path) -> Callable[[str], bool]:
    """Whether a term stands in the atlas.db that there will be; what was erased is gone from it by then."""
    is_staged = any(copy.book == "atlas.db" for copy in copies)
    atlas = _staged("atlas.db", data_dir) if is_staged else data_dir / "atlas.db"

    @cache
    def said_by_others(term: str) -> bool:
        if not atlas.exists():
            return False
        with closing(open_for_reading(atlas)) as connection, speaking_of(atlas):
            return stands_in_others(connection, term, "[]")

    return said_by_others


def _staged(book: str, data_dir: Path) -> Path:
    return data_dir / f".{book}.restored"


def _stage(copy: Copy, data_dir: Path, tombstones: Sequence[Tombstone], said: Said) -> Path:
    """The copy's bytes beside the books, durable, under a name that nobody reads."""
    staged = _staged(copy.book, data_dir)
    staged.unlink(missing_ok=True)
    require_room(data_dir, copy.size, f"{copy.book} from the backup", "Make room.")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with copy.file.open("rb") as source, os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
        target.flush()
        os.fsync(target.fileno())
    verify_bytes(copy, staged)
    cases = [Case(tombstone) for tombstone in tombstones]
    if holds_some_of(staged, cases, said):
        erase_in_file(staged, cases, set(), said)
    return staged


def _swap(staged: Sequence[tuple[Path, Path]], data_dir: Path, now: int) -> Path | None:
    """Sets aside what is there, the book before its log: a book without its log would be an earlier state,
    while a log without its book is refused by whoever finds it."""
    aside = _new_folder(data_dir / f"set-aside-{moment_in_name(now)}")
    present = [book.with_name(book.name + end) for _, book in staged for end in _ENDS]
    if any(book.name == "atlas.db" for _, book in staged):
        present.append(mirror_folder(data_dir))  # it mirrors the other book; the worker makes a new one
    present = [place for place in present if place.exists()]
    if present:
        aside.mkdir(mode=0o700)
        for place in present:
            place.rename(aside / place.name)
        sync_folder(aside)
        sync_folder(data_dir)
    for file, book in staged:
        file.rename(book)
    sync_folder(data_dir)
    return aside if present else None


def _new_folder(wanted: Path) -> Path:
    """This name, or the next that is free."""
    names = (wanted.with_name(f"{wanted.name}-{number}") for number in count(2))
    return next(place for place in chain([wanted], names) if not place.exists())


def _agree(data_dir: Path, now: int) -> Agreed | None:
    atlas, desk = data_dir / "atlas.db", data_dir / "desk.db"
    if not (atlas.exists() and desk.exists()):
        return None
    migrate(atlas, ATLAS)
    migrate(desk, DESK)
    with AtlasWriter(atlas) as writer:
        agreed = agree(writer, atlas, desk, now=now)
        Eraser(writer, atlas, desk, data_dir / "backups", lambda _: None).apply_tombstones()
        return agreed
