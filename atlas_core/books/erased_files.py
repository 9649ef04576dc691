"""Erases a case from what lies beside the books: backups, books set aside by a restore, exports, and what
killed work left behind.

A backup is never changed in place: its erased copy is made beside it, proved and synced, and takes its name.
Killed at any moment, the earlier one or the erased one is there, or comes back when backups are next at work.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence, Set
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection

from atlas_core.books.backups import copies_in
from atlas_core.books.book import (
    filing,
    open_for_reading,
    open_for_writing,
    speaking_of,
    sync_folder,
    transaction,
)
from atlas_core.books.copies import (
    REWRITTEN,
    UNFINISHED,
    Copy,
    digest_of,
    take_inventory,
    verify_bytes,
    write_manifest,
)
from atlas_core.books.erasing import Erased, stands_elsewhere
from atlas_core.books.erasing_atlas import erase_in_atlas, learn_from_atlas, marked_in_atlas, texts_in_atlas
from atlas_core.books.erasing_desk import erase_in_desk, in_desk, texts_in_desk
from atlas_core.books.erasing_views import Said, views_saying
from atlas_core.books.leftovers import Sought
from atlas_core.books.room import require_room
from atlas_core.books.tombstones import Case
from atlas_core.books.words import sweep_words
from atlas_core.errors import BookBusy, BookDamaged, BookError, BookFull

_MEMORY_BYTES = 256 * 1024 * 1024

_log = logging.getLogger(__name__)


def erase_in_copies(
    folder: Path, cases: Sequence[Case], texts: set[str], shared: Set[str], said: Said
) -> tuple[Erased, list[Copy]]:
    """Erases from each backup in the folder that holds something of it; whoever calls is alone there.

    `texts` are those known to go, `shared` those that other cases say too, `said` what saved views may not
    repeat. Returns what was touched and the backups written anew. A backup that is not what was written
    cannot serve any more: it is removed.
    """
    erased, rewritten = Erased(texts=set(texts)), []
    # Copies of atlas.db first: of a case that is erased again only they still know what it said.
    for copy in sorted(copies_in(folder), key=lambda copy: copy.book):
        try:
            if not holds_some_of(copy.file, cases, said):
                continue
            erased.add(_rewrite(copy, cases, erased.texts, shared, said))
        except BookDamaged as error:
            _log.warning("backup removed: %s", error)
            shutil.rmtree(copy.folder)
        rewritten.append(copy)
    return erased, rewritten


def erase_set_aside(
    data_dir: Path, cases: Sequence[Case], texts: set[str], shared: Set[str], said: Said
) -> Erased:
    """Erases from the books that restores have set aside. One that is not sound enough for that is removed,
    and so is each column mirror, which can be built anew."""
    erased = Erased(texts=set(texts))
    for folder in data_dir.glob("set-aside-*"):
        shutil.rmtree(folder / "mirror", ignore_errors=True)
        for book in (folder / "atlas.db", folder / "desk.db"):
            try:
                if book.exists() and holds_some_of(book, cases, said):
                    erased.add(erase_in_file(book, cases, erased.texts, said, shared))
            except (BookBusy, BookFull):
                raise
            except BookError as error:
                _log.warning("book set aside removed: %s", error)
                for end in ("", "-wal", "-shm", "-journal"):
                    book.with_name(book.name + end).unlink(missing_ok=True)
    return erased


def sweep_files(data_dir: Path) -> int:
    """Removes exports (files of a day, made anew in a moment) and what killed work left; returns how many.

    Nobody restores meanwhile: whoever calls has the right to write atlas.db. Raises `BookError`, which names
    what cannot be removed.
    """
    doomed = [
        *(data_dir / "exports").glob("*"),
        *data_dir.glob(".*.restored*"),
        *data_dir.glob(".*.unfinished*"),
        *data_dir.glob("mirror/*.new"),
    ]
    for path in doomed:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise BookError(
                f"{path} may hold what was erased and cannot be removed: {error.strerror}. Remove it by hand."
            ) from error
    return len(doomed)


def erase_in_file(
    book: Path, cases: Sequence[Case], texts: set[str], said: Said, shared: Set[str] = frozenset()
) -> Erased:
    """Erases from one book that nobody uses, and leaves it as one file. Raises errors of `BookError`."""
    with closing(open_for_writing(book, "delete")) as connection, speaking_of(book):
        erased = Erased()
        with transaction(connection):
            for case in cases:
                erased.add(_erase(connection, book.name, case, said))
        if "atlas" in book.name:
            begin = True
            while sweep_words(connection, begin=begin):
                begin = False
        found = Sought((erased.texts | texts) - shared).found_in(book)
        if not all(stands_elsewhere(connection, text) for text in found):
            vacuum(connection, book.stat().st_size)
    return erased


def vacuum(connection: Connection, size: int) -> None:
    """Writes a book anew: pages may keep what SQLite moved elsewhere long before it was erased."""
    if size > _MEMORY_BYTES:
        connection.execute("PRAGMA temp_store = FILE")  # an unlinked file, gone with the connection
    connection.execute("VACUUM")
    connection.execute("PRAGMA temp_store = MEMORY")


def _erase(connection: Connection, name: str, case: Case, said: Said) -> Erased:
    if "atlas" in name:
        marked = marked_in_atlas(connection, case.tombstone)
        learn_from_atlas(connection, marked, said)
        return erase_in_atlas(connection, marked, at=case.tombstone.at)
    return erase_in_desk(connection, *in_desk(connection, case), {}, at=case.tombstone.at, said=said)


def holds_some_of(book: Path, cases: Sequence[Case], said: Said) -> bool:
    """Whether something of the cases is in a book, or a saved view that repeats what they said. Raises errors
    of `BookError`."""
    with closing(open_for_reading(book)) as connection, speaking_of(book):
        for case in cases:
            if "atlas" in book.name:
                texts = texts_in_atlas(connection, marked_in_atlas(connection, case.tombstone))
            else:
                texts = texts_in_desk(connection, *in_desk(connection, case))
            if texts:
                return True
        return "atlas" not in book.name and bool(views_saying(connection, said))


def _rewrite(copy: Copy, cases: Sequence[Case], texts: set[str], shared: Set[str], said: Said) -> Erased:
    parent = copy.folder.parent
    place = parent / f".{copy.name}{REWRITTEN}"
    with filing(place):
        shutil.rmtree(place, ignore_errors=True)
        require_room(parent, copy.size, f"an erased copy of {copy.name}", "Make room, and erase again.")
        place.mkdir(mode=0o700)
        file = place / copy.book
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        shutil.copyfile(copy.file, file)
        try:
            verify_bytes(copy, file)
            erased = erase_in_file(file, cases, texts, said, shared)
            new = _proved(copy, place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        write_manifest(new)
        sync_folder(place)
        doomed = parent / f".{copy.name}{UNFINISHED}"
        copy.folder.rename(doomed)
        place.rename(copy.folder)
        sync_folder(parent)
        shutil.rmtree(doomed)
    return erased


def _proved(copy: Copy, place: Path) -> Copy:
    file = place / copy.book
    with closing(open_for_reading(file)) as connection, speaking_of(file):
        complaint = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if complaint != "ok":
            raise BookDamaged(f"The backup {copy.name} is not sound.")
        inventory = take_inventory(connection)
    with file.open("rb+") as written:
        os.fsync(written.fileno())
    size, sha256 = digest_of(file)
    return replace(copy, folder=place, size=size, sha256=sha256, inventory=inventory)
