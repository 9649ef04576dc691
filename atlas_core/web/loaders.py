"""Cached reads of both books, shared by all sessions.

A cached answer is keyed by the question, its arguments and the state of the books' files, so that a
commit of the worker or of the desk makes a new key. Nothing is kept on disk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pandas as pd
import streamlit as st

from atlas_core.books import queries
from atlas_core.books.columns import Columns, open_columns
from atlas_core.books.desk import Desk
from atlas_core.books.kept_books import KeptBooks
from atlas_core.books.queries import (
    FlowDetail,
    Freshness,
    GroupProgress,
    SavedView,
    WorkerState,
)
from atlas_core.books.queries.cases import checks_at, documents_at, flows_with_field, later_flows
from atlas_core.books.reading import Books, Record
from atlas_core.books.threshold_sets import InForce
from atlas_core.clock import now_ms
from atlas_core.errors import BookMissing
from atlas_core.insight.finding import FlowFilter, Found, Rules, find, what_needs_a_person
from atlas_core.insight.paging import Key, Sort
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
    return _desk_at(desk_settings().desk_book)


def reading() -> AbstractContextManager[Books]:
    """Both books as they are at this moment, for answers that must not be some seconds old."""
    settings = desk_settings()
    return _books_at(settings.atlas_book, settings.desk_book).reading()


@functools.lru_cache(maxsize=1)
def _desk_at(path: Path) -> Desk:
    return Desk(path)


@functools.lru_cache(maxsize=1)
def _books_at(atlas: Path, desk: Path) -> KeptBooks:
    return KeptBooks(atlas, desk)


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
    with reading() as books:
        return _question(books)


def ask(question: Callable[Concatenate[Books, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a question answers over the books as they are now, remembered while they stay so.

    Arguments must be hashable. Raises what the question raises.
    """
    # The version is taken before the question is asked: an answer may be newer than its key, never older.
    name = (question.__module__, question.__qualname__)
    key = (books_version(desk_settings()), name, args, tuple(kwargs.items()))
    return _answer(key, lambda books: question(books, *args, **kwargs))


def load_flows_per_outcome() -> pd.DataFrame:
    try:
        columns = load_columns()
    except BookMissing:
        return ask(queries.flows_per_outcome)
    return flows_per_outcome(columns)


def load_attention() -> pd.DataFrame:
    rules = Rules(load_thresholds(), overdue_ms(), this_second())
    try:
        columns = load_columns()
    except BookMissing:
        return ask(queries.attention, now=rules.now, overdue_ms=rules.overdue_ms)
    key = ("attention", columns.version, books_version(desk_settings()), rules)
    return _answer(key, lambda books: what_needs_a_person(books, columns, rules))


def load_thresholds() -> Thresholds:
    """The thresholds in force."""
    return load_in_force().thresholds


def load_in_force() -> InForce:
    """The set of thresholds in force: what was adopted last, or else the settings'."""
    return ask(queries.thresholds_now, desk_settings().thresholds)


def load_alarms() -> pd.DataFrame:
    return ask(queries.alarms)


def load_unknown_outcomes() -> pd.DataFrame:
    return ask(queries.unknown_outcomes)


def load_found(wanted: FlowFilter, sort: Sort, after: Key | None) -> Found:
    columns = load_columns()
    # Only these depend on the hour; without them the answer is good for longer.
    is_timely = wanted.attention is not None or sort == "longest"
    rules = Rules(load_thresholds(), overdue_ms(), this_second() if is_timely else 0)
    key = (columns.version, books_version(desk_settings()), wanted, sort, after, rules)
    return _answer(key, lambda books: find(books, columns, wanted, rules, sort=sort, after=after))


def load_flows_since(created_at: int) -> pd.DataFrame:
    """Up to `RECENT_AT_MOST` of the newest flows created then or later."""
    return ask(queries.flows_since, created_at, limit=RECENT_AT_MOST)


def load_saved_views(owner: str) -> list[SavedView]:
    return ask(queries.saved_views, owner)


def load_running_flows() -> pd.DataFrame:
    return ask(queries.running_flows, limit=RUNNING_AT_MOST)


def load_running_flows_total() -> int:
    return ask(queries.running_flows_total)


def load_open_attempts() -> pd.DataFrame:
    return ask(queries.open_attempts, limit=PER_PAGE)


def load_submissions(group_id: str | None = None, state: str | None = None) -> pd.DataFrame:
    return ask(queries.submissions, group_id, state=state, limit=PER_PAGE)


def load_group_progress(group_id: str) -> GroupProgress:
    return ask(queries.group_progress, group_id)


def load_applications_sent(application_ids: tuple[str, ...]) -> dict[str, int]:
    return ask(queries.applications_sent, application_ids)


def load_flow_detail(flow_uuid: str, version: int | None = None) -> FlowDetail | None:
    return ask(queries.flow_detail, flow_uuid, version)


def load_delivery_payload(delivery_id: int) -> str | None:
    return ask(queries.delivery_payload, delivery_id)


def load_columns() -> Columns:
    """The column mirror's newest version: the same object while nothing changed, so measures over it are
    remembered by themselves."""
    return open_columns(desk_settings().data_dir)


def load_checks_at(flow_ids: Sequence[int], ordinals: Sequence[int]) -> list[Record]:
    return ask(checks_at, numbers(flow_ids), numbers(ordinals))


def load_documents_at(flow_ids: Sequence[int], ordinals: Sequence[int]) -> pd.DataFrame:
    return ask(documents_at, numbers(flow_ids), numbers(ordinals))


def load_flow_rows(flow_ids: Sequence[int]) -> pd.DataFrame:
    return ask(queries.flow_rows, numbers(flow_ids))


def load_flows_with_field(flow_ids: Sequence[int], document_type: str, field_name: str) -> list[int]:
    return ask(flows_with_field, numbers(flow_ids), document_type, field_name)


def load_later_flows(flow_ids: Sequence[int]) -> list[tuple[int, int]]:
    return ask(later_flows, numbers(flow_ids))


def load_freshness() -> Freshness:
    return ask(queries.freshness)


def load_worker_state() -> dict[str, WorkerState]:
    return ask(queries.worker_state)


def numbers(ids: Sequence[int]) -> tuple[int, ...]:
    """Ids as an argument of `ask`."""
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
