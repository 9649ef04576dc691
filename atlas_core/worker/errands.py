"""What the courier still has to carry: at once, or when a wait is over."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from dataclasses import dataclass


@dataclass(slots=True)
class Errand:
    """One attempt to be carried on: to flow/init, or, where it has its flow already, to multiupload."""

    submission_id: int
    number: int
    attempt_id: int = 0
    flow_uuid: str = ""
    tries: int = 0


class Errands:
    """For any number of threads; first come, first served."""

    def __init__(self) -> None:
        self._ready: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._later: list[tuple[float, int, Errand]] = []
        self._later_lock = threading.Lock()
        self._order = itertools.count()

    def put(self, errand: Errand) -> None:
        """To be carried as soon as a thread is free."""
        self._ready.put(errand)

    def put_later(self, errand: Errand, seconds: float) -> None:
        """To be carried after a wait."""
        with self._later_lock:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), errand))

    def put_those_due(self) -> None:
        """Those whose wait is over can be carried now."""
        with self._later_lock:
            while self._later and self._later[0][0] <= time.monotonic():
                self._ready.put(heapq.heappop(self._later)[2])

    def take(self) -> Errand | None:
        """Waits for the next one; None where there will be no more."""
        return self._ready.get()

    def end(self, threads: int) -> None:
        """So many threads are told that there will be no more."""
        for _ in range(threads):
            self._ready.put(None)
