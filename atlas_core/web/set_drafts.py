"""A new set of thresholds: begun from evidence, a try or another set, and filled in check by check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.columns import Columns
from atlas_core.books.threshold_sets import NAME_AT_MOST, InForce, draft_thresholds
from atlas_core.errors import AtlasDeskError, InputError
from atlas_core.insight import theme
from atlas_core.insight.advice import Advice, advised, evidence_of
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds, thresholds_of_json, thresholds_of_table
from atlas_core.web import loaders
from atlas_core.web.calibration_asked import limits_asked, load_advice, load_fitted, narrowed_for_verdicts
from atlas_core.web.opened import close_cases
from atlas_core.web.selection_filters import put
from atlas_core.web.set_links import ADVICE, CAPACITY, NOW, SET, START, TRIED
from atlas_core.web.set_words import SOURCES
from atlas_core.web.tables import table_height
from atlas_core.web.what_if_parts import ask_minutes, show_change
from atlas_core.web.words import markdown_safe

_WIDGET = "start_from"
_EVERY_OTHER = "Every other check"
_LEFT_ALONE = 60  # rows; more checks than this are shown with a bar of the table's own


def show_draft(
    columns: Columns,
    selection: Selection,
    after: Thresholds,
    sets: Sequence[Mapping[str, Any]],
    in_force: InForce,
    by: User,
) -> None:
    """Asks from what a new set is begun, then for its thresholds, name and reason."""
    st.markdown("**New set**")
    if not by.may(Action.DRAFT_THRESHOLDS):
        st.info("An analyst or a lead can draft a set.", icon=":material/lock:")
        return
    source = _ask_source(sets)
    if source is None:
        return
    advice = load_advice(columns, selection, in_force.thresholds)
    begun = _begun_from(source, columns, selection, advice, after, sets, in_force)
    if begun is None:
        return
    names = sorted({kind.name for kind in columns.names.kinds} | {own[0] for own in begun.per_check})
    try:
        thresholds = thresholds_of_table(
            _ask_thresholds(names, begun, in_force.thresholds, source), theme.words_of_code
        )
    except InputError as error:
        st.error(markdown_safe(str(error)), icon=":material/error:")
        return
    change = what_if(columns, selection, in_force.thresholds, thresholds)
    if change.flows:
        show_change(change, ask_minutes())
    limits = limits_asked() if source == ADVICE else None
    kind = source if source in SOURCES else _source_words(source, sets)
    evidence = evidence_of(kind, advice, limits, change)
    _ask_to_save(thresholds, evidence, source, sets, in_force, by)


def _ask_source(sets: Sequence[Mapping[str, Any]]) -> str | None:
    options = [NOW, ADVICE, CAPACITY, TRIED, *(str(row["set_id"]) for row in sets)]
    asked = st.query_params.get(START)
    st.session_state[_WIDGET] = asked if asked in options else None
    chosen: str | None = st.selectbox(
        "Begin from",
        options,
        format_func=lambda source: _source_words(source, sets),
        placeholder="Choose what to begin from",
        key=_WIDGET,
        on_change=_choose,
        width=320,
        index=None,
    )
    return chosen


def _source_words(source: str, sets: Sequence[Mapping[str, Any]]) -> str:
    named = next((row["name"] for row in sets if str(row["set_id"]) == source), None)
    return f"Set “{named}”" if named else SOURCES[source]


def _begun_from(
    source: str,
    columns: Columns,
    selection: Selection,
    advice: Sequence[Advice],
    after: Thresholds,
    sets: Sequence[Mapping[str, Any]],
    in_force: InForce,
) -> Thresholds | None:
    """The thresholds to begin from; None, and why in words, where there are none."""
    if source == NOW:
        return in_force.thresholds
    if source == TRIED:
        if after == in_force.thresholds:
            st.text("Nothing is tried under What if: move a handle there first.")
            return None
        return after
    if source in (ADVICE, CAPACITY) and not any(len(one.verdicts) for one in advice):
        st.text("There are no verdicts to learn from yet: see Calibration for what to do.")
        return None
    if source == ADVICE:
        found = advised(in_force.thresholds, advice)
        if found == in_force.thresholds:
            st.text("The verdicts advise nothing but what is in force, or are too few: see Calibration.")
        return found
    if source == CAPACITY:
        fitted = load_fitted(columns, narrowed_for_verdicts(selection), advice, in_force.thresholds)
        if fitted is None:
            st.text("Enter under Calibration how many people review, and for how long.")
            return None
        return fitted.thresholds
    kept = next(row["thresholds"] for row in sets if str(row["set_id"]) == source)
    return thresholds_of_json(kept)


def _ask_thresholds(
    names: list[str], begun: Thresholds, now: Thresholds, source: str
) -> list[tuple[str, object, object]]:
    """The table to fill in; its first row is for every check that has no thresholds of its own."""
    pairs = [(begun.review_below, begun.strong_from), *(begun.of(name) for name in names)]
    in_force = [(now.review_below, now.strong_from), *(now.of(name) for name in names)]
    filled = st.data_editor(
        pd.DataFrame(
            {
                "check": [_EVERY_OTHER, *(theme.words_of_code(name) for name in names)],
                "review": [pair[0] for pair in pairs],
                "strong": [pair[1] for pair in pairs],
                "now": [f"{review_below} and {strong_from}" for review_below, strong_from in in_force],
            }
        ),
        key=f"thresholds_{source}_{hash(begun)}",
        hide_index=True,
        num_rows="fixed",
        disabled=["check", "now"],
        width="content",
        height=table_height(len(pairs), at_most=_LEFT_ALONE),
        column_config={
            "check": st.column_config.TextColumn("Cross-check", width="medium"),
            "review": st.column_config.NumberColumn("Review below", min_value=0, max_value=100, step=1),
            "strong": st.column_config.NumberColumn("Strong from", min_value=0, max_value=100, step=1),
            "now": st.column_config.TextColumn("In force"),
        },
    )
    st.caption(
        f"“{_EVERY_OTHER}” holds for checks whose two thresholds are the same as its own, and for those that "
        "Atlas has not made yet."
    )
    return [
        (name, review_below, strong_from)
        for name, review_below, strong_from in zip(
            ["", *names], filled["review"].tolist(), filled["strong"].tolist(), strict=True
        )
    ]


def _ask_to_save(
    thresholds: Thresholds,
    evidence: Mapping[str, object],
    source: str,
    sets: Sequence[Mapping[str, Any]],
    in_force: InForce,
    by: User,
) -> None:
    with st.form("draft"):
        name = st.text_input(
            "Name",
            max_chars=NAME_AT_MOST,
            key="draft_name",
            placeholder="Such as “December, stricter on names”",
        )
        why = st.text_input(
            "Why", max_chars=300, key="draft_why", placeholder="Whoever meets these thresholds reads this"
        )
        is_wanted = st.form_submit_button("Save draft", icon=":material/save:", type="primary")
    if not is_wanted:
        return
    based_on = next((int(row["set_id"]) for row in sets if str(row["set_id"]) == source), in_force.set_id)
    try:
        set_id = draft_thresholds(
            loaders.desk(), by, name, thresholds, why=why, evidence=evidence, based_on=based_on
        )
    except AtlasDeskError as error:
        st.error(markdown_safe(str(error)), icon=":material/error:")
        return
    for key in ("draft_name", "draft_why"):
        del st.session_state[key]
    close_cases()
    put(START, None)
    put(SET, str(set_id))
    st.rerun()


def _choose() -> None:
    close_cases()
    put(SET, None)
    put(START, st.session_state[_WIDGET])
