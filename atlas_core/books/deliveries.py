"""Writes to atlas.db about deliveries: the ledger of arrivals, and each different body once.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. None commits. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import hashlib
import zlib
from sqlite3 import Connection

from atlas_core.models import Result

OF_AN_ERASED_FLOW = "its flow was erased: nothing of it was kept"

_FETCHED_AGAIN = (
    "UPDATE deliveries SET times_seen = times_seen + 1, last_seen_at = ?,"
    " outcome = iif(outcome = 'provisional' AND ? <> 'provisional', 'confirmed', outcome)"
    " WHERE channel = 'extracts' AND flow_id = ? AND digest = ? RETURNING delivery_id"
)
_CALLED_AGAIN = (
    "UPDATE deliveries SET times_seen = times_seen + 1, last_seen_at = ?"
    " WHERE channel = 'callback' AND attempt_id = ? AND digest = ? RETURNING delivery_id"
)


def record_delivery(
    connection: Connection,
    result: Result,
    *,
    flow_id: int | None,
    attempt_id: int | None,
    channel: str,
    received_at: int,
    outcome: str,
    reason: str | None = None,
) -> int:
    """The ledger's row of one arrival; the same content by the same channel again is the same row."""
    if channel == "extracts":
        again = connection.execute(_FETCHED_AGAIN, (received_at, outcome, flow_id, result.digest)).fetchone()
    else:
        again = connection.execute(_CALLED_AGAIN, (received_at, attempt_id, result.digest)).fetchone()
    if again:
        return int(again[0])
    body = zlib.compress(result.canonical, 1)
    held = connection.execute(
        "SELECT 1 FROM deliveries WHERE flow_id = ? AND digest = ? AND body = ?",
        (flow_id, result.digest, body),
    ).fetchone()
    cursor = connection.execute(
        "INSERT INTO deliveries (flow_id, attempt_id, claimed_flow_uuid, channel, received_at, last_seen_at,"
        " digest, size, outcome, reason, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            flow_id,
            attempt_id,
            result.flow_uuid,
            channel,
            received_at,
            received_at,
            result.digest,
            result.size,
            outcome,
            reason,
            None if held else body,
        ),
    )
    return int(cursor.lastrowid or 0)


def payload_holder(connection: Connection, flow_id: int, digest: str) -> int | None:
    """The first delivery of a flow that holds a body with this content."""
    row = connection.execute(
        "SELECT delivery_id FROM deliveries WHERE flow_id = ? AND digest = ? AND body IS NOT NULL"
        " ORDER BY delivery_id LIMIT 1",
        (flow_id, digest),
    ).fetchone()
    return int(row[0]) if row else None


def put_aside(connection: Connection, delivery_id: int, reason: str) -> None:
    """A callback without a flow turns out to be another's: a mismatch, which moves no flow. Where the same
    was put aside before, that row counts this one too, and this one's is gone."""
    attempt_id, times_seen, last_seen_at, body = connection.execute(
        "SELECT attempt_id, times_seen, last_seen_at, body FROM deliveries WHERE delivery_id = ?",
        (delivery_id,),
    ).fetchone()
    digest = whole_digest(zlib.decompress(body))
    again = connection.execute(
        "UPDATE deliveries SET times_seen = times_seen + ?, last_seen_at = max(last_seen_at, ?)"
        " WHERE channel = 'callback' AND attempt_id = ? AND digest = ? AND delivery_id <> ?"
        " RETURNING delivery_id",
        (times_seen, last_seen_at, attempt_id, digest, delivery_id),
    ).fetchone()
    if again:
        connection.execute("DELETE FROM deliveries WHERE delivery_id = ?", (delivery_id,))
        return
    connection.execute(
        "UPDATE deliveries SET outcome = 'mismatch', reason = ?, digest = ? WHERE delivery_id = ?",
        (reason, digest, delivery_id),
    )


def whole_digest(canonical: bytes) -> str:
    """What a callback put aside is known by. The same content may yet come to where it belongs, and must not
    look like a repetition of this one."""
    return hashlib.sha256(canonical).hexdigest()
