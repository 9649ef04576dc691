"""Erases what people want erased and what has grown too old, in a thread that gives way to others."""

from __future__ import annotations

import logging
import time

from atlas_core.access import WORKER
from atlas_core.books.eraser import Eraser
from atlas_core.clock import now_ms
from atlas_core.worker.keeper import Keeper

LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0
AGE_SECONDS = 3_600.0
DAY_MS = 24 * 3_600_000

_log = logging.getLogger("atlas_core.worker.erasures")


class ErasureKeeper(Keeper):
    """Takes wishes within a second. `days` is how long personal values are kept, 0 for ever; what is due is
    looked for every hour, by whole days, so that one run a day finds something."""

    def __init__(self, eraser: Eraser, days: float) -> None:
        super().__init__("erasures", _log, retry=RETRY_SECONDS, trouble="not erased", gives_way=True)
        self._eraser, self._days = eraser, days
        self._age_at = 0.0

    def _look(self) -> float:
        try:
            self._eraser.run_open()
        finally:  # a wish that cannot be done must not keep anything from ageing
            self._age()
        return LOOK_SECONDS

    def _age(self) -> None:
        if self._days and time.monotonic() >= self._age_at:
            self._age_at = time.monotonic() + AGE_SECONDS
            aged = self._eraser.age(
                cutoff(now_ms(), self._days), days=self._days, by=WORKER, is_stopping=self._stopping.is_set
            )
            if aged.flows or aged.submissions:
                _log.info("aged", extra={"flows": aged.flows, "submissions": aged.submissions})


def cutoff(now: int, days: float) -> int:
    """Cases from before this moment are too old: a midnight, UTC."""
    return (now - round(days * DAY_MS)) // DAY_MS * DAY_MS
