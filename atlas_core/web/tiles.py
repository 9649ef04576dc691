"""Numbers in frames of their own, whose cases open below."""

from __future__ import annotations

import streamlit as st

from atlas_core.web.opened import open_cases
from atlas_core.web.words import count_of


def show_opening_number(label: str, count: int, share: str, meaning: str, unit: str, **parts: str) -> None:
    """A count with its share in words, and a button that opens its cases as `open_cases(**parts)`. `unit` is
    one of what is counted."""
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.metric(label, f"{count:,}", help=meaning)
        st.caption(share)
        st.button(
            "Open",
            icon=":material/arrow_downward:",
            type="tertiary",
            key=f"open_{label}",
            disabled=not count,
            help=f"Open {count_of(count, unit)} below",
            on_click=open_cases,
            kwargs=parts,
        )
