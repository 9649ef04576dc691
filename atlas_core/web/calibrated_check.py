"""One check as its verdicts see it: how often values are the same, and what every threshold would do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from atlas_core.insight import theme
from atlas_core.insight.advice import Advice, Limits
from atlas_core.insight.calibration import (
    Curve,
    Recall,
    recall_of_review,
    recall_of_strong,
    shares_per_span,
)
from atlas_core.insight.charts_calibration import Line, same_per_span_chart, share_per_threshold_chart
from atlas_core.insight.rates import Float64
from atlas_core.thresholds import Thresholds
from atlas_core.web.calibration_words import recommended_in_full, share_between
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.opened import close_cases, span_text
from atlas_core.web.selection_filters import put
from atlas_core.web.tables import table_height

CALIBRATION, ABOUT = "calibration", "about"
"""Where its cases open, and the part of the address that says which check is shown."""
_STEP = 5  # of the table of thresholds
_THRESHOLDS = 101
_WIDGET = "about_check"
_REVIEW_PAGE = Path(__file__).resolve().parents[2] / "pages" / "review.py"


def show_way_to_review() -> None:
    """The link to where verdicts are given."""
    if _REVIEW_PAGE.exists():
        st.page_link("pages/review.py", label="Review cases", icon=":material/rate_review:")


def show_check_in_detail(advice: Sequence[Advice], thresholds: Thresholds, limits: Limits) -> None:
    """The check that the address names, or else the one with most verdicts."""
    names = [one.check for one in advice]
    asked = st.query_params.get(ABOUT)
    usual = max(advice, key=lambda one: len(one.verdicts)).check
    st.session_state[_WIDGET] = asked if asked in names else usual
    chosen = st.selectbox(
        "Cross-check in detail",
        names,
        format_func=theme.words_of_code,
        key=_WIDGET,
        on_change=_choose,
        width=320,
    )
    one = advice[names.index(chosen)]
    if not len(one.verdicts):
        st.text(f"Nobody has judged a cross-check of {theme.words_of_code(one.check)} yet.")
        show_way_to_review()
        return
    in_force = thresholds.of(one.check)
    spans = shares_per_span(one.counts, one.verdicts, *in_force)
    show_chart(
        same_per_span_chart(spans, one.check, in_force, viewer_palette()),
        "same_per_span",
        lambda point: _span(one.check, point),
    )
    st.caption("Select a point to read its cross-checks below.")
    strong, review = recall_of_strong(one.accepts, one.reviews), recall_of_review(one.accepts, one.reviews)
    with st.grid(2, min_column_width=330, gap="medium"):
        with st.container():
            lines = (
                _precision("Precision", one.accepts),
                _recall("Recall", strong, one.accepts),
            )
            _show_thresholds(lines, "Strong, from each threshold", in_force[1], one.strong.threshold)
            st.caption(
                "Precision: of what would be strong, how much is the same. "
                "Recall: of what is the same, how much would be strong."
            )
            st.text(recommended_in_full(one, "strong", limits.wrong_accepts))
        with st.container():
            lines = (
                _precision("Precision", one.reviews),
                _recall("Recall", review, one.reviews),
            )
            _show_thresholds(lines, "Review, below each threshold", in_force[0], one.review.threshold)
            st.caption(
                "Precision: of what would ask for a person, how much differs. "
                "Recall: of what differs, how much would ask for a person."
            )
            st.text(recommended_in_full(one, "review", limits.needless_reviews))
    _show_table(one, strong, review, in_force)


def _show_thresholds(lines: tuple[Line, Line], title: str, in_force: int, advised: int | None) -> None:
    chart = share_per_threshold_chart(
        lines,
        title=title,
        in_force=in_force,
        advised=None if advised is None else min(advised, 100),
        palette=viewer_palette(),
    )
    show_chart(chart, title)


def _show_table(one: Advice, strong: Recall, review: Recall, in_force: tuple[int, int]) -> None:
    """The same as numbers, at every fifth threshold and at those that matter."""
    marked = {*in_force, one.strong.threshold, one.review.threshold}
    places = [place for place in range(_THRESHOLDS) if place % _STEP == 0 or place in marked]
    with st.expander("Every threshold as numbers", icon=":material/table:"):
        st.dataframe(
            pd.DataFrame(
                {
                    "threshold": places,
                    "accepts": [_right_at(one.accepts, place) for place in places],
                    "found": [_found_at(strong, place) for place in places],
                    "judged_above": [_judged_at(one.accepts, place) for place in places],
                    "reviews": [_right_at(one.reviews, place) for place in places],
                    "caught": [_found_at(review, place) for place in places],
                    "judged_below": [_judged_at(one.reviews, place) for place in places],
                }
            ),
            hide_index=True,
            height=table_height(len(places), at_most=12),
            alt="Precision and recall at every fifth threshold",
            column_config={
                "threshold": st.column_config.NumberColumn("Threshold", format="%d", pinned=True),
                "accepts": st.column_config.TextColumn("Strong from it: precision"),
                "found": st.column_config.TextColumn("Recall"),
                "judged_above": st.column_config.TextColumn("Judged of all"),
                "reviews": st.column_config.TextColumn("Review below it: precision"),
                "caught": st.column_config.TextColumn("Recall "),
                "judged_below": st.column_config.TextColumn("Judged of all "),
            },
        )


def _right_at(curve: Curve, place: int) -> str:
    if not curve.total[place]:
        return "of none"
    return share_between(1 - curve.share[place], 1 - curve.high[place], 1 - curve.low[place])


def _found_at(recall: Recall, place: int) -> str:
    return share_between(recall.share[place], recall.low[place], recall.high[place])


def _judged_at(curve: Curve, place: int) -> str:
    return f"{curve.judged[place]:,} of {curve.total[place]:,}"


def _precision(words: str, curve: Curve) -> Line:
    """The share that is right, where there is anything at all."""
    shares = (1 - curve.share, 1 - curve.high, 1 - curve.low)
    share, low, high = (_known(values, curve)[:_THRESHOLDS] for values in shares)
    return Line(words, share, low, high, curve.total[:_THRESHOLDS])


def _recall(words: str, recall: Recall, curve: Curve) -> Line:
    parts = (recall.share, recall.low, recall.high)
    share, low, high = (values[:_THRESHOLDS] for values in parts)
    return Line(words, share, low, high, curve.total[:_THRESHOLDS])


def _known(values: Float64, curve: Curve) -> Float64:
    return np.where(curve.total > 0, values, np.nan)


def _span(check: str, point: Point) -> dict[str, str]:
    low, high = (int(end) for end in point["customdata"][:2])
    return {"at": CALIBRATION, "check": check, "similarity": span_text(low, high)}


def _choose() -> None:
    close_cases()
    put(ABOUT, st.session_state[_WIDGET])
