"""Figures on a page: drawn in the colours of the viewer's mode, opening their cases when clicked, and as
tables for who goes through them by keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.insight.chart_points import points_in_words
from atlas_core.insight.charts import Chart
from atlas_core.insight.palette import DARK, LIGHT, Palette
from atlas_core.web.by_keys import works_by_keys
from atlas_core.web.opened import open_cases, words_of_parts
from atlas_core.web.tables import show_rows

Point = dict[str, Any]
Opens = Callable[[Point], dict[str, str]] | None
OnClick = Callable[[Point], None] | None
_CONFIG = {"displayModeBar": False}


def viewer_palette() -> Palette:
    """The colours of the mode, light or dark, in which the browser shows this session."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def show_chart(
    chart: Chart,
    key: str,
    opens: Opens = None,
    *,
    on_click: OnClick = None,
) -> None:
    """Draws a figure, and its numbers where they are asked for. `opens` says which parts (as of `open_cases`)
    a clicked point stands for; `on_click` does with it what it will."""
    if works_by_keys():
        # One element, so that a grid of charts keeps its places.
        with st.container():
            _draw(chart, key, opens, on_click)
            _show_table(chart, key, opens, on_click)
    else:
        _draw(chart, key, opens, on_click)


def _draw(chart: Chart, key: str, opens: Opens, on_click: OnClick) -> None:
    if opens is None and on_click is None:
        st.plotly_chart(chart.figure, key=key, theme=None, config=_CONFIG, alt=chart.alt)
        return
    st.plotly_chart(
        chart.figure,
        key=key,
        theme=None,
        config=_CONFIG,
        alt=chart.alt,
        selection_mode="points",
        on_select=lambda: _act_on(st.session_state[key]["selection"]["points"], opens, on_click),
    )


def _show_table(chart: Chart, key: str, opens: Opens, on_click: OnClick) -> None:
    said = points_in_words(chart)
    named = [words_of_parts(opens(one.point)) if opens else "" for one in said]
    show_rows(
        pd.DataFrame(
            {
                "what": [name or one.label for name, one in zip(named, said, strict=True)],
                "shows": [one.words for one in said],
            }
        ),
        f"{key}_points",
        (lambda row: _act_on([said[row].point], opens, on_click)) if opens or on_click else None,
        at_most=10,
        alt=f"The numbers of: {chart.alt}",
        columns={
            "what": st.column_config.TextColumn("What", width="medium"),
            "shows": st.column_config.TextColumn("Shows", width="large"),
        },
    )


def _act_on(points: Sequence[Point], opens: Opens, on_click: OnClick) -> None:
    if opens:
        parts = opens(points[0]) if points else {}
        open_cases(**parts)
    if on_click and points:
        on_click(points[0])
