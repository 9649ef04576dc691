"""Why something needs a person, in words, and where its cases are."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from atlas_core.insight.theme import Color
from atlas_core.web import filters, loaders
from atlas_core.web.tables import moment_column, moments, opening_flows, show_rows
from atlas_core.web.words import count_of, span_in_words


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its colour, its icon, and two sentences for somebody new to it."""

    color: Color
    icon: str
    meaning: str
    advice: str


REASONS: dict[str, Reason] = {
    "unknown outcome": Reason(
        "red",
        ":material/help:",
        "An answer of Atlas's was lost on the way, so we do not know whether it acted.",
        "Nothing is sent again by itself: decide what to do.",
    ),
    "refused": Reason(
        "red",
        ":material/block:",
        "Atlas refused what we sent.",
        "Read its reason, put it right and send the application again.",
    ),
    "failed": Reason(
        "red",
        ":material/cancel:",
        "Atlas gave up on the flow.",
        "Look at which stage failed, then send the application again with fresh links.",
    ),
    "overdue": Reason(
        "orange",
        ":material/timer_off:",
        "The flow has been running for longer than {overdue}.",
        "Ask Atlas now; if it stays, send Atlas's support the reference on its page.",
    ),
    "review": Reason(
        "orange",
        ":material/visibility:",
        "Atlas finished, and a comparison, a document or an oddity asks for a person's eye.",
        "Open a flow and compare the two values.",
    ),
    "not sent": Reason(
        "orange",
        ":material/schedule_send:",
        "Atlas could not be reached, so nothing was sent; it is tried again by itself.",
        "If it stays, check the connection with: python -m atlas_core check.",
    ),
    "callback missing": Reason(
        "gray",
        ":material/phone_missed:",
        "Atlas never called us about these; we fetched the results ourselves, so none is lost.",
        "Check that Atlas can reach our receiver.",
    ),
    "dead letter": Reason(
        "orange",
        ":material/unsubscribe:",
        "Atlas called, and we could not read what it brought; we ask Atlas itself, so no result is lost.",
        "If it goes on, tell Atlas's support the reason and the place in the ledger.",
    ),
    "alarm": Reason(
        "red",
        ":material/notification_important:",
        "Something arrived that should not have: news of another flow, or of one we do not know.",
        "Read it before you trust the flow.",
    ),
}
UNFORESEEN = Reason("violet", ":material/flag:", "It is marked for a person.", "Open it.")


def show_reason(reason: str, flows: int, oldest_at: int | None, now: int) -> None:
    """One line of the list of what needs a person, with a link to exactly its cases."""
    known = REASONS.get(reason, UNFORESEEN)
    overdue = span_in_words(loaders.overdue_ms())
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"## {flows:,}", width=80)
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(filters.REASON_LABELS.get(reason, reason), icon=known.icon, color=known.color)
                if oldest_at is not None and not pd.isna(oldest_at):
                    st.caption(f"oldest {span_in_words(now - int(oldest_at))}")
            st.markdown(f"{known.meaning.format(overdue=overdue)} {known.advice}")
        _show_link(reason, flows)


def show_alarms() -> None:
    """What every alarm says, the newest first; some are about no flow of ours."""
    alarms = loaders.load_alarms()
    with st.expander(f"Read {count_of(len(alarms), 'alarm')}", icon=":material/notification_important:"):
        show_rows(
            pd.DataFrame(
                {
                    "at": moments(alarms["raised_at"]),
                    "sentence": alarms["sentence"],
                    "application": alarms["application_id"],
                }
            ),
            "alarms",
            opening_flows(alarms["flow_uuid"].tolist()),
            words=["Open" if flow_uuid else "" for flow_uuid in alarms["flow_uuid"]],
            at_most=10,
            alt="Alarms, newest first",
            columns={
                "at": moment_column("Raised"),
                "sentence": st.column_config.TextColumn("What", width="large"),
                "application": st.column_config.TextColumn("Application"),
            },
        )


def _show_link(reason: str, flows: int) -> None:
    label = f"Open {count_of(flows, 'case')}"
    icon = ":material/arrow_forward:"
    if reason in ("unknown outcome", "refused"):
        st.page_link("pages/submit.py", label=label, icon=icon, query_params={"tab": "Undecided"})
    elif reason == "not sent":
        st.page_link("pages/watch.py", label=label, icon=icon)
    elif reason == "dead letter":
        st.page_link("pages/operations.py", label=label, icon=icon, query_params={"tab": "Dead letters"})
    else:
        if reason == "review":
            st.page_link("pages/review.py", label="Review them", icon=":material/rate_review:")
        st.page_link("pages/results.py", label=label, icon=icon, query_params=filters.link_to_reason(reason))
