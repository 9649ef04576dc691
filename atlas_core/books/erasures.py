"""Writes to desk.db about erasures: what people want erased, what must be held, and what came of it.

Each wish is one transaction with its row of the audit log. Whoever has the right to write atlas.db takes the
wishes (`eraser.py`): the worker, or the command where none runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.books.tombstones import Tombstone
from atlas_core.clock import now_ms
from atlas_core.errors import CaseHeld, InputError

REPEATED = 5  # characters: shorter texts stand in any sentence by chance


@dataclass(frozen=True, slots=True)
class Erasure:
    """A wish, and how far it is. `counts` are those of the last look (empty before it), `places` the files in
    which it found something; `done_at` is None until nothing was left."""

    erasure_id: int
    tombstone: Tombstone
    done_at: int | None
    looked_at: int | None
    counts: Mapping[str, int]
    places: tuple[str, ...] = ()


def want_erased(
    desk: Desk,
    by: User,
    *,
    application_id: str | None = None,
    flow_uuid: str | None = None,
    reason: str,
    texts: Iterable[str] = (),
    now: int | None = None,
) -> int:
    """Notes that a case is to be erased; returns the erasure_id. Of one flow, name its application too, so
    that a hold on it is seen.

    `texts` are what the case says: the reason must not repeat one, for the audit log is never changed.
    Raises `InputError` for that and without a reason, `CaseHeld` where the application is held, and
    `NotAllowed`.
    """
    moment = now_ms() if now is None else now
    require_reason(reason)
    if any(text.casefold() in reason.casefold() for text in texts if len(text) >= REPEATED):
        raise InputError("The reason repeats something that is to be erased. Say why without it.")
    concerned = {application_id} - {None}
    require_free(desk.read(held_applications), concerned)
    subject = flow_uuid or application_id or ""
    with desk.acting(by, Action.ERASE, subject, reason=reason.strip(), now=moment) as connection:
        require_free(held_applications(connection), concerned)
        cursor = connection.execute(
            "INSERT INTO erasures (application_id, flow_uuid, asked_by, asked_at) VALUES (?, ?, ?, ?)",
            [None if flow_uuid else application_id, flow_uuid, by.who, moment],
        )
        return int(cursor.lastrowid or 0)


def open_erasures(connection: Connection) -> list[Erasure]:
    """Wishes that are not done, oldest first."""
    return [
        _erasure(row)
        for row in connection.execute(
            "SELECT erasure_id, asked_at, application_id, flow_uuid, done_at, looked_at, counts FROM erasures"
            " WHERE done_at IS NULL ORDER BY erasure_id"
        )
    ]


def find_erasure(connection: Connection, erasure_id: int) -> Erasure:
    """One wish."""
    row = connection.execute(
        "SELECT erasure_id, asked_at, application_id, flow_uuid, done_at, looked_at, counts FROM erasures"
        " WHERE erasure_id = ?",
        [erasure_id],
    ).fetchone()
    return _erasure(row)


def record_look(
    connection: Connection, erasure_id: int, counts: Mapping[str, int], places: Sequence[str], *, now: int
) -> None:
    """What an erasure came to, and the files in which something is left; without one it is done."""
    connection.execute(
        "UPDATE erasures SET looked_at = ?1, done_at = iif(?2, ?1, NULL), counts = ?3 WHERE erasure_id = ?4",
        [now, not places, json.dumps({**counts, "places": list(places)}), erasure_id],
    )


def hold(desk: Desk, by: User, application_id: str, *, reason: str, now: int | None = None) -> None:
    """From now on the application is neither erased nor aged. Holding it again gives the new reason; one that
    is not known yet is held in advance.

    Raises `InputError` without an id or a reason, `NotAllowed`.
    """
    moment = now_ms() if now is None else now
    if not application_id.strip():
        raise InputError("Say which application is to be held: --application ID.")
    require_reason(reason)
    with desk.acting(by, Action.HOLD, application_id, reason=reason.strip(), now=moment) as connection:
        connection.execute(
            "INSERT INTO holds (application_id, held_by, held_at, reason) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (application_id) DO UPDATE SET held_by = excluded.held_by,"
            " held_at = excluded.held_at, reason = excluded.reason",
            [application_id, by.who, moment, reason.strip()],
        )


def release(desk: Desk, by: User, application_id: str, *, reason: str, now: int | None = None) -> None:
    """Ends a hold. Raises `InputError` where there is none, or without a reason, and `NotAllowed`."""
    require_reason(reason)
    detail = {"released": True}
    with desk.acting(
        by, Action.HOLD, application_id, reason=reason.strip(), detail=detail, now=now
    ) as connection:
        if not connection.execute("DELETE FROM holds WHERE application_id = ?", [application_id]).rowcount:
            raise InputError(f"{application_id} is not held. python -m atlas_core hold lists what is.")


def held_applications(connection: Connection) -> dict[str, str]:
    """What is held, with the reasons."""
    return dict(connection.execute("SELECT application_id, reason FROM holds ORDER BY held_at").fetchall())


def require_free(held: Mapping[str, str], application_ids: Collection[str | None]) -> None:
    """Raises `CaseHeld` where one of the applications is held."""
    for application_id, reason in held.items():
        if application_id in application_ids:
            raise CaseHeld(
                f"{application_id} is held ({reason}), so nothing of it is erased. "
                "python -m atlas_core release ends the hold."
            )


def require_reason(reason: str) -> None:
    """Raises `InputError` unless somebody says why, in at most 500 characters."""
    if not 1 <= len(reason.strip()) <= 500:
        raise InputError("Say why in at most 500 characters, without any customer's data: --reason …")


def _erasure(row: tuple) -> Erasure:  # type: ignore[type-arg]
    erasure_id, asked_at, application_id, flow_uuid, done_at, looked_at, counts = row
    tombstone = Tombstone(asked_at, application_id, flow_uuid)
    looked = json.loads(counts) if counts else {}
    places = tuple(looked.pop("places", ()))
    return Erasure(erasure_id, tombstone, done_at, looked_at, looked, places)
