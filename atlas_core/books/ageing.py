"""The retention: takes the values of cases that have grown too old, some at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atlas_core.access import COMMAND, Action, User
from atlas_core.books.backups import alone_with_backups, remove_upgrades_before
from atlas_core.books.erasing_atlas import aged_in_atlas, erase_in_atlas, new_digests
from atlas_core.books.erasing_books import BACKUP_SECONDS, ErasingBooks
from atlas_core.books.erasing_desk import aged_in_desk, erase_in_desk
from atlas_core.books.erasures import held_applications
from atlas_core.clock import now_ms

UPGRADES_KEPT_DAYS = 31
AT_ONCE = 100
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Aged:
    """What one run of the retention erased."""

    flows: int
    submissions: int


class Ageing(ErasingBooks):
    """Erases by age."""

    def age(
        self, before: int, *, days: float, by: User = COMMAND, is_stopping: Callable[[], bool] = lambda: False
    ) -> Aged:
        """Takes the values of every case that was begun before that moment and is not held.

        Its row of the audit log comes first. Backups keep the values until these are let go; those from
        before upgrades, which nothing else lets go, for at most a month.
        """
        held = list(self._desk.read(held_applications))
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
        while not is_stopping() and self._age_some(before):
            pass
        self._sweep_words()
        if not is_stopping():
            self._follow_mirror()
        self._empty_log()
        with alone_with_backups(self._backup_dir, BACKUP_SECONDS):
            remove_upgrades_before(self._backup_dir, now_ms() - UPGRADES_KEPT_DAYS * _DAY_MS)
        return aged

    def _age_some(self, before: int) -> bool:
        """Some of what is due. What is held is read in the transaction that erases, for a run lasts long."""
        now = now_ms()
        with self._desk.writing() as connection:
            held = list(held_applications(connection))
            with self._reading() as atlas:
                marked = aged_in_atlas(atlas, before, held, AT_ONCE)
                digests = new_digests(atlas, marked)
            submissions = aged_in_desk(connection, before, held, AT_ONCE)
            uuids = [flow_uuid for _, flow_uuid in marked.flows]
            if submissions or uuids:
                erase_in_desk(connection, submissions, uuids, digests, at=now)
        if marked.flows or marked.attempts:
            self._writer.write(erase_in_atlas, marked, at=now)
        return bool(submissions or marked.flows or marked.attempts)
