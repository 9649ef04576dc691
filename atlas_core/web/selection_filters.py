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
from atlas_core.insight.addresses import NONE, SINCE, UNTIL
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.selection import Selection
from atlas_core.insight.theme import words_of_code, words_of_error

PRODUCT, CHECK, TYPE, CODE = "product", "check", "type", "code"
QUALITY, DEALER = "quality", "dealer"
PAGE = "page"
_OFFERED = 500  # a list of more is no list; what is not offered can still be typed


def ask_for_selection(columns: Columns, *, checks: bool = False, codes: bool = False) -> Selection:
    """Draws the filters, and gives what they ask for: of cross-checks by name, or of errors by code too."""
    names = columns.names
    with st.grid(5, min_column_width=190, vertical_alignment="bottom"):
        created_from, created_to = _ask_for_days()
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


def day_of(at: int) -> str:
    """The UTC day of a moment in milliseconds, as an address has it."""
    return dt.datetime.fromtimestamp(at / 1000, tz=dt.UTC).date().isoformat()


def moment_of(text: str | None, *, ends: bool = False) -> int | None:
    """The moment, in milliseconds, at which a UTC day of the address begins (or `ends`), or that it names
    itself; None where it is neither."""
    if text and text.isascii() and text.isdigit() and len(text) < 15:
        return int(text)
    try:
        date = dt.date.fromisoformat(text or "")
    except ValueError:
        return None
    return int(dt.datetime.combine(date, dt.time.min, dt.UTC).timestamp() * 1000) + DAY_MS * ends


def put(name: str, texts: str | Sequence[str] | None) -> None:
    """Writes one part of the address, or takes it out."""
    if texts:
        st.query_params[name] = texts
    else:
        st.query_params.pop(name, None)


def _ask_for_days() -> tuple[int | None, int | None]:
    start, end = moment_of(st.query_params.get(SINCE)), moment_of(st.query_params.get(UNTIL), ends=True)
    widget = "filter_days"
    days = [dt.date.fromisoformat(day_of(at)) for at in (start, end and end - 1) if at is not None]
    st.session_state[widget] = tuple(days) if days == sorted(days) else ()
    st.date_input(
        "Flows begun on (UTC days)",
        key=widget,
        format="DD/MM/YYYY",
        on_change=_keep_days,
        args=(widget,),
    )
    return start, end


def _keep_days(widget: str) -> None:
    days = [day.isoformat() for day in st.session_state[widget] or ()]
    put(SINCE, days[0] if days else None)
    put(UNTIL, days[1] if len(days) > 1 else None)
    put(PAGE, None)


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
    put(name, list(chosen))
    put(PAGE, None)
