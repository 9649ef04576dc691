"""A flow's life in words: what was seen when, and between which two looks it happened."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from atlas_core.books.queries import FlowDetail
from atlas_core.insight import theme
from atlas_core.web.words import count_of, interval_in_words, span_in_words

ATTEMPT_STATES = {
    "init sent": "Asked Atlas for a flow; no answer yet",
    "initialised": "Atlas made the flow",
    "upload sent": "Sent the documents' links; no answer yet",
    "uploaded": "Atlas took the documents' links",
    "not sent": "Could not reach Atlas; nothing was sent",
    "refused": "Atlas refused",
    "init unknown": "Asked Atlas for a flow and lost the answer",
    "upload unknown": "Sent the documents' links and lost the answer",
}
CHANNELS = {"callback": "Atlas called us with results", "extracts": "We fetched the results"}
DELIVERY_OUTCOMES = {
    "waiting": "not worked on yet",
    "provisional": "taken for now, until our own fetch confirms it",
    "confirmed": "kept as a version that counts",
    "confirms": "the same as we already had, now confirmed",
    "contradicted": "our own fetch said otherwise; that counts instead",
    "late": "came too late to change anything",
    "orphan": "about a flow that we do not know",
    "mismatch": "about another flow than its path was made for",
    "dead letter": "could not be read",
}


def timeline_of(flow: FlowDetail) -> pd.DataFrame:
    """Everything that happened to a flow, in order: `at` (milliseconds), `what`, `exactly`."""
    rows: list[tuple[int, str, str]] = []
    for attempt in flow.attempts.to_dict("records"):
        number = f"Attempt {attempt['attempt_number']}"
        rows.append((attempt["started_at"], f"{number} began", f"for submission {attempt['submission_id']}"))
        if attempt["changed_at"] != attempt["started_at"]:
            state = ATTEMPT_STATES.get(attempt["state"], attempt["state"])
            rows.append((attempt["changed_at"], f"{number}: {state}", attempt["reason"] or ""))
    if flow.attempts.empty:
        rows.append((flow.created_at, "The flow was made", ""))
    for change in flow.status_changes.to_dict("records"):
        stage, status = theme.STAGES[change["stage"]].label, theme.status_look(change["status"]).label
        before = None if pd.isna(change["not_before_at"]) else int(change["not_before_at"])
        seen_at = int(change["seen_at"])
        if change["status"] != "NOT_STARTED":
            rows.append((seen_at, f"{stage}: {status.lower()}", interval_in_words(before, seen_at)))
    for delivery in flow.deliveries.to_dict("records"):
        channel = CHANNELS.get(delivery["channel"], delivery["channel"])
        rows.append((delivery["received_at"], channel, delivery_in_words(delivery)))
    rows += [
        (alarm["raised_at"], f"Alarm: {alarm['kind']}", alarm["sentence"])
        for alarm in flow.alarms.to_dict("records")
    ]
    rows.sort(key=lambda row: row[0])
    return pd.DataFrame(rows, columns=["at", "what", "exactly"])


def delivery_in_words(delivery: Mapping[Hashable, Any]) -> str:
    """What became of one arrival, and how often it came."""
    outcome = DELIVERY_OUTCOMES.get(delivery["outcome"], str(delivery["outcome"]))
    times = int(delivery["times_seen"])
    return outcome + (f"; it came {count_of(times, 'time')}" if times > 1 else "")


def stage_times(flow: FlowDetail) -> list[str]:
    """How long each finished stage took, as far as the looks can tell: `upload between 3 s and 8 s`."""
    said = []
    for stage in ("upload", "processing", "crosscheck"):
        changes = flow.status_changes[flow.status_changes["stage"] == stage]
        begun = changes[~changes["status"].isin(["NOT_STARTED"])].head(1)
        ended = changes[changes["status"].isin(["SUCCESS", "COMPLETED", "FAILED"])].tail(1)
        if begun.empty or ended.empty:
            continue
        first_seen, first_before = begun["seen_at"].iloc[0], begun["not_before_at"].iloc[0]
        last_seen, last_before = ended["seen_at"].iloc[0], ended["not_before_at"].iloc[0]
        longest = int(last_seen) - int(flow.created_at if pd.isna(first_before) else first_before)
        shortest = 0 if pd.isna(last_before) else max(0, int(last_before) - int(first_seen))
        name = theme.STAGES[stage].label.lower()
        said.append(f"{name} between {span_in_words(shortest)} and {span_in_words(longest)}")
    return said
