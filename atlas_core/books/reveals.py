"""Personal values shown whole, one at a time: the row of the audit log is there before the value is."""

from __future__ import annotations

from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError

SHOWN_MS = 60_000
PER_HOUR = 30
_HOUR_MS = 3_600_000


def note_reveal(
    desk: Desk, by: User, flow_uuid: str, what: str, *, reason: str, now: int | None = None
) -> int:
    """Writes who sees which value of a flow whole, and why; returns until when (ms since 1970, UTC).

    `what` names the value (a cross-check, a document's field), never holds it. Raises `NotAllowed`, errors of
    `BookError`, and `InputError` without a reason or beyond `PER_HOUR`: then nothing may be shown.
    """
    now = now_ms() if now is None else now
    if not reason.strip():
        raise InputError("Say why the value is needed: the audit log keeps it.")
    with desk.acting(
        by, Action.REVEAL, flow_uuid, reason=reason.strip(), detail={"value": what}, now=now
    ) as connection:
        if _reveals_since(connection, by.who, now - _HOUR_MS) > PER_HOUR:
            raise InputError(
                f"You have seen {PER_HOUR} values within an hour, and more are not shown. Wait, or make an "
                "export with personal values, which is one entry with one reason."
            )
    return now + SHOWN_MS


def _reveals_since(connection: Connection, who: str, since: int) -> int:
    """How many there are, this one included; read from the newest back, and no further than needed."""
    found = 0
    for acted_at, by in connection.execute(
        "SELECT acted_at, who FROM audit WHERE action = ? ORDER BY entry_id DESC", [str(Action.REVEAL)]
    ):
        if acted_at <= since or found > PER_HOUR:
            break
        found += by == who
    return found
