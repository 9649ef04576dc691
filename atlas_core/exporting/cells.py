"""One value → one cell that is nothing but a value: never a formula, never a link."""

from __future__ import annotations

import datetime as dt
import re

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet may take for the beginning of a formula, full-width forms included (B113)."""

CELL_AT_MOST = 32_767
CUT = "... [cut]"
_EXACT_BELOW = 10**15  # spreadsheets keep 15 digits of a number
_NO_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")

Value = str | int | float | None


def csv_cell(value: Value) -> Value:
    """A cell for a CSV: a text that a spreadsheet would calculate begins with an apostrophe; numbers stay."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def sheet_text(text: str) -> tuple[str, bool]:
    """A text for a cell of a spreadsheet, and whether it was cut: a cell holds 32,767 UTF-16 units (B115).

    Characters that no XML file can hold become U+FFFD.
    """
    text = _NO_XML.sub("\ufffd", text)
    if len(text) * 2 <= CELL_AT_MOST or len(text.encode("utf-16-le")) // 2 <= CELL_AT_MOST:
        return text, False
    kept = text.encode("utf-16-le")[: 2 * (CELL_AT_MOST - len(CUT))].decode("utf-16-le", "ignore")
    return kept + CUT, True


def sheet_number(value: float) -> float | str:
    """A number for a cell of a spreadsheet; as a text where its digits would be lost (B114)."""
    return str(value) if abs(value) >= _EXACT_BELOW else value


def time_text(milliseconds: int) -> str:
    """A time as text: `2026-11-23T10:15:00.123Z`."""
    moment = dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"
