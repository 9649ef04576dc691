"""Other thresholds, kept in the address, and what they would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.errors import InputError
from atlas_core.insight import theme
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import WhatIf, what_if
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds
from atlas_core.web import loaders
from atlas_core.web.case_parts import show_flow_cases
from atlas_core.web.kept import kept_choice
from atlas_core.web.numbers_asked import ask_number
from atlas_core.web.opened import close_cases, opened_cases, opening_cases, span_of, span_text
from atlas_core.web.selection_filters import put
from atlas_core.web.set_links import TRIED, begin_draft
from atlas_core.web.set_words import movable_in_words
from atlas_core.web.tables import show_rows
from atlas_core.web.words import count_of, markdown_safe

ALL, OWN, FOR, MINUTES = "all", "own", "for", "minutes"
"""Parts of the address: thresholds of all checks (70-90), of one (NAME:70-90), the one to set, minutes."""
WHAT_IF = "what if"
EVERY_CHECK = "All cross-checks"
USUAL_MINUTES = 5.0
_PARTS = (ALL, OWN, MINUTES)


def thresholds_asked() -> Thresholds:
    """The thresholds that the address asks to try; what it does not name is as in force."""
    asked = _asked_for_all()
    for text in st.query_params.get_all(OWN):
        name, _, pair_text = text.rpartition(":")
        pair = _pair(pair_text)
        if name and pair:
            asked = asked.with_check(name, *pair)
    return asked


def show_what_if(
    columns: Columns,
    selection: Selection,
    before: Thresholds,
    after: Thresholds,
    show_opened: Callable[[str], None],
) -> None:
    """Two handles for the thresholds, and at once the flows whose outcome would change.

    `show_opened` draws what was opened here.
    """
    minutes = _ask(sorted({kind.name for kind in columns.names.kinds}), after)
    found = what_if(columns, selection, before, after)
    if not found.flows:
        st.text("None of the selected flows has ended with a result yet, so no threshold can move one.")
        return
    show_change(found, minutes)
    if after == before:
        st.caption("Move a handle to see what would change. Nothing is changed by trying.")
        return
    st.button(
        "Draft a set from these",
        icon=":material/edit:",
        help="Nothing changes before a lead adopts it.",
        on_click=begin_draft,
        args=(TRIED,),
    )
    show_moved(found, WHAT_IF)
    show_opened(WHAT_IF)
    if not opened_cases():
        show_changed_flows(found)


def ask_minutes() -> float:
    """How long one review takes."""
    return ask_number("Minutes for one review", MINUTES, float(USUAL_MINUTES), (0.5, 240.0), step=0.5)


def _ask(checks: list[str], after: Thresholds) -> float:
    """The controls: which check, its two thresholds, and the minutes that one review takes."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Thresholds of",
                [EVERY_CHECK, *checks],
                format_func=_name_in_words,
                width=280,
                **kept_choice(FOR, [EVERY_CHECK, *checks], EVERY_CHECK, _name_in_words),
            )
            minutes = ask_minutes()
            st.button(
                "As in force",
                icon=":material/restart_alt:",
                on_click=_reset,
                disabled=not any(name in st.query_params for name in _PARTS),
                help="Takes every try back.",
            )
        check = None if chosen == EVERY_CHECK else chosen
        widget = f"thresholds_{chosen}"
        st.session_state[widget] = after.of(check) if check else (after.review_below, after.strong_from)
        st.slider(
            "Similarity (0 to 100): review below the left handle, strong from the right one",
            0,
            100,
            key=widget,
            on_change=_keep,
            args=(widget, check),
        )
        if after.per_check:
            owns = ", ".join(
                f"{markdown_safe(theme.words_of_code(name))} {low} and {high}"
                for name, low, high in after.per_check
            )
            st.caption(f"With thresholds of their own: {owns}.")
    return minutes


def show_change(found: WhatIf, minutes: float) -> None:
    """The number that matters, large, with what else would change beside it."""
    work_before, work_after = found.review_minutes_per_day(minutes)
    flows_before, flows_after = found.review_flows_per_day()
    with st.grid(3, min_column_width=230):
        with st.container(border=True, gap="xsmall", height="stretch"):
            st.metric(
                "Flows whose outcome changes",
                f"{len(found.changed):,}",
                help="A flow asks for review when any of its cross-checks is below its review threshold, a "
                "document has an error, or its result an oddity. Most moves of a threshold change few "
                "flows, because something else in them asks for review anyway.",
            )
            st.caption(
                f"of {movable_in_words(found.flows)}: {len(found.to_review):,} clear to review, "
                f"{len(found.to_clear):,} review to clear"
            )
        with st.container(border=True, gap="xsmall", height="stretch"):
            st.metric("Cross-checks that change their band", f"{int(found.moved['checks'].sum()):,}")
            st.caption(f"of {count_of(found.checks, 'selected cross-check')} with a score")
        with st.container(border=True, gap="xsmall", height="stretch"):
            st.metric(
                "Review work a day",
                f"{work_after:,.0f} min",
                f"{work_after - work_before:+,.0f} min" if round(work_after - work_before) else None,
                delta_color="inverse",
            )
            st.caption(
                f"{flows_before:.1f} flows a day now, {flows_after:.1f} then, at {minutes:g} min each, over "
                f"{count_of(found.days, 'day')}"
            )


def show_moved(found: WhatIf, place: str) -> None:
    """The cross-checks that change their band, check by check; they open at `place`."""
    if found.moved.empty:
        st.caption("No cross-check changes its band.")
        return
    rows = found.moved.to_dict("records")
    show_rows(
        pd.DataFrame(
            {
                "check": [theme.words_of_code(row["check"]) for row in rows],
                "from": [theme.BANDS[row["from_band"]].label for row in rows],
                "to": [theme.BANDS[row["to_band"]].label for row in rows],
                "checks": [row["checks"] for row in rows],
            }
        ),
        f"moved_{place}",
        opening_cases([_move(row, place) for row in rows]),
        at_most=8,
        alt="Cross-checks that change their band",
        columns={
            "check": st.column_config.TextColumn("Cross-check"),
            "from": st.column_config.TextColumn("Now"),
            "to": st.column_config.TextColumn("Then"),
            "checks": st.column_config.NumberColumn("Cross-checks", format="%d"),
        },
    )


def show_changed_flows(found: WhatIf) -> None:
    """The flows whose outcome changes, each direction by itself."""
    for flow_ids, old, new in (
        (found.to_review, Outcome.CLEAR, Outcome.REVIEW),
        (found.to_clear, Outcome.REVIEW, Outcome.CLEAR),
    ):
        if len(flow_ids):
            words = f"{theme.OUTCOMES[old].label.lower()} to {theme.OUTCOMES[new].label.lower()}"
            show_flow_cases(flow_ids.tolist(), f"from {words}", f"changed_{new}", closes=False)


def _keep(widget: str, check: str | None) -> None:
    low, high = st.session_state[widget]
    close_cases()
    after = thresholds_asked()
    if check is None:
        usual = loaders.load_thresholds()
        put(ALL, None if (low, high) == (usual.review_below, usual.strong_from) else span_text(low, high))
        return
    others = _asked_for_all()
    own = [
        f"{name}:{span_text(review_below, strong_from)}"
        for name, review_below, strong_from in after.with_check(check, low, high).per_check
        if others.of(name) != (review_below, strong_from)
    ]
    put(OWN, own or None)


def _reset() -> None:
    close_cases()
    for name in _PARTS:
        put(name, None)


def _name_in_words(name: str) -> str:
    return name if name == EVERY_CHECK else theme.words_of_code(name)


def _move(row: dict[Any, Any], place: str) -> dict[str, str]:
    return {
        "at": place,
        "check": row["check"],
        "band": row["from_band"],
        "band_after": row["to_band"],
    }


def _asked_for_all() -> Thresholds:
    """The thresholds in force, with what the address asks for all checks that have none of their own."""
    usual = loaders.load_thresholds()
    review_below, strong_from = _pair(st.query_params.get(ALL, "")) or (
        usual.review_below,
        usual.strong_from,
    )
    return replace(usual, review_below=review_below, strong_from=strong_from)


def _pair(text: str) -> tuple[int, int] | None:
    """`70-90` as two thresholds; None where it is not two of them in order."""
    low, high = span_of(text)
    if low is None or high is None:
        return None
    try:
        Thresholds(low, high)
    except InputError:
        return None
    return low, high
