"""Cross-checks: how good they are, and what other thresholds would change."""

import streamlit as st

from atlas_core.insight.distributions import checks_per_score
from atlas_core.web import loaders
from atlas_core.web.case_parts import show_check_cases
from atlas_core.web.distribution_parts import show_distribution
from atlas_core.web.frame import require_user
from atlas_core.web.opened import narrowed, opened_cases, range_of, words_of_parts
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.selection_filters import ask_for_selection
from atlas_core.web.what_if_parts import show_what_if, thresholds_asked, usual_thresholds

require_user()
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

thresholds, after = usual_thresholds(), thresholds_asked()
distribution, changed = st.tabs(
    ["Distribution", "What if"], key="tab", bind="query-params", on_change="rerun"
)
if distribution.open:
    with distribution:
        show_distribution(columns, selection, thresholds)
if changed.open:
    with changed:
        show_what_if(columns, selection, thresholds, after)

if parts := opened_cases():
    show_check_cases(
        columns,
        narrowed(selection, parts),
        range_of(parts, thresholds, after),
        thresholds,
        words_of_parts(parts),
    )
