"""Numbers that a reader sets, kept in the address: a copied link asks for the same, on every tab."""

from __future__ import annotations

import math

import streamlit as st

from atlas_core.web.selection_filters import put


def number_asked(name: str, usual: float, within: tuple[float, float]) -> float:
    """The number that the address asks for; `usual` where it names none, or none from the first to the last
    of `within`."""
    try:
        number = float(st.query_params.get(name, ""))
    except ValueError:
        return usual
    return number if math.isfinite(number) and within[0] <= number <= within[1] else usual


def ask_number(
    label: str,
    name: str,
    usual: float,
    within: tuple[float, float],
    *,
    step: float,
    meaning: str | None = None,
) -> float:
    """Draws the number's box and gives what it holds."""
    widget = f"number_{name}"
    number = number_asked(name, usual, within)
    st.session_state[widget] = number
    st.number_input(
        label,
        *within,
        step=step,
        format="%g",
        key=widget,
        on_change=_keep,
        args=(widget, name, usual),
        help=meaning,
        width=190,
    )
    return number


def _keep(widget: str, name: str, usual: float) -> None:
    number = st.session_state[widget]
    put(name, None if number is None or number == usual else f"{number:g}")
