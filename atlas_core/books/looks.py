"""Writes to desk.db about flows that a person wants Atlas to be asked about now."""

from __future__ import annotations

from collections.abc import Sequence

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms


def want_looks(desk: Desk, by: User, flow_uuids: Sequence[str], now: int | None = None) -> None:
    """Records that a person wants these flows looked at soon; asking twice is asking once.

    The worker keeps to its pace however many they are. Raises `NotAllowed`.
    """
    subject = flow_uuids[0] if len(flow_uuids) == 1 else ""
    moment = now_ms() if now is None else now
    with desk.acting(by, Action.ASK_ATLAS, subject, detail={"flows": len(flow_uuids)}) as connection:
        connection.executemany(
            "INSERT INTO looks_wanted (flow_uuid, wanted_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(flow_uuid, moment) for flow_uuid in flow_uuids],
        )
