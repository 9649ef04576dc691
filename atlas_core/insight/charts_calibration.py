"""Figures of what verdicts say of similarities and thresholds, each with its 95 % interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from atlas_core.insight.charts import Chart, Trace, chart_of, line_at, titled
from atlas_core.insight.charts_checks import SIMILARITY
from atlas_core.insight.palette import Palette
from atlas_core.insight.rates import Float64
from atlas_core.insight.theme import BANDS, words_of_code
from atlas_core.models import Band

_TICKS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
_LEFT_HALF = 50


class Line(NamedTuple):
    """A share (0–1) at each threshold from 0 to 100, NaN where it is unknown, with its 95 % interval; `n` are
    the cross-checks it is about."""

    words: str
    share: Float64
    low: Float64
    high: Float64
    n: np.ndarray[Any, np.dtype[np.int64]]


def same_per_span_chart(
    frame: pd.DataFrame, check: str, thresholds: tuple[int, int], palette: Palette
) -> Chart:
    """The frame of `shares_per_span`: how often both values were the same, by similarity.

    A point's `customdata` is [from, to], the span of its similarities.
    """
    known = frame[frame["judged"] > 0]
    unknown = frame[frame["judged"] == 0]
    n = int(frame["judged"].sum())
    middles = (known["similarity_from"] + known["similarity_to"]) / 2
    share = known["share"].to_numpy(np.float64)
    points: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": middles.to_numpy(np.float32),
        "y": share,
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": np.maximum(known["high"].to_numpy(np.float64) - share, 0),
            "arrayminus": np.maximum(share - known["low"].to_numpy(np.float64), 0),
            "color": palette.main,
            "thickness": 1.5,
            "width": 4,
        },
        "marker": {"size": 9, "color": palette.main, "opacity": 1},
        "cliponaxis": False,
        "customdata": known[["similarity_from", "similarity_to", "judged", "same", "checks"]].values.tolist(),
        "hovertemplate": "similarity %{customdata[0]} to %{customdata[1]}: %{y:.1%} the same<br>"
        "%{customdata[3]:,} of %{customdata[2]:,} judged, of %{customdata[4]:,} cross-checks<extra></extra>",
    }
    nobody: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": ((unknown["similarity_from"] + unknown["similarity_to"]) / 2).to_numpy(np.float32),
        "y": np.zeros(len(unknown)),
        "marker": {"size": 8, "symbol": "x-thin", "line": {"width": 1.5, "color": palette.quiet}},
        "cliponaxis": False,
        "customdata": unknown[["similarity_from", "similarity_to", "checks"]].values.tolist(),
        "hovertemplate": "similarity %{customdata[0]} to %{customdata[1]}: nobody judged any of "
        "%{customdata[2]:,}<extra></extra>",
    }
    return chart_of(
        [points, nobody],
        palette,
        title=f"{words_of_code(check)}: how often both values are the same",
        unit=f"% of cross-checks, 95% interval, n = {n:,} verdicts; × is where nobody judged",
        alt=f"Share of {words_of_code(check)} cross-checks whose values are the same, by similarity, from "
        f"{n:,} verdicts.",
        height=360,
        axes={
            "xaxis": _similarity(palette),
            "yaxis": titled("Judged the same", palette, tickformat=".0%", range=[-0.03, 1.03]),
        },
        shapes=[line_at(threshold - 0.5, palette) for threshold in thresholds],
        annotations=_threshold_words(thresholds, palette),
        hovermode="closest",
    )


def share_per_threshold_chart(
    lines: tuple[Line, ...], *, title: str, in_force: int, advised: int | None, palette: Palette
) -> Chart:
    """Shares at each possible threshold, a line with its interval each.

    The threshold in force and the advised one (None: there is none) have lines of their own.
    """
    at = np.arange(len(lines[0].share))
    traces: list[Trace] = []
    for place, line in enumerate(lines):
        colour = palette.of_place(place)
        edge: Trace = {
            "type": "scatter",
            "x0": 0,
            "dx": 1,
            "mode": "lines",
            "line": {"width": 0, "shape": "hv"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        traces += [
            {**edge, "y": line.low},
            {**edge, "y": line.high, "fill": "tonexty", "fillcolor": f"{colour}26"},
            {
                "type": "scatter",
                "x": at,
                "y": line.share,
                "name": line.words,
                "mode": "lines",
                "line": {"color": colour, "width": 2, "shape": "hv"},
                "customdata": np.stack([line.low, line.high, line.n], axis=1).tolist(),
                "hovertemplate": "%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%}) of "
                "%{customdata[2]:,}",
            },
        ]
    lines_at = [line_at(in_force, palette)]
    notes = [_note(f"in force: {in_force}", in_force, 0.02, palette)]
    if advised is not None and advised != in_force:
        colour = palette.named["green"]
        lines_at.append(line_at(advised, palette) | {"line": {"color": colour, "width": 2}})
        notes.append(_note(f"advised: {advised}", advised, 0.12, palette))
    return chart_of(
        traces,
        palette,
        title=title,
        unit="% of cross-checks, 95% interval; a gap is where nobody judged",
        alt=f"{title}: {' and '.join(line.words.lower() for line in lines)}, at each threshold.",
        height=340,
        legend=True,
        axes={
            "xaxis": _similarity(palette, "Threshold (similarity)"),
            "yaxis": {"tickformat": ".0%", "range": [-0.02, 1.02], "zeroline": False},
        },
        shapes=lines_at,
        annotations=notes,
        hovermode="x unified",
    )


def _similarity(palette: Palette, words: str = SIMILARITY) -> dict[str, Any]:
    return titled(words, palette, range=[-1, 101], tickvals=_TICKS, showgrid=False, zeroline=False)


def _threshold_words(thresholds: tuple[int, int], palette: Palette) -> list[dict[str, Any]]:
    review, strong = thresholds
    return [
        _note(f"{BANDS[Band.REVIEW].label} below {review}", review, 0.02, palette),
        _note(f"{BANDS[Band.STRONG].label} from {strong}", strong, 0.1, palette),
    ]


def _note(words: str, at: int, height: float, palette: Palette) -> dict[str, Any]:
    """Words beside an upright line, on the side where there is room."""
    is_left = at > _LEFT_HALF
    return {
        "text": words,
        "showarrow": False,
        "font": {"size": 12, "color": palette.ink},
        "x": at - 1 if is_left else at + 0.5,
        "xanchor": "right" if is_left else "left",
        "y": height,
        "yref": "paper",
        "yanchor": "bottom",
    }
