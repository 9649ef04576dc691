"""The figure of what brought results first, day by day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from atlas_core.insight.arrivals import FIRSTS
from atlas_core.insight.charts import Chart, Trace, along_time, chart_of, count_axis, percent, time_axis
from atlas_core.insight.palette import Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.theme import Color

FIRST_LABELS = {
    "callback": "Callback first",
    "fetch": "Our fetch first",
    "unreadable": "Callback not usable",
    "no callback": "No callback",
}
_COLORS: dict[str, Color] = {
    "callback": "green",
    "fetch": "blue",
    "unreadable": "violet",
    "no callback": "orange",
}


def first_arrivals_per_day_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `first_arrivals_per_day`, a stack for each day; `customdata` is the day (from 1970)."""
    total, most = int(frame["flows"].sum()), int(frame.groupby("day_at")["flows"].sum().max())
    traces: list[Trace] = []
    for first in FIRSTS:
        rows = frame[frame["first"] == first]
        starts = rows["day_at"].to_numpy(np.int64)
        traces.append(
            {
                "type": "bar",
                "name": FIRST_LABELS[first],
                "showlegend": bool(rows["flows"].any()),
                **along_time(starts),
                "y": rows["flows"].to_numpy(np.int32),
                "marker": {"color": palette.named[_COLORS[first]]},
                "customdata": (starts // DAY_MS).astype(np.int32),
                "hovertext": [
                    f"{percent(share)} of n = {n:,}" if n else ""
                    for share, n in zip(rows["share"], rows["n"], strict=True)
                ],
                "hovertemplate": FIRST_LABELS[first]
                + ": %{y:,} flows, %{hovertext}<br>%{x|%-d %b %Y}<extra></extra>",
            }
        )
    return chart_of(
        traces,
        palette,
        title="What brought the results first",
        unit=f"Number of flows, by the UTC day they began, n = {total:,}",
        height=350,
        margin={"t": 112},  # the legend takes two lines on a phone
        legend=True,
        barmode="stack",
        axes={
            "xaxis": time_axis(frame["day_at"].to_numpy(np.int64)),
            "yaxis": count_axis("Flows", palette, most),
        },
    )
