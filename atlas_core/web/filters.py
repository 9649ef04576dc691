"""Filters ⇄ address: a copied link shows the same flows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

import streamlit as st

from atlas_core.books.queries import REASONS, FlowFilter
from atlas_core.errors import InputError
from atlas_core.insight import theme
from atlas_core.intake import check_search
from atlas_core.models import Outcome
from atlas_core.web.words import viewer_zone

FLOW, VERSION, CAME_FROM = "flow", "version", "from"
SEARCH, OUTCOME, STATUS, PRODUCT = "find", "outcome", "status", "product"
PERIOD, REASON, PAGE = "period", "reason", "page"
PAGES_WIDTH = 340
EVERY_FLOW = FlowFilter()
NO_STATUS = "Not known yet"
REASON_LABELS = {
    "unknown outcome": "Answer lost",
    "refused": "Refused by Atlas",
    "failed": "Failed",
    "overdue": "Overdue",
    "review": "Waiting for review",
    "not sent": "Not sent yet",
    "callback missing": "Callback missing",
    "alarm": "Alarm",
}


def link_to_outcome(outcome: str) -> dict[str, str]:
    """The address of Results that shows the flows of one outcome."""
    return {OUTCOME: theme.outcome_look(outcome).label}


def link_to_reason(reason: str) -> dict[str, str]:
    """The address of Results that shows the flows which need a person for one reason."""
    return {REASON: REASON_LABELS.get(reason, reason)}


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


def ask_for_flows(statuses: Sequence[str | None], products: Sequence[str]) -> FlowFilter:
    """Draws the filters of Results, and gives what they ask for."""
    text = _ask_for_text()
    outcomes = st.pills(
        "Outcome",
        [str(outcome) for outcome in Outcome],
        selection_mode="multi",
        format_func=lambda outcome: theme.outcome_look(outcome).label,
        key=OUTCOME,
        bind="query-params",
        on_change=_to_first_page,
    )
    with st.grid(4, min_column_width=210):
        reason = st.selectbox(
            "Needs a person because",
            list(REASONS),
            index=None,
            format_func=lambda reason: REASON_LABELS.get(reason, reason),
            placeholder="Any or no reason",
            key=REASON,
            bind="query-params",
            on_change=_to_first_page,
        )
        chosen_statuses = st.multiselect(
            "What Atlas says of the whole flow",
            [status or NO_STATUS for status in statuses],
            placeholder="Any status",
            key=STATUS,
            bind="query-params",
            on_change=_to_first_page,
        )
        chosen_products = st.multiselect(
            "Product",
            list(products),
            placeholder="Any product",
            key=PRODUCT,
            bind="query-params",
            on_change=_to_first_page,
        )
        days = st.date_input(  # type: ignore[call-overload]  # its types forget the empty range
            f"Created between ({viewer_zone().key})",
            value=(),
            format="DD/MM/YYYY",
            key=PERIOD,
            bind="query-params",
            on_change=_to_first_page,
        )
    created_from, created_to = period_of(days, viewer_zone())
    return FlowFilter(
        text=text,
        outcomes=tuple(outcomes),
        statuses=tuple(None if status == NO_STATUS else status for status in chosen_statuses),
        products=tuple(chosen_products),
        created_from=created_from,
        created_to=created_to,
        attention=reason,
    )


def period_of(days: object, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """The first millisecond of the first day and the first after the last day, in the viewer's zone."""
    chosen = [day for day in days if isinstance(day, dt.date)] if isinstance(days, tuple) else []
    if not chosen:
        return None, None
    start = dt.datetime.combine(chosen[0], dt.time.min, zone)
    if len(chosen) == 1:
        return int(start.timestamp() * 1000), None
    end = dt.datetime.combine(chosen[-1] + dt.timedelta(days=1), dt.time.min, zone)
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)


def _ask_for_text() -> str:
    """The search field. What it holds enters the address only once it is no personal number."""
    widget = "results_search"
    if widget not in st.session_state:
        st.session_state[widget] = st.query_params.get(SEARCH, "")[:100]
    text = (
        st.text_input(
            "Find a flow by the beginning of any of its ids",
            key=widget,
            type="search",
            max_chars=100,
            icon=":material/search:",
            placeholder="Application, flow, batch, file or document id",
            on_change=_to_first_page,
        )
        or ""
    ).strip()
    try:
        check_search(text)
    except InputError as error:
        st.query_params.pop(SEARCH, None)
        st.warning(str(error), icon=":material/shield_person:")
        st.stop()
    if text:
        st.query_params[SEARCH] = text
    else:
        st.query_params.pop(SEARCH, None)
    return text


def _to_first_page() -> None:
    """What another filter finds is shown from its first page on."""
    st.session_state[PAGE] = 1


def ask_for_page(pages: int) -> int:
    """Draws the pages of Results, and gives the one to show. A page that no longer exists is the last."""
    if int(st.session_state.get(PAGE) or 1) > pages:
        st.session_state[PAGE] = pages
    # In a row it measures too little room for itself, and would leave pages out.
    return st.pagination(pages, key=PAGE, bind="query-params", width=PAGES_WIDTH)


def asked_version() -> int | None:
    """The version of a flow's results that the address asks for; None for the newest that counts."""
    text = st.query_params.get(VERSION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
