"""Figures of cross-checks: how similarities are spread, and where they stand against confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from atlas_core.books.columns import Int64
from atlas_core.insight.charts import (
    Axis,
    Chart,
    Trace,
    categories,
    cells,
    chart_of,
    count_axis,
    line_at,
    percent,
    titled,
)
from atlas_core.insight.palette import Palette
from atlas_core.insight.quadrants import GRID_STEP
from atlas_core.insight.theme import BANDS, words_of_code
from atlas_core.models import Band

SIMILARITY = "Similarity (0 different to 100 same)"
_BANDS = (Band.REVIEW, Band.UNCLEAR, Band.STRONG)


def checks_per_score_chart(
    counts: Int64, thresholds: tuple[int, int], palette: Palette, *, logarithmic: bool = False
) -> Chart:
    """The histogram of 101 counts, with the lines of the two thresholds.

    Each bar is clicked over the whole height of the plot: `x` of the point is the similarity.
    """
    n = int(counts.sum())
    peak = int(np.argmax(counts))
    return chart_of(
        [_bars(counts, thresholds, palette)],
        palette,
        title="All cross-checks by similarity",
        unit=f"Number of cross-checks, n = {n:,} with a score",
        alt=f"Histogram of the similarity of {n:,} cross-checks; most, {int(counts[peak]):,}, have {peak}.",
        axes={
            "xaxis": _similarity_axis(palette),
            "yaxis": titled("Cross-checks, logarithmic", palette, **_height(logarithmic))
            if logarithmic
            else count_axis("Cross-checks", palette, int(counts[peak])),
        },
        shapes=_threshold_lines(thresholds, palette),
        annotations=_threshold_words(thresholds, palette),
        hovermode="x",
        bargap=0.1,
    )


def quadrants_chart(
    density: pd.DataFrame, n: int, review_below: int | None, confident_from: int, palette: Palette
) -> Chart:
    """`Quadrants.density`: cross-checks by similarity (across) and the lower confidence of both fields (up).

    `confident_from` in hundredths. A cell's `customdata` is [similarity, confidence], its lower edges.
    """
    # Few cells hold nearly all; by the root, the others can be seen too.
    trace = cells(
        density["similarity"].tolist(),
        density["confidence"].tolist(),
        (density["checks"] ** 0.5).tolist(),
        palette,
        step=(GRID_STEP, GRID_STEP / 100),
        customdata=density[["similarity", "confidence"]].values.tolist(),
        hovertemplate="similarity from %{customdata[0]}, confidence from %{customdata[1]:.2f}: "
        "%{text:,} cross-checks",
    ) | {"text": density["checks"].tolist(), "textposition": "none"}
    lines = [line_at(confident_from / 100, palette, upright=False)]
    sure = f"Sure from {confident_from / 100:.2f}"
    beside = {"x": 0, "xref": "paper", "xanchor": "left"}
    notes = [_note(sure, palette, y=confident_from / 100, yanchor="bottom", **beside)]
    if review_below is not None:
        lines.append(line_at(review_below, palette))
        words = f"{BANDS[Band.REVIEW].label} below {review_below}"
        notes.append(
            _note(words, palette, x=review_below - 1, xanchor="right", y=0, yref="paper", yanchor="bottom")
        )
    return chart_of(
        [trace],
        palette,
        title="Similarity against confidence",
        unit=f"Number of cross-checks in each cell, n = {n:,}; a deeper shade is more",
        height=460,
        barmode="overlay",
        axes={
            "xaxis": titled(SIMILARITY, palette, range=[-1, 106], tickvals=[0, 20, 40, 60, 80, 100]),
            "yaxis": titled("Lower confidence of the two (0 to 1)", palette, range=[-0.01, 1.06]),
        },
        shapes=lines,
        annotations=notes,
    )


def coverage_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `coverage`: how many of each product's flows had each check (`customdata`: [product,
    check])."""
    products = list(dict.fromkeys(frame["product"]))
    flows = int(frame.groupby("product")["flows"].first().sum())
    checks = list(dict.fromkeys(frame["check"]))[::-1]
    rows = frame.to_dict("records")
    trace = cells(
        [products.index(row["product"]) - 0.5 for row in rows],
        [checks.index(row["check"]) - 0.5 for row in rows],
        [row["ran_share"] for row in rows],
        palette,
        texts=[percent(row["ran_share"]) for row in rows],
        customdata=[[row["product"], row["check"]] for row in rows],
        hovertemplate="%{hovertext}",
        most=1,
    ) | {
        "hovertext": [
            f"{row['ran']:,} of {row['flows']:,} flow{'s' * (row['flows'] != 1)}; {row['lacking']:,} lack it"
            for row in rows
        ]
    }
    return chart_of(
        [trace],
        palette,
        title="How often each expected check ran",
        unit=f"Share of the product's flows in %, n = {flows:,} flows",
        height=110 + 34 * len(checks),
        barmode="overlay",
        axes={
            "xaxis": categories(products),
            "yaxis": categories([words_of_code(check) for check in checks]),
        },
    )


def _bars(counts: Int64, thresholds: Sequence[int], palette: Palette) -> Trace:
    bands = np.searchsorted(thresholds, np.arange(len(counts)), side="right")
    colours = [palette.band(band) for band in _BANDS]
    return {
        "type": "bar",
        "x0": 0,
        "dx": 1,
        "y": np.asarray(counts, np.int32),
        # Each in plain letters: of numbers for a scale Plotly complains aloud, bar by bar.
        "marker": {"color": [colours[band] for band in bands], "line": {"width": 0}},
        "hovertemplate": "similarity %{x}: %{y:,} cross-checks<extra></extra>",
    }


def _height(logarithmic: bool) -> Axis:
    if logarithmic:  # a single cross-check can still be seen, and none has no bar
        return {"type": "log", "rangemode": "normal", "dtick": 1, "tickformat": ",d", "zeroline": False}
    return {"type": "linear", "rangemode": "tozero", "tickformat": ",d", "zeroline": True}


def _threshold_lines(thresholds: tuple[int, int], palette: Palette) -> list[dict[str, Any]]:
    return [line_at(threshold - 0.5, palette) for threshold in thresholds]


def _threshold_words(thresholds: tuple[int, int], palette: Palette) -> list[dict[str, Any]]:
    """What the two lines are, at two heights: on a small screen they would meet."""
    review_below, strong_from = thresholds
    return [
        _note(words, palette, x=threshold - 1, xanchor="right", y=height, yref="paper", yanchor="top")
        for threshold, words, height in (
            (review_below, f"{BANDS[Band.REVIEW].label} below {review_below}", 0.9),
            (strong_from, f"{BANDS[Band.STRONG].label} from {strong_from}", 1),
        )
    ]


def _note(words: str, palette: Palette, **place: Any) -> dict[str, Any]:
    return {"text": words, "showarrow": False, "font": {"size": 12, "color": palette.ink}, **place}


def _similarity_axis(palette: Palette) -> Axis:
    ticks = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    return titled(SIMILARITY, palette, range=[-1, 101], tickvals=ticks, showgrid=False)
