"""Keeps the books safe, in a thread of its own that gives way to all others: backups when they are due, and a
log that does not grow."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from atlas_core.books import store
from atlas_core.books.backups import HOUR_SECONDS, cadence_of, seconds_until_due, take_backup
from atlas_core.books.log_size import LARGE_BYTES, log_bytes, readers_of
from atlas_core.books.room import in_bytes
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from atlas_core.settings import Settings
from atlas_core.worker.keeper import Keeper

LOOK_SECONDS = 30.0
RETRY_SECONDS = 600.0

_log = logging.getLogger("atlas_core.worker.books")


class BookKeeper(Keeper):
    """Copies each book when it is due, then empties a log that has grown, and records how that went.

    The state `backup` is ok, failed or off; the state `backup of desk.db` (or atlas.db) was last seen when
    the newest good copy was taken. The state `log` is ok or growing.
    """

    def __init__(
        self, writer: AtlasWriter, settings: Settings, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__("books", _log, retry=look_seconds, trouble="books not kept", gives_way=True)
        self._writer, self._settings, self._look_seconds = writer, settings, look_seconds
        self._due: dict[Path, float] = {}  # on the monotonic clock, which is never set back
        self._troubles: dict[Path, str] = {}
        self._log_is_large = True  # as a killed worker may have noted

    def _look(self) -> float:
        self._back_up()
        if not self._stopping.is_set():
            self._watch_log()
        return self._look_seconds

    def _back_up(self) -> None:
        hours, now = self._settings.backup_hours, time.monotonic()
        if not hours:
            if not self._due:
                self._record("backup", "off", "The worker takes none: ATLAS_BACKUP_HOURS is 0.", now_ms())
                self._due[self._settings.desk_book] = now
            return
        for book in (self._settings.atlas_book, self._settings.desk_book):
            if book not in self._due:
                wait = seconds_until_due(book, self._settings.backup_dir, hours=hours, now=now_ms())
                self._due[book] = now + wait
            if self._due[book] <= now and not self._stopping.is_set():
                self._copy(book, hours)

    def _watch_log(self) -> None:
        book = self._settings.atlas_book
        size = log_bytes(book)
        why = self._why_it_stays(book) if size > LARGE_BYTES else ""
        if why:
            self._record("log", "growing", f"The log of {book.name} has {in_bytes(size)} and {why}", now_ms())
        elif self._log_is_large:
            self._record("log", "ok", "", now_ms())
        self._log_is_large = bool(why)

    def _why_it_stays(self, book: Path) -> str:
        """Empties the log; where that cannot be, the end of a sentence that says why, else nothing."""
        try:
            if self._writer.shrink_log():
                return ""
        except BookError as error:
            _log.error("log not emptied", extra={"error": type(error).__name__})
            return f"could not be emptied: {error}"
        readers = readers_of(book)
        names = ", ".join(f"{process} ({name})" for process, name in readers.items()) or "not known which"
        _log.warning("log grows", extra={"bytes": log_bytes(book), "readers": list(readers)})
        return (
            "cannot be emptied while somebody reads an earlier state of the book. "
            f"Processes that read it now: {names}."
        )

    def _copy(self, book: Path, hours: float) -> None:
        began = time.monotonic()
        try:
            copy = take_backup(
                book, self._settings.backup_dir, now=now_ms(), is_stopping=self._stopping.is_set
            )
        except BookError as error:
            if self._stopping.is_set():
                return
            _log.error("backup failed", extra={"book": book.name, "error": type(error).__name__})
            self._troubles[book] = str(error)
            self._due[book] = time.monotonic() + RETRY_SECONDS
        else:
            taken = {"book": book.name, "bytes": copy.size, "seconds": round(time.monotonic() - began, 1)}
            _log.info("backup taken", extra=taken)
            self._troubles.pop(book, None)
            self._due[book] = began + cadence_of(book.stem, copy.size).every * hours * HOUR_SECONDS
            self._record(f"backup of {book.name}", "ok", copy.name, copy.taken_at)
        trouble = " ".join(self._troubles.values())
        self._record("backup", "failed" if trouble else "ok", trouble, now_ms())

    def _record(self, name: str, state: str, sentence: str, now: int) -> None:
        try:
            self._writer.write(store.record_state, name, state, sentence, now=now)
        except BookError as error:
            _log.error("not recorded", extra={"state": name, "error": type(error).__name__})
