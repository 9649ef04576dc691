"""Flow: everything about one flow."""

from collections.abc import Callable

import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.insight.measures import asks_about_documents, checks_worst_first, reasons_for_outcome
from atlas_core.web import filters, loaders
from atlas_core.web.flow_parts import (
    show_checks,
    show_deliveries,
    show_documents,
    show_flags,
    show_ids,
    show_payload,
    show_timeline,
    show_versions,
)
from atlas_core.web.frame import require_user
from atlas_core.web.kept import kept_tabs
from atlas_core.web.parts import show_empty, show_look, show_stages, show_title
from atlas_core.web.reveal_parts import ask_to_reveal
from atlas_core.web.words import age_in_words, count_of, markdown_safe, time_in_words, viewer_zone

user = require_user()
st.page_link(
    "pages/results.py",
    label="Results",
    icon=":material/arrow_back:",
    query_params=filters.filters_come_from(),
)

flow_uuid = st.query_params.get(filters.FLOW, "").strip()
if not flow_uuid:
    show_title("Flow", "Everything about one flow: its documents, its cross-checks, and what happened to it.")
    show_empty(
        "Which flow?", "Open one from Results, or from Watch while it is running.", icon=":material/search:"
    )
    st.stop()

flow = loaders.load_flow_detail(flow_uuid, filters.asked_version())
if flow is None:
    show_title("Flow", "Everything about one flow.")
    show_empty(
        "No such flow",
        "These books hold no flow, or no such version of its results, under the id in the address. Ids are "
        "compared letter by letter.",
        icon=":material/search_off:",
    )
    st.stop()

thresholds, zone, now = loaders.load_thresholds(), viewer_zone(), now_ms()
show_title(
    markdown_safe(flow.application_id),
    f"One flow of product {markdown_safe(flow.product_type)}, made {time_in_words(flow.created_at, zone)} "
    f"({age_in_words(flow.created_at, now)}).",
)
with st.container(border=True):
    with st.container(horizontal=True, vertical_alignment="center"):
        show_look(theme.outcome_look(flow.outcome))
        if flow.version and not flow.confirmed_at:
            st.badge(
                "Provisional",
                color="gray",
                help="Atlas's callback brought it; our own fetch has yet to confirm.",
            )
    for reason in reasons_for_outcome(flow, thresholds):
        st.text(reason)
    if flow.trouble:
        st.text(f"Our last look met trouble: {flow.trouble}")
    show_stages(
        {
            "upload": flow.upload_status,
            "processing": flow.processing_status,
            "crosscheck": flow.crosscheck_status,
            "master": flow.master_status,
        }
    )
if flow.erased_at is not None:
    st.info(
        f"Erased on {time_in_words(flow.erased_at, zone)}: what the documents say is gone for good. Times, "
        "types, codes and scores stay.",
        icon=":material/delete_forever:",
    )
show_versions(flow)
ask_to_reveal(user, flow)
show_flags(flow)

checks = checks_worst_first(flow.cross_checks, thresholds)
CHECKS, DOCUMENTS = "Cross-checks", "Documents"
parts: dict[str, Callable[[], None]] = {
    CHECKS: lambda: show_checks(user, flow, checks, thresholds),
    DOCUMENTS: lambda: show_documents(user, flow),
    "Timeline": lambda: show_timeline(flow),
    "Deliveries": lambda: show_deliveries(flow),
    "Ids and support": lambda: show_ids(flow),
    "Raw payload": lambda: show_payload(user, flow),
}
counted = {CHECKS: f"{CHECKS} ({len(checks)})", DOCUMENTS: f"{DOCUMENTS} ({len(flow.documents)})"}
# What asks for a person is shown first.
first = DOCUMENTS if asks_about_documents(flow, thresholds) else CHECKS
tabs = kept_tabs({counted.get(part, part): part for part in parts}, usual=counted[first])
for tab, show_part in zip(tabs, parts.values(), strict=True):
    if tab.open:
        with tab:
            show_part()
st.caption(
    f"{count_of(len(flow.deliveries), 'delivery', 'deliveries')} so far. "
    f"Atlas was last asked at {time_in_words(flow.looked_at, zone)}."
)
