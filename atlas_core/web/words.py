"""Times, ages and counts in words, and the one place where text is made safe for Markdown."""

from __future__ import annotations

import datetime as dt
import re
import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = "UTC"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def zone_of(name: str | None) -> ZoneInfo:
    """The viewer's time zone, or UTC where the browser names none that we know."""
    try:
        return ZoneInfo(name or UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(UTC)


def time_in_words(at: int | None, zone: ZoneInfo) -> str:
    """`23 Nov 2026, 18:40:07 IST`, or a word for a time that is not known."""
    if at is None:
        return "not known"
    moment = dt.datetime.fromtimestamp(at / 1000, tz=zone)
    return f"{moment.day} {moment:%b %Y, %H:%M:%S} {moment.tzname()}"


def span_in_words(milliseconds: int) -> str:
    """A length of time in its two largest units: `40 s`, `3 min 5 s`, `2 h 10 min`, `4 days 3 h`."""
    seconds = max(0, milliseconds) // 1000
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    if days:
        return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours and days < 10 else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    if minutes:
        return f"{minutes} min" + (f" {seconds} s" if seconds and minutes < 10 else "")
    return f"{seconds} s"


def age_in_words(at: int | None, now: int) -> str:
    """How long ago: `40 s ago`; `just now` below two seconds."""
    if at is None:
        return "not known"
    return "just now" if now - at < 2_000 else f"{span_in_words(now - at)} ago"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 flow`, `2,013 flows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def interval_in_words(not_before: int | None, seen_at: int, zone: ZoneInfo) -> str:
    """When something happened that was only seen between two looks."""
    seen = time_in_words(seen_at, zone)
    if not_before is None:
        return f"seen at {seen}; when it happened before that is not known"
    apart = seen_at - not_before
    if apart < 1_000:
        return f"at {seen}"
    return f"in the {span_in_words(apart)} before {seen}"


def markdown_safe(text: str) -> str:
    """Text for a place that reads Markdown: every mark loses its meaning, line breaks become blanks.

    For our own sentences that quote somebody. What documents say is never drawn through Markdown.
    """
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))
