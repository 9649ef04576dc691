"""Figures on a page: drawn in the colours of the viewer's mode, and opening their cases when clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from atlas_core.insight.charts import Chart
from atlas_core.insight.palette import DARK, LIGHT, Palette
from atlas_core.web.opened import open_cases

Point = dict[str, Any]
_CONFIG = {"displayModeBar": False}


def viewer_palette() -> Palette:
    """The colours of the mode, light or dark, in which the browser shows this session."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def show_chart(
    chart: Chart,
    key: str,
    opens: Callable[[Point], dict[str, str]] | None = None,
    *,
    on_click: Callable[[Point], None] | None = None,
) -> None:
    """Draws a figure. `opens` says which parts (as of `open_cases`) a clicked point stands for; `on_click`
    does with it what it will."""
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
        on_select=lambda: _act_on(key, opens, on_click),
    )


def _act_on(
    key: str, opens: Callable[[Point], dict[str, str]] | None, on_click: Callable[[Point], None] | None
) -> None:
    points = st.session_state[key]["selection"]["points"]
    if opens:
        parts = opens(points[0]) if points else {}
        open_cases(**parts)
    if on_click and points:
        on_click(points[0])
