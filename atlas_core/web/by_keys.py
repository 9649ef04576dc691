"""Whether a reader works without a mouse: then charts and tables offer ways that keys can go.

Neither Plotly's bars nor the buttons in Streamlit's tables can be reached by keys. What stands in for them
takes room, so it is shown to who asks for it, early on every page.
"""

from __future__ import annotations

import streamlit as st

_WORKS, _ASKED = "works_by_keys", "asked_to_work_by_keys"


def ask_for_keys() -> None:
    """The switch; it holds for the whole session."""
    st.session_state[_ASKED] = works_by_keys()
    st.toggle(
        "Work by keyboard",
        key=_ASKED,
        on_change=lambda: st.session_state.update({_WORKS: st.session_state[_ASKED]}),
        help="Charts get a table of their numbers, and rows of tables a box. Go to a row by the arrow keys; "
        "Shift+Space opens what its button opens.",
    )


def works_by_keys() -> bool:
    """Whether this session asked for it."""
    return bool(st.session_state.get(_WORKS, False))
