"""Watch: where every running flow is."""

import pandas as pd
import streamlit as st

from atlas_core.access import Action
from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.models import STAGES
from atlas_core.web import loaders
from atlas_core.web.filters import link_to_flow
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_stages, show_title, told_in_words
from atlas_core.web.running import forget_places, in_their_places, places_in_words, show_running
from atlas_core.web.submission_parts import show_waiting
from atlas_core.web.words import age_in_words, markdown_safe, span_in_words

user = require_user()
overdue = span_in_words(loaders.overdue_ms())
show_title(
    "Watch",
    f"Every flow that Atlas is working on now. Most take a minute; one older than {overdue} is overdue.",
)
ALL, OVERDUE = "All", "Overdue"
UPLOAD, READING, CHECKS = (theme.STAGES[stage].label for stage in STAGES[:3])
chosen = st.segmented_control(
    "Show",
    [ALL, OVERDUE, UPLOAD, READING, CHECKS],
    default=ALL,
    required=True,
    key="show",
    bind="query-params",
    help="All running flows, the overdue ones, or those that Atlas has at one stage.",
)
forget_places()


@st.fragment(run_every="2s")
def show_live() -> None:
    with told_in_words():
        now = now_ms()
        running, waiting = loaders.load_running_flows(), loaders.load_open_attempts()
        total = loaders.load_running_flows_total()
        late = running["created_at"] <= now - loaders.overdue_ms()
        with st.grid(3, min_column_width=150):
            st.metric("Running", f"{total:,}", border=True)
            st.metric("Overdue", f"{late.sum():,}", border=True, help=f"Running for longer than {overdue}.")
            st.metric(
                "Not at Atlas yet", f"{len(waiting):,}", border=True, help="Submitted, and not sent yet."
            )
        flows = in_their_places(running, late if chosen == OVERDUE else _is_at_stage(running))
        if flows.empty:
            show_empty(
                "Nothing to watch", "Flows appear here as soon as they are sent.", icon=":material/pace:"
            )
        else:
            st.caption(
                f"{places_in_words(flows, total)}. Those that end stay until you leave. Select one to see "
                "more, or to ask Atlas about it now."
            )
            selected = show_running(flows, now, key=f"running_{chosen}")
            if selected:
                _show_selected(flows.loc[selected].to_dict(), now)
        show_waiting(waiting, now)


def _is_at_stage(running: pd.DataFrame) -> pd.Series:
    """Which flows are at the chosen stage: the first one that is not done yet."""
    uploaded = running["upload_status"] == "SUCCESS"
    read = running["processing_status"] == "SUCCESS"
    return {
        UPLOAD: ~uploaded,
        READING: uploaded & ~read,
        CHECKS: uploaded & read,
    }.get(chosen, pd.Series(True, index=running.index))


def _show_selected(flow: dict, now: int) -> None:
    with st.container(border=True):
        st.markdown(f"**{markdown_safe(flow['application_id'])}**")
        show_stages({stage: flow[f"{stage}_status"] for stage in STAGES})
        with st.container(horizontal=True, vertical_alignment="center"):
            may_ask = user.may(Action.ASK_ATLAS) and not flow["has_ended"]
            if st.button("Ask Atlas now", icon=":material/refresh:", disabled=not may_ask):
                loaders.desk().want_look(flow["flow_uuid"], by=user)
                st.toast("Asked. The answer shows here in a few seconds.", icon=":material/refresh:")
            st.page_link(
                "pages/flow.py",
                label="Open the flow",
                icon=":material/arrow_forward:",
                query_params=link_to_flow(flow["flow_uuid"]),
            )
            st.caption(
                f"Made {age_in_words(int(flow['created_at']), now)}. "
                "Atlas is never asked about one flow more often than every 5 seconds."
            )


show_live()
