"""How similarities are spread: bands, histograms and spikes, each opening its cross-checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.charts_checks import checks_per_score_chart
from atlas_core.insight.charts_strips import MOST_STRIPS, Part, Strip, parts_of_strips, score_strips_chart
from atlas_core.insight.distributions import ScoreTable, checks_per_band, checks_per_score, spikes
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.selection import Selection
from atlas_core.models import Band
from atlas_core.thresholds import Thresholds
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.kept import kept_choice
from atlas_core.web.opened import NO_SCORE, opening_cases, span_text
from atlas_core.web.tables import show_rows
from atlas_core.web.tiles import show_opening_number
from atlas_core.web.words import count_of

_SPIKES = 8


LOGARITHMIC = "log"
HISTOGRAM, STRIPS = "histogram", "strips"


def show_distribution(
    columns: Columns, selection: Selection, thresholds: Thresholds, show_opened: Callable[[str], None]
) -> None:
    """The histogram of all selected cross-checks, their bands, each check by itself, and what piles up.

    `show_opened` draws what was opened at one of these places.
    """
    table = checks_per_score(columns, selection)
    bands = checks_per_band(table, thresholds)
    _show_bands(bands[bands["check"].isna()])
    logarithmic = st.toggle(
        "Stretch small bars",
        **kept_choice(LOGARITHMIC, (False, True), False, lambda is_on: str(is_on).lower()),
        help="Draws heights on a logarithmic scale, so that the few cross-checks in review can be seen.",
    )
    show_chart(
        checks_per_score_chart(
            table.overall,
            (thresholds.review_below, thresholds.strong_from),
            viewer_palette(),
            logarithmic=logarithmic,
        ),
        "histogram",
        lambda point: {"at": HISTOGRAM, "similarity": _similarity(point)},
    )
    st.caption(
        "Select a bar to read its cross-checks below. Two identical values may score 90: a tall bar at one "
        "exact value is Atlas's own rule rather than chance."
    )
    show_opened(HISTOGRAM)
    found = spikes(table)
    _show_spikes(found)
    _show_strips(table, found, _worst_first(bands), thresholds, logarithmic)
    show_opened(STRIPS)


def _show_bands(bands: pd.DataFrame) -> None:
    """The bands of all checks together, each with its share, n and cases."""
    with st.grid(4, min_column_width=170):
        for row in bands.to_dict("records"):
            band, checks, n = row["band"], int(row["checks"]), int(row["n"])
            look = theme.BANDS[band]
            is_apart = band == Band.NO_SCORE
            share = "apart from every share" if is_apart else share_in_words(checks, n)
            parts = {"similarity": NO_SCORE} if is_apart else {"band": band}
            show_opening_number(look.label, checks, share, look.meaning, "cross-check", at=HISTOGRAM, **parts)


def _show_spikes(found: pd.DataFrame) -> None:
    """Where a check's similarities pile up at one exact value."""
    if found.empty:
        return
    with st.expander(f"{count_of(len(found), 'spike')} at exact values", icon=":material/bar_chart:"):
        rows = found.head(_SPIKES).to_dict("records")
        show_rows(
            pd.DataFrame(
                {
                    "check": [theme.words_of_code(row["check"]) for row in rows],
                    "similarity": [row["similarity"] for row in rows],
                    "checks": [row["checks"] for row in rows],
                    "share": [share_in_words(row["checks"], row["n"]) for row in rows],
                }
            ),
            "spikes",
            opening_cases([_bar_of_spike(row) for row in rows]),
            alt="Spikes, the largest share first",
            columns={
                "check": st.column_config.TextColumn("Cross-check"),
                "similarity": st.column_config.NumberColumn("Similarity (0-100)", format="%d"),
                "checks": st.column_config.NumberColumn("Cross-checks", format="%d"),
                "share": st.column_config.TextColumn("Share of the check's own"),
            },
        )
        if len(found) > _SPIKES:
            st.caption(f"{_SPIKES} of {len(found)}, the largest share first.")


def _show_strips(
    table: ScoreTable, found: pd.DataFrame, checks: list[str], thresholds: Thresholds, logarithmic: bool
) -> None:
    """The histogram of each check in one figure, what asks most for review first."""
    if len(table.checks) < 2:
        return
    piled = found.groupby("check")["similarity"].agg(tuple).to_dict()
    strips = [
        Strip(check, table.of(check), *thresholds.of(check), piled.get(check, ()))
        for check in checks[:MOST_STRIPS]
    ]
    show_chart(
        score_strips_chart(strips, viewer_palette(), logarithmic=logarithmic),
        "strips",
        partial(_part_of_strip, parts_of_strips(strips)),
    )
    more = f"{MOST_STRIPS} of {len(checks)} checks: choose others above. " * (len(checks) > MOST_STRIPS)
    st.caption(
        f"{more}The check with the largest share in review stands first. Select its name to read all of its "
        "cross-checks below, or a part of its strip, between two dashed lines or at one exact value, to read "
        "those."
    )


def _worst_first(bands: pd.DataFrame) -> list[str]:
    review = bands[bands["check"].notna() & (bands["band"] == Band.REVIEW)]
    return review.sort_values("share", ascending=False, kind="stable")["check"].tolist()


def _part_of_strip(parts: Sequence[Part], point: Point) -> dict[str, str]:
    check, low, high = parts[int(point["customdata"])]
    if low is None or high is None:
        return {"at": STRIPS, "check": check}
    return {"at": STRIPS, "check": check, "similarity": span_text(low, high)}


def _similarity(point: Point) -> str:
    return span_text(round(point["x"]), round(point["x"]))


def _bar_of_spike(row: dict[Any, Any]) -> dict[str, str]:
    score = int(row["similarity"])
    return {"at": HISTOGRAM, "check": row["check"], "similarity": span_text(score, score)}
