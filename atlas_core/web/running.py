"""The live table of Watch: its rows keep their places while flows come and end."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from atlas_core.insight import theme
from atlas_core.models import STAGES
from atlas_core.web import loaders
from atlas_core.web.tables import button_column, opening_flows, table_height
from atlas_core.web.words import age_in_words, span_in_words

KEPT_ENDED = 100
PLACES, ROUND = "watch_places", "watch_round"


def forget_places() -> None:
    """Starts a new view: only flows that run now and fit it are shown from here on."""
    st.session_state[PLACES] = {}
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def in_their_places(running: pd.DataFrame, fits: pd.Series) -> pd.DataFrame:
    """The running flows that fit, oldest first, with those that fitted earlier in this view.

    A selection is a row's place. If a row went away when its flow moves on or ends, another flow would be
    selected under the reader's hand; so rows stay where they are until the view is left.
    """
    places: dict[str, int] = st.session_state.setdefault(PLACES, {})
    for flow_uuid, created_at in running.loc[fits, ["flow_uuid", "created_at"]].itertuples(index=False):
        places.setdefault(str(flow_uuid), int(created_at))
    running = running.set_index("flow_uuid", drop=False).assign(has_ended=False)
    ended = [flow_uuid for flow_uuid in places if flow_uuid not in running.index]
    if len(ended) > KEPT_ENDED:
        forget_places()
        return in_their_places(running.reset_index(drop=True), fits)
    if ended:
        since = min(places[flow_uuid] for flow_uuid in ended)
        found = loaders.load_flows_since(since).set_index("flow_uuid", drop=False)
        known = found.loc[found.index.isin(ended)].assign(has_ended=True)
        running = pd.concat([running, known.reindex(columns=running.columns)])
    return running.reindex([flow_uuid for flow_uuid in places if flow_uuid in running.index])


def places_in_words(flows: pd.DataFrame, total: int) -> str:
    """What `in_their_places` gave, of so many running flows in all: `1 running, 5 ended since you came,
    oldest first`."""
    ended = int(flows["has_ended"].sum())
    running = len(flows) - ended
    shown = f"{total:,} running" if running == total else f"{running:,} of {total:,} running flows shown"
    return ", ".join([shown, *([f"{ended:,} ended since you came"] if ended else []), "oldest first"])


def is_overdue(created_at: int, now: int) -> bool:
    """Whether a running flow takes longer than the rule allows."""
    return now - created_at >= loaders.overdue_ms()


def show_running(flows: pd.DataFrame, now: int, key: str) -> str | None:
    """The table; gives the flow_uuid of the selected row."""
    shown = pd.DataFrame(
        {
            "open": "Open",
            "application": flows["application_id"],
            **{stage: [[_label(status)] for status in flows[f"{stage}_status"]] for stage in STAGES},
            "age": [span_in_words(now - int(created_at)) for created_at in flows["created_at"]],
            "asked": [age_in_words(None if pd.isna(at) else int(at), now) for at in flows["looked_at"]],
            "note": [_note(row, now) for row in flows.to_dict("records")],
        }
    )
    event = st.dataframe(
        shown,
        key=f"{key}_{st.session_state.get(ROUND, 0)}",
        hide_index=True,
        # One row more than there are: a bar to scroll sideways would lie over the last.
        height=table_height(max(len(shown) + 1, 3), at_most=15),
        alt="Running flows, oldest first",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "open": button_column("watch_open", opening_flows(flows["flow_uuid"].tolist())),
            "application": st.column_config.TextColumn("Application", width=140),
            **{stage: _stage_column(stage, shown[stage]) for stage in STAGES},
            "age": st.column_config.TextColumn("Age", width=80, help="Since the flow was made at Atlas."),
            "asked": st.column_config.TextColumn(
                "Last asked", width=105, help="When Atlas last answered us about it."
            ),
            "note": st.column_config.TextColumn("Note", width=150),
        },
    )
    rows = event.selection.rows
    return str(flows["flow_uuid"].iloc[rows[0]]) if rows and rows[0] < len(flows) else None


def _label(status: str | None) -> str:
    return theme.status_look(None if pd.isna(status) else status).label


def _note(row: dict[object, object], now: int) -> str:
    if row["has_ended"]:
        return f"Ended: {theme.outcome_look(str(row['outcome'])).label.lower()}"
    if row["trouble"]:
        return str(row["trouble"])
    if row["master_status"] == "SUCCESS":
        return "Fetching results"
    return "Overdue" if is_overdue(int(str(row["created_at"])), now) else ""


def _stage_column(stage: str, labels: pd.Series) -> ColumnConfig:
    looks = {look.label: look.color for look in [*theme.STATUSES.values(), theme.UNSAID]}
    for (label,) in labels:
        looks.setdefault(label, theme.UNFORESEEN.color)
    return st.column_config.MultiselectColumn(
        theme.STAGES[stage].label,
        options=list(looks),
        color=list(looks.values()),
        width=90,
        help=theme.STAGES[stage].meaning,
    )
