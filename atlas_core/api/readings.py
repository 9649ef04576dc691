"""Single values as Atlas sends them: what they say, or why they cannot be read.

Nothing is guessed, clamped or multiplied. A value that cannot be read is None and its raw text is kept.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import date
from typing import NamedTuple

from atlas_core.api.strict_json import NotANumber, canonical_json, code_points, cut_text
from atlas_core.models import FieldValue, FlagKind

_RAW = 200
_ROUNDING = 1e-6

_NUMBER = re.compile(r"-?[0-9]{1,3}(\.[0-9]+)?")

_NAMES_DATE = re.compile(r"(?:^|_)(?:date|dob|valid|validity|period)(?:_|$)|_on$", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_DAY_AND_WORD = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]*([a-z]{3,9})[-/., ]*(\d{4})", re.IGNORECASE)
_WORD_AND_DAY = re.compile(r"([a-z]{3,9})[-/. ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4})", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Joiners are part of how Indic words are written; elsewhere they hide.
_HIDDEN = re.compile(
    r"[\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\U000e0000-\U000e007f]|(?<![\u0900-\u0dff])[\u200c\u200d]"
)
_STACKED = re.compile(r"[\u0300-\u036f]")
# Cyrillic letters, and Greek ones that look Latin, beside a Latin letter or a digit.
_LOOKALIKE = (
    r"[\u0400-\u04ff\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf]"
)
_TWO_ALPHABETS = re.compile(rf"(?<=[A-Za-z0-9]){_LOOKALIKE}|{_LOOKALIKE}(?=[A-Za-z0-9])")


class Score(NamedTuple):
    """A number read on its scale; or None with what came instead. `flag` says what was odd."""

    value: int | float | None
    raw: str | None = None
    flag: FlagKind | None = None


def read_similarity(value: object) -> Score:
    """A similarity on the scale of 0 to 100; whole numbers stay whole.

    Between 0 and 1 it is kept and flagged: somebody may have sent the other scale.
    """
    if value is None:
        return Score(None, None, FlagKind.SCORE_MISSING)
    number, flag = _read_number(value)
    if number is None or not -_ROUNDING <= number <= 100 + _ROUNDING:
        return Score(None, raw_text(value), FlagKind.SCORE_UNUSABLE)
    if 0 < number < 1:
        return Score(number, raw_text(value) if flag else None, FlagKind.SCORE_SCALE)
    return Score(_settle(number, 100), raw_text(value) if flag else None, flag)


def read_confidence(value: object) -> Score:
    """A confidence on the scale of 0 to 1; 0 is an ordinary one, None was never given."""
    if value is None:
        return Score(None)
    number, flag = _read_number(value)
    if number is None or not -_ROUNDING <= number <= 1 + _ROUNDING:
        return Score(None, raw_text(value), FlagKind.CONFIDENCE_UNUSABLE)
    return Score(float(_settle(number, 1)), raw_text(value) if flag else None, flag)


def read_value(value: object) -> tuple[FieldValue, str, bool]:
    """A field's value as a scalar, its shape, and whether it had to be cut to 64 kB.

    Lists and objects become JSON text; a number that is none is null.
    """
    if isinstance(value, str) and not isinstance(value, NotANumber):
        return value, "text" if value else "empty", False
    if value is None or isinstance(value, NotANumber):
        return None, "null", False
    if isinstance(value, bool):
        return value, "boolean", False
    if isinstance(value, (int, float)):
        return value, "number", False
    text = canonical_json(value)
    short = cut_text(text)
    return short, "list" if isinstance(value, list) else "object", short is not text


def read_text(value: object) -> str:
    """Any JSON value as text: null is empty, what is no text is JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else cut_text(canonical_json(value))


def raw_text(value: object) -> str:
    """The first 200 characters of what came, for a person to judge."""
    return read_text(value)[:_RAW]


@functools.lru_cache(maxsize=1024)
def names_date(name: str) -> bool:
    """Whether a field of this name holds a date."""
    return _NAMES_DATE.search(name) is not None


def is_possible_date(text: str) -> bool:
    """Whether a date field's text is a day of the calendar with all four digits of its year.

    Days come before months, as in Atlas's documents. A text without any digit ("Not Applicable") is no date
    and claims to be none.
    """
    text = text.strip()
    if not any(character.isdecimal() for character in text):
        return True
    if match := _YEAR_FIRST.fullmatch(text):
        return _is_day(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(text):
        return _is_day(int(match[3]), int(match[2]), int(match[1]))
    if match := _DAY_AND_WORD.fullmatch(text):
        return _is_day(int(match[3]), _month(match[2]), int(match[1]))
    if match := _WORD_AND_DAY.fullmatch(text):
        return _is_day(int(match[3]), _month(match[1]), int(match[2]))
    return False


def hidden_characters(text: str) -> str:
    """Code points of what a reader of this text cannot see or would take for another letter; mostly empty.

    Looked for: invisible characters and direction marks, marks stacked on letters that do not carry them, and
    Cyrillic or Greek letters in a Latin word.
    """
    if text.isascii() and "\x7f" not in text:
        return ""
    found = _HIDDEN.findall(text) + _TWO_ALPHABETS.findall(text)
    if _STACKED.search(text):
        found += _STACKED.findall(unicodedata.normalize("NFC", text))
    return code_points(found)


def _read_number(value: object) -> tuple[int | float | None, FlagKind | None]:
    if isinstance(value, (int, float)):
        return (None if isinstance(value, bool) else value), None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return (float(value) if "." in value else int(value)), FlagKind.SCORE_AS_TEXT
    return None, None


def _settle(number: int | float, highest: int) -> int | float:
    """Takes away what floating point added beyond an end of the scale."""
    return 0 if number < 0 else min(number, highest)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1900 <= year < 2200


def _month(word: str) -> int:
    start = word[:3].lower()
    return _MONTHS.index(start) + 1 if start in _MONTHS else 0
