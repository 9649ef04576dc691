"""Every select: one question, one function. Each takes the open `Books` first and changes nothing.

Times are milliseconds since 1970 UTC, similarities 0–100, confidences 0–1. All raise
errors of `BookError` only.
"""

from atlas_core.books.queries.alerts import (
    AlertFacts,
    Found,
    alert_facts,
    alerts_history,
    alerts_per_rule,
    current_alerts,
    untold_alerts,
)
from atlas_core.books.queries.arrivals import (
    Arrival,
    arrival,
    arrivals_per_choice,
    first_arrivals,
    is_flow,
)
from atlas_core.books.queries.atlas_calls import TokenLife, atlas_calls, atlas_states, token_life
from atlas_core.books.queries.attention import (
    REASONS,
    alarms,
    attention,
    missing_callbacks,
    unknown_outcomes,
)
from atlas_core.books.queries.erasures import find_case
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
    Edition,
    Freshness,
    WorkerState,
    Workload,
    book_counts,
    editions,
    freshness,
    worker_state,
    workload,
)
from atlas_core.books.queries.ledger import (
    ARRIVAL_OUTCOMES,
    CHANNELS,
    After,
    ArrivalsPage,
    Wanted,
    arrivals_page,
    arrivals_per_outcome,
    arrivals_total,
    auth_calls_per_hour,
    deliveries_to_replay,
    refusals_per_hour,
)
from atlas_core.books.queries.replays import (
    ReplayPlan,
    dead_letters,
    dismissals,
    replay_outcomes,
    replay_plan,
    replays,
)
from atlas_core.books.queries.submissions import (
    STATES,
    GroupProgress,
    applications_sent,
    group_progress,
    open_attempts,
    submissions,
)
from atlas_core.books.queries.threshold_sets import thresholds_now
from atlas_core.books.queries.views import SavedView, saved_views

__all__ = [
    "ARRIVAL_OUTCOMES",
    "CHANNELS",
    "COLUMNS",
    "REASONS",
    "STATES",
    "After",
    "AlertFacts",
    "Arrival",
    "ArrivalsPage",
    "Column",
    "Edition",
    "FlowDetail",
    "Found",
    "Freshness",
    "GroupProgress",
    "Kind",
    "ReplayPlan",
    "SavedView",
    "TokenLife",
    "Wanted",
    "What",
    "WorkerState",
    "Workload",
    "alarms",
    "alert_facts",
    "alerts_history",
    "alerts_per_rule",
    "applications_sent",
    "arrival",
    "arrivals_page",
    "arrivals_per_choice",
    "arrivals_per_outcome",
    "arrivals_total",
    "atlas_calls",
    "atlas_states",
    "attention",
    "auth_calls_per_hour",
    "book_counts",
    "count_export_rows",
    "current_alerts",
    "dead_letters",
    "deliveries_to_replay",
    "delivery_payload",
    "dismissals",
    "editions",
    "export_rows",
    "find_case",
    "first_arrivals",
    "flow_detail",
    "flow_ids_needing",
    "flow_ids_with_id",
    "flow_ids_with_words",
    "flow_rows",
    "flows_per_outcome",
    "flows_since",
    "freshness",
    "group_progress",
    "is_flow",
    "links_kept",
    "missing_callbacks",
    "open_attempts",
    "refusals_per_hour",
    "replay_outcomes",
    "replay_plan",
    "replays",
    "running_flows",
    "running_flows_total",
    "saved_views",
    "submissions",
    "thresholds_now",
    "token_life",
    "unknown_outcomes",
    "untold_alerts",
    "worker_state",
    "workload",
]
