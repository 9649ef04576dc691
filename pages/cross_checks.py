"""Cross-checks: how good they are, and what other thresholds would change."""

from functools import partial

import streamlit as st

from atlas_core.insight.distributions import checks_per_score
from atlas_core.thresholds import Thresholds
from atlas_core.web import loaders
from atlas_core.web.calibration_parts import show_calibration
from atlas_core.web.case_parts import show_check_cases
from atlas_core.web.coverage_parts import show_coverage, show_odd_ones
from atlas_core.web.distribution_parts import show_distribution
from atlas_core.web.frame import require_user
from atlas_core.web.kept import kept_tabs
from atlas_core.web.opened import narrowed, opened_cases, range_of, words_of_parts
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.quality_parts import show_quadrants, show_trend
from atlas_core.web.selection_filters import ask_for_selection
from atlas_core.web.set_links import SETS_TAB
from atlas_core.web.threshold_set_parts import show_threshold_sets
from atlas_core.web.what_if_parts import show_what_if, thresholds_asked

user = require_user()
show_title(
    "Cross-checks",
    "How alike the compared values are, which checks ask for a person, and what other thresholds would "
    "change. Similarity runs from 0 (different) to 100 (the same).",
)
columns = loaders.load_columns()
if not len(columns.checks):
    show_empty(
        "No cross-check yet",
        "Atlas compares fields between the documents of a flow. Its first comparisons are counted here.",
    )
    st.page_link("pages/submit.py", label="Submit an application", icon=":material/upload_file:")
    st.stop()

selection = ask_for_selection(columns, checks=True)
if not checks_per_score(columns, selection).checks:
    show_empty("No cross-check fits", "No cross-check fits every filter.", icon=":material/search_off:")
    st.stop()

thresholds, after = loaders.load_thresholds(), thresholds_asked()


def show_opened(place: str, then: Thresholds = after) -> None:
    parts = opened_cases()
    if parts.get("at") == place:
        within = range_of(parts, thresholds, then)
        show_check_cases(columns, narrowed(selection, parts), within, thresholds, words_of_parts(parts))


sections = {
    "Distribution": partial(show_distribution, columns, selection, thresholds, show_opened),
    "What if": partial(show_what_if, columns, selection, thresholds, after, show_opened),
    "Calibration": partial(show_calibration, columns, selection, thresholds, after, show_opened),
    SETS_TAB: partial(show_threshold_sets, columns, selection, after, user, show_opened),
    "Confidence": partial(show_quadrants, columns, selection, thresholds, show_opened),
    "Trend": partial(show_trend, columns, selection, thresholds, show_opened),
    "Coverage": partial(show_coverage, columns, selection, thresholds),
    "Odd one out": partial(show_odd_ones, columns, selection, thresholds),
}
tabs = kept_tabs(list(sections))
for tab, show_section in zip(tabs, sections.values(), strict=True):
    if tab.open:
        with tab:
            show_section()
