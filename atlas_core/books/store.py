"""Writes to atlas.db: flows, looks at them, alarms, and how the worker and Atlas are.

Results and their deliveries are written in `results.py`, attempts in `attempts.py`.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. None commits. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection

from atlas_core.books.flags import flags_of, replace_flags
from atlas_core.models import STAGES, Flag, FlagKind, FlowStatus, outcome_of

_ROOM_BYTES = 32 * 1024

FINAL_STATUSES = {
    "upload": ("SUCCESS", "FAILED"),
    "processing": ("SUCCESS", "FAILED"),
    "crosscheck": ("COMPLETED",),
    "master": ("SUCCESS", "FAILED"),
}


# ---------------------------------------------------------------------------------------------- flows


def save_flow(
    connection: Connection,
    flow_uuid: str,
    *,
    application_id: str,
    product_type: str,
    created_at: int,
    watched: bool = True,
) -> int:
    """A new flow's flow_id; the flow_id it already has where the book knows it."""
    row = connection.execute("SELECT flow_id FROM flows WHERE flow_uuid = ?", (flow_uuid,)).fetchone()
    if row:
        return int(row[0])
    cursor = connection.execute(
        "INSERT INTO flows (flow_uuid, application_id, product_type, created_at, watched)"
        " VALUES (?, ?, ?, ?, ?)",
        (flow_uuid, application_id, product_type, created_at, int(watched)),
    )
    return int(cursor.lastrowid or 0)


def save_watched(connection: Connection, flow_id: int, watched: bool) -> None:
    """Whether the watcher goes on asking about a flow."""
    connection.execute("UPDATE flows SET watched = ? WHERE flow_id = ?", (int(watched), flow_id))


def save_trouble(
    connection: Connection, flow_id: int, sentence: str | None, *, watched: bool = True, unknown: bool = False
) -> None:
    """Why a flow is asked about more slowly, or no longer; `unknown` also makes its outcome unknown, unless
    confirmed results are there."""
    connection.execute(
        "UPDATE flows SET trouble = ?1, watched = ?2,"
        " outcome = iif(?3 AND confirmed_at IS NULL, 'unknown', outcome)"
        " WHERE flow_id = ?4",
        (sentence, int(watched), int(unknown), flow_id),
    )


def sent_document_ids(connection: Connection, flow_id: int) -> list[str]:
    """The document ids we sent with a flow, in their order."""
    rows = connection.execute(
        "SELECT document_id FROM files WHERE flow_id = ? AND url_host IS NOT NULL ORDER BY position",
        (flow_id,),
    )
    return [document_id for (document_id,) in rows]


# ---------------------------------------------------------------------------------------------- looks


def save_look(connection: Connection, flow_id: int, status: FlowStatus, *, looked_at: int) -> FlowStatus:
    """One look at a flow's statuses; returns them as the book now holds them.

    A change is kept as an interval: after the look before this one, by this one. In a flow that has ended, a
    stage that has come to its end never goes back: such news is an alarm and nothing else. Where Atlas says
    FAILED after SUCCESS, or the reverse, its newest word stands, with an alarm and a flag for a person.
    """
    row = connection.execute(
        "SELECT upload_status, processing_status, crosscheck_status, master_status, looked_at, created_at,"
        " result_id, document_errors, low_checks, review_flags FROM flows WHERE flow_id = ?",
        (flow_id,),
    ).fetchone()
    held = FlowStatus(row[0], row[1], row[2], row[3])
    last_look, created_at, result_id, document_errors, low_checks, review_flags = row[4:]
    # A clock that was set back turns no order round, and makes no duration negative.
    looked_at = max(looked_at, created_at, 0 if last_look is None else last_look + 1)

    stands: list[str | None] = []
    changes, went_back, contradicted = [], [], []
    for stage in STAGES:
        was: str | None = getattr(held, stage)
        seen: str | None = getattr(status, stage)
        has_ended = held.is_terminal and was in FINAL_STATUSES[stage]
        if has_ended and seen not in FINAL_STATUSES[stage]:
            if seen is not None:
                went_back.append(f"{stage} from {was} to {seen}")
            seen = was
        elif seen is not None and seen != was:
            if has_ended:
                contradicted.append(f"{stage} was {was} and is {seen}")
            begun = None if seen == "NOT_STARTED" and last_look is None else last_look or created_at
            not_before = begun if begun is None or begun <= looked_at else None
            changes.append((flow_id, stage, looked_at, not_before, seen))
        stands.append(seen if seen is not None else was)
    now = FlowStatus(stands[0], stands[1], stands[2], stands[3], status.flags)

    connection.executemany(
        "INSERT INTO status_changes (flow_id, stage, seen_at, not_before, status) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        changes,
    )
    if contradicted and result_id is not None:
        review_flags += _flag_contradiction(connection, result_id)
    outcome = outcome_of(
        now.master,
        has_result=result_id is not None,
        document_errors=document_errors or 0,
        low_checks=low_checks,
        review_flags=review_flags,
    )
    connection.execute(
        "UPDATE flows SET upload_status = ?, processing_status = ?, crosscheck_status = ?, master_status = ?,"
        " looked_at = ?, outcome = ?, review_flags = ?, ended_at = coalesce(ended_at, ?), trouble = NULL"
        " WHERE flow_id = ?",
        (*stands, looked_at, outcome, review_flags, looked_at if now.is_terminal else None, flow_id),
    )
    if went_back:
        sentence = f"Atlas moved an ended flow back ({'; '.join(went_back)}). The flow stays as it ended."
        record_alarm(connection, "status went back", sentence, raised_at=looked_at, flow_id=flow_id)
    if contradicted:
        sentence = (
            f"Atlas says of an ended flow another end ({'; '.join(contradicted)}). Its newest word stands."
        )
        record_alarm(connection, FlagKind.STATUS_CONTRADICTED, sentence, raised_at=looked_at, flow_id=flow_id)
    return now


def _flag_contradiction(connection: Connection, result_id: int) -> int:
    """Marks the version that counts for a person; returns how many flags that adds."""
    flag = Flag(FlagKind.STATUS_CONTRADICTED, "master_status")
    held = flags_of(connection, result_id)
    if flag in held:
        return 0
    replace_flags(connection, result_id, [*held, flag])
    return 1


def record_looks(connection: Connection, looks: Iterable[tuple[int, int]]) -> None:
    """Looks (looked_at, flow_id) that showed nothing new."""
    connection.executemany(
        "UPDATE flows SET looked_at = max(coalesce(looked_at, 0), ?) WHERE flow_id = ?", looks
    )


# ------------------------------------------------------------------------------- alarms and conditions


def record_alarm(
    connection: Connection,
    kind: str,
    sentence: str,
    *,
    raised_at: int,
    flow_id: int | None = None,
    attempt_id: int | None = None,
) -> None:
    """What a person should know of; the same alarm of a flow or an attempt is raised once, and where it
    happens again, it keeps the moment: whoever dismissed it is to see it once more."""
    again = connection.execute(
        "UPDATE alarms SET last_at = max(last_at, ?1)"
        " WHERE flow_id IS ?3 AND attempt_id IS ?4 AND kind = ?2 RETURNING alarm_id",
        (raised_at, kind, flow_id, attempt_id),
    ).fetchone()
    if again is None:
        connection.execute(
            "INSERT INTO alarms (raised_at, last_at, kind, flow_id, attempt_id, sentence)"
            " VALUES (?1, ?1, ?2, ?3, ?4, ?5)",
            (raised_at, kind, flow_id, attempt_id, sentence),
        )


def require_room(connection: Connection) -> None:
    """Writes what a callback may need and takes it back; raises where the book has no room for that."""
    connection.execute("INSERT INTO book (key, value) VALUES ('room', hex(zeroblob(?)))", (_ROOM_BYTES // 2,))
    connection.execute("DELETE FROM book WHERE key = 'room'")


def record_state(connection: Connection, name: str, state: str, sentence: str, *, now: int) -> None:
    """How 'worker' or 'atlas' is; `since` moves only where the state does."""
    connection.execute(
        "INSERT INTO worker_state (name, state, since, seen_at, sentence) VALUES (?1, ?2, ?3, ?3, ?4)"
        " ON CONFLICT (name) DO UPDATE SET since = iif(state = excluded.state, since, excluded.since),"
        " state = excluded.state, seen_at = excluded.seen_at, sentence = excluded.sentence",
        (name, state, now, sentence),
    )
