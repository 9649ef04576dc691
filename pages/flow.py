"""Flow: everything about one flow."""

import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.insight.measures import checks_worst_first, reasons_for_outcome
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
from atlas_core.web.parts import show_empty, show_look, show_scales, show_stages, show_title
from atlas_core.web.words import age_in_words, count_of, markdown_safe, time_in_words, viewer_zone

require_user()
st.page_link(
    "pages/results.py",
    label="Results",
    icon=":material/arrow_back:",
    query_params=filters.address_without(filters.FLOW, "view", "version"),
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

settings, zone, now = loaders.desk_settings(), viewer_zone(), now_ms()
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
    for reason in reasons_for_outcome(flow, review_below=settings.review_below):
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
show_versions(flow)

checks = checks_worst_first(
    flow.cross_checks, strong_from=settings.strong_from, review_below=settings.review_below
)
tabs = st.tabs(
    [
        f"Cross-checks ({len(checks)})",
        f"Documents ({len(flow.documents)})",
        "Timeline",
        "Deliveries",
        "Ids and support",
        "Raw payload",
    ],
    key="flow_tabs",
    on_change="rerun",
)
if tabs[0].open:
    with tabs[0]:
        show_flags(flow)
        show_checks(checks)
        show_scales(settings.strong_from, settings.review_below)
if tabs[1].open:
    with tabs[1]:
        show_documents(flow)
if tabs[2].open:
    with tabs[2]:
        show_timeline(flow, zone)
if tabs[3].open:
    with tabs[3]:
        show_deliveries(flow)
if tabs[4].open:
    with tabs[4]:
        show_ids(flow)
if tabs[5].open:
    with tabs[5]:
        show_payload(flow)
st.caption(
    f"{count_of(len(flow.deliveries), 'delivery', 'deliveries')} so far · last asked Atlas "
    f"{time_in_words(flow.looked_at, zone)}"
)
