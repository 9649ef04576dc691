"""Both books kept open for reading: opening them reads their whole schema, which takes longer than most
questions do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atlas_core.books.book import require_file, undo_interrupted_write
from atlas_core.books.reading import Books, connect_books

_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class _Kept:
    """Books that are open, which files they are, and the state of their schemas when they were opened."""

    connection: sqlite3.Connection
    files: tuple[tuple[int, int], ...]
    schemas: tuple[int, ...]


class KeptBooks:
    """Both books for all threads of one process, each opened pair of them for one thread at a time.

    A pair is used again while the files are the same ones and their schemas have not changed; between two
    uses it holds no lock and no state of the past.
    """

    def __init__(self, atlas: Path, desk: Path) -> None:
        self._atlas = atlas
        self._desk = desk
        self._idle: list[_Kept] = []

    @contextmanager
    def reading(self) -> Iterator[Books]:
        """Both books. Raises what `open_books` raises."""
        kept = self._take()
        try:
            yield Books(kept.connection, self._atlas)
        except BaseException:
            kept.connection.close()
            raise
        if kept.connection.in_transaction or len(self._idle) >= _AT_MOST:
            kept.connection.close()
        else:
            self._idle.append(kept)

    def _take(self) -> _Kept:
        files = tuple(_file(path) for path in (self._atlas, self._desk))
        undo_interrupted_write(self._desk)
        while self._idle:
            try:
                kept = self._idle.pop()
            except IndexError:
                break  # another thread took the last one
            if kept.files == files and _is_unchanged(kept):
                return kept
            kept.connection.close()
        connection = connect_books(self._atlas, self._desk)
        return _Kept(connection, files, _schemas(connection))


def _file(path: Path) -> tuple[int, int]:
    require_file(path)
    state = path.stat()
    return state.st_dev, state.st_ino


def _is_unchanged(kept: _Kept) -> bool:
    try:
        return _schemas(kept.connection) == kept.schemas
    except sqlite3.Error:
        return False  # opening them anew says what is wrong


def _schemas(connection: sqlite3.Connection) -> tuple[int, ...]:
    return tuple(
        connection.execute(f"PRAGMA {name}.schema_version").fetchone()[0] for name in ("main", "desk")
    )
