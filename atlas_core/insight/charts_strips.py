"""The histogram of each check, all in one figure: a strip below the other, over one scale of similarity.

One pair of axes for all: of strips with axes of their own a browser draws each anew. A strip is three
outlines, one for each band, with clear bars over them that can be pointed at and clicked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Int64
from atlas_core.insight.charts import Axis, Chart, Trace, chart_of, label_of, percent, titled
from atlas_core.insight.charts_checks import SIMILARITY
from atlas_core.insight.palette import Palette
from atlas_core.insight.theme import BANDS, words_of_code
from atlas_core.models import Band

STRIP_HEIGHT = 78  # pixels
MOST_STRIPS = 24
"""What one figure may hold, to stay light."""
_ROW, _FOOT, _TOP = 1000, 40, 560  # of a strip's height: all of it, where its bars stand, and where they end
_LEAST = 18  # the height of what would else be too low to be seen
_EDGES = (0, 101)  # a bar of similarity s goes from s to s + 1
_BANDS = (Band.REVIEW, Band.UNCLEAR, Band.STRONG)
_CLEAR = "rgba(0,0,0,0)"


class Strip(NamedTuple):
    """One check's histogram: 101 counts, its two thresholds, and the exact values at which it piles up."""

    check: str
    counts: Int64
    review_below: int
    strong_from: int
    spikes: tuple[int, ...] = ()

    @property
    def bands(self) -> tuple[tuple[int, int], ...]:
        """The similarities of review, unclear and strong: from, and before which."""
        return ((0, self.review_below), (self.review_below, self.strong_from), (self.strong_from, _EDGES[1]))


class Part(NamedTuple):
    """What a click opens: the cross-checks of one check from `low` to `high`, which is a band of it, a spike,
    or what of a band lies beside its spikes; all of the check where both are None."""

    check: str
    low: int | None
    high: int | None


def parts_of_strips(strips: Sequence[Strip]) -> list[Part]:
    """Every part that has cross-checks, in the order of the figure's `customdata`."""
    return [part for strip in strips for part in _parts(strip)]


def score_strips_chart(strips: Sequence[Strip], palette: Palette, *, logarithmic: bool = False) -> Chart:
    """The histograms of at most `MOST_STRIPS` checks, each to its own height, with shares and n in words.

    The `customdata` of a clicked point is its place in `parts_of_strips`.
    """
    feet = [(len(strips) - 1 - place) * _ROW for place in range(len(strips))]
    traces = [] if not strips else [*_outlines(strips, feet, palette, logarithmic=logarithmic)]
    if strips:
        traces += [_labels(strips, feet, palette), _clickable(strips, feet, palette)]
    return chart_of(
        traces,
        palette,
        title="Each check by similarity",
        unit=f"Number of cross-checks, each strip to its own {'logarithmic ' * logarithmic}height",
        alt="Histograms of similarity: " + "; ".join(_sentence(strip) for strip in strips) + ".",
        height=120 + STRIP_HEIGHT * len(strips),
        axes={
            "xaxis": _edge_axis(palette),
            "yaxis": {
                "range": [0, max(len(strips), 1) * _ROW],
                "showticklabels": False,
                "showgrid": False,
                "zeroline": False,
            },
        },
        shapes=[_grounds(feet, palette), _threshold_lines(strips, feet, palette)] if strips else [],
        barmode="overlay",
        hovermode="closest",
    )


def _parts(strip: Strip) -> Iterator[Part]:
    yield Part(strip.check, None, None)
    for start, end in strip.bands:
        cuts = [at for spike in strip.spikes if start <= spike < end for at in (spike, spike + 1)]
        edges = sorted({start, end, *cuts})
        for low, after in pairwise(edges):
            if strip.counts[low:after].any():
                yield Part(strip.check, low, after - 1)


def _outlines(
    strips: Sequence[Strip], feet: Sequence[int], palette: Palette, *, logarithmic: bool
) -> Iterator[Trace]:
    """For each band one outline around the bars of all strips; between two strips it runs along their feet
    and the left edge, where it encloses nothing."""
    for place, band in enumerate(_BANDS):
        xs, ys = [], []
        for strip, foot in zip(strips, feet, strict=True):
            heights = _heights(strip.counts, logarithmic=logarithmic)
            start, end = strip.bands[place]
            steps = heights[start:end]
            # Where the height stays as it was, the outline needs no corner.
            edges = start + np.flatnonzero(np.diff(steps, prepend=-1)) if end > start else np.zeros(0, int)
            tops = heights[edges]
            x = np.repeat(np.append(edges, end), 2)[1:-1] if len(edges) else np.zeros(0, int)
            xs.append(np.concatenate([[0, start], x, [end, 0]]))
            ys.append(foot + _FOOT + np.concatenate([[0, 0], np.repeat(tops, 2), [0, 0]]))
        yield {
            "type": "scatter",
            "mode": "lines",
            "x": np.concatenate(xs).astype(np.uint8),
            "y": np.concatenate(ys).astype(np.uint16),
            "fill": "toself",
            "fillcolor": palette.band(band),
            "line": {"width": 0},
            "hoverinfo": "skip",
        }


def _heights(counts: Int64, *, logarithmic: bool) -> npt.NDArray[np.int64]:
    """From 0 to the top of a strip, the largest count at the top."""
    # By its logarithm a single cross-check can still be seen, and none has no bar.
    sizes = np.log1p(counts) if logarithmic else counts.astype(np.float64)
    heights = np.rint(sizes / max(float(sizes.max()), 1e-9) * (_TOP - _FOOT)).astype(np.int64)
    return np.where(counts > 0, np.maximum(heights, _LEAST), 0)


def _labels(strips: Sequence[Strip], feet: Sequence[int], palette: Palette) -> Trace:
    texts = []
    for strip in strips:
        n = int(strip.counts.sum())
        shares = " · ".join(
            f"{percent(int(strip.counts[start:end].sum()) / n if n else 0)} {BANDS[band].label.lower()}"
            for band, (start, end) in zip(_BANDS, strip.bands, strict=True)
        )
        name = label_of(words_of_code(strip.check))
        ink = f"<span style='color:{palette.ink}'><b>{name}</b></span>"
        texts.append(f"{ink}  n = {n:,}<br>{shares if n else 'none has a score'}")
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.zeros(len(strips), np.uint8),
        "y": np.array(feet, np.uint16) + np.uint16((_TOP + _ROW) // 2),
        "text": texts,
        "textposition": "middle right",
        "textfont": {"size": 12, "color": palette.quiet},
        "hoverinfo": "skip",
    }


def _clickable(strips: Sequence[Strip], feet: Sequence[int], palette: Palette) -> Trace:
    bases, sizes, middles, heights, words = [], [], [], [], []
    for strip, foot in zip(strips, feet, strict=True):
        name, n = label_of(words_of_code(strip.check)), int(strip.counts.sum())
        for part in _parts(strip):
            if part.low is None or part.high is None:
                bases.append(_EDGES[0])
                sizes.append(_EDGES[1])
                middles.append(foot + (_TOP + _ROW) // 2)
                heights.append(_ROW - _TOP)
                words.append(f"{name}: all {n:,}")
                continue
            bases.append(part.low)
            sizes.append(part.high + 1 - part.low)
            middles.append(foot + (_FOOT + _TOP) // 2)
            heights.append(_TOP - _FOOT)
            count = int(strip.counts[part.low : part.high + 1].sum())
            span = f"{part.low}" if part.low == part.high else f"{part.low} to {part.high}"
            words.append(f"{name}, similarity {span}: {count:,} ({percent(count / n)})")
    return {
        "type": "bar",
        "orientation": "h",
        "base": np.array(bases, np.uint8),
        "x": np.array(sizes, np.uint8),
        "y": np.array(middles, np.uint16),
        "width": np.array(heights, np.uint16),
        "marker": {"color": _CLEAR, "line": {"width": 0}},
        "selected": {"marker": {"color": f"{palette.main}44"}},
        "unselected": {"marker": {"opacity": 1}},
        "customdata": np.arange(len(bases), dtype=np.uint16),
        "hovertext": words,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _grounds(feet: Sequence[int], palette: Palette) -> dict[str, Any]:
    """What the bars of each strip stand before, as one path."""
    left, right = _EDGES
    path = "".join(
        f"M{left},{foot + _FOOT}L{right},{foot + _FOOT}L{right},{foot + _TOP}L{left},{foot + _TOP}Z"
        for foot in feet
    )
    shape = {"type": "path", "path": path, "layer": "below", "line": {"width": 0}}
    return {**shape, "fillcolor": f"{palette.line}55"}


def _threshold_lines(strips: Sequence[Strip], feet: Sequence[int], palette: Palette) -> dict[str, Any]:
    """The two thresholds of each strip, as one dashed path."""
    path = "".join(
        f"M{threshold},{foot + _FOOT}L{threshold},{foot + _TOP}"
        for strip, foot in zip(strips, feet, strict=True)
        for threshold in (strip.review_below, strip.strong_from)
    )
    return {"type": "path", "path": path, "line": {"color": palette.ink, "width": 1, "dash": "dash"}}


def _edge_axis(palette: Palette) -> Axis:
    ticks = range(0, 101, 10)
    return titled(
        SIMILARITY,
        palette,
        range=[-0.5, 101.5],
        tickvals=[tick + 0.5 for tick in ticks],
        ticktext=[str(tick) for tick in ticks],
        showgrid=False,
        zeroline=False,
    )


def _sentence(strip: Strip) -> str:
    n = int(strip.counts.sum())
    review = percent(int(strip.counts[: strip.review_below].sum()) / n) if n else "none"
    return f"{words_of_code(strip.check)}, {review} of {n:,} in review"
