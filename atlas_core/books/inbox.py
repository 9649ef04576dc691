"""Writes to atlas.db about callbacks: kept before the receiver answers, taken up afterwards.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write` or `write_soon`.
"""

from __future__ import annotations

from dataclasses import replace
from sqlite3 import Connection

from atlas_core.books.attempts import adopt_unknown_init
from atlas_core.books.deliveries import OF_AN_ERASED_FLOW, put_aside, record_delivery, whole_digest
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.store import record_alarm
from atlas_core.books.worklist import WaitingDelivery
from atlas_core.models import Result


def save_callback(
    connection: Connection, attempt_id: int, result: Result, *, other_application: bool, received_at: int
) -> str:
    """Keeps a callback that came to an attempt's address; returns 'waiting', 'orphan', 'mismatch' or 'late'.

    It waits to be taken up; without a flow yet it is an orphan, until flow/init's answer names its flow.
    One that names another flow or application is a mismatch, with an alarm: it moves neither flow. Of one
    for an erased flow only its time and its size are kept, for its results are fetched where they are due.
    """
    flow_id, flow_uuid, is_erased = _flow_of(connection, attempt_id)
    if is_erased:
        _record_erased(connection, attempt_id, flow_id, result.size, received_at)
        return "late"
    other = None
    if other_application:
        other = "application"
    elif flow_uuid is not None and result.flow_uuid not in (None, flow_uuid):
        other = "flow"
    if other:
        result = replace(result, digest=whole_digest(result.canonical))
    outcome = "mismatch" if other else "waiting" if flow_id is not None else "orphan"
    record_delivery(
        connection,
        result,
        flow_id=None if other else flow_id,
        attempt_id=attempt_id,
        channel="callback",
        received_at=received_at,
        outcome=outcome,
        reason=f"it names another {other}" if other else None,
    )
    if other:
        record_alarm(
            connection,
            f"callback for another {other}",
            f"A callback to this attempt's address names another {other}; it was put aside.",
            raised_at=received_at,
            flow_id=flow_id,
            attempt_id=attempt_id,
        )
    return outcome


def _flow_of(connection: Connection, attempt_id: int) -> tuple[int | None, str | None, bool]:
    """An attempt's flow (flow_id, flow_uuid), and whether it was erased."""
    flow_id, flow_uuid, is_erased = connection.execute(
        "SELECT a.flow_id, f.flow_uuid, coalesce(f.erased_at, a.erased_at) IS NOT NULL"
        " FROM attempts a LEFT JOIN flows f ON f.flow_id = a.flow_id WHERE a.attempt_id = ?",
        (attempt_id,),
    ).fetchone()
    return flow_id, flow_uuid, bool(is_erased)


def _record_erased(
    connection: Connection, attempt_id: int, flow_id: int | None, size: int, received_at: int
) -> None:
    """All that come for an erased flow are one row, which holds nothing of them but their number."""
    connection.execute(
        "INSERT INTO deliveries (flow_id, attempt_id, channel, received_at, last_seen_at, digest, size,"
        " outcome, reason) VALUES (?1, ?2, 'callback', ?3, ?3, ?4, ?5, 'late', ?6)"
        " ON CONFLICT (attempt_id, digest) WHERE channel = 'callback'"
        " DO UPDATE SET times_seen = times_seen + 1, last_seen_at = excluded.last_seen_at",
        (flow_id, attempt_id, received_at, "0" * 64, size, OF_AN_ERASED_FLOW),
    )


def record_dead_letter(
    connection: Connection, attempt_id: int, *, digest: str, size: int, reason: str, received_at: int
) -> None:
    """A callback that cannot be read: its digest, its size and the first wrong place, never its text."""
    flow_id, _, is_erased = _flow_of(connection, attempt_id)
    if is_erased:
        _record_erased(connection, attempt_id, flow_id, size, received_at)
        return
    connection.execute(
        "INSERT INTO deliveries (attempt_id, channel, received_at, last_seen_at, digest, size, outcome,"
        " reason) VALUES (?1, 'callback', ?2, ?2, ?3, ?4, 'dead letter', ?5)"
        " ON CONFLICT (attempt_id, digest) WHERE channel = 'callback'"
        " DO UPDATE SET times_seen = times_seen + 1, last_seen_at = excluded.last_seen_at",
        (attempt_id, received_at, digest, size, reason),
    )


def take_up_callback(
    connection: Connection, delivery: WaitingDelivery, result: Result, *, now: int, standards: Standards
) -> int | None:
    """A kept callback becomes a provisional result; returns its flow_id, or None where it has no flow.

    One that names the flow of an attempt whose flow/init answer was lost makes that flow known.
    """
    flow_id = delivery.flow_id
    if flow_id is None:
        flow_id = adopt_unknown_init(connection, delivery.attempt_id, delivery.flow_uuid, now=now)
    if flow_id is None:
        put_aside(connection, delivery.delivery_id, "it names a flow of another attempt")
        record_alarm(
            connection,
            "callback for another flow",
            "A callback to this attempt's address names a flow of another attempt; it was put aside.",
            raised_at=now,
            attempt_id=delivery.attempt_id,
        )
        return None
    save_result(
        connection,
        flow_id,
        result,
        channel="callback",
        received_at=delivery.received_at,
        confirmed=False,
        standards=standards,
        delivery_id=delivery.delivery_id,
        attempt_id=delivery.attempt_id,
    )
    return flow_id


def bury_delivery(connection: Connection, delivery_id: int, reason: str) -> None:
    """A kept callback that cannot be taken up becomes a dead letter, and the others go on."""
    connection.execute(
        "UPDATE deliveries SET outcome = 'dead letter', reason = ? WHERE delivery_id = ?",
        (reason, delivery_id),
    )


def record_old_orphans(connection: Connection, *, received_before: int, now: int) -> None:
    """An alarm for each attempt that holds a callback whose flow has not turned up since, of the moment at
    which the newest of them had waited that long."""
    attempts = connection.execute(
        "SELECT attempt_id, max(received_at) FROM deliveries"
        " WHERE channel || ' ' || outcome = 'callback orphan' AND received_at < ? GROUP BY attempt_id",
        (received_before,),
    ).fetchall()
    for attempt_id, newest_at in attempts:
        sentence = "A callback came to this attempt's address, but its flow never became known."
        raised_at = newest_at + now - received_before
        record_alarm(connection, "orphan", sentence, raised_at=raised_at, attempt_id=attempt_id)
