"""Figures of how the bands of cross-checks move with time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Int64
from atlas_core.insight.charts import Chart, Trace, chart_of, day_axis, day_in_words, label_of, percent
from atlas_core.insight.palette import Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.insight.theme import words_of_code

Threshold = Literal["review", "below_strong"]
STRIP_HEIGHT = 92  # pixels
MOST_STRIPS = 16
_POINTS, _POINTS_WITH_YEARS = 640, 560  # what one figure may hold, to stay light
_YEAR = 365  # days in which a day and its month say enough
_ROW, _TOP, _NAME = 1000, 660, 800  # of a strip's height: all of it, where its plot ends, and its name
_MANY = 30  # points on a line that would touch
_OPEN_CIRCLE = 100  # Plotly's number
_TOPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
_WORDS: dict[Threshold, str] = {"review": "review", "below_strong": "strong"}
Numbers = npt.NDArray[np.float64]


def bands_per_week_chart(
    frame: pd.DataFrame, threshold: Threshold, step: str, palette: Palette, *, by_group: bool = False
) -> Chart:
    """Rows of `bands_per_week`: the share under one threshold, a strip for each check (or each group).

    Around each line its 95% interval; a diamond is a change that matters, a hollow point too few. The
    `customdata` of a point is the place of its row in the frame. All strips share one pair of axes, each over
    a scale of its own that begins at 0%.
    """
    names = frame["group" if by_group else "check"]
    places = [
        np.flatnonzero((names == name) if isinstance(name, str) else names.isna())
        for name in dict.fromkeys(names)
    ]
    strips = [rows[frame["n"].to_numpy()[rows] > 0] for rows in places]
    feet = [(len(strips) - 1 - place) * _ROW for place in range(len(strips))]
    tops = [_top(frame[f"{threshold}_high"].to_numpy()[rows]) for rows in strips]

    def heights(part: str) -> list[Numbers]:
        shares = frame[f"{threshold}_{part}"].to_numpy(np.float64)
        return [foot + shares[rows] / top * _TOP for rows, foot, top in zip(strips, feet, tops, strict=True)]

    traces: list[Trace] = []
    if strips:
        places_of_x = _periods(frame)
        lines = heights("share")
        traces = [
            _intervals([places_of_x[rows] for rows in strips], heights("low"), heights("high"), palette),
            _lines(frame, strips, lines, threshold, palette),
            _changes(frame, strips, lines, threshold, palette),
            _labels(frame, strips, [*dict.fromkeys(names)], feet, palette),
        ]
    return chart_of(
        traces,
        palette,
        title=f"Share under the {_WORDS[threshold]} threshold per {step}",
        unit=f"% of scored cross-checks, 95% interval; {step}s are UTC",
        alt=f"Share under the {_WORDS[threshold]} threshold per {step}, in {len(strips)} lines.",
        height=96 + STRIP_HEIGHT * max(len(strips), 1),
        axes={
            "xaxis": day_axis(_days(frame)),
            "yaxis": {
                "range": [-0.06 * _ROW, max(len(strips), 1) * _ROW],
                "tickvals": [foot + height for foot in feet for height in (0, _TOP)],
                "ticktext": [text for top in tops for text in ("0%", _tick(top))],
                "zeroline": False,
            },
        },
        hovermode="closest",
    )


def strips_at_most(starts: Int64) -> int:
    """How many strips one figure may hold, to stay light, of periods that begin at these moments (ms)."""
    named = np.unique(starts)
    points = _POINTS if _is_within_a_year(named // DAY_MS) else _POINTS_WITH_YEARS
    return max(1, min(MOST_STRIPS, points // max(len(named), 1)))


def _is_within_a_year(days: npt.NDArray[Any]) -> bool:
    return not len(days) or int(days.max()) - int(days.min()) < _YEAR


def _top(highs: Numbers) -> float:
    """The end of a strip's scale: a round share that holds all of it."""
    most = float(highs.max()) if len(highs) else 0.0
    return next((top for top in _TOPS if top >= most), 1.0)


def _tick(share: float) -> str:
    return f"{share * 100:g}%"


def _intervals(
    periods: Sequence[npt.NDArray[Any]],
    lows: Sequence[Numbers],
    highs: Sequence[Numbers],
    palette: Palette,
) -> Trace:
    """The intervals of all lines as one outline, which goes from line to line and back the same way, where
    it encloses nothing."""
    xs = [np.concatenate([x, x[::-1], x[:1]]) for x in periods]
    ys = [np.concatenate([low, high[::-1], low[:1]]) for low, high in zip(lows, highs, strict=True)]
    back = slice(None, None, -1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([*xs, *[x[:1] for x in xs][back]]),
        "y": np.rint(np.concatenate([*ys, *[y[:1] for y in ys][back]])).astype(np.uint16),
        "fill": "toself",
        "fillcolor": f"{palette.main}26",
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _lines(
    frame: pd.DataFrame,
    strips: Sequence[npt.NDArray[np.intp]],
    heights: Sequence[Numbers],
    threshold: Threshold,
    palette: Palette,
) -> Trace:
    """All lines in one, with nothing between them."""
    rows = np.concatenate([np.append(rows, rows[-1:]) for rows in strips])
    is_few = frame["n"].to_numpy()[rows] < FEWEST
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _periods(frame)[rows],
        "y": np.concatenate(
            [np.append(line, [np.nan] * bool(len(line))) for line in heights], dtype=np.float32
        ),
        "cliponaxis": False,
        "line": {"color": palette.main, "width": 1.5},
        "marker": {
            "size": 7 if max(map(len, strips)) < _MANY else 5,
            "symbol": np.where(is_few, _OPEN_CIRCLE, 0).astype(np.uint8),
            "color": palette.main,
            "opacity": 1,
        },
        "customdata": rows.astype(np.uint16),
        "hovertext": _words(frame, rows, threshold),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _changes(
    frame: pd.DataFrame,
    strips: Sequence[npt.NDArray[np.intp]],
    heights: Sequence[Numbers],
    threshold: Threshold,
    palette: Palette,
) -> Trace:
    """The changes that matter, over their lines."""
    rows, y = np.concatenate(strips), np.concatenate(heights)
    is_changed = frame[f"{threshold}_changed"].to_numpy(np.bool_)[rows]
    rows = rows[is_changed]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _periods(frame)[rows],
        "y": np.rint(y[is_changed]).astype(np.uint16),
        "cliponaxis": False,
        "marker": {"size": 10, "symbol": "diamond", "color": palette.named["red"], "opacity": 1},
        "customdata": rows.astype(np.uint16),
        "hovertext": _words(frame, rows, threshold),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _labels(
    frame: pd.DataFrame,
    strips: Sequence[npt.NDArray[np.intp]],
    names: Sequence[str | None],
    feet: Sequence[int],
    palette: Palette,
) -> Trace:
    """The name of each strip and its n, over its left end."""
    n = frame["n"].to_numpy()
    texts = [
        f"<b>{label_of(words_of_code(name) if isinstance(name, str) else 'None given')}</b>"
        f"  n = {int(n[rows].sum()):,}"
        for name, rows in zip(names, strips, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.zeros(len(texts), np.uint8),
        "y": np.array(feet, np.uint16) + np.uint16(_NAME),
        "text": texts,
        "textposition": "middle right",
        "textfont": {"size": 12, "color": palette.ink},
        "hoverinfo": "skip",
    }


def _days(frame: pd.DataFrame) -> Int64:
    return np.asarray(frame["start_at"].to_numpy(np.int64) // DAY_MS, np.int64)


def _periods(frame: pd.DataFrame) -> npt.NDArray[Any]:
    """Which period each row is of, from 0: the place of x."""
    days = _days(frame)
    named = np.unique(days)
    return np.searchsorted(named, days).astype(np.uint8 if len(named) <= 256 else np.uint16)


def _words(frame: pd.DataFrame, rows: npt.NDArray[np.intp], threshold: Threshold) -> list[str]:
    shares, n, days = frame[f"{threshold}_share"].to_numpy(), frame["n"].to_numpy(), _days(frame)
    form = "%-d %b" if _is_within_a_year(days) else "%-d %b %Y"
    words = {day: day_in_words(int(day), form) for day in np.unique(days)}
    return [f"{words[days[row]]}: {percent(float(shares[row]))} of {n[row]:,}" for row in rows]
