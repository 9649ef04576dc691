"""What the pages of Explore count ⇄ their address: a copied link shows the same numbers.

The address is the only truth. A widget is set from it before it is drawn and writes its change back, so
that a link, the browser's Back and a click all lead the same way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight.addresses import NONE, SINCE, UNTIL, day_of, moment_of
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.selection import Selection
from atlas_core.insight.theme import words_of_code, words_of_error
from atlas_core.web.words import period_in_words, viewer_zone

PRODUCT, CHECK, TYPE, CODE = "product", "check", "type", "code"
QUALITY, DEALER = "quality", "dealer"
PAGE = "page"
_OFFERED = 500  # a list of more is no list; what is not offered can still be typed


def ask_for_selection(columns: Columns, *, checks: bool = False, codes: bool = False) -> Selection:
    """Draws the filters, and gives what they ask for: of cross-checks by name, or of errors by code too."""
    names = columns.names
    created_from = moment_of(st.query_params.get(SINCE))
    created_to = moment_of(st.query_params.get(UNTIL), ends=True)
    with st.grid(5, min_column_width=190, vertical_alignment="bottom"):
        ask_for_days("Flows begun on (UTC days)", "filter_days", created_from, created_to, _keep_part)
        products = _choose("Product", PRODUCT, names.products)
        check_names = sorted({kind.name for kind in names.kinds})
        chosen_checks = _choose("Cross-check", CHECK, check_names, words_of_code) if checks else ()
        chosen_codes = _choose("Error code", CODE, names.codes[1:], words_of_error) if codes else ()
        with st.container(horizontal=True, vertical_alignment="center"):
            # Under one name, however many are set: under another it would be another popover, and closed.
            more = st.popover("More filters", icon=":material/tune:", key="more", on_change="rerun")
            if chosen := sum(name in st.query_params for name in (TYPE, QUALITY, DEALER)):
                st.badge(f"{chosen} set", color="blue")
        if more.open:
            with more:
                _choose("Document type", TYPE, names.types, words_of_code)
                _choose("Quality of the PAN picture", QUALITY, names.qualities, words_of_code)
                _choose("Dealer", DEALER, names.dealers[:_OFFERED])
    show_period(created_from, created_to, _keep_part)
    return Selection(
        created_from=created_from,
        created_to=created_to,
        products=products,
        checks=tuple(str(name) for name in chosen_checks),
        codes=chosen_codes,
        document_types=_asked(TYPE),
        qualities=_asked(QUALITY),
        dealers=_asked(DEALER),
    )


def text_of(value: str | None) -> str:
    """A value of Atlas's as an address has it."""
    return NONE if value is None else value


def value_of(text: str) -> str | None:
    """A text of the address as Atlas spelled it; None for "none given"."""
    return None if text == NONE else text


def put(name: str, texts: str | Sequence[str] | None) -> None:
    """Writes one part of the address, or takes it out."""
    if texts:
        st.query_params[name] = texts
    else:
        st.query_params.pop(name, None)


def ask_for_days(
    label: str, widget: str, start: int | None, end: int | None, keep: Callable[[str, str | None], None]
) -> None:
    """Draws the UTC days that a period touches: start ≤ moment < end, milliseconds since 1970, None where it
    is open. `keep` is called with each part of the address and what it is to hold."""
    days = [dt.date.fromisoformat(day_of(at)) for at in (start, end and end - 1) if at is not None]
    # A lone end would stand where the start belongs; `show_period` tells it.
    st.session_state[widget] = tuple(days) if start is not None and days == sorted(days) else ()
    st.date_input(label, key=widget, format="DD/MM/YYYY", on_change=_keep_days, args=(widget, keep))


def show_period(start: int | None, end: int | None, keep: Callable[[str, str | None], None]) -> None:
    """Tells a period that `ask_for_days` does not show to the minute, with a way to take it out."""
    ends = [at for at in (start, end) if at is not None]
    if start is not None and ends == sorted(ends) and not any(at % DAY_MS for at in ends):
        return
    if not ends:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        words = period_in_words(start, end, viewer_zone())
        st.markdown(f":material/date_range: Created {words}", width="content")
        st.button("Any time", icon=":material/close:", type="tertiary", on_click=_keep_period, args=(keep,))


def _keep_days(widget: str, keep: Callable[[str, str | None], None]) -> None:
    _keep_period(keep, *(day.isoformat() for day in st.session_state[widget] or ()))


def _keep_period(
    keep: Callable[[str, str | None], None], since: str | None = None, until: str | None = None
) -> None:
    keep(SINCE, since)
    keep(UNTIL, until)


def _choose(
    label: str, name: str, options: Sequence[str | None], words: Callable[[str], str] = str
) -> tuple[str | None, ...]:
    widget = f"filter_{name}"
    chosen = st.query_params.get_all(name)
    offered = [*map(text_of, options), *chosen]
    st.session_state[widget] = chosen
    st.multiselect(
        label,
        list(dict.fromkeys(offered)),
        format_func=lambda text: text.capitalize() if text == NONE else words(text),
        placeholder="Any",
        key=widget,
        accept_new_options=len(options) >= _OFFERED,
        on_change=_keep,
        args=(name, widget),
    )
    return _asked(name)


def _asked(name: str) -> tuple[str | None, ...]:
    return tuple(value_of(text) for text in st.query_params.get_all(name))


def _keep(name: str, widget: str) -> None:
    chosen: Any = st.session_state[widget]
    _keep_part(name, list(chosen))


def _keep_part(name: str, texts: str | Sequence[str] | None) -> None:
    put(name, texts)
    put(PAGE, None)
