"""Whether and when to ask again: within a budget; exponential with full jitter, or when Atlas says."""

from __future__ import annotations

import random
import re
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_PAUSE = 20.0
MAX_RETRY_AFTER = 120.0
RETRY_SHARE = 0.1  # of all calls
SPARE_RETRIES = 20.0

_SECONDS = re.compile(r"[0-9]{1,9}")


def parse_retry_after(text: str, now: datetime | None = None) -> float | None:
    """Seconds to wait by a `Retry-After` header, at most 120; None where missing, past or unreadable."""
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, MAX_RETRY_AFTER) if seconds > 0 else None


def pause_seconds(attempt: int, retry_after: float | None, base: float) -> float:
    """How long to wait after the `attempt`-th failure (from 1).

    What Atlas asked for is obeyed, plus a little so that many callers do not return as one.
    """
    if retry_after is not None:
        return retry_after + random.uniform(0, min(1.0, base))  # noqa: S311
    return random.uniform(0, min(MAX_PAUSE, base * 2 ** (attempt - 1)))  # noqa: S311


class RetryBudget:
    """How often one client may ask again, whoever asks: a tenth of its calls, and a few saved ones.

    Single failures are repeated as ever. Where everything fails, repetitions end with the saved ones, so that
    an Atlas that is down is asked little more often than one that is well.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = SPARE_RETRIES

    def note_call(self) -> None:
        """A call begins: it earns a tenth of a repetition."""
        with self._lock:
            self._left = min(SPARE_RETRIES, self._left + RETRY_SHARE)

    def spend(self) -> bool:
        """Takes one repetition; False where none is left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
