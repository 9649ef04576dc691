"""Times, ages and counts in words, and the one place where text is made safe for Markdown."""

from __future__ import annotations

import datetime as dt
import json
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from atlas_core.books.reading import Record
from atlas_core.insight.screen_masks import masked

UTC = "UTC"
RENAMED = {"Asia/Calcutta": "Asia/Kolkata"}  # browsers still say the old name

_LINK_STARTS = re.compile(r"(?i)www(?=\\\.)|https?(?=\\:)|\\@")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def zone_of(name: str | None) -> ZoneInfo:
    """The viewer's time zone, or UTC where the browser names none that we know."""
    try:
        return ZoneInfo(RENAMED.get(name or UTC, name or UTC))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(UTC)


def viewer_zone() -> ZoneInfo:
    """The time zone of the browser that looks at this session."""
    return zone_of(st.context.timezone)


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


def day_in_words(at: int | None, zone: ZoneInfo) -> str:
    """`23 Nov 2026, 18:40`, for tables whose heading names the zone."""
    if at is None:
        return ""
    moment = dt.datetime.fromtimestamp(at / 1000, tz=zone)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def period_in_words(start: int | None, end: int | None, zone: ZoneInfo) -> str:
    """A period that is open at one end at most: `21 Nov 2026, 06:24 to 28 Nov 2026, 06:24 IST`."""
    # Seconds are told where there are any.
    first, last = (re.sub(r":00(?= \S+$)", "", time_in_words(at, zone)) for at in (start, end))
    if start is None:
        return f"before {last}"
    if end is None:
        return f"from {first} on"
    moment, _, zone_name = first.rpartition(" ")
    return f"{moment if last.endswith(f' {zone_name}') else first} to {last}"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 flow`, `2,013 flows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def interval_in_words(not_before: int | None, seen_at: int) -> str:
    """When something happened that was seen at `seen_at` and not yet at `not_before`."""
    if not_before is None:
        return "seen so at our first look; it may have begun earlier"
    apart = seen_at - not_before
    return "" if apart < 1_000 else f"it happened in the {span_in_words(apart)} before"


def markdown_safe(text: str) -> str:
    """Text for a place that reads Markdown: every mark loses its meaning, line breaks become blanks.

    For our own sentences that quote somebody. What documents say is never drawn through Markdown.
    """
    escaped = _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))
    # Addresses become links even where every mark is escaped; an invisible joiner stops that.
    return _LINK_STARTS.sub("\\g<0>\u2060", escaped)


def field_in_words(field: Record, *, is_whole: bool) -> str:
    """What was read in a field (its name, value and shape), masked unless it `is_whole`."""
    value = field["value"]
    if value is not None and not is_whole:
        value = masked(field["name"], str(value))
    return value_in_words(value, field["shape"])


def value_in_words(value: object, shape: str) -> str:
    """A field's value for a table's text column: lists by their items, objects by their parts."""
    if shape == "null":
        return "(nothing read)"
    if shape == "empty":
        return "(empty)"
    if value is None:
        return "(erased)"
    text = str(value)
    if shape not in ("list", "object"):
        return text
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    if isinstance(parsed, list) and not any(isinstance(item, list | dict) for item in parsed):
        return "; ".join(str(item) for item in parsed) or "(empty list)"
    if isinstance(parsed, dict) and not any(isinstance(item, list | dict) for item in parsed.values()):
        return "; ".join(f"{key}: {item}" for key, item in parsed.items()) or "(empty)"
    return text
