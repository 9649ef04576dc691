"""Figure → the same in words, point by point: for who reads a table rather than points at a bar."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from atlas_core.insight.charts import Axis, Chart, Trace

_PLACE = re.compile(r"%\{(\w+)(?:\[(\d+)\])?([:|][^}]+)?\}( (?:flow|document|cross-check)s\b)?")
_AXES = ("x", "y")


@dataclass(frozen=True, slots=True)
class PointInWords:
    """A point of a figure: where it stands, what hovering over it says, and what a click on it hands over."""

    label: str
    words: str
    point: dict[str, Any]


def points_in_words(chart: Chart) -> list[PointInWords]:
    """Every point that can be hovered over, from left to right or from the top down."""
    return [
        point
        for curve, trace in enumerate(chart.traces)
        if "hovertemplate" in trace
        for point in _points(chart, trace, curve)
    ]


def _points(chart: Chart, trace: Trace, curve: int) -> Iterator[PointInWords]:
    template = str(trace["hovertemplate"]).replace("<extra></extra>", "").replace("<br>", ", ")
    several = len({other.get("name") for other in chart.traces if other["type"] == "bar"}) > 1
    name = str(trace.get("name") or "") if several else ""
    places = range(len(trace["y"]))
    for at in reversed(places) if "ticktext" in _axis(chart, trace, "y") else places:
        values = {part: _value(trace, part, at) for part in (*_AXES, "customdata", "hovertext", "text")}
        if values["y"] != values["y"] or (trace["type"] == "bar" and values["y"] == 0 and not _lies(trace)):
            continue  # what parts two lines, or no bar
        words = _PLACE.sub(partial(_filled, values), template)
        labels = [*(_label(chart, trace, axis, at) for axis in _AXES), name]
        label = ", ".join(label for label in labels if label and label not in words)
        clicked = {"curve_number": curve, **{part: values[part] for part in (*_AXES, "customdata")}}
        yield PointInWords(html.unescape(label), html.unescape(words), clicked)


def _value(trace: Trace, part: str, at: int) -> Any:
    if part in _AXES and f"d{part}" in trace:
        first, further = trace[f"{part}0"], at * trace[f"d{part}"]
        if isinstance(first, str):  # a day, and milliseconds from it
            return str(np.datetime64(first, "ms") + np.timedelta64(further, "ms"))
        return first + further
    found = trace.get(part)
    if found is None or isinstance(found, str):
        return found
    value = found[at]
    return value.item() if isinstance(value, np.generic) else value


def _filled(values: dict[str, Any], place: re.Match[str]) -> str:
    """One place of a template, written as Plotly writes it, but for the noun behind a 1, of which there is
    only one."""
    name, number, form, noun = place.groups(default="")
    value = values[name] if not number else values[name][int(number)]
    return _written(value, form) + (noun.removesuffix("s") if value == 1 else noun)


def _written(value: Any, form: str) -> str:
    if not form:
        return f"{value:g}" if isinstance(value, float) else str(value)
    if form.startswith("|"):
        return dt.datetime.fromisoformat(str(value)).strftime(form[1:])
    return format(value, form[1:])


def _lies(trace: Trace) -> bool:
    return trace.get("orientation") == "h"


def _axis(chart: Chart, trace: Trace, axis: str) -> Axis:
    return chart.axes[f"{axis}axis{str(trace.get(f'{axis}axis', axis))[1:]}"]


def _label(chart: Chart, trace: Trace, axis: str, at: int) -> str:
    """What the axis names at the point, where it names each of its places."""
    own = _axis(chart, trace, axis)
    labels: Sequence[str] = own.get("ticktext", ())
    if not labels or list(own["tickvals"]) != list(range(len(labels))):
        return ""
    middle = _value(trace, axis, at)
    if trace["type"] == "bar" and axis == ("x" if _lies(trace) else "y"):
        if "base" not in trace:
            return ""
        middle = _value(trace, "base", at) + middle / 2
    return labels[round(middle)] if 0 <= round(middle) < len(labels) else ""
