"""Erases cases from everything there is: both books, the words' index, the column mirror, backups, books set
aside, exports; then looks through every file for what it erased.

Only the holder of `AtlasWriter` erases: the worker, or a command while none runs. Every step may be done
again, so that an erasure that was killed is done again from its beginning. The tombstone comes first: from
then on no older copy of a book brings anything back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from atlas_core.access import COMMAND, Action, User
from atlas_core.books import erasures
from atlas_core.books.backups import at_work_in, remove_upgrades_before
from atlas_core.books.book import open_for_reading, snapshot, speaking_of
from atlas_core.books.columns import open_columns
from atlas_core.books.desk import Desk
from atlas_core.books.erased_files import erase_in_copies, erase_set_aside, sweep_files, vacuum
from atlas_core.books.erasing import Erased, stands_elsewhere
from atlas_core.books.erasing_atlas import (
    aged_in_atlas,
    case_in_atlas,
    erase_in_atlas,
    is_left_in_atlas,
    marked_in_atlas,
    new_digests,
)
from atlas_core.books.erasing_desk import aged_in_desk, erase_in_desk, in_desk, texts_in_desk
from atlas_core.books.erasures import Erasure
from atlas_core.books.leftovers import Sought
from atlas_core.books.tombstones import Case, Tombstone, set_tombstones, tombstones_in
from atlas_core.books.words import sweep_words
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookBusy, BookDamaged, BookMissing

PATIENCE_SECONDS = 30.0
RETRY_MS = 3_600_000
UPGRADES_KEPT_DAYS = 31
AT_ONCE = 100
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Aged:
    """What one run of the retention erased."""

    flows: int
    submissions: int


class Eraser:
    """Erases in one folder of books, for the thread that calls.

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

    def run_open(self) -> None:
        """Does every wish that is not done and not held. One of which something was left is tried again after
        an hour."""
        for erasure in self._desk.read(erasures.open_erasures):
            is_due = erasure.looked_at is None or erasure.looked_at + RETRY_MS <= now_ms()
            held = self._desk.read(erasures.held_applications)
            if is_due and erasure.tombstone.application_id not in held:
                self.run(erasure)

    def run(self, erasure: Erasure) -> bool:
        """One wish, to its end; whether nothing is left. Raises errors of `BookError`: then it stays open."""
        tombstone = erasure.tombstone
        set_tombstones(self._data_dir, [tombstone])
        with self._reading() as connection:
            marked, case = case_in_atlas(connection, tombstone)
            is_again = not is_left_in_atlas(connection, marked)
        erased = self._erase_in_books(case)
        self._sweep_words()
        self._follow(self._mirror_has_gone_names())
        with self._alone_with_backups():
            elsewhere: dict[str, bool] = {}
            self._ours(Sought(erased.texts).found_in(self._atlas), elsewhere)
            shared = {text for text, is_shared in elsewhere.items() if is_shared}
            in_copies, rewritten = erase_in_copies(self._backup_dir, [case], erased.texts, shared)
            erased.add(in_copies)
            erased.add(erase_set_aside(self._data_dir, [case], erased.texts, shared))
            swept = sweep_files(self._data_dir)
            self._desk.read(vacuum, self._desk_book.stat().st_size)
            if is_again:  # what went before the kill is not known any more, and cannot be looked for
                self._vacuum()
            self._empty_log()
            views = self._forget_views(erased.texts, elsewhere)
            counts = self._look(erased.texts, elsewhere)
        counts |= {
            "flows": len(case.flow_uuids),
            "rows": sum(erased.rows.values()) + views,
            "backups": len(rewritten),
            "swept": swept,
        }
        with self._desk.writing() as connection:
            erasures.record_look(
                connection, erasure.erasure_id, counts, is_done=not counts["found"], now=now_ms()
            )
        return not counts["found"]

    def apply_tombstones(self) -> int:
        """Erases again, in both books, what an older copy of one has brought back; returns how many cases.

        The mirror follows by itself. To be called before anybody reads a book that was put in place, and
        before Atlas is asked.
        """
        again: list[Case] = []
        others: list[Case] = []
        with self._reading() as connection:
            for tombstone in tombstones_in(self._data_dir):
                marked, case = case_in_atlas(connection, tombstone)
                (again if is_left_in_atlas(connection, marked) else others).append(case)
        again += self._desk.read(_left_in_desk, others)
        for case in again:
            self._erase_in_books(case)
        if again:
            self._sweep_words()
        return len(again)

    def age(
        self, before: int, *, days: float, by: User = COMMAND, is_stopping: Callable[[], bool] = lambda: False
    ) -> Aged:
        """Takes the values of every case that was begun before that moment and is not held.

        Its row of the audit log comes first. Backups keep the values until these are let go; those from
        before upgrades, which nothing else lets go, for at most a month.
        """
        held = list(self._desk.read(erasures.held_applications))
        with self._reading() as connection:
            due = aged_in_atlas(connection, before, held, None)
        submissions = self._desk.read(aged_in_desk, before, held, None)
        aged = Aged(len(due.flows), len(submissions))
        if not (due.flows or due.attempts or submissions):
            return aged
        with self._desk.acting(
            by,
            Action.ERASE,
            f"older than {days:g} days",
            reason="ATLAS_KEEP_PERSONAL_DAYS",
            detail={"flows": aged.flows, "submissions": aged.submissions, "held": len(held)},
        ):
            pass
        while not is_stopping() and self._age_some(before, held):
            pass
        self._sweep_words()
        if not is_stopping():
            self._follow(self._mirror_has_gone_names())
        self._empty_log()
        with self._alone_with_backups():
            remove_upgrades_before(self._backup_dir, now_ms() - UPGRADES_KEPT_DAYS * _DAY_MS)
        return aged

    def _age_some(self, before: int, held: Sequence[str]) -> bool:
        now = now_ms()
        with self._reading() as connection:
            marked = aged_in_atlas(connection, before, held, AT_ONCE)
            digests = new_digests(connection, marked)
        submissions = self._desk.read(aged_in_desk, before, held, AT_ONCE)
        uuids = [flow_uuid for _, flow_uuid in marked.flows]
        if submissions or uuids:
            with self._desk.writing() as connection:
                erase_in_desk(connection, submissions, uuids, digests, at=now)
        if marked.flows or marked.attempts:
            self._writer.write(erase_in_atlas, marked, at=now)
        return bool(submissions or marked.flows or marked.attempts)

    def _erase_in_books(self, case: Case) -> Erased:
        """The desk first: its verdicts must follow digests that atlas.db is about to lose."""
        tombstone = case.tombstone
        with self._reading() as connection:
            digests = new_digests(connection, marked_in_atlas(connection, tombstone))
        with self._desk.writing() as connection:
            erased = erase_in_desk(connection, *in_desk(connection, case), digests, at=tombstone.at)
        erased.add(self._writer.write(_erase_marked, tombstone))
        return erased

    def _sweep_words(self) -> None:
        begin = True
        while self._writer.write(sweep_words, begin=begin):
            begin = False

    def _mirror_has_gone_names(self) -> bool:
        """Whether the mirror's lists hold a text that no flow has any more; they only grow."""
        try:
            names = open_columns(self._data_dir).names
        except (BookMissing, BookDamaged):
            return False
        with self._reading() as connection:
            lists = ((names.dealers, "dealer"), (names.qualities, "quality"), (names.reasons, "reason"))
            return any(set(held) - {None, ""} - _standing(connection, what) for held, what in lists)

    def _empty_log(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._writer.shrink_log() and time.monotonic() < until:
            time.sleep(0.1)

    def _vacuum(self) -> None:
        self._writer.do_alone(vacuum, self._atlas.stat().st_size)
        self._empty_log()

    def _forget_views(self, texts: set[str], elsewhere: dict[str, bool]) -> int:
        """Saved views that search for something which this case alone said; returns how many they were."""
        said = self._desk.read(erasures.texts_in_views, Sought(texts).texts)
        ours = self._ours({text for _, text in said}, elsewhere)
        doomed = {view_id for view_id, text in said if text in ours}
        with self._desk.writing() as connection:
            erasures.forget_views(connection, doomed)
        return len(doomed)

    def _look(self, texts: set[str], elsewhere: dict[str, bool]) -> dict[str, int]:
        sought = Sought({text for text in texts if not elsewhere.get(text)})
        files = [path for folder in self._folders() for path in folder.rglob("*") if path.is_file()]
        found = {path: self._ours(sought.found_in(path), elsewhere) for path in files}
        if any(texts and path.name.startswith("atlas.db") for path, texts in found.items()):
            self._vacuum()
            for path in (self._atlas, self._atlas.with_name("atlas.db-wal")):
                found[path] = self._ours(sought.found_in(path), elsewhere)
        return {
            "files": len(files),
            "texts": sum(not elsewhere.get(text) for text in sought.texts),
            "shared": sum(elsewhere.values()),
            "found": sum(len(texts) for texts in found.values()),
        }

    def _ours(self, texts: set[str], elsewhere: dict[str, bool]) -> set[str]:
        """Those that are no other case's too."""
        for text in texts - set(elsewhere):
            with self._reading() as connection:
                elsewhere[text] = stands_elsewhere(connection, text)
            elsewhere[text] = elsewhere[text] or self._desk.read(stands_elsewhere, text)
        return {text for text in texts if not elsewhere[text]}

    def _folders(self) -> list[Path]:
        within = self._backup_dir.resolve().is_relative_to(self._data_dir.resolve())
        return [self._data_dir] if within else [self._data_dir, self._backup_dir]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            closing(open_for_reading(self._atlas)) as connection,
            speaking_of(self._atlas),
            snapshot(connection),
        ):
            yield connection

    @contextmanager
    def _alone_with_backups(self) -> Iterator[None]:
        """A backup under way may hold what was there: it is waited for, and then erased like others."""
        until = time.monotonic() + 20 * PATIENCE_SECONDS
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(at_work_in(self._backup_dir))
                    break
                except BookBusy:
                    if time.monotonic() > until:
                        raise
                time.sleep(0.5)
            yield


def _erase_marked(connection: Connection, tombstone: Tombstone) -> Erased:
    return erase_in_atlas(connection, marked_in_atlas(connection, tombstone), at=tombstone.at)


def _left_in_desk(connection: Connection, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if texts_in_desk(connection, *in_desk(connection, case))]


def _standing(connection: Connection, what: str) -> set[object]:
    selects = {
        "dealer": "SELECT DISTINCT dealer FROM flows",
        "quality": "SELECT DISTINCT quality_flag FROM flows",
        "reason": "SELECT DISTINCT d.error_reason FROM flows f JOIN documents d ON d.result_id = f.result_id",
    }
    return {text for (text,) in connection.execute(selects[what])}
