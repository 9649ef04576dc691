"""Cross-checks against confidence and with time: a reading problem, a real difference, or a change?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import get_args

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight.charts_checks import quadrants_chart
from atlas_core.insight.charts_trends import Threshold, bands_per_week_chart, strips_at_most
from atlas_core.insight.groups import OTHERS
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.periods import Step
from atlas_core.insight.quadrants import GRID_STEP, QUADRANTS, quadrants
from atlas_core.insight.rates import FEWEST, LEAST_CHANGE
from atlas_core.insight.selection import Selection
from atlas_core.insight.theme import words_of_code
from atlas_core.insight.trends import Trait, bands_per_week
from atlas_core.models import Band
from atlas_core.thresholds import Thresholds
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.kept import kept_choice, kept_value
from atlas_core.web.opened import period_parts, span_text
from atlas_core.web.parts import show_empty
from atlas_core.web.period_parts import ask_for_step
from atlas_core.web.selection_filters import text_of
from atlas_core.web.tiles import show_opening_number

MOST_FIGURES = 3
_USUAL_CONFIDENCE = 0.7
QUADRANT, TREND = "quadrant", "trend"
SURE, UNDER, BY, OF = "sure", "under", "by", "of"
_MEANINGS = dict(
    zip(
        QUADRANTS,
        (
            "Low similarity, and a field that Atlas was not sure to have read rightly: look at the picture.",
            "Low similarity, and both fields surely read: the documents differ.",
            "Similar enough, although a field was not surely read.",
            "Similar enough, and both fields surely read.",
        ),
        strict=True,
    )
)
_NO_CONFIDENCE = {"zero": ("Confidence 0.0, read by a rule", 0), "none": ("No confidence given", 101)}
_UNDER: dict[Threshold, str] = {"review": "Review threshold", "below_strong": "Strong threshold"}
_TRAITS: dict[Trait, str] = {
    "document_type": "Document type",
    "product": "Product",
    "quality": "Quality of the PAN picture",
    "dealer": "Dealer",
}
_PART_OF: dict[Trait, str] = {
    "document_type": "type",
    "product": "product",
    "quality": "quality",
    "dealer": "dealer",
}
ShowOpened = Callable[[str], None]


def show_quadrants(
    columns: Columns, selection: Selection, thresholds: Thresholds, show_opened: ShowOpened
) -> None:
    """Four quadrants with their counts, the density behind them, and what has no confidence apart."""
    sure = st.slider(
        "A reading counts as sure from a confidence (0 to 1) of",
        0.05,
        1.0,
        step=0.05,
        width=420,
        **kept_value(SURE, _asked_confidence(), _USUAL_CONFIDENCE, "{:g}".format),
    )
    confident_from = round(sure * 100)
    found = quadrants(columns, selection, thresholds, confident_from)
    passes = f"{Band.UNCLEAR}+{Band.STRONG}"
    badly, well = span_text(1, confident_from - 1), span_text(confident_from, 100)
    ranges = ((Band.REVIEW, badly), (Band.REVIEW, well), (passes, badly), (passes, well))
    with st.grid(4, min_column_width=170):
        for (band, confidence), row in zip(ranges, found.frame.to_dict("records"), strict=True):
            name = row["quadrant"]
            show_opening_number(
                name.capitalize(),
                int(row["checks"]),
                share_in_words(int(row["checks"]), int(row["n"])),
                _MEANINGS[name],
                "cross-check",
                at=QUADRANT,
                band=band,
                confidence=confidence,
            )
    n = int(found.frame["n"].max())
    show_chart(
        quadrants_chart(
            found.density,
            n,
            None if thresholds.per_check else thresholds.review_below,
            confident_from,
            viewer_palette(),
        ),
        "quadrants",
        _cell,
    )
    st.caption(
        "Select a cell to read its cross-checks below. The lines are the review threshold and the confidence "
        "from which a reading counts as sure. Apart from all this, since they say nothing about reading:"
    )
    with st.grid(4, min_column_width=170):
        for row in found.apart.to_dict("records"):
            label, place = _NO_CONFIDENCE[row["confidence"]]
            low, total = int(row["low"]), int(row["low"]) + int(row["passes"])
            show_opening_number(
                label,
                total,
                f"{share_in_words(low, total)} below review" if total else "none selected",
                "A confidence of 0.0 means read by a fixed rule; it is no error, and none means not given.",
                "cross-check",
                at=QUADRANT,
                confidence=span_text(place, place),
            )
    show_opened(QUADRANT)


def show_trend(
    columns: Columns, selection: Selection, thresholds: Thresholds, show_opened: ShowOpened
) -> None:
    """The share under a threshold with time, for each check, or for one check by a trait."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        threshold = st.segmented_control(
            "Share under the",
            get_args(Threshold),
            required=True,
            format_func=_UNDER.__getitem__,
            **kept_choice(UNDER, get_args(Threshold), "review", _UNDER.__getitem__),
        )
        step = ask_for_step()
        by = st.selectbox(
            "Apart by",
            get_args(Trait),
            index=None,
            placeholder="Nothing",
            format_func=_TRAITS.__getitem__,
            width=230,
            **kept_choice(BY, get_args(Trait), None, _TRAITS.__getitem__),
        )
    frame = bands_per_week(columns, selection, thresholds, step, by)
    if frame.empty:
        show_empty("No trend yet", "No selected cross-check has a score.", ":material/search_off:")
        return
    checks = list(dict.fromkeys(frame["check"]))
    if by:
        check = st.selectbox(
            "Cross-check",
            checks,
            format_func=words_of_code,
            width=300,
            **kept_choice(OF, checks, checks[0], words_of_code),
        )
        frame = frame[frame["check"] == check]
    series = list(dict.fromkeys(zip(frame["check"], frame["group"], strict=True)))
    size = strips_at_most(frame["start_at"].to_numpy())
    parts = [series[start : start + size] for start in range(0, len(series), size)]
    for place, part in enumerate(parts[:MOST_FIGURES]):
        rows = frame[[pair in part for pair in zip(frame["check"], frame["group"], strict=True)]]
        chart = bands_per_week_chart(rows, threshold, step, viewer_palette(), by_group=bool(by))
        opens = partial(_point, thresholds, threshold, step, by, rows)
        show_chart(chart, f"trend_{step}_{by}_{place}", opens)
    if len(parts) > MOST_FIGURES:
        st.caption(
            f"{MOST_FIGURES * size} of {len(series)} lines: narrow the filters, or count by longer periods."
        )
    st.caption(
        f"A red diamond is a change that matters: at least {LEAST_CHANGE * 100:g} percentage points against "
        f"the period before, with {FEWEST} or more cross-checks in both, and more than chance (95% sure for "
        f"all points together). A hollow point has fewer than {FEWEST}: too few to say. Select a point to "
        "read its cross-checks below."
    )
    show_opened(TREND)


def _asked_confidence() -> float:
    """The confidence in the address from which a reading counts as sure."""
    try:
        asked = float(st.query_params.get(SURE, ""))
    except ValueError:
        return _USUAL_CONFIDENCE
    return round(asked * 20) / 20 if 0.05 <= asked <= 1 else _USUAL_CONFIDENCE


def _cell(point: Point) -> dict[str, str]:
    similarity, hundredth = int(point["customdata"][0]), round(point["customdata"][1] * 100)
    last = GRID_STEP - 1
    return {
        "at": QUADRANT,
        "similarity": span_text(similarity, min(similarity + last, 100)),
        "confidence": span_text(max(hundredth, 1), min(hundredth + last, 100)),
    }


def _point(
    thresholds: Thresholds,
    threshold: Threshold,
    step: Step,
    by: Trait | None,
    rows: pd.DataFrame,
    point: Point,
) -> dict[str, str]:
    row = rows.iloc[int(point["customdata"])]
    check, group = row["check"], row["group"]
    if group == OTHERS:
        return {}
    review_below, strong_from = thresholds.of(check)
    below = review_below if threshold == "review" else strong_from
    parts = {"at": TREND, "check": check, "similarity": span_text(0, below - 1)}
    if by:
        parts[_PART_OF[by]] = text_of(group)
    return parts | period_parts(int(row["start_at"]), step)
