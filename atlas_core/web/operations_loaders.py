"""Cached reads for Operations and Audit; see loaders.py."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from atlas_core.books import queries
from atlas_core.books.queries import (
    After,
    Arrival,
    ArrivalsPage,
    Edition,
    ReplayPlan,
    TokenLife,
    Wanted,
    Workload,
)
from atlas_core.books.queries.audit import audit_entries, audit_words
from atlas_core.web import loaders


def load_current_alerts() -> pd.DataFrame:
    return loaders.ask(queries.current_alerts)


def load_alerts_history(before_id: int | None = None) -> pd.DataFrame:
    return loaders.ask(queries.alerts_history, before_id=before_id, limit=loaders.PER_PAGE)


def load_workload() -> Workload:
    return loaders.ask(queries.workload)


def load_editions() -> dict[str, Edition]:
    return loaders.ask(queries.editions)


def load_arrivals_page(wanted: Wanted, after: After | None) -> ArrivalsPage:
    return loaders.ask(queries.arrivals_page, wanted, after=after, limit=loaders.PER_PAGE)


def load_arrivals_total(wanted: Wanted) -> int:
    return loaders.ask(queries.arrivals_total, wanted)


def load_arrivals_per_choice(wanted: Wanted) -> tuple[dict[str, int], dict[str, int]]:
    return loaders.ask(queries.arrivals_per_choice, wanted)


def load_arrival(delivery_id: int) -> Arrival | None:
    return loaders.ask(queries.arrival, delivery_id)


def load_deliveries_to_replay(wanted: Wanted) -> list[int]:
    return loaders.ask(queries.deliveries_to_replay, wanted)


def load_replay_plan(delivery_ids: Sequence[int]) -> ReplayPlan:
    return loaders.ask(queries.replay_plan, loaders.numbers(delivery_ids))


def load_replays() -> pd.DataFrame:
    return loaders.ask(queries.replays, limit=loaders.PER_PAGE)


def load_dead_letters(
    *, with_dismissed: bool, before_id: int | None = None, limit: int = loaders.PER_PAGE
) -> pd.DataFrame:
    return loaders.ask(queries.dead_letters, with_dismissed=with_dismissed, before_id=before_id, limit=limit)


def load_cases(reason: str) -> int:
    """How many cases of one reason need a person."""
    found = loaders.ask(
        queries.attention, now=loaders.this_minute(), overdue_ms=loaders.overdue_ms(), reasons=(reason,)
    )
    return int(found["flows"].sum())


def load_is_flow(text: str) -> bool:
    return loaders.ask(queries.is_flow, text)


def load_first_arrivals(since: int) -> pd.DataFrame:
    return loaders.ask(queries.first_arrivals, since=since, now=loaders.this_minute())


def load_flow_ids_needing(reason: str) -> list[int]:
    found = loaders.ask(
        queries.flow_ids_needing, reason, now=loaders.this_minute(), overdue_ms=loaders.overdue_ms()
    )
    return [int(flow_id) for flow_id in found]


def load_atlas_calls(since: int, until: int, step_ms: int | None = None) -> pd.DataFrame:
    return loaders.ask(queries.atlas_calls, since=since, until=until, step_ms=step_ms)


def load_atlas_states(since: int) -> pd.DataFrame:
    return loaders.ask(queries.atlas_states, since=since)


def load_token_life() -> TokenLife | None:
    return loaders.ask(queries.token_life)


def load_audit_entries(
    who: str | None, action: str | None, subject: str | None, before_id: int | None, limit: int
) -> pd.DataFrame:
    return loaders.ask(
        audit_entries, who=who, action=action, subject=subject, before_id=before_id, limit=limit
    )


def load_audit_words(column: str) -> list[str]:
    return loaders.ask(audit_words, column)
