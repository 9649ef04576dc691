"""What every erasure needs of the books: reading them, and leaving no trace in their files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection

from atlas_core.books.book import open_for_reading, snapshot, speaking_of
from atlas_core.books.desk import Desk
from atlas_core.books.erased_files import vacuum
from atlas_core.books.gone_names import mirror_has_gone_names
from atlas_core.books.words import sweep_words
from atlas_core.books.writer import AtlasWriter

LOG_SECONDS = 30.0
BACKUP_SECONDS = 600.0
"""How long a backup under way is waited for: it may hold what was there, and is then erased like others."""


class ErasingBooks:
    """One folder of books in which something is erased, for the thread that calls.

    `follow` brings the column mirror to the book's state, built anew where it is told so.
    """

    def __init__(
        self, writer: AtlasWriter, atlas: Path, desk: Path, backup_dir: Path, follow: Callable[[bool], object]
    ) -> None:
        self._writer, self._atlas, self._desk = writer, atlas, Desk(desk)
        self._desk_book, self._backup_dir, self._follow = desk, backup_dir, follow

    @property
    def _data_dir(self) -> Path:
        return self._atlas.parent

    def _sweep_words(self) -> None:
        begin = True
        while self._writer.write(sweep_words, begin=begin):
            begin = False

    def _follow_mirror(self) -> None:
        with self._reading() as connection:
            is_anew = mirror_has_gone_names(connection, self._data_dir)
        self._follow(is_anew)

    def _empty_log(self) -> None:
        until = time.monotonic() + LOG_SECONDS
        while not self._writer.shrink_log() and time.monotonic() < until:
            time.sleep(0.1)

    def _vacuum(self) -> None:
        self._writer.do_alone(vacuum, self._atlas.stat().st_size)
        self._empty_log()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            closing(open_for_reading(self._atlas)) as connection,
            speaking_of(self._atlas),
            snapshot(connection),
        ):
            yield connection
