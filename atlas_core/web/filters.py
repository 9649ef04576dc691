"""Links from page to page: what an address must hold so that a page shows just those flows."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import streamlit as st

from atlas_core.insight.addresses import address_of
from atlas_core.insight.finding import FlowFilter

FLOW, VERSION, CAME_FROM = "flow", "version", "from"
PAGES_WIDTH = 340
REASON_LABELS = {
    "unknown outcome": "Answer lost",
    "refused": "Refused by Atlas",
    "failed": "Failed",
    "overdue": "Overdue",
    "review": "Waiting for review",
    "not sent": "Not sent yet",
    "callback missing": "Callback missing",
    "dead letter": "Unreadable callback",
    "alarm": "Alarm",
}


def link_to_flows(wanted: FlowFilter) -> dict[str, list[str]]:
    """The address of Results that shows these flows."""
    return address_of(wanted)


def link_to_outcome(outcome: str) -> dict[str, list[str]]:
    """The address of Results that shows the flows of one outcome."""
    return link_to_flows(FlowFilter(outcomes=(outcome,)))


def link_to_reason(reason: str) -> dict[str, list[str]]:
    """The address of Results that shows the flows which need a person for one reason."""
    return link_to_flows(FlowFilter(attention=reason))


def link_to_flow(flow_uuid: str) -> dict[str, str]:
    """The address of a flow, which remembers the filters of the page it is opened from."""
    kept = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
    return {
        FLOW: flow_uuid,
        CAME_FROM: urlencode([pair for pair in kept if pair[0] not in (FLOW, CAME_FROM)]),
    }


def filters_come_from() -> dict[str, list[str]]:
    """The filters of the page that a flow was opened from."""
    return parse_qs(st.query_params.get(CAME_FROM, ""))


def has_come_back() -> bool:
    """Whether the browser's Back led here from a flow: then the address holds the flow's parameters."""
    return CAME_FROM in st.query_params


def asked_version() -> int | None:
    """The version of a flow's results that the address asks for; None for the newest that counts."""
    text = st.query_params.get(VERSION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
