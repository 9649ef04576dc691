"""What each choice of thresholds costs, and which one fits the people there are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.advice import Advice, Fitted, advised, cost_of
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds
from atlas_core.web.calibration_asked import (
    DAY,
    DAY_WITHIN,
    MINUTES_WITHIN,
    PEOPLE,
    PEOPLE_WITHIN,
    USUAL_DAY,
    load_fitted,
    narrowed_for_verdicts,
)
from atlas_core.web.calibration_words import wrong_a_day
from atlas_core.web.numbers_asked import ask_number, number_asked
from atlas_core.web.set_links import ADVICE, CAPACITY, TRIED, begin_draft
from atlas_core.web.set_words import movable_in_words
from atlas_core.web.tables import show_rows
from atlas_core.web.what_if_parts import MINUTES, USUAL_MINUTES
from atlas_core.web.words import count_of, markdown_safe


def ask_capacity(
    columns: Columns, selection: Selection, advice: Sequence[Advice], thresholds: Thresholds
) -> Fitted | None:
    """Who there is to review, and the thresholds that fit them."""
    with st.container(border=True):
        st.markdown("**Thresholds that fit the people there are**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            people = ask_number(
                "People who review", PEOPLE, 0.0, PEOPLE_WITHIN, step=0.5, meaning="0: not asked for."
            )
            ask_number("Minutes a day, each", DAY, USUAL_DAY, DAY_WITHIN, step=15.0)
        fitted = load_fitted(columns, selection, advice, thresholds)
        if fitted is None:
            st.caption("Enter how many people review, and for how long, to see what fits.")
            return None
        day = number_asked(DAY, USUAL_DAY, DAY_WITHIN)
        have = f"{people:g} × {day:g} = {people * day:,.0f} minutes a day"
        need = f"{fitted.cost.minutes_per_day:,.0f} minutes, {fitted.cost.cases_per_day:.1f} cases a day"
        if fitted.fits:
            st.text(f"{have}. These thresholds take {need}: the likeliest differences are looked at first.")
        else:
            st.warning(
                f"{have} is not enough: even with the lowest thresholds documents that Atlas could not use "
                f"and the like take {need}.",
                icon=":material/group_off:",
            )
        moved = [one.check for one in advice if fitted.thresholds.of(one.check) != thresholds.of(one.check)]
        words = [f"{theme.words_of_code(name)} {fitted.thresholds.of(name)[0]}" for name in moved]
        st.caption("Review below: " + markdown_safe(", ".join(words) or "as now for every check") + ".")
        if fitted.unchanged:
            few = ", ".join(theme.words_of_code(name) for name in fitted.unchanged)
            st.caption(f"Fewer than 30 verdicts, so left as they are: {markdown_safe(few)}.")
    return fitted


def show_costs(
    columns: Columns,
    selection: Selection,
    advice: Sequence[Advice],
    thresholds: Thresholds,
    after: Thresholds,
    fitted: Fitted | None,
) -> None:
    """In force, advised, tried and fitted, side by side."""
    narrowed = narrowed_for_verdicts(selection)
    minutes = number_asked(MINUTES, USUAL_MINUTES, MINUTES_WITHIN)
    choices = [("", "In force", thresholds), (ADVICE, "As advised", advised(thresholds, advice))]
    if after != thresholds:
        choices.append((TRIED, "Tried under What if", after))
    if fitted is not None:
        choices.append((CAPACITY, "Fit for the people", fitted.thresholds))
    changes = [what_if(columns, narrowed, thresholds, choice) for _, _, choice in choices]
    costs = [
        cost_of(change, advice, choice, minutes)
        for change, (_, _, choice) in zip(changes, choices, strict=True)
    ]
    st.markdown("**What each choice costs**")
    show_rows(
        pd.DataFrame(
            {
                "choice": [words for _, words, _ in choices],
                "cases": [cost.cases_per_day for cost in costs],
                "minutes": [cost.minutes_per_day for cost in costs],
                "wrong": [wrong_a_day(cost) for cost in costs],
                "to_review": [len(change.to_review) for change in changes],
                "to_clear": [len(change.to_clear) for change in changes],
            }
        ),
        "costs",
        lambda row: _start_draft(choices[row][0]),
        words=[None if not source else "Draft" for source, _, _ in choices],
        alt="What each choice of thresholds costs",
        columns={
            "choice": st.column_config.TextColumn("Thresholds", width="medium"),
            "cases": st.column_config.NumberColumn("Cases a day", format="%.1f"),
            "minutes": st.column_config.NumberColumn("Minutes a day", format="%.0f"),
            "wrong": st.column_config.TextColumn(
                "Wrong accepts a day (95% interval)",
                width="medium",
                help="Cross-checks that pass without a person although their values differ, as far as "
                "verdicts tell; documents that ask for a person anyway are among them.",
            ),
            "to_review": st.column_config.NumberColumn("Flows clear to review", format="%d"),
            "to_clear": st.column_config.NumberColumn("Flows review to clear", format="%d"),
        },
    )
    st.caption(
        f"Over {count_of(changes[0].days, 'day')} and {movable_in_words(changes[0].flows)}, at "
        f"{minutes:g} minutes a case."
    )


def _start_draft(source: str | None) -> None:
    if source:
        begin_draft(source)
