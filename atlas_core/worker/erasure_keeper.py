"""Erases what people want erased and what has grown too old, in a thread that gives way to others."""

from __future__ import annotations

import logging
import os
import threading
import time

from atlas_core.access import WORKER
from atlas_core.books.eraser import Eraser
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError

LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0
AGE_SECONDS = 3_600.0
DAY_MS = 24 * 3_600_000
_NICE = 10

_log = logging.getLogger("atlas_core.worker.erasures")


class ErasureKeeper:
    """Takes wishes within a second. `days` is how long personal values are kept, 0 for ever; what is due is
    looked for every hour, by whole days, so that one run a day finds something."""

    def __init__(self, eraser: Eraser, days: float) -> None:
        self._eraser, self._days = eraser, days
        self._age_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="erasures", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether wishes are still taken."""
        return self._thread.is_alive()

    def start(self) -> None:
        """From now on wishes are taken; those that a killed worker left first."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Waits for the one under way; what is cut off is done again at the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _keep(self) -> None:
        if hasattr(os, "setpriority"):  # on Linux, of this thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                self._erase()
                pause = LOOK_SECONDS
            except AtlasDeskError as error:
                _log.error("not erased", extra={"error": type(error).__name__})
                pause = RETRY_SECONDS
            except Exception:  # whatever troubles one erasure must not end the keeping
                _log.error("not erased", exc_info=True)
                pause = RETRY_SECONDS

    def _erase(self) -> None:
        self._eraser.run_open()
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
