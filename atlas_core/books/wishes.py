"""Writes to desk.db about what people ask of the ledger: deliveries to be read again, and what they have seen
and set aside.

What became of a replay stands in atlas.db, beside what it changed: see `replays.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.claims import tidy_reason
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError

REPLAYED_AT_MOST = 10_000
DISMISSABLE = ("alarm", "callback missing", "dead letter")
"""What may be set aside. Its subject is the alarm_id, the flow_uuid or the delivery_id, as text."""


@dataclass(frozen=True, slots=True)
class WantedReplay:
    """Deliveries that somebody wants read again, in the order in which they came."""

    replay_id: int
    delivery_ids: tuple[int, ...]


def want_replay(
    desk: Desk, by: User, delivery_ids: Iterable[int], reason: str = "", now: int | None = None
) -> int:
    """Asks the worker to read these deliveries again; returns the replay_id.

    Raises `InputError` where none or more than 10,000 are named, `NotAllowed`.
    """
    moment, reason = now_ms() if now is None else now, tidy_reason(reason)
    wanted = sorted({int(delivery_id) for delivery_id in delivery_ids})
    if not 1 <= len(wanted) <= REPLAYED_AT_MOST:
        raise InputError(
            f"A replay takes 1 to {REPLAYED_AT_MOST:,} deliveries; {len(wanted):,} are chosen. "
            "Narrow the choice and replay the rest afterwards."
        )
    subject = f"delivery {wanted[0]}" if len(wanted) == 1 else f"{len(wanted)} deliveries"
    with desk.acting(
        by, Action.REPLAY, subject, reason=reason, detail=_spans(wanted), now=moment
    ) as connection:
        (last,) = connection.execute("SELECT coalesce(max(replay_id), 0) FROM replays").fetchone()
        replay_id = max(moment, int(last) + 1)
        connection.execute(
            "INSERT INTO replays (replay_id, asked_by, asked_at, reason) VALUES (?, ?, ?, ?)",
            [replay_id, by.who, moment, reason],
        )
        connection.executemany(
            "INSERT INTO replay_deliveries (replay_id, delivery_id) VALUES (?, ?)",
            [(replay_id, delivery_id) for delivery_id in wanted],
        )
    return replay_id


def dismiss(desk: Desk, by: User, kind: str, subject: str, reason: str, now: int | None = None) -> None:
    """Sets something aside that somebody has seen: it needs nobody until it happens anew.

    `kind` is one of `DISMISSABLE`. Raises `InputError` where the reason is empty or too long, `NotAllowed`.
    """
    moment, reason = now_ms() if now is None else now, tidy_reason(reason)
    if kind not in DISMISSABLE:
        raise InputError(f"Only these can be dismissed: {', '.join(DISMISSABLE)}. {kind!r} is none of them.")
    if not reason:
        raise InputError("Say why it may be dismissed: whoever looks for it later reads that.")
    if not subject:
        raise InputError("Say which one is to be dismissed.")
    with desk.acting(
        by, Action.DISMISS, f"{kind} {subject}", reason=reason, detail={"kind": kind}, now=moment
    ) as connection:
        connection.execute(
            "INSERT INTO dismissals (kind, subject, dismissed_by, dismissed_at, reason)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, subject) DO UPDATE SET"
            " dismissed_by = excluded.dismissed_by, dismissed_at = excluded.dismissed_at,"
            " reason = excluded.reason",
            [kind, subject, by.who, moment, reason],
        )


def waiting_replays(desk: Desk) -> list[WantedReplay]:
    """The replays that are not done, oldest first."""
    return desk.read(_waiting)


def finish_replay(desk: Desk, replay_id: int, now: int | None = None) -> None:
    """Every delivery of a replay has been read again; what became of each, atlas.db holds."""
    with desk.writing() as connection:
        connection.execute(
            "UPDATE replays SET state = 'done', done_at = ? WHERE replay_id = ? AND state = 'wanted'",
            [now_ms() if now is None else now, replay_id],
        )


def _waiting(connection: Connection) -> list[WantedReplay]:
    ids: dict[int, list[int]] = {}
    for replay_id, delivery_id in connection.execute(
        "SELECT r.replay_id, d.delivery_id FROM replays r"
        " JOIN replay_deliveries d ON d.replay_id = r.replay_id"
        " WHERE r.state = 'wanted' ORDER BY r.replay_id, d.delivery_id"
    ):
        ids.setdefault(replay_id, []).append(delivery_id)
    return [WantedReplay(replay_id, tuple(delivery_ids)) for replay_id, delivery_ids in ids.items()]


def _spans(wanted: Sequence[int]) -> dict[str, object]:
    """Which deliveries, short enough for a row of the audit log: [first, last] of each unbroken run."""
    spans: list[list[int]] = []
    for delivery_id in wanted:
        if spans and delivery_id == spans[-1][1] + 1:
            spans[-1][1] = delivery_id
        else:
            spans.append([delivery_id, delivery_id])
    return {"deliveries": len(wanted), "spans": spans}
