"""Today: what needs a person now, and how processing goes."""

from contextlib import suppress

import pandas as pd
import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.errors import BookMissing
from atlas_core.insight import theme
from atlas_core.insight.measures import share_in_words
from atlas_core.web import filters, loaders
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_title, told_in_words
from atlas_core.web.reasons import show_alarms, show_reason
from atlas_core.web.today_parts import show_period
from atlas_core.web.words import age_in_words, count_of, time_in_words, viewer_zone

require_user()
show_title("Today", "What needs a person now, and how processing goes.")


@st.fragment(run_every="10s")
def show_today() -> None:
    with told_in_words():
        outcomes = loaders.load_flows_per_outcome()
        if outcomes["flows"].sum() == 0 and loaders.load_open_attempts().empty:
            show_empty(
                "Nothing has been sent yet",
                "Send the documents of a first loan application. Atlas reads and compares them, which takes "
                "about a minute, and what needs a person is listed here.",
            )
            st.page_link("pages/submit.py", label="Submit an application", icon=":material/upload_file:")
            return
        _show_attention()
        _show_outcomes(outcomes)
        fresh = loaders.load_freshness().received_at
        when = f" ({age_in_words(fresh, now_ms())})" if fresh else ""
        st.caption(f"Newest results came {time_in_words(fresh, viewer_zone())}{when}.")


def _show_attention() -> None:
    st.header("What needs a person", anchor=False)
    attention = loaders.load_attention()
    if attention.empty:
        show_empty("Nothing needs a person", "Every flow is running well or clear.", ":material/task_alt:")
    for row in attention.to_dict("records"):
        show_reason(row["reason"], int(row["flows"]), row["oldest_at"], now_ms())
    if "alarm" in attention["reason"].tolist():
        show_alarms()


def _show_outcomes(outcomes: pd.DataFrame) -> None:
    st.header("All flows by outcome", anchor=False)
    total = int(outcomes["flows"].sum())
    with st.grid(5, min_column_width=150):
        for outcome, flows in zip(outcomes["outcome"], outcomes["flows"], strict=True):
            look = theme.outcome_look(outcome)
            with st.container(border=True, gap="xsmall"):
                st.metric(look.label, f"{flows:,}", help=look.meaning)
                st.caption(share_in_words(int(flows), total))
                st.page_link(
                    "pages/results.py",
                    label="Open",
                    icon=":material/arrow_forward:",
                    query_params=filters.link_to_outcome(outcome),
                    help=f"Open the {count_of(int(flows), 'flow')} in Results",
                )


show_today()
with suppress(BookMissing):
    show_period(loaders.load_columns())
