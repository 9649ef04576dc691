"""Follows what people set: new results are judged by it at once, and earlier outcomes move after it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from atlas_core.books import outcome_moves
from atlas_core.books.desk import Desk
from atlas_core.books.standards import Standards, standards_now
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.thresholds import Thresholds
from atlas_core.worker.keeper import Keeper

LOOK_SECONDS = 1.0
RETRY_SECONDS = 10.0

_log = logging.getLogger("atlas_core.worker.standards")


class StandardsKeeper(Keeper):
    """Looks into the desk's book every second, in a thread of its own.

    `on_change` is called in that thread with what is in force, whenever it is something else.
    """

    def __init__(
        self, writer: AtlasWriter, desk: Desk, settings: Thresholds, on_change: Callable[[Standards], None]
    ) -> None:
        super().__init__("standards", _log, retry=RETRY_SECONDS, trouble="standards not followed")
        self._writer = writer
        self._desk = desk
        self._settings = settings
        self._on_change = on_change
        self._held = Standards()

    def start(self) -> None:
        """Looks once, so that nothing is judged by other standards, and goes on looking.

        Raises errors of `BookError`.
        """
        self._hold(self._desk.read(standards_now, self._settings))
        super().start()

    def _look(self) -> float:
        standards = self._desk.read(standards_now, self._settings)
        if standards != self._held:
            self._hold(standards)
        is_done = self._writer.write(outcome_moves.move_outcomes, self._held.in_force, now=now_ms())
        return LOOK_SECONDS if is_done else 0.0

    def _hold(self, standards: Standards) -> None:
        self._held = standards
        self._on_change(standards)
        _log.info("standards in force", extra={"set": standards.in_force.name})
