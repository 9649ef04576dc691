"""Boxes to search by, whose words stand in the address. A personal number is refused there, and told."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from atlas_core.errors import InputError
from atlas_core.intake import check_search

TEXT_AT_MOST = 100
_REFUSED = "search_refused"


def searched(*names: str) -> dict[str, str]:
    """What the address searches by. A personal number is told, taken out of it and not searched for."""
    refused = st.session_state.pop(_REFUSED, None)
    texts = {}
    for name in names:
        text = st.query_params.get(name, "").strip()[:TEXT_AT_MOST]
        try:
            check_search(text)
        except InputError as error:
            st.query_params.pop(name, None)
            refused, text = str(error), ""
        texts[name] = text
    if refused:
        st.warning(refused, icon=":material/shield_person:")
    return texts


def ask_for_text(
    name: str,
    text: str,
    label: str,
    placeholder: str,
    meaning: str,
    *,
    keep: Callable[[str, str], None],
) -> None:
    """Draws the box. `keep` is called with the name and what was typed, or "" where that is refused."""
    widget = f"search_{name}"
    st.session_state[widget] = text
    st.text_input(
        label,
        key=widget,
        type="search",
        max_chars=TEXT_AT_MOST,
        icon=":material/search:",
        placeholder=placeholder,
        help=meaning,
        on_change=_keep_text,
        args=(name, widget, keep),
    )


def _keep_text(name: str, widget: str, keep: Callable[[str, str], None]) -> None:
    text = (st.session_state[widget] or "").strip()
    try:
        check_search(text)
    except InputError as error:
        st.session_state[_REFUSED] = str(error)
        text = ""
    keep(name, text)
