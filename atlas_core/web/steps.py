"""The way through a long list, page by page; where a page begins stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pandas as pd
import streamlit as st

from atlas_core.web.selection_filters import put

T = TypeVar("T")


def show_steps(steps: Sequence[tuple[str, str, T, bool]], key: str, go: Callable[[T], None]) -> None:
    """Buttons to other pages: label, icon, where `go` goes, and whether there is such a page."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", width="content"):
        for label, icon, place, is_there in steps:
            st.button(
                label,
                icon=icon,
                key=f"{key}_{label.lower()}",
                disabled=not is_there,
                on_click=go,
                args=(place,),
            )


def show_newest_or_older(
    older: T | None, key: str, go: Callable[[T | None], None], *, is_newest: bool
) -> None:
    """The way to the newest rows and to older ones, whose page begins at `older`; None where none follow."""
    if is_newest and older is None:
        return
    show_steps(
        [
            ("Newest", ":material/first_page:", None, not is_newest),
            ("Older", ":material/chevron_right:", older, older is not None),
        ],
        key,
        go,
    )


def number_in_address(name: str) -> int | None:
    """A row's number in that part of the address; None where there is none."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def show_rows_before(name: str, key: str, last: int | None) -> None:
    """The same for a list in the order of its rows' numbers: each page begins before the number in that part
    of the address. `last` is the number of the page's last row; None where none follow."""

    def go(before: int | None) -> None:
        put(name, None if before is None else str(before))

    show_newest_or_older(last, key, go, is_newest=number_in_address(name) is None)


def last_of_page(numbers: pd.Series[int], per_page: int) -> int | None:
    """The number of a full page's last row; None where the page has room left, so that none follow."""
    return int(numbers.iloc[-1]) if len(numbers) == per_page else None
