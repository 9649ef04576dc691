"""The filters of Results ⇄ its address: a copied link shows the same flows.

The address is the only truth. Every widget is set from it before it is drawn and writes its change back, so
that a link, a saved view, the browser's Back and a click all lead the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from atlas_core.access import Action
from atlas_core.books.queries import REASONS
from atlas_core.insight import theme
from atlas_core.insight.addresses import (
    AFTER,
    FIND,
    NONE,
    REASON,
    SORT,
    WORDS,
    filter_of,
)
from atlas_core.insight.facets import Counts, Facet
from atlas_core.insight.finding import FlowFilter
from atlas_core.insight.paging import SORTS, Key, Sort, key_of
from atlas_core.web.filters import REASON_LABELS
from atlas_core.web.kept import TAB
from atlas_core.web.searching import ask_for_text, searched
from atlas_core.web.selection_filters import ask_for_days, put, show_period
from atlas_core.web.signing_in import visitor
from atlas_core.web.words import markdown_safe

SORT_LABELS: dict[Sort, str] = {
    "newest": "Newest first",
    "worst": "Lowest similarity first",
    "longest": "Longest first",
}
FACET_LABELS: dict[Facet, str] = {
    "outcome": "Outcome",
    "status": "What Atlas says",
    "product": "Product",
    "type": "With a document of type",
    "code": "With a document error",
    "check": "With a cross-check in review",
    "dealer": "Dealer",
}
_MEANINGS: dict[Facet, str] = {
    "status": "Of the flow as a whole.",
    "check": "The flow has a cross-check of this name below the review threshold.",
    "dealer": "As the delivery order names it, or else the invoice.",
}
_SHOWN_FACETS = ("outcome", "status", "product")
"""Always there; the others are behind one control, for drawing them takes as long as the page itself."""
_MORE = "results_more"
_NO_STAR = (
    "A star finds words by their beginning, and could so spell out masked values letter by letter: it is for "
    "those who may show them. Search for whole words."
)
_PILLS_AT_MOST = 12
_OFFERED_AT_MOST = 300


def wanted_flows() -> FlowFilter:
    """The filter in the address. What may not be searched for is told, taken out of it and not made: a
    personal number, and, by whom masked values are not shown to, words by their beginning."""
    if "*" in searched(FIND, WORDS)[WORDS]:
        user = visitor(is_active=False).user
        if user is None or not user.may(Action.REVEAL):
            put(WORDS, None)
            st.warning(_NO_STAR, icon=":material/shield_person:")
    return filter_of({name: st.query_params.get_all(name) for name in st.query_params})


def asked_sort() -> Sort:
    """The order in the address."""
    asked = st.query_params.get(SORT)
    return next((sort for sort in SORTS if sort == asked), "newest")


def asked_key() -> Key | None:
    """The key after which the address's page begins; None for the first page."""
    return key_of(st.query_params.get(AFTER, ""))


def go_to_page(key: Key | None) -> None:
    """Turns to the page after a key."""
    put(AFTER, str(key) if key else None)


def ask_for_search(wanted: FlowFilter, *, by_reason: bool = True) -> None:
    """Draws what is typed or picked once: ids, words, a reason, days."""
    period = wanted.created_from, wanted.created_to
    with st.grid(4 if by_reason else 3, min_column_width=230):
        ask_for_text(
            FIND,
            wanted.text,
            "Any id, from its beginning",
            "Application, flow, batch, file or document",
            "Exactly as it is written: capitals and small letters differ.",
            keep=_filter,
        )
        ask_for_text(
            WORDS,
            wanted.words,
            "Words in any field",
            "All of them, such as: ravi anderson",
            "Whole words that Atlas read or compared, capitals aside. Who may show masked values finds words "
            "by their beginning, too: ander*.",
            keep=_filter,
        )
        if by_reason:
            _ask_for_reason(wanted)
        ask_for_days("Created between (days of UTC)", "results_days", *period, _filter)
    show_period(*period, _filter)


def ask_for_facets(wanted: FlowFilter, counts: Mapping[Facet, Counts]) -> None:
    """Draws each way to narrow further, with how many flows would be left for each value."""
    offered = [
        facet
        for facet in counts
        if wanted.chosen(facet) or len(counts[facet].values) > (facet not in _SHOWN_FACETS)
    ]
    for facet in offered:
        if facet in _SHOWN_FACETS:
            _ask_for_facet(facet, wanted.chosen(facet), counts[facet])
    folded = [facet for facet in offered if facet not in _SHOWN_FACETS]
    if not folded:
        return
    if any(wanted.chosen(facet) for facet in folded):
        st.session_state.setdefault(_MORE, True)
    more = st.expander("More filters", icon=":material/tune:", key=_MORE, on_change="rerun")
    if more.open:
        with more:
            for facet in folded:
                _ask_for_facet(facet, wanted.chosen(facet), counts[facet])


def ask_to_clear(wanted: FlowFilter) -> None:
    """Draws what takes every filter out of the address, where there is one; tab and order stay."""
    if wanted != FlowFilter():
        st.button("Clear all filters", icon=":material/filter_alt_off:", on_click=_clear)


def _clear() -> None:
    for name in list(st.query_params):
        if name not in (TAB, SORT):
            put(name, None)


def _ask_for_facet(facet: Facet, chosen: tuple[str | None, ...], found: Counts) -> None:
    widget = f"results_{facet}"
    counted = {_text(value): count for value, count in found.values}
    selected = [_text(value) for value in chosen]
    options = [*list(counted)[:_OFFERED_AT_MOST], *(text for text in selected if text not in counted)]
    options = list(dict.fromkeys([*options, *selected]))
    words = _words_of(facet)

    def label(text: str) -> str:
        return f"{words(text)} · {counted.get(text, 0):,}"

    st.session_state[widget] = selected
    how: dict[str, Any] = {
        "key": widget,
        "help": _MEANINGS.get(facet),
        "on_change": _keep_facet,
        "args": (facet, widget),
    }
    if len(options) <= _PILLS_AT_MOST:
        st.pills(
            FACET_LABELS[facet],
            options,
            selection_mode="multi",
            wrap=True,
            format_func=lambda text: markdown_safe(label(text)),
            **how,
        )
    else:
        st.multiselect(
            FACET_LABELS[facet],
            options,
            format_func=label,
            placeholder=f"Any of {len(found.values):,}",
            **how,
        )
    if found.uncounted:
        st.caption(f"{found.uncounted:,} rarer values are not counted here; words find them.")


def _words_of(facet: Facet) -> Callable[[str], str]:
    if facet == "outcome":
        return lambda text: theme.outcome_look(text).label
    if facet == "status":
        return lambda text: theme.status_look(None if text == NONE else text).label
    if facet == "code":
        return theme.words_of_error
    if facet in ("type", "check"):
        return lambda text: "No type" if text == NONE else theme.words_of_code(text)
    return str


def _ask_for_reason(wanted: FlowFilter) -> None:
    st.session_state["results_reason"] = wanted.attention
    st.selectbox(
        "Needs a person because",
        list(dict.fromkeys([*REASONS, *([wanted.attention] if wanted.attention else [])])),
        index=None,
        format_func=lambda reason: REASON_LABELS.get(reason, reason),
        placeholder="Any or no reason",
        key="results_reason",
        on_change=_keep_reason,
    )


def _keep_reason() -> None:
    _filter(REASON, st.session_state["results_reason"])


def _keep_facet(facet: Facet, widget: str) -> None:
    _filter(facet, st.session_state[widget])


def keep_sort(widget: str) -> None:
    """Writes the chosen order into the address."""
    sort = st.session_state[widget]
    _filter(SORT, None if sort == "newest" else sort)


def _filter(name: str, texts: str | list[str] | None) -> None:
    """What another filter finds is shown from its first page on."""
    put(name, texts)
    put(AFTER, None)


def _text(value: str | None) -> str:
    return NONE if value is None else value
