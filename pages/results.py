"""Results: find any flow."""

import streamlit as st

from atlas_core.insight import theme
from atlas_core.insight.finding import FlowFilter
from atlas_core.web import loaders, result_filters, result_parts
from atlas_core.web.export_parts import show_export
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.tables import show_flows

user = require_user()
show_title("Results", "Find any flow. A flow is one application's documents, read and compared by Atlas.")

wanted, sort = result_filters.wanted_flows(), result_filters.asked_sort()
found = loaders.load_found(wanted, sort, result_filters.asked_key())

if found.page.total == 0 and wanted == FlowFilter():
    show_empty("No flow yet", "Send the documents of a first application, and its flow is listed here.")
    st.page_link("pages/submit.py", label="Submit an application", icon=":material/upload_file:")
    st.stop()

result_filters.ask_for_search(wanted)
listed, narrowing = st.columns([3.4, 1], gap="medium")
with narrowing:
    result_filters.ask_for_facets(wanted, found.facets)
    result_filters.ask_to_clear(wanted)
with listed:
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.page.total:
            result_parts.ask_for_sort()
            st.space("stretch")
        result_parts.show_saved_views(wanted, user.who if user.is_signed_in else user.name)
        if st.button("Export", icon=":material/download:", disabled=not found.page.total):
            show_export(wanted, found.page.total)
    result_parts.show_cut(found)
    if found.page.total == 0:
        result_parts.show_none(wanted)
    else:
        # A line between the buttons and the table, whose toolbar lies over what is right above it.
        result_parts.show_place(found)
        show_flows(found.rows, key="results", order=result_filters.SORT_LABELS[sort].lower())
        result_parts.show_pages(found.page)
    with st.expander("What do the outcomes mean?", icon=":material/info:"):
        for look in theme.OUTCOMES.values():
            st.markdown(f":{look.color}-badge[{look.icon} {look.label}] {look.meaning}")
