"""Figures of how processing goes: the funnel, flows by outcome, and the time that stages take."""

from __future__ import annotations

import numpy as np
import pandas as pd

from atlas_core.insight.charts import (
    Chart,
    Trace,
    along_time,
    categories,
    chart_of,
    count_axis,
    percent,
    time_axis,
)
from atlas_core.insight.palette import Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.insight.theme import OUTCOMES, outcome_look

STEPS = {
    "begun": "Begun",
    "uploaded": "Uploaded",
    "read": "Read",
    "compared": "Compared",
    "ended": "Ended, well or not",
    "result": "With a result",
    "clear": "Clear",
}
OUTCOMES_SHOWN = tuple(OUTCOMES)
STAGES = {
    "upload": "Upload",
    "processing": "Reading",
    "crosscheck": "Cross-checks",
    "result": "Fetching the result",
}


def funnel_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `funnel`: how many flows reached each step. A bar's `customdata` is its step."""
    shown = frame[::-1]
    n = int(frame["n"].max()) if len(frame) else 0
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": shown["flows"].tolist(),
        "y": list(range(len(shown))),
        "text": [
            f" {flows:,}  {percent(share)}"
            for flows, share in zip(shown["flows"], shown["share"], strict=True)
        ],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": palette.main},
        "customdata": [[step] for step in shown["step"]],
        "hovertemplate": "%{x:,} flows<extra></extra>",
    }
    return chart_of(
        [bars],
        palette,
        title="How far flows have come",
        unit=f"Number of flows, and % of n = {n:,} begun",
        height=290,
        axes={
            "xaxis": {"range": [0, max(n, 1) * 1.42], "showgrid": False, "showticklabels": False},
            "yaxis": categories([STEPS.get(step, step) for step in shown["step"]]),
        },
    )


def flows_per_day_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `flows_per_day`, a stack for each day.

    The place of a clicked bar's trace (`curve_number`) is its outcome's in `OUTCOMES_SHOWN`; its `customdata`
    the day (from 1970).
    """
    total, per_day = int(frame["flows"].sum()), frame.groupby("start_at")["flows"].sum()
    most = int(per_day.max()) if len(per_day) else 0
    traces: list[Trace] = []
    for outcome in OUTCOMES_SHOWN:
        rows = frame[frame["outcome"] == outcome]
        starts = rows["start_at"].to_numpy(np.int64)
        flows = rows["flows"].to_numpy()
        traces.append(
            {
                "type": "bar",
                "name": outcome_look(outcome).label,
                "showlegend": bool(flows.any()),
                **along_time(starts),
                "y": flows,
                "marker": {"color": palette.outcome(outcome)},
                "customdata": (starts // DAY_MS).astype(np.int32),
                "hovertemplate": "%{y:,} flows, %{x|%-d %b %Y}<extra></extra>",
            }
        )
    return chart_of(
        traces,
        palette,
        title="Flows per day by outcome",
        unit=f"Number of flows begun, n = {total:,}; days are UTC",
        height=330,
        legend=2,
        barmode="stack",
        axes={
            "xaxis": time_axis(frame["start_at"].to_numpy(np.int64)),
            "yaxis": count_axis("Flows", palette, most),
        },
    )


def time_per_stage_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `time_per_stage`: the median as a bar, the 95th percentile as its whisker. A bar's
    `customdata` is its stage."""
    rows = frame[::-1].to_dict("records")
    medians = [0 if pd.isna(row["median_ms"]) else row["median_ms"] / 1000 for row in rows]
    p95s = [0 if pd.isna(row["p95_ms"]) else row["p95_ms"] / 1000 for row in rows]
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "x": medians,
        "y": list(range(len(rows))),
        "marker": {"color": [palette.line if row["n"] < FEWEST else palette.main for row in rows]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [p95 - median for p95, median in zip(p95s, medians, strict=True)],
            "arrayminus": [0] * len(rows),
            "color": palette.quiet,
            "thickness": 1.5,
        },
        "customdata": [[row["stage"]] for row in rows],
        "hovertext": [
            f"median {median:,.1f} s, 95th percentile {p95:,.1f} s, n = {row['n']:,}"
            + "; too few to say" * (row["n"] < FEWEST)
            for row, median, p95 in zip(rows, medians, p95s, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return chart_of(
        [bars],
        palette,
        title="Time in each stage",
        unit="Seconds: median, and to the 95th percentile",
        height=290,
        axes={
            "xaxis": {"rangemode": "tozero", "ticksuffix": " s"},
            "yaxis": categories(
                [f"{STAGES.get(row['stage'], row['stage'])} (n = {row['n']:,})" for row in rows]
            ),
        },
    )
