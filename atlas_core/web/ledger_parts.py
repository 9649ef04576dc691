"""The ledger on a page: every arrival and what became of it, page by page, and one of them opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from atlas_core.access import User
from atlas_core.books.queries import Arrival, ArrivalsPage
from atlas_core.clock import now_ms
from atlas_core.insight.arrivals import problem_and_place
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.arrival_words import OUTCOME_LOOKS, arrival_look, channel_look, reason_in_words
from atlas_core.web.filters import FLOW, VERSION
from atlas_core.web.flow_parts import show_payload_text
from atlas_core.web.ledger_filters import (
    ask_for_arrivals,
    asked_place,
    go_to_place,
    is_filtered,
    link_to_ledger,
    open_arrival,
    opened_arrival,
    wanted_arrivals,
)
from atlas_core.web.parts import show_empty, show_id, show_look
from atlas_core.web.read_again_parts import CAME, ask_to_replay, show_dismissal, show_replays
from atlas_core.web.steps import show_newest_or_older
from atlas_core.web.tables import moment_column, moments, records, show_rows
from atlas_core.web.words import age_in_words, count_of, time_in_words, viewer_zone


def show_ledger(user: User) -> None:
    """Filters, the opened delivery, a page of rows and the way to older ones."""
    wanted = wanted_arrivals()
    ask_for_arrivals(wanted)
    if is_filtered():
        st.page_link(
            "pages/operations.py",
            label="Clear all filters",
            icon=":material/filter_alt_off:",
            query_params=link_to_ledger(),
        )
    show_opened(user)
    page, total = (
        operations_loaders.load_arrivals_page(wanted, asked_place()),
        operations_loaders.load_arrivals_total(wanted),
    )
    if page.rows.empty:
        if is_filtered() or asked_place():
            show_empty(
                "No arrival fits",
                "Ids must be whole, and are compared letter by letter. Remove a filter to see more.",
                icon=":material/search_off:",
            )
        else:
            show_empty(
                "Nothing has arrived yet",
                "Each callback, each fetch, each call for a token and each refusal is listed here.",
            )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _show_place(page, total)
        st.space("stretch")
        st.button("Refresh", icon=":material/refresh:", type="tertiary", key="ledger_refresh")
    _show_rows(page.rows)
    _show_pages(page)
    if opened_arrival() is None and is_filtered():
        ask_to_replay(
            user,
            "found",
            wanted,
            lambda: operations_loaders.load_deliveries_to_replay(wanted),
            "Read again what is found",
        )
    show_replays()


def _show_place(page: ArrivalsPage, total: int) -> None:
    """Which of how many arrivals are shown."""
    shown = f"**{len(page.rows):,}** of {count_of(total, 'arrival')}"
    after = asked_place()
    since = f", from {time_in_words(after.received_at, viewer_zone())} back" if after else ", newest first"
    st.markdown(shown + since, width="content")


def _show_pages(page: ArrivalsPage) -> None:
    """The way to the newest and to older arrivals. Each page's place is in its address."""
    show_newest_or_older(page.following, "ledger", go_to_place, is_newest=asked_place() is None)


def show_opened(user: User) -> None:
    """The delivery that the address has open: its facts, where it is wrong, and what came."""
    delivery_id = opened_arrival()
    if delivery_id is None:
        return
    arrival = operations_loaders.load_arrival(delivery_id)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(f"Delivery {delivery_id}", anchor=False, width="content")
            if arrival is not None:
                show_look(channel_look(arrival.channel))
                show_look(arrival_look(arrival.outcome))
            st.space("stretch")
            st.button("Close", icon=":material/close:", type="tertiary", on_click=open_arrival, args=(None,))
        if arrival is None:
            st.text("These books hold no delivery with this number.")
            return
        _show_facts(arrival)
        _show_payload(arrival)
        if arrival.outcome == "dead letter":
            ask_to_replay(user, "one", delivery_id, lambda: [delivery_id], "Read it again")
            show_dismissal(user, arrival)


def _show_facts(arrival: Arrival) -> None:
    zone, now = viewer_zone(), now_ms()
    st.markdown(arrival_look(arrival.outcome).meaning)
    if arrival.reason:
        problem, place = problem_and_place(arrival.reason)
        st.text(f"Why: {problem}")
        if place:
            st.text(f"Place in the payload: {place}")
    if arrival.replay_came and arrival.replayed_at is not None:
        came = CAME.get(arrival.replay_came, arrival.replay_came)
        st.text(f"Read again {_moment(arrival.replayed_at, now)}: {came}.")
    with st.grid(3, min_column_width=240):
        with st.container(gap="xsmall"):
            _fact("Received", _moment(arrival.received_at, now))
            if arrival.times_seen > 1:
                _fact("It came again", f"{count_of(arrival.times_seen, 'time')} in all")
                _fact("Last time", _moment(arrival.last_seen_at, now))
            _fact("Size on the wire", count_of(arrival.size, "byte"))
        with st.container(gap="xsmall"):
            show_id("Flow id", arrival.flow_uuid)
            if arrival.claimed_flow_uuid not in (None, arrival.flow_uuid):
                show_id("The flow that it names itself", arrival.claimed_flow_uuid)
            show_id("Application id", arrival.application_id)
        with st.container(gap="xsmall"):
            show_id("Digest (SHA-256)", arrival.digest)
            made = "none" if arrival.version is None else f"version {arrival.version} of the flow's results"
            _fact("What it made", made)
            if arrival.flow_uuid:
                version = {} if arrival.version is None else {VERSION: str(arrival.version)}
                st.page_link(
                    "pages/flow.py",
                    label="Open the flow",
                    icon=":material/arrow_forward:",
                    query_params={FLOW: arrival.flow_uuid, **version},
                )
    st.caption(f"Times are {zone.key}.")


def _show_payload(arrival: Arrival) -> None:
    if not arrival.has_payload:
        st.caption("What it said is not kept: of what cannot be read there are only size, digest and place.")
        return
    if st.toggle("Show what came", key=f"payload_{arrival.delivery_id}"):
        payload = loaders.load_delivery_payload(arrival.delivery_id)
        if payload is not None:
            show_payload_text(payload)


def _fact(label: str, text: str) -> None:
    st.caption(label)
    st.text(text)


def _moment(at: int, now: int) -> str:
    return f"{time_in_words(at, viewer_zone())} ({age_in_words(at, now)})"


def _show_rows(frame: pd.DataFrame) -> None:
    rows = records(frame)
    looks = list(OUTCOME_LOOKS.values())
    show_rows(
        pd.DataFrame(
            {
                "at": moments(frame["received_at"]),
                "channel": [channel_look(row["channel"]).label for row in rows],
                "outcome": [[arrival_look(row["outcome"]).label] for row in rows],
                "application": frame["application_id"],
                "reason": [reason_in_words(row["channel"], row["reason"]) for row in rows],
                "times": frame["times_seen"],
                "size": frame["size"],
                "caller": frame["caller"],
                "flow": frame["flow_uuid"],
                "digest": frame["digest"],
            }
        ),
        "ledger",
        opening_arrivals(frame["delivery_id"].tolist()),
        words=["" if pd.isna(row["delivery_id"]) else "Open" for row in rows],
        at_most=50,
        alt="Arrivals, newest first",
        columns={
            "at": moment_column("Received"),
            "channel": st.column_config.TextColumn("How", width="small"),
            "outcome": st.column_config.MultiselectColumn(
                "What became of it",
                options=[look.label for look in looks],
                color=[look.color for look in looks],
                width=150,
            ),
            "reason": st.column_config.TextColumn("Why", width=240),
            "application": st.column_config.TextColumn("Application"),
            "times": st.column_config.NumberColumn(
                "Times", format="%d", help="How often the same came; of a refusal, how many within its hour."
            ),
            "size": st.column_config.NumberColumn("Bytes", format="%d", help="On the wire."),
            "caller": st.column_config.TextColumn("From", help="Who called, where nothing else is kept."),
            "flow": st.column_config.TextColumn("Flow id", width="medium"),
            "digest": st.column_config.TextColumn("Digest (SHA-256)", width="small"),
        },
    )


def opening_arrivals(delivery_ids: Sequence[int | None]) -> Callable[[int], None]:
    """What opens the delivery of a row, if it has one."""

    def open_delivery(row: int) -> None:
        delivery_id = delivery_ids[row]
        if not pd.isna(delivery_id):
            open_arrival(int(delivery_id or 0))

    return open_delivery
