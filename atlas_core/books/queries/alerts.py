"""What is alerted now, what was, what whoever listens was not told, and the facts that rules need."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from atlas_core.books.queries.attention import CASES, times
from atlas_core.books.queries.health import WorkerState, worker_state
from atlas_core.books.reading import Books

DAY_MS = 24 * 3600 * 1000
NEWEST_ENDED = 100
CASES_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """Cases of one kind: the ids of the oldest, at most 200, and how many there are."""

    ids: tuple[str, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What the books say of themselves at one moment.

    `ended` are the newest flows that have ended within a day, at most 100, and `failed` those of them that
    failed. `fetched` are flows that this desk sent and Atlas ended within a day, `uncalled` those of them
    about which it never called and which nobody dismissed. `states` as in `worker_state`.
    """

    now: int
    stuck: Found
    dead_letters: Found
    ended: int
    failed: int
    fetched: int
    uncalled: int
    states: dict[str, WorkerState]


def alert_facts(books: Books, *, now: int, overdue_ms: int) -> AlertFacts:
    """Reads what the rules need, without reading all flows."""
    given = {**times(now, overdue_ms), "day_ago": now - DAY_MS, "at_most": CASES_AT_MOST}
    with books.snapshot():
        # The newest by their beginning: there is no index over the ends, and both are close.
        ended, failed = books.rows(
            """
            SELECT count(*), coalesce(sum(outcome = 'failed'), 0) FROM (
              SELECT outcome FROM flows INDEXED BY flows_newest
              WHERE created_at >= :day_ago AND ended_at IS NOT NULL
              ORDER BY created_at DESC, flow_id DESC LIMIT :newest)
            """,
            {**given, "newest": NEWEST_ENDED},
        )[0]
        fetched = books.rows(
            """
            SELECT count(*) FROM flows f INDEXED BY flows_newest
            WHERE f.created_at >= :day_ago AND f.confirmed_at IS NOT NULL AND f.ended_at <= :callback_before
              AND EXISTS (SELECT 1 FROM attempts a WHERE a.flow_id = f.flow_id AND a.state = 'uploaded')
            """,
            given,
        )[0][0]
        uncalled = books.rows(
            f"""
            SELECT count(*) FROM flows n INDEXED BY flows_newest
            CROSS JOIN ({CASES["callback missing"]}) c ON c.flow_id = n.flow_id
            WHERE n.created_at >= :day_ago
            """,  # noqa: S608
            given,
        )[0][0]
        stuck = _found(
            books,
            f"""
            SELECT f.flow_uuid, count(*) OVER () FROM ({CASES["overdue"]}) c
            JOIN flows f ON f.flow_id = c.flow_id ORDER BY c.since, f.flow_id LIMIT :at_most
            """,  # noqa: S608
            given,
        )
        letters = _found(
            books,
            f"""
            SELECT CAST(c.delivery_id AS TEXT), count(*) OVER () FROM ({CASES["dead letter"]}) c
            ORDER BY c.delivery_id LIMIT :at_most
            """,  # noqa: S608
            given,
        )
        return AlertFacts(now, stuck, letters, ended, failed, fetched, uncalled, worker_state(books))


def current_alerts(books: Books) -> pd.DataFrame:
    """What is alerted now, the newest first.

    Columns: alert_id, rule, subject (a flow_uuid, delivery_id or book; empty where the rule has one case),
    words, cases (how many it stands for), raised_at, told_at (when the webhook took it; None: not yet, or
    there is none).
    """
    return books.frame(
        """
        SELECT alert_id, rule, subject, words, cases, raised_at, told_at
        FROM alerts WHERE cleared_at IS NULL ORDER BY raised_at DESC, alert_id DESC
        """
    )


def alerts_history(books: Books, *, before_id: int | None = None, limit: int = 50) -> pd.DataFrame:
    """Every alert of a year, the newest first; of those before alert `before_id`.

    Columns: as `current_alerts`, and cleared_at (None: it lasts).
    """
    return books.frame(
        """
        SELECT alert_id, rule, subject, words, cases, raised_at, told_at, cleared_at
        FROM alerts WHERE ?1 IS NULL OR alert_id < ?1 ORDER BY alert_id DESC LIMIT ?2
        """,
        [before_id, limit],
    )


def alerts_per_rule(books: Books) -> dict[str, int]:
    """How many cases each rule alerts about now; rules without any are not among them."""
    rows = books.rows("SELECT rule, sum(cases) FROM alerts WHERE cleared_at IS NULL GROUP BY rule")
    return {rule: int(cases) for rule, cases in rows}


def untold_alerts(books: Books) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What whoever listens has not been told: alerts that last, and the end of those they were told of.

    Columns of both, oldest first: alert_id, rule, subject, words, cases, raised_at. What was over before it
    could be told is in neither.
    """
    columns = "alert_id, rule, subject, words, cases, raised_at"
    raised = f"SELECT {columns} FROM alerts WHERE cleared_at IS NULL AND told_at IS NULL"  # noqa: S608
    ended = f"""
        SELECT {columns} FROM alerts
        WHERE told_at IS NOT NULL AND cleared_at IS NOT NULL AND told_cleared_at IS NULL
    """  # noqa: S608
    return books.frame(f"{raised} ORDER BY alert_id"), books.frame(f"{ended} ORDER BY alert_id")


def _found(books: Books, sql: str, given: dict[str, int]) -> Found:
    rows = books.rows(sql, given)
    return Found(tuple(row[0] for row in rows), int(rows[0][1]) if rows else 0)
