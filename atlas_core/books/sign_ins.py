"""The life of a sign-in, in desk.db: a cookie may be good for a month, a sign-in is not."""

from __future__ import annotations

import enum
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.audit import record_audit
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms

IDLE_MS = 15 * 60_000
LONGEST_MS = 10 * 3_600_000
NOTED_EVERY_MS = 60_000
"""Being seen is written down this often at most."""
KEPT_MS = 30 * 24 * 3_600_000
"""Longer than any cookie of a sign-in lives: an ended one never begins anew."""


class Ended(enum.StrEnum):
    """Why a sign-in is over."""

    SIGNED_OUT = "signed out"
    IDLE = "idle"
    TEN_HOURS = "ten hours"
    BY_PROVIDER = "ended by the provider"


def see_sign_in(
    desk: Desk,
    sign_in: str,
    by: User,
    *,
    began_at: int,
    ends_at: int | None,
    is_active: bool = True,
    now: int | None = None,
) -> Ended | None:
    """Whether this sign-in is over, and why; None while it holds.

    `sign_in` is a hash of what the provider said at its beginning (64 characters), `began_at` and `ends_at`
    are when it began and when the provider ends it (milliseconds since 1970, UTC). The first look begins it,
    with a row in the audit log; a look that is no act of the person's (`is_active` false) only asks.
    """
    now = now_ms() if now is None else now
    row = desk.read(_row, sign_in)
    ended = Ended(row[1]) if row and row[1] else _over(row[0] if row else began_at, began_at, ends_at, now)
    if ended is None and is_active and (row is None or now - row[0] >= NOTED_EVERY_MS):
        with desk.writing() as connection:
            if row is None:
                connection.execute("DELETE FROM sign_ins WHERE seen_at < ?", [now - KEPT_MS])
                record_audit(connection, by, Action.SIGN_IN, now=now)
            connection.execute(
                """
                INSERT INTO sign_ins (sign_in, who, began_at, seen_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (sign_in) DO UPDATE SET seen_at = max(seen_at, excluded.seen_at)
                """,
                [sign_in, by.who, began_at, now],
            )
    elif ended is not None and not (row and row[1]):
        end_sign_in(desk, sign_in, by, ended, began_at=began_at, now=now)
    return ended


def end_sign_in(
    desk: Desk, sign_in: str, by: User, why: Ended, *, began_at: int, now: int | None = None
) -> None:
    """From now on the sign-in is over, in every tab and for whoever holds a copy of its cookie."""
    now = now_ms() if now is None else now
    with desk.writing() as connection:
        ended = connection.execute(
            """
            INSERT INTO sign_ins (sign_in, who, began_at, seen_at, ended_at, ended_why)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (sign_in) DO UPDATE SET ended_at = excluded.ended_at, ended_why = excluded.ended_why
            WHERE ended_at IS NULL
            """,
            [sign_in, by.who, began_at, now, now, str(why)],
        ).rowcount
        if ended:
            record_audit(connection, by, Action.SIGN_OUT, reason=str(why), now=now)


def _row(connection: Connection, sign_in: str) -> tuple[int, str | None] | None:
    found = connection.execute(
        "SELECT seen_at, ended_why FROM sign_ins WHERE sign_in = ?", [sign_in]
    ).fetchone()
    return (found[0], found[1]) if found else None


def _over(seen_at: int, began_at: int, ends_at: int | None, now: int) -> Ended | None:
    if ends_at is not None and now >= ends_at:
        return Ended.BY_PROVIDER
    if now - began_at >= LONGEST_MS:
        return Ended.TEN_HOURS
    return Ended.IDLE if now - seen_at >= IDLE_MS else None
