"""Erases cases from everything there is: both books, the words' index, the column mirror, backups, books set
aside, exports; then looks through every file for what it erased.

Only the holder of `AtlasWriter` erases: the worker, or a command while none runs. Every step may be done
again, so that an erasure that was killed is done again from its beginning. The tombstone comes first: from
then on no older copy of a book brings anything back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from sqlite3 import Connection

from atlas_core.books import erasures
from atlas_core.books.ageing import Ageing
from atlas_core.books.backups import alone_with_backups
from atlas_core.books.erased_files import erase_in_copies, erase_set_aside, sweep_files, vacuum
from atlas_core.books.erasing import Erased, stands_elsewhere
from atlas_core.books.erasing_atlas import (
    applications_in_atlas,
    case_in_atlas,
    erase_in_atlas,
    is_left_in_atlas,
    learn_from_atlas,
    marked_in_atlas,
    new_digests,
)
from atlas_core.books.erasing_books import BACKUP_SECONDS
from atlas_core.books.erasing_desk import (
    applications_in_desk,
    erase_in_desk,
    in_desk,
    texts_in_desk,
)
from atlas_core.books.erasing_views import Said, forget_views, stands_in_others, texts_in_views
from atlas_core.books.erasures import Erasure
from atlas_core.books.leftovers import Sought
from atlas_core.books.other_files import SANDBOX_FILE
from atlas_core.books.tombstones import Case, Tombstone, set_tombstones, tombstones_in
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, CaseHeld

RETRY_MS = 3_600_000


class Eraser(Ageing):
    """Does what people want erased, and the retention, in one folder of books, for the thread that calls."""

    def run_open(self, *, again_after_ms: int = RETRY_MS) -> None:
        """Does every wish that is not done and not held. One of which something was left is tried again after
        an hour, or that long.

        One that fails stays open and keeps no other from being done; then the last of their `BookError`s is
        raised.
        """
        failed: BookError | None = None
        for erasure in self._desk.read(erasures.open_erasures):
            if erasure.looked_at is None or erasure.looked_at + again_after_ms <= now_ms():
                try:
                    self.run(erasure)
                except CaseHeld:  # it stays open, and is done once the hold has ended
                    continue
                except BookError as error:
                    failed = error
        if failed is not None:
            raise failed

    def run(self, erasure: Erasure) -> bool:
        """One wish, to its end; whether nothing is left. Raises `CaseHeld`, of which nothing is touched, and
        errors of `BookError`: then it stays open."""
        tombstone = erasure.tombstone
        self._desk.read(self._require_free, tombstone)
        with self._reading() as connection:
            marked, case = case_in_atlas(connection, tombstone)
            is_again = not is_left_in_atlas(connection, marked)
        said = Said(self._others_say(case))
        erased = self._erase_in_books(case, said, is_begun=False)
        self._sweep_words()
        self._follow_mirror()
        with alone_with_backups(self._backup_dir, BACKUP_SECONDS):
            elsewhere: dict[str, bool] = {}
            self._ours(Sought(erased.texts).found_in(self._atlas), elsewhere)
            shared = {text for text, is_shared in elsewhere.items() if is_shared}
            views = self._forget_views(erased.texts, elsewhere)
            said.texts = set(Sought(erased.texts - shared).texts)
            in_copies, rewritten = erase_in_copies(self._backup_dir, [case], erased.texts, shared, said)
            erased.add(in_copies)
            erased.add(erase_set_aside(self._data_dir, [case], erased.texts, shared, said))
            swept = sweep_files(self._data_dir)
            self._desk.read(vacuum, self._desk_book.stat().st_size)
            if is_again:  # what went before the kill is not known any more, and cannot be looked for
                self._vacuum()
            self._empty_log()
            counts, places = self._look(erased.texts, elsewhere)
        counts |= {
            "flows": len(case.flow_uuids),
            "rows": sum(erased.rows.values()) + views,
            "backups": len(rewritten),
            "swept": swept,
        }
        with self._desk.writing() as connection:
            told = [said.unsaid(place) for place in places]
            erasures.record_look(connection, erasure.erasure_id, counts, told, now=now_ms())
        return not counts["found"]

    def apply_tombstones(self) -> int:
        """Erases again, in both books, what an older copy of one has brought back; returns how many cases.

        A case that is held though its erasure had begun is left alone. The mirror follows by itself. To be
        called before anybody reads a book that was put in place, and before Atlas is asked.
        """
        again: list[Case] = []
        others: list[Case] = []
        held = self._desk.read(self._held_wishes)
        with self._reading() as connection:
            for tombstone in tombstones_in(self._data_dir):
                if tombstone in held:  # a kill came between its tombstone and its erasure
                    continue
                marked, case = case_in_atlas(connection, tombstone)
                (again if is_left_in_atlas(connection, marked) else others).append(case)
        again += self._desk.read(_left_in_desk, others)
        for case in again:
            self._erase_in_books(case, Said(self._others_say(case)))
        if again:
            self._sweep_words()
        return len(again)

    def _erase_in_books(self, case: Case, said: Said, *, is_begun: bool = True) -> Erased:
        """The desk first: its verdicts must follow digests that atlas.db is about to lose.

        One that was not begun gets its tombstone in the desk's transaction, so that a hold is either seen
        there or finds the tombstone set.
        """
        tombstone = case.tombstone
        with self._reading() as connection:
            marked = marked_in_atlas(connection, tombstone)
            digests = new_digests(connection, marked)
            learn_from_atlas(connection, marked, said)
        with self._desk.writing() as connection:
            if not is_begun:
                self._require_free(connection, tombstone)
                set_tombstones(self._data_dir, [tombstone])
            theirs = in_desk(connection, case)
            erased = erase_in_desk(connection, *theirs, digests, at=tombstone.at, said=said)
        erased.add(self._writer.write(_erase_marked, tombstone))
        return erased

    def _others_say(self, case: Case) -> Callable[[str], bool]:
        flow_uuids = json.dumps(sorted(case.flow_uuids))

        @cache
        def others_say(term: str) -> bool:
            with self._reading() as connection:
                return stands_in_others(connection, term, flow_uuids)

        return others_say

    def _require_free(self, desk: Connection, tombstone: Tombstone) -> None:
        if not (held := erasures.held_applications(desk)):
            return
        with self._reading() as atlas:
            concerned = applications_in_atlas(atlas, tombstone)
        erasures.require_free(held, concerned | applications_in_desk(desk, tombstone))

    def _held_wishes(self, desk: Connection) -> set[Tombstone]:
        held = set()
        for erasure in erasures.open_erasures(desk):
            try:
                self._require_free(desk, erasure.tombstone)
            except CaseHeld:
                held.add(erasure.tombstone)
        return held

    def _forget_views(self, texts: set[str], elsewhere: dict[str, bool]) -> int:
        """Saved views that hold a whole text which this case alone said; returns how many they were."""
        said = Said(lambda _: True)
        said.texts = self._ours(self._desk.read(texts_in_views, Sought(texts).texts), elsewhere)
        with self._desk.writing() as connection:
            return forget_views(connection, said)

    def _look(self, texts: set[str], elsewhere: dict[str, bool]) -> tuple[dict[str, int], list[str]]:
        """Through every file of the desk: what was found, and in which."""
        sought = Sought({text for text in texts if not elsewhere.get(text)})
        others = self._data_dir / SANDBOX_FILE
        paths = (path for folder in self._folders() for path in folder.rglob("*"))
        files = [path for path in paths if path.is_file() and path != others]
        found = {path: self._ours(sought.found_in(path), elsewhere) for path in files}
        if any(texts and path.name.startswith("atlas.db") for path, texts in found.items()):
            self._vacuum()
            for path in (self._atlas, self._atlas.with_name("atlas.db-wal")):
                found[path] = self._ours(sought.found_in(path), elsewhere)
        counts = {
            "files": len(files),
            "texts": sum(not elsewhere.get(text) for text in sought.texts),
            "shared": sum(elsewhere.values()),
            "found": sum(len(texts) for texts in found.values()),
        }
        return counts, sorted(self._name_of(path) for path, texts in found.items() if texts)

    def _name_of(self, path: Path) -> str:
        is_within = path.is_relative_to(self._data_dir)
        return str(path.relative_to(self._data_dir if is_within else self._backup_dir.parent))

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


def _erase_marked(connection: Connection, tombstone: Tombstone) -> Erased:
    return erase_in_atlas(connection, marked_in_atlas(connection, tombstone), at=tombstone.at)


def _left_in_desk(connection: Connection, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if texts_in_desk(connection, *in_desk(connection, case))]
