"""Results: find any flow."""

import streamlit as st

from atlas_core.insight import theme
from atlas_core.web import filters, loaders
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.tables import show_flows
from atlas_core.web.words import count_of

require_user()
show_title(
    "Results", "Every flow, newest first. A flow is one application's documents, read and compared by Atlas."
)

wanted = filters.ask_for_flows(loaders.load_statuses(), loaders.load_products())
found = loaders.load_found_flows(wanted, 1)

if found.total == 0 and wanted == filters.EVERY_FLOW:
    show_empty("No flow yet", "Send the documents of a first application, and its flow is listed here.")
    st.page_link("pages/submit.py", label="Submit an application", icon=":material/upload_file:")
    st.stop()
if found.total == 0:
    show_empty(
        "No flow fits",
        "No flow has an id that begins so and fits every filter. Capitals and small letters differ in ids.",
        icon=":material/search_off:",
    )
    st.stop()

pages = -(-found.total // loaders.PER_PAGE)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    summary = st.empty()
    page = filters.ask_for_page(pages)
if page > 1:
    found = loaders.load_found_flows(wanted, page)
first = (page - 1) * loaders.PER_PAGE + 1
summary.markdown(f"**{first:,}-{first + len(found.frame) - 1:,}** of {count_of(found.total, 'flow')}")
show_flows(found.frame, key="results")

with st.expander("What do the outcomes mean?", icon=":material/info:"):
    for look in theme.OUTCOMES.values():
        st.markdown(f":{look.color}-badge[{look.icon} {look.label}] {look.meaning}")
