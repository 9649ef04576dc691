"""Writes to atlas.db about deliveries that somebody wants read again.

Only a dead letter can become anything by it: whatever was taken up stays as it is, however often it is
replayed. What became of each delivery is kept in the transaction that changes it, so that a replay which a
kill cut off goes on where it was.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`.
"""

from __future__ import annotations

from sqlite3 import Connection

from atlas_core.books.deliveries import put_aside
from atlas_core.books.inbox import bury_delivery, take_up_callback
from atlas_core.books.standards import Standards
from atlas_core.books.store import record_alarm
from atlas_core.books.worklist import DeliveryToReplay, WaitingDelivery
from atlas_core.models import Result


def take_up_again(
    connection: Connection,
    replay_id: int,
    delivery: DeliveryToReplay,
    result: Result,
    *,
    now: int,
    standards: Standards,
) -> str:
    """A dead letter that can be read now; returns what became of it, as `record_replay` keeps it.

    Without a flow it waits as an orphan; one that names another flow than its attempt's is put aside.
    """
    if _outcome_of(connection, delivery.delivery_id) != "dead letter":
        return record_replay(connection, replay_id, delivery.delivery_id, "nothing changed", now=now)
    if delivery.flow_uuid and delivery.claimed_flow_uuid not in (None, delivery.flow_uuid):
        put_aside(connection, delivery.delivery_id, "it names another flow")
        sentence = "A callback to this attempt's address names another flow; it was put aside."
        record_alarm(
            connection,
            "callback for another flow",
            sentence,
            raised_at=now,
            flow_id=delivery.flow_id,
            attempt_id=delivery.attempt_id,
        )
    elif delivery.flow_id is None or not delivery.flow_uuid:
        connection.execute(
            "UPDATE deliveries SET outcome = 'orphan', reason = NULL WHERE delivery_id = ?",
            (delivery.delivery_id,),
        )
    else:
        connection.execute(
            "UPDATE deliveries SET outcome = 'waiting', reason = NULL, flow_id = ? WHERE delivery_id = ?",
            (delivery.flow_id, delivery.delivery_id),
        )
        waiting = WaitingDelivery(
            delivery.delivery_id,
            delivery.attempt_id or 0,
            delivery.flow_id,
            delivery.flow_uuid,
            delivery.received_at,
            delivery.body,
        )
        take_up_callback(connection, waiting, result, now=now, standards=standards)
    return record_replay(connection, replay_id, delivery.delivery_id, "taken up", now=now)


def bury_again(connection: Connection, replay_id: int, delivery_id: int, reason: str, *, now: int) -> str:
    """What cannot be read this time either stays a dead letter, with the newest reason."""
    if _outcome_of(connection, delivery_id) != "dead letter":
        return record_replay(connection, replay_id, delivery_id, "nothing changed", now=now)
    bury_delivery(connection, delivery_id, reason)
    return record_replay(connection, replay_id, delivery_id, "still unreadable", now=now)


def record_replay(connection: Connection, replay_id: int, delivery_id: int, came: str, *, now: int) -> str:
    """What became of one delivery: 'taken up', 'nothing changed', 'still unreadable', 'not kept' (its text
    was never kept) or 'not there'. The first word about it stands."""
    connection.execute(
        "INSERT INTO replay_outcomes (replay_id, delivery_id, came, outcome, replayed_at)"
        " VALUES (?1, ?2, ?3, (SELECT outcome FROM deliveries WHERE delivery_id = ?2), ?4)"
        " ON CONFLICT DO NOTHING",
        (replay_id, delivery_id, came, now),
    )
    return came


def _outcome_of(connection: Connection, delivery_id: int) -> str | None:
    row = connection.execute(
        "SELECT outcome FROM deliveries WHERE delivery_id = ?", (delivery_id,)
    ).fetchone()
    return row and str(row[0])
