"""Values that are as a whole one number or one day, and their normal form.

- amounts: without currency, thousands commas, `.00` and `/-` (45,000.00 is 45000); a leading zero stays
- numbers of ten and more digits: without the blanks and dashes between their groups
- telephone numbers: without +91, 0091, 91 or 0 before ten digits
- days: as 2026-06-15, if they can be read in one way only (05/06/2026 cannot, and stays as it is)
"""

from __future__ import annotations

import re
from datetime import date

TELEPHONE = "telephone prefix"

_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/., ]*([a-z]{3,9})[-/., ]*(\d{4})", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3,9})[-/. ]*(\d{1,2})(?:st|nd|rd|th)?[-/., ]+(\d{4})", re.IGNORECASE)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_GROUPED = re.compile(r"[+(]?\d[\d\s()-]*")
_PHONE = re.compile(r"(?:\+?91|0091|\+910|0)([1-9]\d{9})")
_MISREAD = re.compile(r"(?=.*[,.])(?=.*[A-Za-z])[\dOoIlSBZG,.]+")
_AS_DIGITS = str.maketrans("OoIlSBZG", "00115826")
_AMOUNT = re.compile(
    r"(?:rs\.?|inr|\u20b9)?\s*(-?)\s*(\d{1,3}(?:,\d{2,3})*,\d{3}|\d+)(?:\.(\d+))?\s*(?:/[-=])?\s*(?:only)?",
    re.IGNORECASE,
)


def whole_number(written: str) -> tuple[str, str] | None:
    """The normal form of a number or day, and what it has lost; None for any other text."""
    return _day(written) or long_number(written) or _amount(written)


def misread_amount(written: str) -> str | None:
    """The amount that a text would be if its letters were the digits they look like (24,490.0O)."""
    if not _MISREAD.fullmatch(written) or sum(map(str.isdigit, written)) * 2 < len(written):
        return None
    found = _amount(written.translate(_AS_DIGITS))
    return found[0] if found else None


def _day(written: str) -> tuple[str, str] | None:
    if match := _YEAR_FIRST.fullmatch(written):
        year, month, day = map(int, match.groups())
    elif match := _YEAR_LAST.fullmatch(written):
        day, month, year = map(int, match.groups())
        if day != month and day <= 12:
            if month <= 12:
                return None
            day, month = month, day
    elif match := _DAY_MONTH.fullmatch(written):
        day, month, year = int(match[1]), _month(match[2]), int(match[3])
    elif match := _MONTH_DAY.fullmatch(written):
        day, month, year = int(match[2]), _month(match[1]), int(match[3])
    else:
        return None
    try:
        return date(year, month, day).isoformat(), "date"
    except ValueError:
        return None


def _month(word: str) -> int:
    word = word.lower()
    return next((at for at, name in enumerate(_MONTHS, 1) if name.startswith(word)), 0)


def long_number(written: str) -> tuple[str, str] | None:
    """Ten and more digits as they are without blanks, dashes and a telephone's prefix."""
    if not _GROUPED.fullmatch(written):
        return None
    compact = re.sub(r"[\s()-]", "", written)
    if phone := _PHONE.fullmatch(compact):
        return phone[1], TELEPHONE
    digits = compact.removeprefix("+")
    return (digits, "number in groups") if len(digits) >= 10 else None


def _amount(written: str) -> tuple[str, str] | None:
    match = _AMOUNT.fullmatch(written)
    if not match:
        return None
    paise = (match[3] or "").rstrip("0")
    return match[1] + match[2].replace(",", "") + (f".{paise}" if paise else ""), "amount"
