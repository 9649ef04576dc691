"""How Atlas answers: its state in words, the age of our token, and each endpoint's answers and times."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.insight.atlas_calls import answer_measures, state_began_at
from atlas_core.insight.measures import share_in_words
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.health import is_alive
from atlas_core.web.parts import show_empty
from atlas_core.web.standing_parts import ATLAS_MEANINGS, ATLAS_WORDS, STATES_MS
from atlas_core.web.tables import moment_column, moments, records, table_height
from atlas_core.web.words import age_in_words, count_of, span_in_words, time_in_words, viewer_zone

WINDOW = "window"
_HOUR_MS = 3_600_000
_WINDOWS = {"Hour": _HOUR_MS, "Day": 24 * _HOUR_MS}
_STATES_SHOWN = 50


def show_atlas() -> None:
    """State, token, answers, and how it was."""
    _show_state()
    _show_answers()
    _show_history()


def _show_state() -> None:
    states, zone, now = loaders.load_worker_state(), viewer_zone(), now_ms()
    atlas, worker = states.get("atlas"), states.get("worker")
    alive = worker is not None and is_alive(worker, now)
    with st.grid(2, min_column_width=320):
        with st.container(border=True, gap="xsmall", height="stretch"):
            st.caption("Atlas")
            if atlas is None:
                st.markdown("**Unknown**")
                st.text("Nobody has asked Atlas yet.")
            elif not alive:
                st.markdown("**Unknown**")
                last = ATLAS_WORDS.get(atlas.state, atlas.state).lower()
                st.text(f"The worker does not run, so nobody asks. Last known: {last}.")
            else:
                known = ATLAS_WORDS.get(atlas.state)
                began_at = state_began_at(
                    operations_loaders.load_atlas_states(loaders.this_minute() - STATES_MS)
                )
                since = began_at or atlas.since
                age = age_in_words(since, now)
                st.markdown(f"**{known or 'Unknown'}** since {time_in_words(since, zone)} ({age})")
                st.text(ATLAS_MEANINGS.get(atlas.state, f"The worker calls it: {atlas.state}."))
                if atlas.sentence:
                    st.text(f"What brought it: {atlas.sentence}")
        with st.container(border=True, gap="xsmall", height="stretch"):
            st.caption("Our token for Atlas")
            life = operations_loaders.load_token_life()
            if life is None:
                st.markdown("**None held**")
                st.text("The worker has fetched none yet.")
            elif not alive:
                st.markdown(f"**Unknown**; the last one was fetched {age_in_words(life.fetched_at, now)}")
                st.text("The worker does not run. When it starts, it fetches a new one.")
            elif life.ends_at <= now:
                st.markdown(f"**Ended** {age_in_words(life.ends_at, now)}")
                st.text("A new one is fetched before the next call.")
            else:
                st.markdown(f"**Fetched** {age_in_words(life.fetched_at, now)}")
                left = span_in_words(life.ends_at - now)
                refused = atlas is not None and atlas.state == "refused"
                st.text(
                    "Atlas refuses us, so it may be of no use."
                    if refused
                    else f"It lives for another {left} and is renewed before that. It is never shown."
                )


def _show_answers() -> None:
    st.subheader("Answers", anchor=False)
    window = st.segmented_control(
        "Calls that ended in the last",
        list(_WINDOWS),
        default="Hour",
        required=True,
        key=WINDOW,
        bind="query-params",
    )
    until = loaders.this_minute()
    calls = operations_loaders.load_atlas_calls(until - _WINDOWS[window], until)
    if calls.empty:
        show_empty(
            "Atlas was not called in this time",
            "Each request to Atlas is counted here: how it ended and how long it took.",
            icon=":material/search_off:",
        )
        return
    rows = records(answer_measures(calls))
    came = records(answer_measures(calls, by=["endpoint", "came"]))
    st.dataframe(
        pd.DataFrame(
            {
                "endpoint": [row["endpoint"] for row in rows],
                "good": [share_in_words(int(row["ok"]), int(row["calls"])) for row in rows],
                "median": [row["median_seconds"] * 1000 for row in rows],
                "p95": [row["p95_seconds"] * 1000 for row in rows],
                "bad": [_otherwise(came, row["endpoint"]) for row in rows],
            }
        ),
        hide_index=True,
        height=table_height(len(rows)),
        alt="How each endpoint of Atlas answered",
        placeholder="-",
        column_config={
            "endpoint": st.column_config.TextColumn("Endpoint", width="small"),
            "good": st.column_config.TextColumn("Answered well", help="Of all requests, repeated ones too."),
            "median": st.column_config.NumberColumn(
                "Median", format="%.0f ms", help="Of the good answers, within 5 %."
            ),
            "p95": st.column_config.NumberColumn(
                "95th percentile", format="%.0f ms", help="Of the good answers, within 5 %."
            ),
            "bad": st.column_config.TextColumn("Otherwise", width="large"),
        },
    )


def _otherwise(came: list[dict[str, Any]], endpoint: str) -> str:
    """How often an endpoint answered in each other way."""
    return ", ".join(
        f"{row['came']}: {row['calls']:,}"
        for row in came
        if row["endpoint"] == endpoint and row["came"] != "ok"
    )


def _show_history() -> None:
    st.subheader("How Atlas was", anchor=False)
    now, worker = now_ms(), loaders.load_worker_state().get("worker")
    asked_until = now if worker is None or is_alive(worker, now) else worker.seen_at
    states = operations_loaders.load_atlas_states(loaders.this_minute() - STATES_MS)[::-1]
    if states.empty:
        st.caption("Nobody has asked Atlas yet.")
        return
    shown = states.head(_STATES_SHOWN)
    rows = records(shown)
    st.dataframe(
        pd.DataFrame(
            {
                "at": moments(shown["began_at"]),
                "state": [ATLAS_WORDS.get(row["state"], row["state"]) for row in rows],
                "lasted": [_lasted(row, asked_until, now) for row in rows],
                "sentence": shown["sentence"],
            }
        ),
        hide_index=True,
        height=table_height(len(rows), at_most=12),
        alt="How Atlas was, newest first",
        column_config={
            "at": moment_column("Since"),
            "state": st.column_config.TextColumn("Atlas"),
            "lasted": st.column_config.TextColumn("For"),
            "sentence": st.column_config.TextColumn("What brought it", width="large"),
        },
    )
    st.caption(f"{len(shown)} of {count_of(len(states), 'change')} in the last 14 days, newest first.")


def _lasted(row: dict[str, Any], asked_until: int, now: int) -> str:
    """How long a state lasted; the present one is known only as long as somebody asks."""
    began_at = int(row["began_at"])
    if not pd.isna(row["ended_at"]):
        return span_in_words(int(row["ended_at"]) - began_at)
    if asked_until < now and row["state"] != "not asked":
        return f"{span_in_words(asked_until - began_at)}; not known since"
    return f"{span_in_words(now - began_at)}, until now"
