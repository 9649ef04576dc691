"""The wall clock in the books' unit."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since 1970, UTC. Ages and waits are measured on `time.monotonic()` instead."""
    return time.time_ns() // 1_000_000
