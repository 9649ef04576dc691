"""What a clicked bar, cell or point opened, kept in the address: the cases below are those of the link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from atlas_core.insight.addresses import NONE, day_of, moment_of
from atlas_core.insight.cases import CheckRange
from atlas_core.insight.charts import day_in_words
from atlas_core.insight.periods import DAY_MS, Step
from atlas_core.insight.screen_masks import masked_reason
from atlas_core.insight.selection import Selection
from atlas_core.insight.theme import BANDS, words_of_code, words_of_error
from atlas_core.thresholds import Thresholds
from atlas_core.web.selection_filters import PAGE, put, value_of

PREFIX = "case_"
NO_SCORE = "none"
_TRAITS = {
    "check": "checks",
    "product": "products",
    "outcome": "outcomes",
    "dealer": "dealers",
    "quality": "qualities",
    "type": "document_types",
    "code": "codes",
    "reason": "reasons",
}


def open_cases(**parts: str) -> None:
    """Opens the cases of these parts (`check`, `similarity`, `code` …) in place of those open before."""
    close_cases()
    for name, text in parts.items():
        put(PREFIX + name, text)


def close_cases() -> None:
    """Nothing is open any more."""
    put(PAGE, None)
    for name in [name for name in st.query_params if name.startswith(PREFIX)]:
        st.query_params.pop(name)


def opened_cases() -> dict[str, str]:
    """The parts of what is open; empty where nothing is."""
    return {
        name.removeprefix(PREFIX): st.query_params[name]
        for name in st.query_params
        if name.startswith(PREFIX)
    }


def narrowed(selection: Selection, parts: dict[str, str]) -> Selection:
    """The selection of the page, narrowed to what is open."""
    changes: dict[str, Any] = {
        attribute: (value_of(parts[part]),) for part, attribute in _TRAITS.items() if part in parts
    }
    start, end = moment_of(parts.get("from")), moment_of(parts.get("to"))
    if start is not None:
        changes["created_from"] = max(start, selection.created_from or start)
    if end is not None:
        changes["created_to"] = min(end, selection.created_to or end)
    return replace(selection, **changes)


def range_of(parts: dict[str, str], thresholds: Thresholds, after: Thresholds) -> CheckRange:
    """Which of those cross-checks are open. A part that cannot be read does not narrow."""
    similarity, confidence = span_of(parts.get("similarity")), span_of(parts.get("confidence"))
    return CheckRange(
        score_from=similarity[0],
        score_to=similarity[1],
        no_score=parts.get("similarity") == NO_SCORE,
        bands=tuple(band for band in parts.get("band", "").split("+") if band in BANDS),
        thresholds=thresholds,
        bands_after=(parts["band_after"],) if parts.get("band_after") in BANDS else (),
        after=after,
        confidence_from=confidence[0],
        confidence_to=confidence[1],
    )


def period_parts(start_at: int, step: Step) -> dict[str, str]:
    """The parts of the day, week or month (UTC) that begins at a moment in milliseconds."""
    days = {"day": 1, "week": 7, "month": 31}[step]
    end = dt.datetime.fromtimestamp(start_at / 1000, tz=dt.UTC) + dt.timedelta(days=days)
    if step == "month":
        end = end.replace(day=1)
    return {"from": day_of(start_at), "to": day_of(int(end.timestamp() * 1000))}


def opening_cases(parts: Sequence[dict[str, str]]) -> Callable[[int], None]:
    """What opens the cases of a row, whose parts stand at the same place."""
    return lambda row: open_cases(**parts[row])


def span_of(text: str | None) -> tuple[int | None, int | None]:
    """The span of whole numbers in an address; twice None where the text is none."""
    low, _, high = (text or "").partition("-")
    if not (low.isascii() and low.isdigit() and high.isascii() and high.isdigit() and len(low + high) < 8):
        return None, None
    return int(low), int(high)


def span_text(low: int, high: int) -> str:
    """A span of whole numbers, as an address has it."""
    return f"{low}-{high}"


def words_of_parts(parts: dict[str, str]) -> str:
    """What is open, in words; texts of Atlas's among them."""
    words = []
    for name, text in parts.items():
        if text == NONE:
            words.append(f"{name} {NONE}")
        elif name == "similarity":
            low, high = span_of(text)
            words.append("without a similarity" if low is None else f"similarity {_span_words(low, high, 1)}")
        elif name == "confidence":
            low, high = span_of(text)
            if low is not None:
                words.append(f"lower confidence {_span_words(low, high, 100)}")
        elif name in ("band", "band_after"):
            labels = [BANDS[band].label.lower() if band in BANDS else band for band in text.split("+")]
            words.append(("then " if name == "band_after" else "") + " or ".join(labels))
        elif name == "code":
            words.append(words_of_error(text))
        elif name in ("check", "type", "quality", "outcome"):
            words.append(words_of_code(text))
        elif name in ("from", "to"):
            words.append(f"{'from' if name == 'from' else 'before'} {_day_words(text)} (UTC)")
        elif name == "reason":
            words.append(masked_reason(text))
        elif name in ("product", "dealer"):
            words.append(text)
    return ", ".join(words)


def _day_words(text: str) -> str:
    """A day of the address as charts write it; what is none stays as it stands."""
    at = moment_of(text)
    return text if at is None or at % DAY_MS else day_in_words(at // DAY_MS)


def _span_words(low: int, high: int | None, scale: int) -> str:
    ends = [f"{end / scale:.2f}" if scale > 1 else str(end) for end in (low, high) if end is not None]
    return " to ".join(dict.fromkeys(ends))
