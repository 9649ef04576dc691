"""Cached reads of both books, shared by all sessions.

A cached answer is keyed by the question, its arguments and the state of the books' files, so that a
commit of the worker or of the desk makes a new key. Nothing is kept on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
import streamlit as st

from atlas_core.books import queries
from atlas_core.books.columns import Columns, open_columns
from atlas_core.books.desk import Desk
from atlas_core.books.queries import (
    After,
    Arrival,
    ArrivalsPage,
    Edition,
    FlowDetail,
    Freshness,
    GroupProgress,
    ReplayPlan,
    SavedView,
    TokenLife,
    Wanted,
    WorkerState,
    Workload,
    links_kept,
    review_work,
    reviews,
    threshold_sets,
)
from atlas_core.books.queries.audit import audit_entries, audit_words
from atlas_core.books.queries.cases import checks_at, documents_at, flows_with_field, later_flows
from atlas_core.books.queries.reviews import judged_checks, judged_twice
from atlas_core.books.queries.threshold_sets import OutcomesMove
from atlas_core.books.reading import Books, open_books
from atlas_core.books.review_rules import ReviewRules
from atlas_core.books.threshold_sets import InForce
from atlas_core.clock import now_ms
from atlas_core.errors import BookMissing
from atlas_core.insight.case_view import values_of
from atlas_core.insight.finding import FlowFilter, Found, Rules, find, what_needs_a_person
from atlas_core.insight.paging import Key, Sort
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.review_work import PACE_DAYS, agreement_per_check, pace_per_person
from atlas_core.insight.today import flows_per_outcome
from atlas_core.settings import Settings, load_settings
from atlas_core.thresholds import Thresholds

PER_PAGE = 50
RUNNING_AT_MOST = 200
RECENT_AT_MOST = 500
KEPT_SECONDS = 5
"""Two commits within one tick of the file system's clock look alike; an answer is never older than this."""

P = ParamSpec("P")
T = TypeVar("T")
Version = tuple[tuple[str, int, int, int], ...]


@functools.cache
def desk_settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()


def desk() -> Desk:
    """The desk book, for what a person asks for on a page."""
    return Desk(desk_settings().desk_book)


@contextmanager
def reading() -> Iterator[Books]:
    """Both books as they are at this moment, for answers that must not be some seconds old."""
    settings = desk_settings()
    with open_books(settings.atlas_book, settings.desk_book) as books:
        yield books


def books_version(settings: Settings) -> Version:
    """Changes whenever something was committed to either book."""
    files = (settings.atlas_book, settings.atlas_book.with_name("atlas.db-wal"), settings.desk_book)
    return tuple(_state_of(path) for path in files)


def _state_of(path: Path) -> tuple[str, int, int, int]:
    try:
        state = path.stat()
    except FileNotFoundError:
        return str(path), 0, 0, 0
    return str(path), state.st_ino, state.st_mtime_ns, state.st_size


@st.cache_data(ttl=KEPT_SECONDS, max_entries=512, max_size="128MB", show_spinner=False)
def _answer(
    key: tuple[object, ...],  # noqa: ARG001 -- what the answer is kept under
    _question: Callable[[Books], T],
) -> T:
    settings = desk_settings()
    with open_books(settings.atlas_book, settings.desk_book) as books:
        return _question(books)


def _ask(question: Callable[Concatenate[Books, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    # The version is taken before the question is asked: an answer may be newer than its key, never older.
    key = (books_version(desk_settings()), question.__name__, args, tuple(kwargs.items()))
    return _answer(key, lambda books: question(books, *args, **kwargs))


def load_flows_per_outcome() -> pd.DataFrame:
    try:
        columns = load_columns()
    except BookMissing:
        return _ask(queries.flows_per_outcome)
    return flows_per_outcome(columns)


def load_attention() -> pd.DataFrame:
    rules = Rules(load_thresholds(), overdue_ms(), this_second())
    try:
        columns = load_columns()
    except BookMissing:
        return _ask(queries.attention, now=rules.now, overdue_ms=rules.overdue_ms)
    key = ("attention", columns.version, books_version(desk_settings()), rules)
    return _answer(key, lambda books: what_needs_a_person(books, columns, rules))


def load_thresholds() -> Thresholds:
    """The thresholds in force."""
    return load_in_force().thresholds


def load_in_force() -> InForce:
    """The set of thresholds in force: what was adopted last, or else the settings'."""
    return _ask(queries.thresholds_now, desk_settings().thresholds)


def load_audit_entries(
    who: str | None, action: str | None, subject: str | None, before_id: int | None, limit: int
) -> pd.DataFrame:
    return _ask(audit_entries, who=who, action=action, subject=subject, before_id=before_id, limit=limit)


def load_audit_words(column: str) -> list[str]:
    return _ask(audit_words, column)


def load_threshold_sets() -> pd.DataFrame:
    return _ask(threshold_sets.threshold_sets)


def load_adoptions() -> pd.DataFrame:
    return _ask(threshold_sets.adoptions)


def load_outcomes_move() -> OutcomesMove:
    return _ask(threshold_sets.outcomes_move)


def load_flows_moved(adoption_id: int) -> tuple[list[int], list[int]]:
    return _ask(threshold_sets.flows_moved, adoption_id)


def load_standing_decisions() -> pd.DataFrame:
    return _ask(threshold_sets.standing_decisions)


def load_decisions_reverted() -> tuple[int, int]:
    return _ask(threshold_sets.decisions_reverted)


def load_judged_checks() -> pd.DataFrame:
    return _ask(judged_checks)


def load_judged_twice() -> pd.DataFrame:
    return _ask(judged_twice)


def load_alarms() -> pd.DataFrame:
    return _ask(queries.alarms)


def load_unknown_outcomes() -> pd.DataFrame:
    return _ask(queries.unknown_outcomes)


def load_found(wanted: FlowFilter, sort: Sort, after: Key | None) -> Found:
    columns = load_columns()
    # Only these depend on the hour; without them the answer is good for longer.
    is_timely = wanted.attention is not None or sort == "longest"
    rules = Rules(load_thresholds(), overdue_ms(), this_second() if is_timely else 0)
    key = (columns.version, books_version(desk_settings()), wanted, sort, after, rules)
    return _answer(key, lambda books: find(books, columns, wanted, rules, sort=sort, after=after))


def load_flows_since(created_at: int) -> pd.DataFrame:
    """Up to `RECENT_AT_MOST` of the newest flows created then or later."""
    return _ask(queries.flows_since, created_at, limit=RECENT_AT_MOST)


def load_saved_views(owner: str) -> list[SavedView]:
    return _ask(queries.saved_views, owner)


def load_running_flows() -> pd.DataFrame:
    return _ask(queries.running_flows, limit=RUNNING_AT_MOST)


def load_running_flows_total() -> int:
    return _ask(queries.running_flows_total)


def load_open_attempts() -> pd.DataFrame:
    return _ask(queries.open_attempts, limit=PER_PAGE)


def load_submissions(group_id: str | None = None, state: str | None = None) -> pd.DataFrame:
    return _ask(queries.submissions, group_id, state=state, limit=PER_PAGE)


def load_group_progress(group_id: str) -> GroupProgress:
    return _ask(queries.group_progress, group_id)


def load_applications_sent(application_ids: tuple[str, ...]) -> dict[str, int]:
    return _ask(queries.applications_sent, application_ids)


def load_flow_detail(flow_uuid: str, version: int | None = None) -> FlowDetail | None:
    return _ask(queries.flow_detail, flow_uuid, version)


def load_links(flow_uuid: str) -> pd.DataFrame:
    """The documents' addresses that still work; never cached, for they are secrets."""
    with reading() as books:
        return links_kept(books, flow_uuid, now=now_ms())


def load_earlier_verdicts(check: Mapping[str, Any], dealer: str | None, but_of: str) -> pd.DataFrame:
    """What people found before of the two values of a cross-check, or of the same check at this dealer's."""
    values = values_of(check)
    return _ask(reviews.earlier_verdicts, values, name=str(check["name"]), dealer=dealer, but_of=but_of)


def load_reviewers() -> list[str]:
    """Everybody who reviewed in the last 30 days."""
    return _ask(review_work.reviewers, since=now_ms() // DAY_MS * DAY_MS - 30 * DAY_MS)


def load_claims() -> pd.DataFrame:
    return _ask(reviews.claims_now, now=this_second())


def load_assignments() -> pd.DataFrame:
    return _ask(review_work.assignments_now)


def load_pace() -> pd.DataFrame:
    """Who decided how many cases; columns as of `pace_per_person`."""
    now = this_second()
    return pace_per_person(_ask(reviews.decisions_made, decided_from=now - PACE_DAYS * DAY_MS), now=now)


def load_agreement() -> pd.DataFrame:
    """How far people agree; columns as of `agreement_per_check`."""
    return agreement_per_check(load_judged_twice())


def load_review_rules() -> ReviewRules:
    return _ask(reviews.rules_now)


def load_delivery_payload(delivery_id: int) -> str | None:
    return _ask(queries.delivery_payload, delivery_id)


def load_columns() -> Columns:
    """The column mirror's newest version: the same object while nothing changed, so measures over it are
    remembered by themselves."""
    return open_columns(desk_settings().data_dir)


def load_checks_at(flow_ids: Sequence[int], ordinals: Sequence[int]) -> pd.DataFrame:
    return _ask(checks_at, _numbers(flow_ids), _numbers(ordinals))


def load_documents_at(flow_ids: Sequence[int], ordinals: Sequence[int]) -> pd.DataFrame:
    return _ask(documents_at, _numbers(flow_ids), _numbers(ordinals))


def load_flow_rows(flow_ids: Sequence[int]) -> pd.DataFrame:
    return _ask(queries.flow_rows, _numbers(flow_ids))


def load_flows_with_field(flow_ids: Sequence[int], document_type: str, field_name: str) -> list[int]:
    return _ask(flows_with_field, _numbers(flow_ids), document_type, field_name)


def load_later_flows(flow_ids: Sequence[int]) -> list[tuple[int, int]]:
    return _ask(later_flows, _numbers(flow_ids))


def load_freshness() -> Freshness:
    return _ask(queries.freshness)


def load_current_alerts() -> pd.DataFrame:
    return _ask(queries.current_alerts)


def load_alerts_history(before_id: int | None = None) -> pd.DataFrame:
    return _ask(queries.alerts_history, before_id=before_id, limit=PER_PAGE)


def load_worker_state() -> dict[str, WorkerState]:
    return _ask(queries.worker_state)


def load_workload() -> Workload:
    return _ask(queries.workload)


def load_editions() -> dict[str, Edition]:
    return _ask(queries.editions)


def load_arrivals_page(wanted: Wanted, after: After | None) -> ArrivalsPage:
    return _ask(queries.arrivals_page, wanted, after=after, limit=PER_PAGE)


def load_arrivals_total(wanted: Wanted) -> int:
    return _ask(queries.arrivals_total, wanted)


def load_arrivals_per_choice(wanted: Wanted) -> tuple[dict[str, int], dict[str, int]]:
    return _ask(queries.arrivals_per_choice, wanted)


def load_arrival(delivery_id: int) -> Arrival | None:
    return _ask(queries.arrival, delivery_id)


def load_deliveries_to_replay(wanted: Wanted) -> list[int]:
    return _ask(queries.deliveries_to_replay, wanted)


def load_replay_plan(delivery_ids: Sequence[int]) -> ReplayPlan:
    return _ask(queries.replay_plan, _numbers(delivery_ids))


def load_replays() -> pd.DataFrame:
    return _ask(queries.replays, limit=PER_PAGE)


def load_dead_letters(
    *, with_dismissed: bool, before_id: int | None = None, limit: int = PER_PAGE
) -> pd.DataFrame:
    return _ask(queries.dead_letters, with_dismissed=with_dismissed, before_id=before_id, limit=limit)


def load_cases(reason: str) -> int:
    """How many cases of one reason need a person."""
    found = _ask(queries.attention, now=this_minute(), overdue_ms=overdue_ms(), reasons=(reason,))
    return int(found["flows"].sum())


def load_is_flow(text: str) -> bool:
    return _ask(queries.is_flow, text)


def load_first_arrivals(since: int) -> pd.DataFrame:
    return _ask(queries.first_arrivals, since=since, now=this_minute())


def load_flow_ids_needing(reason: str) -> list[int]:
    found = _ask(queries.flow_ids_needing, reason, now=this_minute(), overdue_ms=overdue_ms())
    return [int(flow_id) for flow_id in found]


def load_atlas_calls(since: int, until: int, step_ms: int | None = None) -> pd.DataFrame:
    return _ask(queries.atlas_calls, since=since, until=until, step_ms=step_ms)


def load_atlas_states(since: int) -> pd.DataFrame:
    return _ask(queries.atlas_states, since=since)


def load_token_life() -> TokenLife | None:
    return _ask(queries.token_life)


def _numbers(ids: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(one) for one in ids)


def overdue_ms() -> int:
    """The age from which a running flow is overdue."""
    return int(desk_settings().overdue_minutes * 60_000)


def this_minute() -> int:
    """The end of this minute: milliseconds since 1970, UTC. What is asked up to it is good for a minute."""
    return (now_ms() // 60_000 + 1) * 60_000


def this_second() -> int:
    """Now, to the second: milliseconds since 1970, UTC."""
    return now_ms() // 1000 * 1000
