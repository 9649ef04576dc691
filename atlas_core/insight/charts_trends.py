"""Figures of how the bands of cross-checks move with time."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from atlas_core.insight.charts import Axis, Chart, Trace, along_time, chart_of, plain, time_axis
from atlas_core.insight.palette import Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.insight.theme import words_of_code

Threshold = Literal["review", "below_strong"]
STRIP_HEIGHT = 104  # pixels
TRACES = 3
MOST_STRIPS, MOST_POINTS = 8, 320
"""What one figure may hold, to stay light."""
_MANY = 30  # points on a line that would touch
_DIAMOND, _OPEN_CIRCLE = 2, 100  # Plotly's numbers
_WORDS: dict[Threshold, str] = {"review": "review", "below_strong": "strong"}


def bands_per_week_chart(
    frame: pd.DataFrame, threshold: Threshold, step: str, palette: Palette, *, by_group: bool = False
) -> Chart:
    """Rows of `bands_per_week`: the share under one threshold, a strip for each check (or each group).

    Around each line its 95% interval; a diamond is a change that matters, a hollow point too few. Each strip
    is `TRACES` traces; the `customdata` of a point is the day (from 1970) on which its period begins.
    """
    name = "group" if by_group else "check"
    series = [(key, rows) for key, rows in frame.groupby(name, sort=False, dropna=False)]
    share = 1 / max(len(series), 1)
    axes: dict[str, Axis] = {
        "xaxis": {
            **time_axis(frame["start_at"].to_numpy(np.int64)),
            "anchor": "free",
            "position": 0,
        }
    }
    traces: list[Trace] = []
    names = []
    top_share = float(frame[f"{threshold}_share"].max()) if len(frame) else 0.0
    for place, (key, rows) in enumerate(series):
        suffix = "" if place == 0 else str(place + 1)
        top = 1 - place * share
        axes[f"yaxis{suffix}"] = {
            "domain": [max(top - 0.9 * share, 0), top - 0.26 * share],
            "anchor": "x",
            "tickformat": ".0%" if top_share > 0.05 else ".1%",
            "nticks": 3,
            "rangemode": "tozero",
            "zeroline": False,
        }
        traces += _line(rows[rows["n"] > 0], threshold, f"y{suffix}", palette)
        label = words_of_code(key) if isinstance(key, str) else "None given"
        names.append(
            {
                "text": f"<b>{plain(label)}</b>  n = {int(rows['n'].sum()):,}",
                "font": {"color": palette.ink, "size": 12},
                "x": 0,
                "y": top - 0.15 * share,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "middle",
                "showarrow": False,
            }
        )
    return chart_of(
        traces,
        palette,
        title=f"Share under the {_WORDS[threshold]} threshold per {step}",
        unit=f"% of scored cross-checks, 95% interval; {step}s are UTC",
        alt=f"Share under the {_WORDS[threshold]} threshold per {step}, in {len(series)} lines.",
        height=96 + STRIP_HEIGHT * max(len(series), 1),
        axes=axes,
        annotations=names,
        hovermode="closest",
        coloraxis={
            "colorscale": [[0, palette.main], [1, palette.named["red"]]],
            "cmin": 0,
            "cmax": 1,
            "showscale": False,
        },
    )


def _line(rows: pd.DataFrame, threshold: Threshold, yaxis: str, palette: Palette) -> list[Trace]:
    """The two edges of the interval, and the line: three traces."""
    starts = rows["start_at"].to_numpy(np.int64)
    changed, is_few = rows[f"{threshold}_changed"].to_numpy(), rows["n"].to_numpy() < FEWEST
    shared: Trace = {"type": "scatter", "yaxis": yaxis, **along_time(starts)}
    edge: Trace = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    low, high, shares = (
        rows[f"{threshold}_{name}"].to_numpy(np.float32) for name in ("low", "high", "share")
    )
    return [
        {**shared, **edge, "y": low},
        {**shared, **edge, "y": high, "fill": "tonexty", "fillcolor": f"{palette.main}26"},
        {
            **shared,
            "y": shares,
            "mode": "lines+markers",
            "cliponaxis": False,
            "line": {"color": palette.main, "width": 1.5},
            "marker": {
                "size": np.where(changed, 10, 7 if len(rows) < _MANY else 4).astype(np.uint8),
                "symbol": np.where(changed, _DIAMOND, np.where(is_few, _OPEN_CIRCLE, 0)).astype(np.uint8),
                "color": changed.astype(np.uint8),
                "coloraxis": "coloraxis",
                "opacity": 1,
            },
            "customdata": (starts // DAY_MS).astype(np.int32),
            "text": rows["n"].to_numpy(np.int32),
            "hovertemplate": "%{x|%-d %b %Y}: %{y:.1%} of %{text:,}<extra></extra>",
        },
    ]
