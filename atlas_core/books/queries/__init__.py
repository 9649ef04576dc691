"""Every select: one question, one function. Each takes the open `Books` first and changes nothing.

Times are milliseconds since 1970 UTC, similarities 0–100, confidences 0–1. All raise
errors of `BookError` only.
"""

from atlas_core.books.queries.atlas_calls import TokenLife, atlas_calls, atlas_states, token_life
from atlas_core.books.queries.attention import REASONS, alarms, attention, unknown_outcomes
from atlas_core.books.queries.exports import COLUMNS, Column, Kind, What, count_export_rows, export_rows
from atlas_core.books.queries.flow import FlowDetail, delivery_payload, flow_detail, links_kept
from atlas_core.books.queries.flows import (
    flows_per_outcome,
    running_flows,
    running_flows_total,
)
from atlas_core.books.queries.found import (
    flow_ids_needing,
    flow_ids_with_id,
    flow_ids_with_words,
    flow_rows,
    flows_since,
)
from atlas_core.books.queries.health import (
    Freshness,
    WorkerState,
    book_counts,
    freshness,
    worker_state,
)
from atlas_core.books.queries.submissions import (
    STATES,
    GroupProgress,
    applications_sent,
    group_progress,
    open_attempts,
    submissions,
)
from atlas_core.books.queries.views import SavedView, saved_views

__all__ = [
    "COLUMNS",
    "REASONS",
    "STATES",
    "Column",
    "FlowDetail",
    "Freshness",
    "GroupProgress",
    "Kind",
    "SavedView",
    "TokenLife",
    "What",
    "WorkerState",
    "alarms",
    "applications_sent",
    "atlas_calls",
    "atlas_states",
    "attention",
    "book_counts",
    "count_export_rows",
    "delivery_payload",
    "export_rows",
    "flow_detail",
    "flow_ids_needing",
    "flow_ids_with_id",
    "flow_ids_with_words",
    "flow_rows",
    "flows_per_outcome",
    "flows_since",
    "freshness",
    "group_progress",
    "links_kept",
    "open_attempts",
    "running_flows",
    "running_flows_total",
    "saved_views",
    "submissions",
    "token_life",
    "unknown_outcomes",
    "worker_state",
]
