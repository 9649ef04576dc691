"""How often somebody may knock in vain before he is told to wait."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

A_MINUTE = 60
REMEMBERED = 10_000


class Knocks:
    """A token bucket for each caller, filled anew once a second, `a_minute` deep; only failures take from it.

    Whoever knocks rightly is not even asked, so nobody is refused for another's flood. The callers who were
    heard of last are remembered, `remembered` of them.
    """

    def __init__(
        self,
        a_minute: int = A_MINUTE,
        remembered: int = REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._full = float(a_minute)
        self._a_second = a_minute / 60
        self._remembered = remembered
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # left, at

    def failed(self, caller: Hashable) -> float:
        """Notes a failure; returns 0, or after how many seconds another will be listened to."""
        now = self._clock()
        left, at = self._buckets.pop(caller, (self._full, now))
        left = min(self._full, left + (now - at) * self._a_second)
        wait = 0.0
        if left >= 1:
            left -= 1
        else:
            wait = (1 - left) / self._a_second
        self._buckets[caller] = (left, now)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return wait
