"""How Atlas answered: counted in memory, and brought to the book now and then."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from atlas_core.books.atlas_calls import MINUTE_MS, Calls, bin_of
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasError


class CallTally:
    """Counts the client's calls, for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Counter[tuple[int, str, str, int]] = Counter()

    def note(self, endpoint: str, seconds: float, error: AtlasError | None) -> None:
        """One call has ended."""
        came = error.kind if error else "ok"
        with self._lock:
            self._waiting[now_ms() // MINUTE_MS, endpoint, came, bin_of(seconds)] += 1

    def take(self) -> list[Calls]:
        """What the book has not got yet; `put_back` what it would not take."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
        return [Calls(*kind, times) for kind, times in waiting.items()]

    def put_back(self, calls: Iterable[Calls]) -> None:
        """They wait again."""
        with self._lock:
            for *kind, times in calls:
                self._waiting[tuple(kind)] += times  # type: ignore[index]
