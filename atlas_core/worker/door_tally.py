"""Who was refused at the doors: counted in memory, and brought to the book now and then."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from atlas_core.books.doors import CALLERS_AN_HOUR, HOUR_MS, OTHERS, Refusal

_Kind = tuple[int, str, int, str]  # hour, door, status, caller


class DoorTally:
    """Counts for any thread. What waits for the book is bounded, however many callers there are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[_Kind, tuple[int, int]] = {}  # times, last_at
        self._callers: set[str] = set()
        self._refusals: Counter[tuple[str, int]] = Counter()
        self._tokens = 0

    def refused(self, door: str, status: int, caller: str, *, at: int) -> None:
        """Somebody was refused at a door ('auth', 'callback' or 'other') with this status."""
        with self._lock:
            self._refusals[door, status] += 1
            self._add(Refusal(door, status, caller, 1, at))

    def gave_token(self) -> None:
        """A token was given out."""
        with self._lock:
            self._tokens += 1

    @property
    def tokens(self) -> int:
        """Tokens given since the start."""
        return self._tokens

    def refusals(self) -> dict[tuple[str, int], int]:
        """Refusals since the start, by door and status."""
        with self._lock:
            return dict(self._refusals)

    def take(self) -> list[Refusal]:
        """What the book has not got yet; `put_back` what it would not take."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._callers.clear()
        return [
            Refusal(door, status, caller, times, last_at)
            for (_, door, status, caller), (times, last_at) in waiting.items()
        ]

    def put_back(self, refusals: Iterable[Refusal]) -> None:
        """They wait again."""
        with self._lock:
            for refusal in refusals:
                self._add(refusal)

    def _add(self, refusal: Refusal) -> None:
        caller = refusal.caller
        if caller not in self._callers:
            if len(self._callers) >= CALLERS_AN_HOUR:
                caller = OTHERS
            else:
                self._callers.add(caller)
        kind = (refusal.last_at // HOUR_MS, refusal.door, refusal.status, caller)
        times, last_at = self._waiting.get(kind, (0, 0))
        self._waiting[kind] = (times + refusal.times, max(last_at, refusal.last_at))
