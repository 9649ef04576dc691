"""Choices of a page ⇄ its address: a copied link, the browser's Back and a click all lead the same way.

The address is the only truth: a widget is set from it before it is drawn, and writes its change back. (A
widget that Streamlit binds to the address by itself loses its part of it when Back leads here from a page
that has one of the same name.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

T = TypeVar("T")

TAB = "tab"


def kept_choice(
    name: str, options: Sequence[T], usual: T | None, words: Callable[[T], str] = str
) -> dict[str, Any]:
    """What to hand a widget of one choice (its `key` and `on_change`) so that it stands in the address under
    this name, in the words in which it is offered; the usual choice does not."""
    texts = {words(option): option for option in options}
    return kept_value(name, texts.get(st.query_params.get(name, ""), usual), usual, words)


def kept_value(
    name: str, value: T | None, usual: T | None, words: Callable[[T], str] = str
) -> dict[str, Any]:
    """The same for any widget, whose value in the address was read already."""
    widget = f"kept_{name}"
    st.session_state[widget] = value

    def keep() -> None:
        chosen = st.session_state[widget]
        if chosen is None or chosen == usual:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = words(chosen)

    return {"key": widget, "on_change": keep}


def kept_tabs(labels: Sequence[str] | Mapping[str, str], usual: str | None = None) -> Sequence[TabContainer]:
    """Tabs of which the address names the open one: by its label, or by what the label maps to, such as one
    without its count. Where it names none, the usual one is open, or else the first."""
    names = labels if isinstance(labels, Mapping) else dict(zip(labels, labels, strict=True))
    tabs = list(names)
    return st.tabs(tabs, **kept_choice(TAB, tabs, usual or tabs[0], names.__getitem__))
