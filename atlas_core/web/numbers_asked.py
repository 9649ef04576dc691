"""Numbers that a reader sets, kept in the address: a copied link asks for the same, on every tab."""

from __future__ import annotations

import math

import streamlit as st

from atlas_core.web.kept import kept_value


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
    number = number_asked(name, usual, within)
    st.number_input(
        label,
        *within,
        step=step,
        format="%g",
        help=meaning,
        width=190,
        **kept_value(name, number, usual, "{:g}".format),
    )
    return number
