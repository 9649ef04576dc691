"""Follows what people set: new results are judged by it at once, and earlier outcomes move after it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from atlas_core.books import outcome_moves
from atlas_core.books.desk import Desk
from atlas_core.books.standards import Standards, standards_now
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from atlas_core.thresholds import Thresholds

LOOK_SECONDS = 1.0
RETRY_SECONDS = 10.0

_log = logging.getLogger("atlas_core.worker.standards")


class StandardsKeeper:
    """Looks into the desk's book every second, in a thread of its own.

    `on_change` is called in that thread with what is in force, whenever it is something else.
    """

    def __init__(
        self, writer: AtlasWriter, desk: Desk, settings: Thresholds, on_change: Callable[[Standards], None]
    ) -> None:
        self._writer = writer
        self._desk = desk
        self._settings = settings
        self._on_change = on_change
        self._held = Standards()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="standards", daemon=True)

    def start(self) -> None:
        """Looks once, so that nothing is judged by other standards, and goes on looking.

        Raises errors of `BookError`.
        """
        self._hold(self._desk.read(standards_now, self._settings))
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still follows."""
        return self._thread.is_alive()

    def stop(self, seconds: float) -> None:
        """Leaves off between two steps; the next start goes on."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _keep(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                self._look()
                pause = LOOK_SECONDS if self._move() else 0.0
            except BookError as error:
                _log.error("standards not followed", extra={"error": type(error).__name__})
                pause = RETRY_SECONDS

    def _look(self) -> None:
        standards = self._desk.read(standards_now, self._settings)
        if standards != self._held:
            self._hold(standards)

    def _hold(self, standards: Standards) -> None:
        self._held = standards
        self._on_change(standards)
        _log.info("standards in force", extra={"set": standards.in_force.name})

    def _move(self) -> bool:
        return self._writer.write(outcome_moves.move_outcomes, self._held.in_force, now=now_ms())
