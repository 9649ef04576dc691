"""One arrival of the ledger, how many there are of each kind, and what came first: callback or fetch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from atlas_core.books.queries.attention import CALLBACK_EXPECTED_MS, CALLBACK_WAS_DUE
from atlas_core.books.queries.ledger import ARRIVAL_OUTCOMES, CHANNELS, Wanted, arrivals_total
from atlas_core.books.reading import Books

DAY_MS = 86_400_000
_TENTH_MS = 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery: its facts, and whose it is (None where that is not known).

    `claimed_flow_uuid` is the flow that a callback itself names. `has_payload`: its masked text is kept, by
    itself or by an earlier arrival of the same. `version` is the version of the flow's results that it made.
    `replay_came` and `replayed_at` tell of its newest replay; the three of a dismissal are None where it was
    not set aside, or came again since.
    """

    delivery_id: int
    channel: str
    received_at: int
    last_seen_at: int
    times_seen: int
    size: int
    digest: str
    outcome: str
    reason: str | None
    flow_uuid: str | None
    application_id: str | None
    claimed_flow_uuid: str | None
    version: int | None
    has_payload: bool
    replay_came: str | None
    replayed_at: int | None
    dismissed_by: str | None
    dismissed_at: int | None
    dismissed_because: str | None


def arrival(books: Books, delivery_id: int) -> Arrival | None:
    """One delivery; None where there is none with this number."""
    rows = books.rows(
        """
        SELECT d.delivery_id, d.channel, d.received_at, d.last_seen_at, d.times_seen, d.size, d.digest,
               d.outcome, d.reason,
               coalesce(f.flow_uuid, o.flow_uuid) AS flow_uuid,
               coalesce(f.application_id, a.application_id) AS application_id, d.claimed_flow_uuid,
               (SELECT min(version) FROM results r
                WHERE r.flow_id = d.flow_id AND r.delivery_id = d.delivery_id) AS version,
               d.body IS NOT NULL OR EXISTS (
                 SELECT 1 FROM deliveries e
                 WHERE e.flow_id = d.flow_id AND e.digest = d.digest AND e.body IS NOT NULL) AS has_payload,
               (SELECT came FROM replay_outcomes r WHERE r.delivery_id = d.delivery_id
                ORDER BY r.replayed_at DESC, r.replay_id DESC LIMIT 1) AS replay_came,
               (SELECT max(replayed_at) FROM replay_outcomes r
                WHERE r.delivery_id = d.delivery_id) AS replayed_at,
               x.dismissed_by, x.dismissed_at, x.reason AS dismissed_because
        FROM deliveries d
        LEFT JOIN flows f ON f.flow_id = d.flow_id
        LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
        LEFT JOIN flows o ON o.flow_id = a.flow_id
        LEFT JOIN desk.dismissals x ON x.kind = 'dead letter' AND d.outcome = 'dead letter'
          AND x.subject = CAST(d.delivery_id AS TEXT) AND x.dismissed_at >= d.last_seen_at
        WHERE d.delivery_id = ?
        """,
        [delivery_id],
    )
    if not rows:
        return None
    found = dict(rows[0])
    return Arrival(**{**found, "has_payload": bool(found["has_payload"])})


def is_flow(books: Books, text: str) -> bool:
    """Whether there is a flow with exactly this id."""
    known = text.encode("utf-8", "replace").decode("utf-8")
    return bool(books.rows("SELECT 1 FROM flows WHERE flow_uuid = ?", [known]))


def arrivals_per_choice(books: Books, wanted: Wanted) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows of the ledger would be left for each channel and for each outcome, were it chosen instead
    of the one that is wanted. A choice that leaves nothing is left out."""
    with books.snapshot():
        channels = {name: arrivals_total(books, replace(wanted, channel=name)) for name in CHANNELS}
        outcomes = {name: arrivals_total(books, replace(wanted, outcome=name)) for name in ARRIVAL_OUTCOMES}
    return (
        {name: total for name, total in channels.items() if total},
        {name: total for name, total in outcomes.items() if total},
    )


def first_arrivals(books: Books, *, since: int, now: int) -> pd.DataFrame:
    """What brought the results of this desk's flows first, of those begun since that moment.

    A callback counts from its arrival, a fetch from its answer. A flow that ended less than ten minutes ago
    and was not called about yet is left out: its callback may still come.
    Columns: day_at (the beginning of the flow's UTC day), first (`callback`, `fetch`; `unreadable`: only
    callbacks that could not be used came, so the fetch brought all; `no callback`), late_ms (how much later
    the other one came, in whole tenths of a second; missing where it did not come), flows.
    """
    found = books.frame(
        f"""
        WITH came AS (
          SELECT f.flow_id, f.created_at, f.ended_at,
                 min(CASE d.channel WHEN 'callback' THEN d.received_at END) AS called_at,
                 min(CASE d.channel WHEN 'extracts' THEN d.received_at END) AS fetched_at
          FROM flows f INDEXED BY flows_newest CROSS JOIN deliveries d ON d.flow_id = f.flow_id
          WHERE f.created_at >= :since AND EXISTS (SELECT 1 FROM attempts a WHERE a.flow_id = f.flow_id)
          GROUP BY f.flow_id
        ), told AS (
          SELECT f.created_at / :day * :day AS day_at,
            CASE
              WHEN called_at IS NOT NULL AND (fetched_at IS NULL OR called_at <= fetched_at) THEN 'callback'
              WHEN called_at IS NOT NULL THEN 'fetch'
              WHEN EXISTS (SELECT 1 FROM attempts b JOIN deliveries d
                           ON d.attempt_id = b.attempt_id AND d.channel = 'callback'
                           WHERE b.flow_id = f.flow_id) THEN 'unreadable'
              WHEN f.ended_at <= :callback_before AND EXISTS (
                SELECT 1 FROM attempts a WHERE a.flow_id = f.flow_id AND {CALLBACK_WAS_DUE})
              THEN 'no callback' END AS first,
            abs(called_at - fetched_at) / :tenth * :tenth AS late_ms
          FROM came f
        )
        SELECT day_at, first, late_ms, count(*) AS flows FROM told WHERE first IS NOT NULL
        GROUP BY day_at, first, late_ms ORDER BY day_at, first, late_ms
        """,  # noqa: S608
        {
            "day": DAY_MS,
            "tenth": _TENTH_MS,
            "since": since,
            "callback_before": now - CALLBACK_EXPECTED_MS,
            "callback_ms": CALLBACK_EXPECTED_MS,
        },
    )
    return found.astype({"late_ms": "Int64"})
