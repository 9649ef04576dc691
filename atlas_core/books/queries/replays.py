"""What can be read again, what people wanted read again and what became of it, and what they set aside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.reading import Books


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What a replay of some deliveries would touch: each of them is counted once.

    `readable_letters` are dead letters whose masked content is kept: these are read again. Of
    `unkept_letters` there is only a digest: their flows are fetched from Atlas instead. `taken_up` stay as
    they are, whatever became of them; `missing` are not in the book. `flows` are those that could change.
    """

    readable_letters: int
    unkept_letters: int
    taken_up: int
    missing: int
    flows: int


def replay_plan(books: Books, delivery_ids: Iterable[int]) -> ReplayPlan:
    """Counts beforehand what a replay of these deliveries would touch."""
    wanted = sorted({int(delivery_id) for delivery_id in delivery_ids})
    row = books.rows(
        """
        WITH wanted AS (
          SELECT d.outcome = 'dead letter' AS is_dead, coalesce(d.flow_id, a.flow_id) AS flow_id,
                 d.body IS NOT NULL OR EXISTS (
                   SELECT 1 FROM deliveries o WHERE o.flow_id = d.flow_id AND o.digest = d.digest
                   AND o.body IS NOT NULL) AS is_kept
          FROM json_each(?) w JOIN deliveries d ON d.delivery_id = w.value
          LEFT JOIN attempts a ON a.attempt_id = d.attempt_id)
        SELECT coalesce(sum(is_dead AND is_kept), 0), coalesce(sum(is_dead AND NOT is_kept), 0),
               coalesce(sum(NOT is_dead), 0), count(*), count(DISTINCT iif(is_dead, flow_id, NULL))
        FROM wanted
        """,
        [json.dumps(wanted)],
    )[0]
    return ReplayPlan(row[0], row[1], row[2], len(wanted) - row[3], row[4])


def replays(books: Books, *, limit: int = 50) -> pd.DataFrame:
    """What people wanted read again, newest first.

    Columns: replay_id, asked_by, asked_at, reason, state ('wanted' until every delivery was read again, then
    'done'), done_at, deliveries, and how many of them came to what so far: taken_up, nothing_changed,
    still_unreadable, not_kept (fetched from Atlas instead), not_there.
    """
    return books.frame(
        """
        SELECT r.replay_id, r.asked_by, r.asked_at, r.reason, r.state, r.done_at,
               (SELECT count(*) FROM desk.replay_deliveries d WHERE d.replay_id = r.replay_id) AS deliveries,
               sum(o.came IS 'taken up') AS taken_up,
               sum(o.came IS 'nothing changed') AS nothing_changed,
               sum(o.came IS 'still unreadable') AS still_unreadable,
               sum(o.came IS 'not kept') AS not_kept, sum(o.came IS 'not there') AS not_there
        FROM (SELECT * FROM desk.replays ORDER BY replay_id DESC LIMIT ?) r
        LEFT JOIN replay_outcomes o ON o.replay_id = r.replay_id
        GROUP BY r.replay_id ORDER BY r.replay_id DESC
        """,
        [limit],
    )


def replay_outcomes(books: Books, replay_id: int, *, limit: int = 500) -> pd.DataFrame:
    """Every delivery of one replay, in order.

    Columns: delivery_id, received_at, flow_uuid, came (None while it waits, else 'taken up', 'nothing
    changed', 'still unreadable', 'not kept' or 'not there'), outcome (the delivery's, after it), replayed_at,
    reason (why it is a dead letter now; None where it is none).
    """
    return books.frame(
        """
        SELECT w.delivery_id, d.received_at, f.flow_uuid, o.came, o.outcome, o.replayed_at, d.reason
        FROM desk.replay_deliveries w
        LEFT JOIN replay_outcomes o ON o.replay_id = w.replay_id AND o.delivery_id = w.delivery_id
        LEFT JOIN deliveries d ON d.delivery_id = w.delivery_id
        LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
        LEFT JOIN flows f ON f.flow_id = coalesce(d.flow_id, a.flow_id)
        WHERE w.replay_id = ? ORDER BY w.delivery_id LIMIT ?
        """,
        [replay_id, limit],
    )


def dead_letters(
    books: Books, *, with_dismissed: bool = False, before_id: int | None = None, limit: int = 50
) -> pd.DataFrame:
    """Callbacks that could not be read or taken up, newest first; of those before delivery `before_id`.

    Columns: delivery_id, received_at, last_seen_at, times_seen, size, digest, reason (with the place in the
    payload), flow_uuid and application_id (whose address it came to), is_kept (whether its masked content is
    kept, so that a replay can read it), replay_came and replayed_at (of the newest replay; None without),
    dismissed_by and dismissed_at (None, or set aside before it came again), subject (to dismiss it by).
    """
    return books.frame(
        """
        SELECT d.delivery_id, d.received_at, d.last_seen_at, d.times_seen, d.size, d.digest, d.reason,
               f.flow_uuid, coalesce(f.application_id, a.application_id) AS application_id,
               d.body IS NOT NULL OR EXISTS (
                 SELECT 1 FROM deliveries o WHERE o.flow_id = d.flow_id AND o.digest = d.digest
                 AND o.body IS NOT NULL) AS is_kept,
               (SELECT came FROM replay_outcomes o WHERE o.delivery_id = d.delivery_id
                ORDER BY replayed_at DESC, replay_id DESC LIMIT 1) AS replay_came,
               (SELECT max(replayed_at) FROM replay_outcomes o WHERE o.delivery_id = d.delivery_id)
                 AS replayed_at,
               x.dismissed_by, x.dismissed_at, CAST(d.delivery_id AS TEXT) AS subject
        FROM deliveries d
        LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
        LEFT JOIN flows f ON f.flow_id = coalesce(d.flow_id, a.flow_id)
        LEFT JOIN desk.dismissals x
          ON x.kind = 'dead letter' AND x.subject = CAST(d.delivery_id AS TEXT)
        WHERE d.channel || ' ' || d.outcome = 'callback dead letter'
          AND (:with_dismissed OR x.dismissed_at IS NULL OR x.dismissed_at < d.last_seen_at)
          AND (:before_id IS NULL OR d.delivery_id < :before_id)
        ORDER BY d.delivery_id DESC LIMIT :limit
        """,
        {"with_dismissed": int(with_dismissed), "before_id": before_id, "limit": limit},
    )


def dismissals(books: Books, *, limit: int = 50) -> pd.DataFrame:
    """What people set aside, newest first. Columns: kind, subject, dismissed_by, dismissed_at, reason."""
    return books.frame(
        """
        SELECT kind, subject, dismissed_by, dismissed_at, reason FROM desk.dismissals
        ORDER BY dismissed_at DESC, kind, subject LIMIT ?
        """,
        [limit],
    )
