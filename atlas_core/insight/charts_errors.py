"""Figures of the documents that Atlas could not use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from atlas_core.insight.charts import (
    Chart,
    Trace,
    along_time,
    categories,
    cells,
    chart_of,
    count_axis,
    label_of,
    percent,
    time_axis,
    titled,
)
from atlas_core.insight.palette import Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.insight.theme import words_of_code, words_of_error

NOT_RECOGNISED = "Not recognised"
NOT_GIVEN = "Not known"
_MOST_BARS, _MOST_STACKED = 20, 8


def errors_per_code_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `errors_per_code` as a Pareto chart: bars, and the cumulative share as a line. A bar's
    `customdata` is its code."""
    shown = frame.head(_MOST_BARS)
    n = int(frame["n"].max()) if len(frame) else 0
    labels = [words_of_error(code) for code in shown["code"]]
    places, codes = list(range(len(shown))), [[code] for code in shown["code"]]
    bars: Trace = {
        "type": "bar",
        "x": places,
        "y": shown["documents"].tolist(),
        "text": [
            f"{documents:,} ({percent(share)})"
            for documents, share in zip(shown["documents"], shown["share"], strict=True)
        ],
        "textposition": "outside",
        "cliponaxis": False,
        "name": "Documents",
        "marker": {"color": palette.main},
        "customdata": codes,
        "hovertemplate": "%{y:,} documents<extra></extra>",
    }
    colour = palette.series[1]
    line: Trace = {
        "type": "scatter",
        "x": places,
        "y": shown["cumulative_share"].tolist(),
        "yaxis": "y2",
        "mode": "lines+markers",
        "name": "Cumulative share",
        "line": {"color": colour, "width": 2},
        "customdata": codes,
        "hovertemplate": "with those before: %{y:.1%}<extra></extra>",
    }
    rest = f"; the {len(shown)} commonest of {len(frame)} codes" if len(frame) > len(shown) else ""
    return chart_of(
        [bars, line],
        palette,
        title="Documents with an error, by code",
        unit=f"Number of documents, n = {n:,} with an error{rest}",
        axes={
            "xaxis": categories(labels),
            "yaxis": count_axis("Documents", palette, int(shown["documents"].max()) if len(shown) else 0),
            "yaxis2": titled(
                "Cumulative share",
                replace(palette, quiet=colour),
                overlaying="y",
                side="right",
                range=[0, 1.06],
                tickvals=[0, 0.25, 0.5, 0.75, 1],
                tickformat=".0%",
                showgrid=False,
            ),
        },
    )


def errors_per_type_chart(frame: pd.DataFrame, palette: Palette) -> Chart:
    """The frame of `errors_per_type` as a heat map of rates; a cell's `customdata` is [type, code]."""
    codes = list(dict.fromkeys(frame["code"]))
    types = list(dict.fromkeys(frame.sort_values("document_type", na_position="last")["document_type"]))[::-1]
    rows = frame.to_dict("records")
    trace = cells(
        [codes.index(row["code"]) - 0.5 for row in rows],
        [types.index(row["document_type"]) - 0.5 for row in rows],
        [row["rate"] for row in rows],
        palette,
        texts=[f"{percent(row['rate'])}" for row in rows],
        customdata=[[row["document_type"], row["code"]] for row in rows],
        hovertemplate="%{hovertext}",
    ) | {"hovertext": [f"{row['documents']:,} of {_documents(row['n'])} of the type" for row in rows]}
    sizes = {row["document_type"]: row["n"] for row in rows}
    return chart_of(
        [trace],
        palette,
        title="Error rate by document type and code",
        unit="Share in % of all documents of the type, whose n stands beside it",
        height=120 + 34 * max(len(types), 1),
        barmode="overlay",
        axes={
            "xaxis": categories([words_of_error(code) for code in codes]),
            "yaxis": categories([f"{_type_words(kind)} (n = {sizes[kind]:,})" for kind in types]),
        },
    )


def errors_per_day_chart(frame: pd.DataFrame, step: str, palette: Palette) -> Chart:
    """The frame of `errors_per_day`, a stack for each day, week or month.

    The place of a clicked bar's trace (`curve_number`) is its code's in `codes_shown`; its `customdata` the
    day (from 1970) on which the period begins.
    """
    codes = codes_shown(frame)
    traces: list[Trace] = []
    for place, code in enumerate(codes):
        rows = frame[frame["code"] == code]
        starts = rows["start_at"].to_numpy(np.int64)
        traces.append(
            {
                "type": "bar",
                "name": label_of(words_of_error(code)),
                **along_time(starts),
                "y": rows["documents"].to_numpy(),
                "marker": {"color": palette.of_place(place)},
                "customdata": (starts // DAY_MS).astype(np.int32),
                "hovertemplate": "%{y:,} documents, %{x|%-d %b %Y}<extra></extra>",
            }
        )
    most = int(frame.groupby("start_at")["documents"].sum().max()) if len(frame) else 0
    n, total = int(frame.loc[frame["code"].isin(codes), "documents"].sum()), frame["code"].nunique()
    rest = f"; the {len(codes)} commonest of {total} codes" if total > len(codes) else ""
    return chart_of(
        traces,
        palette,
        title=f"Documents with an error per {step}",
        unit=f"Number of documents, n = {n:,} with an error{rest}; {step}s are UTC",
        legend=min(-(-len(codes) // 3), 3) if len(codes) > 1 else 0,
        barmode="stack",
        axes={
            "xaxis": time_axis(frame["start_at"].to_numpy(np.int64)),
            "yaxis": count_axis("Documents", palette, most),
        },
    )


def codes_shown(frame: pd.DataFrame) -> list[str]:
    """The codes of `errors_per_day` that its chart has room for, the most frequent first."""
    totals = frame.groupby("code")["documents"].sum().sort_values(ascending=False, kind="stable")
    return [str(code) for code in totals.index[:_MOST_STACKED]]


def errors_per_trait_chart(frame: pd.DataFrame, trait: str, palette: Palette) -> Chart:
    """The frame of `errors_per_product` or `errors_per_dealer` (`trait`: its column): rates with their
    intervals, hollow where there are too few. A point's `customdata` is its product or dealer."""
    shown = frame[::-1]
    names = [NOT_GIVEN if name is None else name for name in shown[trait]]
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": shown["rate"].tolist(),
        "y": list(range(len(shown))),
        "marker": {
            "size": 10,
            "color": [palette.quiet if n < FEWEST else palette.main for n in shown["n"]],
            "symbol": ["circle-open" if n < FEWEST else "circle" for n in shown["n"]],
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": (shown["high"] - shown["rate"]).tolist(),
            "arrayminus": (shown["rate"] - shown["low"]).tolist(),
            "color": palette.quiet,
            "thickness": 1.5,
        },
        "customdata": [[name] for name in shown[trait]],
        "hovertext": [
            f"{percent(row['rate'])} of {_documents(row['n'])}" + "; too few to say" * (row["n"] < FEWEST)
            for row in shown.to_dict("records")
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return chart_of(
        [trace],
        palette,
        title=f"Error rate by {trait}",
        unit=f"Share of its documents in % with 95% interval, n = {int(frame['n'].sum()):,}",
        height=110 + 26 * max(len(shown), 1),
        axes={
            "xaxis": {"tickformat": ".0%" if frame["high"].max() > 0.1 else ".1%", "rangemode": "tozero"},
            "yaxis": categories(names, range=[-0.6, len(shown) - 0.4]),
        },
    )


def _documents(n: int) -> str:
    return f"{n:,} document" + "s" * (n != 1)


def _type_words(document_type: str | None) -> str:
    return NOT_RECOGNISED if document_type is None else words_of_code(document_type)
