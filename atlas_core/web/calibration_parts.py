"""What people's verdicts say of the thresholds: all checks, each check, and the price of a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.advice import Advice, Limits, how_judged, judged_within
from atlas_core.insight.agreement import agreement_per_check
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from atlas_core.web import judged_loaders
from atlas_core.web.calibrated_check import ABOUT, CALIBRATION, show_check_in_detail, show_way_to_review
from atlas_core.web.calibration_asked import (
    NEEDLESS,
    PERCENT,
    WRONG,
    limits_asked,
    load_advice,
    narrowed_for_verdicts,
)
from atlas_core.web.calibration_costs import ask_capacity, show_costs
from atlas_core.web.calibration_words import agreement_in_words, as_advised, recommended, where_they_cross
from atlas_core.web.numbers_asked import ask_number
from atlas_core.web.opened import close_cases
from atlas_core.web.parts import show_empty
from atlas_core.web.selection_filters import put
from atlas_core.web.tables import show_rows
from atlas_core.web.what_if_parts import ask_minutes
from atlas_core.web.words import count_of, markdown_safe


def show_calibration(
    columns: Columns,
    selection: Selection,
    thresholds: Thresholds,
    after: Thresholds,
    show_opened: Callable[[str], None],
) -> None:
    """All checks, one check at every threshold, the price of each choice, and what fits the people there are.

    `after` are the thresholds tried under What if; `show_opened` draws what was opened here.
    """
    everything = judged_loaders.load_judged_checks()
    judged = judged_within(everything, selection)
    if not len(judged):
        _show_how_to_begin(is_narrowed=len(everything) > 0)
        return
    _ask_limits()
    _show_basis(judged, selection)
    advice = load_advice(columns, selection, thresholds)
    _show_overview(advice, thresholds)
    fitted = ask_capacity(columns, selection, advice, thresholds)
    show_costs(columns, selection, advice, thresholds, after, fitted)
    show_check_in_detail(advice, thresholds, limits_asked())
    show_opened(CALIBRATION)


def _show_how_to_begin(*, is_narrowed: bool) -> None:
    if is_narrowed:
        show_empty("No verdict fits", "No verdict is about flows that fit every filter.")
        return
    show_empty(
        "No verdicts yet",
        "Calibration learns from people. On **Review**, say of each pair of values whether it is *the same*, "
        "*different*, or *cannot tell*. Cases that ask for a person tell how many reviews are needless. Only "
        "passes that are drawn by lot and judged blind tell how many accepts are wrong: keep their share on "
        "Review above 0%.",
        icon=":material/balance:",
    )
    show_way_to_review()


def _ask_limits() -> None:
    usual = Limits()
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        ask_number(
            "Wrong accepts, at most %",
            WRONG,
            usual.wrong_accepts * 100,
            PERCENT,
            step=0.5,
            meaning="Of the cross-checks from the strong threshold up, how many may hold different values.",
        )
        ask_number(
            "Needless reviews, at most %",
            NEEDLESS,
            usual.needless_reviews * 100,
            PERCENT,
            step=5.0,
            meaning="Of the cross-checks below the review threshold, how many may hold the same values.",
        )
        ask_minutes()


def _show_basis(judged: pd.DataFrame, selection: Selection) -> None:
    verdicts, by_lot = how_judged(judged)
    words = (
        f"{count_of(verdicts, 'verdict')}, {by_lot:,} of them on passes drawn by lot. Each of those counts "
        "for as many cross-checks as it was drawn from (at 2%, for 50), so that how cases were sampled does "
        "not bend the shares."
    )
    if replace(narrowed_for_verdicts(selection), outcomes=selection.outcomes) != selection:
        words += " Filters by dealer, document type and quality do not narrow this tab."
    st.caption(words)
    if not by_lot:
        st.warning(
            "No pass was judged blind, so nobody can know how many accepts are wrong. Let a share of passes "
            "be drawn by lot, and judge them on Review.",
            icon=":material/visibility_off:",
        )
        show_way_to_review()


def _show_overview(advice: Sequence[Advice], thresholds: Thresholds) -> None:
    alike = agreement_per_check(judged_loaders.load_judged_twice())
    show_rows(
        pd.DataFrame(
            {
                "check": [theme.words_of_code(one.check) for one in advice],
                "verdicts": [len(one.verdicts) for one in advice],
                "unsure": [one.cannot_tell for one in advice],
                "strong_now": [thresholds.of(one.check)[1] for one in advice],
                "strong": [recommended(one.strong) for one in advice],
                "review_now": [thresholds.of(one.check)[0] for one in advice],
                "review": [recommended(one.review) for one in advice],
                "together": [as_advised(one, thresholds.of(one.check)) for one in advice],
                "alike": [agreement_in_words(alike.get(one.check)) for one in advice],
            }
        ),
        "about",
        lambda row: _open_check(advice[row].check),
        words="Show",
        alt="What the verdicts say of each check",
        columns={
            "check": st.column_config.TextColumn("Cross-check"),
            "verdicts": st.column_config.NumberColumn("Verdicts", format="%d"),
            "unsure": st.column_config.NumberColumn(
                "Cannot tell", format="%d", help="Judged, but nobody could say; not among the verdicts."
            ),
            "strong_now": st.column_config.NumberColumn("Strong now", format="%d"),
            "strong": st.column_config.TextColumn(
                "Strong advised (95%)",
                help="The lowest threshold at which wrong accepts stay within the limit, even by the "
                "unfavourable end of their interval; and between which two it lies. The verdicts needed are "
                "a forecast.",
            ),
            "review_now": st.column_config.NumberColumn("Review now", format="%d"),
            "review": st.column_config.TextColumn(
                "Review advised (95%)",
                help="The highest threshold at which needless reviews stay within the limit, even by the "
                "unfavourable end of their interval; and between which two it lies. The verdicts needed are "
                "a forecast.",
            ),
            "together": st.column_config.TextColumn(
                "As advised",
                width="medium",
                help="The two thresholds that “As advised” and a draft begun from the advice use. What is "
                "not advised stays as it is now; review never lies above strong.",
            ),
            "alike": st.column_config.TextColumn(
                "Two people, apart",
                width="medium",
                help="How far two people who judged the same cases agree beyond chance: Cohen's kappa, 1 is "
                "always, 0 is as chance would have it.",
            ),
        },
    )
    limits = limits_asked()
    for one in advice:
        words = where_they_cross(one, thresholds.of(one.check), limits)
        if words:
            st.caption(markdown_safe(f"{theme.words_of_code(one.check)}: {words}"))


def _open_check(check: str) -> None:
    close_cases()
    put(ABOUT, check)
