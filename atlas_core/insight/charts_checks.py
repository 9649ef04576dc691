"""Figures of cross-checks: how similarities are spread, and where they stand against confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
    line_at,
    percent,
    plain,
    titled,
)
from atlas_core.insight.palette import Palette
from atlas_core.insight.quadrants import GRID_STEP
from atlas_core.insight.theme import BANDS, words_of_code
from atlas_core.models import Band

SIMILARITY = "Similarity (0 different to 100 same)"
STRIP_HEIGHT = 74  # pixels
_BANDS = (Band.REVIEW, Band.UNCLEAR, Band.STRONG)


class Strip(NamedTuple):
    """One check's histogram: 101 counts, and its two thresholds."""

    check: str
    counts: Int64
    review_below: int
    strong_from: int


def checks_per_score_chart(
    counts: Int64, thresholds: tuple[int, int] | None, palette: Palette, *, what: str = "All cross-checks"
) -> Chart:
    """The histogram of 101 counts. `thresholds`: the two lines, where the checks share them.

    Each bar is clicked over the whole height of the plot: `x` of the point is the similarity.
    """
    n = int(counts.sum())
    lines = _threshold_lines(thresholds, palette) if thresholds else []
    peak = int(np.argmax(counts))
    return chart_of(
        [_bars(counts, thresholds or (0, 0), "y")],
        palette,
        title=f"{what} per similarity",
        unit=f"Number of cross-checks at each whole similarity, n = {n:,} with a score",
        alt=f"Histogram of the similarity of {n:,} cross-checks; most, {int(counts[peak]):,}, have {peak}.",
        axes={
            "xaxis": _similarity_axis(palette),
            "yaxis": titled("Cross-checks", palette, rangemode="tozero", zeroline=True, tickformat=",d"),
        },
        shapes=lines,
        hovermode="x",
        coloraxis=_band_colours(palette, thresholds is not None),
        bargap=0.1,
    )


def score_strips_chart(strips: Sequence[Strip], palette: Palette) -> Chart:
    """The histogram of each check as a strip of its own height, all over one scale of similarity.

    The place of a clicked point's trace (`curve_number`) is the strip's, its `x` the similarity.
    """
    axes: dict[str, Axis] = {"xaxis": _similarity_axis(palette, anchor="free", position=0)}
    names, lines, traces = [], [], []
    share = 1 / max(len(strips), 1)
    for place, strip in enumerate(strips):
        suffix = "" if place == 0 else str(place + 1)
        top = 1 - place * share
        axes[f"yaxis{suffix}"] = {
            "domain": [max(top - share, 0), top - 0.36 * share],
            "anchor": "x",
            "showticklabels": False,
            "showgrid": False,
            "zeroline": True,
            "rangemode": "tozero",
        }
        traces.append(_bars(strip.counts, strip[2:], f"y{suffix}"))
        n = int(strip.counts.sum())
        review = int(strip.counts[: strip.review_below].sum())
        names.append(
            {
                "text": f"<b>{plain(words_of_code(strip.check))}</b>  "
                f"{percent(review / n if n else None)} review · n = {n:,}",
                "font": {"color": palette.ink, "size": 12},
                "x": 0,
                "y": top - 0.2 * share,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "middle",
                "showarrow": False,
            }
        )
        for threshold in strip[2:]:
            line = line_at(threshold - 0.5, palette)
            del line["label"]
            lines.append(line | {"yref": "paper", "y0": top - share, "y1": top - 0.36 * share})
    return chart_of(
        traces,
        palette,
        title="Each check per similarity",
        unit="Number of cross-checks; each strip has a height of its own",
        alt="Histograms of similarity: " + "; ".join(words_of_code(strip.check) for strip in strips) + ".",
        height=100 + STRIP_HEIGHT * len(strips),
        axes=axes,
        annotations=names,
        shapes=lines,
        hovermode="x",
        coloraxis=_band_colours(palette, True),
        bargap=0.1,
    )


def quadrants_chart(
    density: pd.DataFrame, n: int, review_below: int | None, confident_from: int, palette: Palette
) -> Chart:
    """`Quadrants.density`: cross-checks by similarity (across) and the lower confidence of both fields (up).

    `confident_from` in hundredths. A cell's `customdata` is [similarity, hundredth], its lower edges.
    """
    across, up = density["similarity"].tolist(), density["confidence"].tolist()
    counts = density["checks"].tolist()
    side = GRID_STEP / 100
    edges = [[x, round(y * 100)] for x, y in zip(across, up, strict=True)]
    hover = [
        f"similarity {x} to {min(x + GRID_STEP - 1, 100)}, confidence {y / 100:.2f} to "
        f"{min(y + GRID_STEP - 1, 100) / 100:.2f}: {count:,} cross-checks"
        for (x, y), count in zip(edges, counts, strict=True)
    ]
    # Few cells hold nearly all; by the root, the others can be seen too.
    trace = cells(
        across,
        up,
        [count**0.5 for count in counts],
        palette,
        step=(GRID_STEP, side),
        customdata=edges,
        hovertemplate="%{hovertext}",
    ) | {"hovertext": hover}
    lines = [line_at(confident_from / 100, palette, upright=False)]
    lines += [line_at(review_below, palette)] if review_below is not None else []
    for line in lines:
        del line["label"]
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
        "hovertext": [f"{row['ran']:,} of {row['flows']:,} flows; {row['lacking']:,} lack it" for row in rows]
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


def _bars(counts: Int64, thresholds: Sequence[int], yaxis: str) -> Trace:
    scores = np.arange(len(counts))
    bands = (scores >= thresholds[0]).astype(np.uint8) + (scores >= thresholds[1])
    return {
        "type": "bar",
        "x0": 0,
        "dx": 1,
        "y": np.asarray(counts, np.int32),
        "yaxis": yaxis,
        "marker": {"color": bands, "coloraxis": "coloraxis", "line": {"width": 0}},
        "hovertemplate": "similarity %{x}: %{y:,} cross-checks<extra></extra>",
    }


def _band_colours(palette: Palette, in_bands: bool) -> dict[str, Any]:
    colours = [palette.band(band) if in_bands else palette.main for band in _BANDS]
    edges = [place / len(colours) for place in range(len(colours) + 1)]
    scale = [[edge, colour] for place, colour in enumerate(colours) for edge in edges[place : place + 2]]
    return {"colorscale": scale, "cmin": 0, "cmax": len(colours) - 1, "showscale": False}


def _threshold_lines(thresholds: tuple[int, int], palette: Palette) -> list[dict[str, Any]]:
    review_below, strong_from = thresholds
    return [
        line_at(review_below - 0.5, palette, words=f" {BANDS[Band.REVIEW].label} below {review_below}"),
        line_at(strong_from - 0.5, palette, words=f" {BANDS[Band.STRONG].label} from {strong_from}"),
    ]


def _similarity_axis(palette: Palette, **axis: Any) -> Axis:
    ticks = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    return titled(SIMILARITY, palette, range=[-1, 101], tickvals=ticks, showgrid=False, **axis)
