"""Frame → Plotly figure: the frame of every figure, and the shapes they share. Counts nothing.

The only room that imports Plotly: the rooms `charts_….py` hand in plain traces and get a `Chart`. A trace's
`customdata` says what each of its points stands for, so that a click can open exactly those cases.
Texts of Atlas's pass through `plain`, since Plotly reads tags and entities in any text it draws.
"""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from atlas_core.books.columns import Int64
from atlas_core.insight.palette import Palette

FONT = '"Source Sans", sans-serif'
SIZE, TITLE_SIZE = 13, 15  # pixels
LABEL_LENGTH = 34
_TICK_SIZE, _LETTER, _CAPITAL = 12, 6.0, 7.9  # pixels: of an axis's letters, and how wide they are
_LINE = 18  # pixels of one line of labels below a plot
_FEW_DAYS, _FEW_COUNTS, _FEW_TICKS = 8, 6, 6
_1970 = dt.date(1970, 1, 1).toordinal()
Trace = dict[str, Any]
Axis = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure, what it shows in a sentence for who cannot see it, and what it was made of."""

    figure: go.Figure
    alt: str
    traces: Sequence[Trace]
    axes: Mapping[str, Axis]


def chart_of(
    traces: Sequence[Trace],
    palette: Palette,
    *,
    title: str,
    unit: str,
    alt: str = "",
    height: int = 320,
    axes: Mapping[str, Axis] | None = None,
    legend: int = 0,
    **layout: Any,
) -> Chart:
    """The figure of some traces under a title that says what is counted and a line with the unit and n.

    `legend`: how many lines it takes on a small screen; 0 for none.
    `axes`: `xaxis`, `yaxis`, `yaxis2` … as Plotly names them, each over the look of all axes.
    """
    own: dict[str, Axis] = {"xaxis": {}, "yaxis": {}, **(axes or {})}
    looks = {name: {**_axis(palette), **axis} for name, axis in own.items()}
    margin = {"t": 62 + 24 * legend, **_room(looks)} | layout.pop("margin", {})
    figure = go.Figure(
        {
            "data": [_quiet_selection(trace) for trace in traces],
            "layout": {
                "template": {},
                "font": {"family": FONT, "size": SIZE, "color": palette.quiet},
                "title": {
                    "text": f"<b>{plain(title)}</b>",
                    "subtitle": {"text": plain(unit), "font": {"size": SIZE, "color": palette.quiet}},
                    "font": {"size": TITLE_SIZE, "color": palette.ink},
                    "x": 0,
                    "xref": "container",
                    "xanchor": "left",
                    "y": 1,
                    "yref": "container",
                    "yanchor": "top",
                    "pad": {"t": 6, "l": 2},
                },
                "height": height,
                "margin": margin,
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "showlegend": legend > 0,
                "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "xanchor": "left"},
                "hoverlabel": {
                    "bgcolor": palette.ground,
                    "bordercolor": palette.line,
                    "font": {"family": FONT, "color": palette.ink},
                },
                "bargap": 0.18,
                "dragmode": False,
                **looks,
                **layout,
            },
        },
        # Plotly looks at every value of every figure otherwise, which takes ten times as long as the rest.
        _validate=False,
    )
    return Chart(figure, alt or f"{title}. {unit}.", traces, looks)


def cells(
    x: Sequence[float],
    y: Sequence[float],
    values: Sequence[float],
    palette: Palette,
    *,
    step: tuple[float, float] = (1, 1),
    texts: Sequence[str] | None = None,
    customdata: Sequence[Any],
    hovertemplate: str,
    most: float | None = None,
) -> Trace:
    """A heat map whose cells can be clicked (those of Plotly's own cannot): bars on bases.

    `x`, `y` are the cells' lower edges, `step` their sides; a value of 0 has the palest shade and `most` (by
    default the largest value) the deepest.
    """
    wide, high = step
    top = most if most is not None else max(values, default=0)
    return {
        "type": "bar",
        "x": np.asarray(x, np.float32) + np.float32(wide / 2),
        "y": np.full(len(x), high * 0.94, np.float32),
        "base": np.asarray(y, np.float32) + np.float32(high * 0.03),
        "width": wide * 0.96,
        # Each in plain letters: of numbers for a scale Plotly complains aloud, one by one.
        "marker": {"color": [palette.shade(value / (top or 1)) for value in values], "line": {"width": 0}},
        "text": list(texts) if texts else None,
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "constraintext": "none",
        "customdata": list(customdata),
        "hovertemplate": hovertemplate + "<extra></extra>",
    }


def line_at(value: float, palette: Palette, *, upright: bool = True) -> dict[str, Any]:
    """A dashed line across the whole plot at one value of x (or, lying, of y)."""
    along, across = ("x", "y") if upright else ("y", "x")
    return {
        "type": "line",
        f"{along}0": value,
        f"{along}1": value,
        f"{across}0": 0,
        f"{across}1": 1,
        f"{across}ref": "paper",
        "line": {"color": palette.ink, "width": 1, "dash": "dash"},
    }


def plain(text: str) -> str:
    """A text that Plotly draws as it stands."""
    return html.escape(" ".join(text.split()), quote=False)


def label_of(text: str, length: int = LABEL_LENGTH) -> str:
    """The same, cut where it is longer than an axis has room for."""
    whole = " ".join(text.split())
    return plain(whole if len(whole) <= length else whole[: length - 1] + "…")


def categories(labels: Sequence[str], **axis: Any) -> Axis:
    """An axis whose places 0, 1, 2 … carry these labels."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": [label_of(label) for label in labels],
        "showgrid": False,
        "zeroline": False,
        **axis,
    }


def titled(words: str, palette: Palette, **axis: Any) -> Axis:
    """An axis with its name."""
    return {"title": {"text": words, "font": {"size": SIZE, "color": palette.quiet}, "standoff": 6}, **axis}


def along_time(starts: Int64) -> Trace:
    """The places of x on an axis of UTC days, for moments in milliseconds: two numbers where they are evenly
    apart. As texts, since Plotly would turn numbers into the reader's own zone."""
    days = [str(day) for day in np.asarray(starts, "datetime64[ms]").astype("datetime64[D]")]
    apart = np.unique(np.diff(starts))
    if len(apart) == 1:
        return {"x0": days[0], "dx": int(apart[0])}
    return {"x": days}


def time_axis(starts: Int64) -> Axis:
    """An axis of UTC days, on which days, weeks or months that begin at `starts` (ms) are named by their own
    beginnings: each where there are a few, else some of them."""
    days = [str(day) for day in _named(np.unique(starts)).astype("datetime64[ms]").astype("datetime64[D]")]
    return {"type": "date", "showgrid": False, "tickvals": days, "tickformat": "%-d %b<br>%Y"}


def day_axis(days: Int64) -> Axis:
    """An axis whose places 0, 1, 2 … are the periods that begin on these days since 1970, UTC: each named
    where there are a few, else some months or some of them."""
    periods = np.unique(days)
    named, form = _named(periods), "%-d %b<br>%Y"
    if len(periods) > _FEW_DAYS:
        first, last = periods[[0, -1]].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        months = np.arange(first + 1, last + 1)
        if len(months) >= _FEW_TICKS // 2:
            firsts = months[:: -(-len(months) // _FEW_TICKS)].astype("datetime64[M]")
            named, form = firsts.astype("datetime64[D]").astype(np.int64), "%b<br>%Y"
    edge = max(len(periods) * 0.02, 0.5)
    return {
        "range": [-edge, max(len(periods), 1) - 1 + edge],
        "tickvals": np.interp(named, periods, np.arange(len(periods))).tolist() if len(periods) else [],
        "ticktext": [day_in_words(day, form) for day in named.tolist()],
        "showgrid": False,
        "zeroline": False,
    }


def _named(periods: Int64) -> Int64:
    """All of them where there are a few, else some, evenly apart."""
    return periods if len(periods) <= _FEW_DAYS else periods[:: -(-len(periods) // _FEW_TICKS)]


def day_in_words(day: int, form: str = "%-d %b %Y") -> str:
    """`5 Jan 2026` for a day since 1970."""
    return dt.date.fromordinal(_1970 + day).strftime(form)


def count_axis(words: str, palette: Palette, most: int) -> Axis:
    """An axis of whole numbers from 0 up to `most`."""
    steps = {"dtick": 1} if most < _FEW_COUNTS else {}
    return titled(words, palette, rangemode="tozero", tickformat=",d", **steps)


def percent(share: float | None) -> str:
    """`24.5%`, and what is not 0% or 100% is never rounded to it; empty of nothing."""
    if share is None or math.isnan(share):
        return ""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}"


def _axis(palette: Palette) -> Axis:
    return {
        "gridcolor": palette.line,
        "linecolor": palette.line,
        "zerolinecolor": palette.line,
        "fixedrange": True,
        "automargin": True,
        "tickfont": {"size": _TICK_SIZE, "color": palette.quiet},
    }


def _room(axes: Mapping[str, Axis]) -> dict[str, float]:
    """Margins in pixels that hold the labels of the axes.

    Where they did not, Plotly would find out only when all is drawn, and draw all once more.
    """
    sides: dict[str, float] = {"l": 8, "r": 18, "b": 8}
    for name, axis in axes.items():
        side = "r" if axis.get("side") == "right" else "l" if name.startswith("y") else "b"
        if axis.get("showticklabels") is False:
            room = 8.0
        elif side == "b":
            room = 14 + _LINE * max([1, *(label.count("<br>") + 1 for label in axis.get("ticktext", ()))])
            room += _LINE * (axis.get("type") == "date")
        elif "ticktext" in axis:
            room = 18 + max(map(_width, axis["ticktext"]), default=0)
        else:
            room = 54
        sides[side] = max(sides[side], room + 24 * ("title" in axis))
    return sides


def _width(label: str) -> float:
    """About how many pixels a label of an axis takes."""
    text = html.unescape(label)
    return _LETTER * len(text) + (_CAPITAL - _LETTER) * sum(
        letter.isupper() or letter in "%_@" for letter in text
    )


def _quiet_selection(trace: Trace) -> Trace:
    """Without a say of its own, what is not selected pales but can still be read."""
    if trace["type"] == "bar":
        return {"unselected": {"marker": {"opacity": 0.45}}, **trace}
    return trace
