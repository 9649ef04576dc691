"""When to ask again: exponential with full jitter, or when Atlas says."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_PAUSE = 20.0
MAX_RETRY_AFTER = 120.0

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
