"""Callbacks against polls: what brought results first, how late the other came, and asking Atlas now."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.looks import want_looks
from atlas_core.insight.arrivals import first_arrivals_in_all, first_arrivals_per_day
from atlas_core.insight.charts_arrivals import FIRST_LABELS, first_arrivals_per_day_chart
from atlas_core.insight.finding import FlowFilter
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.filters import link_to_flows, link_to_reason
from atlas_core.web.parts import show_empty, told_in_words
from atlas_core.web.tables import moment_column, moments, opening_flows, records, show_rows
from atlas_core.web.words import count_of, span_in_words

SPAN = "span"
ASKED_AT_ONCE = 500
_LENGTHS = (7, 14, 30)
_MISSING = "callback missing"
_MEANINGS = {
    "callback": "Atlas called us before we had fetched the results.",
    "fetch": "Our own fetch was quicker; the callback came later.",
    "unreadable": "A callback came, but could not be used: see Dead letters. The fetch brought the results.",
    "no callback": "Atlas never called. The fetch brought the results, so none is lost.",
}


def show_callbacks(user: User) -> None:
    """What came first in the chosen days, and the flows that Atlas never called about."""
    days = st.segmented_control(
        "Flows begun in the last",
        _LENGTHS,
        default=7,
        required=True,
        format_func=lambda length: f"{length} days",
        key=SPAN,
        bind="query-params",
    )
    until = loaders.this_minute()
    since = (until // DAY_MS - days + 1) * DAY_MS
    arrivals = operations_loaders.load_first_arrivals(since)
    if arrivals.empty:
        show_empty(
            "No results in this time",
            "Flows that this desk sent are counted here once their results came. Invented history is not: "
            "nobody asked Atlas to call about it.",
            icon=":material/search_off:",
        )
    else:
        _show_ways(first_arrivals_in_all(arrivals))
        frame = first_arrivals_per_day(arrivals, since=since, until=until)
        show_chart(first_arrivals_per_day_chart(frame, viewer_palette()), "arrivals", on_click=_open_day)
        st.caption(
            "Select a bar to open the flows of its day. Only flows that this desk sent are counted; one that "
            "ended less than 10 minutes ago may still be called about and is left out until then."
        )
    _show_missing(user)
    _ask_about_one(user)


def _show_ways(ways: pd.DataFrame) -> None:
    total = int(ways["flows"].sum())
    with st.grid(4, min_column_width=190):
        for way in records(ways):
            with st.container(border=True, gap="xsmall", height="stretch"):
                first, flows = way["first"], int(way["flows"])
                st.metric(FIRST_LABELS[first], f"{flows:,}", help=_MEANINGS[first])
                st.caption(share_in_words(flows, total))
                if first in ("callback", "fetch") and flows:
                    other = "fetch" if first == "callback" else "callback"
                    st.caption(_lateness(other, way["n_late"], way["median_late_ms"], way["p95_late_ms"]))


def _lateness(other: str, n: int, median: int, p95: int) -> str:
    if not n:
        return f"The {other} has not come for any of them yet."
    few = ": too few to say" if n < FEWEST else ""
    times = f"{_seconds(median)} (median), {_seconds(p95)} (95th percentile)"
    return f"The {other} came later by {times}; n = {n:,}{few}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds < 60_000 else span_in_words(milliseconds)


def _open_day(point: Point) -> None:
    start_at = int(point["customdata"]) * DAY_MS
    day = FlowFilter(created_from=start_at, created_to=start_at + DAY_MS)
    st.switch_page("pages/results.py", query_params=link_to_flows(day))


def _show_missing(user: User) -> None:
    st.subheader("Flows without a callback", anchor=False)
    flow_ids = sorted(operations_loaders.load_flow_ids_needing(_MISSING), reverse=True)
    if not flow_ids:
        st.caption("None: every flow that ended more than 10 minutes ago was called about.")
        return
    newest_flows = loaders.load_flow_rows(flow_ids[:ASKED_AT_ONCE])
    asked = newest_flows["flow_uuid"].tolist()
    st.markdown(
        f"**{count_of(len(flow_ids), 'flow')}** ended without a callback. Our own fetch brought the results, "
        "so none is lost. If there are many, run the self-test: perhaps Atlas cannot reach us."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/results.py",
            label=f"Open {count_of(len(flow_ids), 'flow')}",
            icon=":material/arrow_forward:",
            query_params=link_to_reason(_MISSING),
        )
        with st.popover("Pull now", icon=":material/refresh:"):
            newest = f"the newest {len(asked):,} of them" if len(asked) < len(flow_ids) else "each of them"
            st.markdown(
                f"Atlas will be asked about **{newest}** once more: {count_of(len(asked), 'flow')}, a few "
                "each second. What is the same as before changes nothing."
            )
            if st.button(
                f"Ask about {count_of(len(asked), 'flow')}",
                type="primary",
                key="pull_missing",
                disabled=not _may(user),
            ):
                _pull(user, asked)
    _show_flows_without(newest_flows.head(loaders.PER_PAGE), len(flow_ids))


def _show_flows_without(frame: pd.DataFrame, total: int) -> None:
    show_rows(
        pd.DataFrame(
            {
                "application": frame["application_id"],
                "ended": moments(frame["ended_at"]),
                "flow": frame["flow_uuid"],
            }
        ),
        "missing",
        opening_flows(frame["flow_uuid"].tolist()),
        at_most=8,
        alt="Flows without a callback, newest first",
        columns={
            "application": st.column_config.TextColumn("Application"),
            "ended": moment_column("Ended"),
            "flow": st.column_config.TextColumn("Flow id", width="medium"),
        },
    )
    st.caption(f"{len(frame):,} of {count_of(total, 'flow')}, newest first.")


def _ask_about_one(user: User) -> None:
    with st.form("pull_one", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        flow_uuid = st.text_input(
            "Ask Atlas about one flow now", max_chars=64, placeholder="The whole flow id"
        )
        if st.form_submit_button("Pull now", icon=":material/refresh:", disabled=not _may(user)):
            known = flow_uuid.strip()
            if known and operations_loaders.load_is_flow(known):
                _pull(user, [known])
            else:
                st.warning(
                    "No flow has this id. Ids are compared letter by letter.", icon=":material/search_off:"
                )


def _may(user: User) -> bool:
    return user.may(Action.ASK_ATLAS)


def _pull(user: User, flow_uuids: list[str]) -> None:
    with told_in_words():
        want_looks(loaders.desk(), user, flow_uuids)
        st.success(
            f"Asked for. The worker asks Atlas about {count_of(len(flow_uuids), 'flow')} as soon as it may; "
            "each answer appears in the ledger.",
            icon=":material/refresh:",
        )
