"""Writes to atlas.db about attempts: what is about to be sent, what was answered, what stays unknown.

An attempt is written before the call it tells of, so that a killed worker knows afterwards what it may
have sent. Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. Path parts arrive here as sha256 in hex, never whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from atlas_core.books.deliveries import put_aside
from atlas_core.books.erased_results import NEWEST_ERASURE, is_erased
from atlas_core.books.store import record_alarm, save_flow
from atlas_core.links import split_url
from atlas_core.models import FileToSend, UploadedFile


def start_attempt(
    connection: Connection,
    submission_id: int,
    number: int,
    *,
    application_id: str,
    product_type: str,
    auth_part: str,
    callback_part: str,
    now: int,
) -> int | None:
    """The attempt whose flow/init may now be called; None where it must not be called (again).

    An attempt that never reached Atlas starts again under new path parts.
    """
    row = connection.execute(
        "INSERT INTO attempts (submission_id, number, application_id, product_type, auth_part, callback_part,"
        " state, started_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, 'init sent', ?, ?)"
        " ON CONFLICT (submission_id, number) DO UPDATE SET auth_part = excluded.auth_part,"
        " callback_part = excluded.callback_part, state = 'init sent', changed_at = excluded.changed_at,"
        " next_try_at = NULL, reason = NULL WHERE state = 'not sent' RETURNING attempt_id",
        (submission_id, number, application_id, product_type, auth_part, callback_part, now, now),
    ).fetchone()
    return int(row[0]) if row else None


def start_resend(
    connection: Connection, attempt_id: int, *, auth_part: str, callback_part: str, now: int
) -> int | None:
    """A new attempt on the flow of an attempt whose upload is unknown; None where it is not.

    Its path parts are never given to Atlas: the flow keeps those of its flow/init.
    """
    row = connection.execute(
        "INSERT INTO attempts (submission_id, number, application_id, product_type, auth_part, callback_part,"
        " state, flow_id, started_at, changed_at)"
        " SELECT submission_id, number + 1, application_id, product_type, ?, ?, 'initialised', flow_id, ?, ?"
        " FROM attempts WHERE attempt_id = ? AND state = 'upload unknown'"
        " ON CONFLICT (submission_id, number) DO NOTHING RETURNING attempt_id",
        (auth_part, callback_part, now, now, attempt_id),
    ).fetchone()
    return int(row[0]) if row else None


def record_attempt(
    connection: Connection,
    attempt_id: int,
    state: str,
    *,
    now: int,
    reason: str | None = None,
    next_try_at: int | None = None,
) -> None:
    """What became of a call; `next_try_at` only where Atlas never got it or sent it back untouched."""
    connection.execute(
        "UPDATE attempts SET state = ?, reason = ?, next_try_at = ?, changed_at = ? WHERE attempt_id = ?",
        (state, reason, next_try_at, now, attempt_id),
    )


def record_upload_refused(connection: Connection, attempt_id: int, *, reason: str, now: int) -> None:
    """Atlas refused the files: the flow stays empty, and nobody waits for it any more."""
    record_attempt(connection, attempt_id, "refused", now=now, reason=reason)
    connection.execute(
        "UPDATE flows SET watched = 0, outcome = 'unknown', trouble = ?"
        " WHERE flow_id = (SELECT flow_id FROM attempts WHERE attempt_id = ?)",
        (reason, attempt_id),
    )


def save_init_answer(connection: Connection, attempt_id: int, flow_uuid: str, *, now: int) -> int:
    """The new flow's flow_id. Callbacks that came to this attempt before its answer find their flow."""
    return adopt_flow(connection, attempt_id, flow_uuid, "initialised", now)


def adopt_unknown_init(connection: Connection, attempt_id: int, flow_uuid: str, *, now: int) -> int | None:
    """The flow that a late callback names for an attempt whose flow/init answer was lost.

    None where the attempt is no longer unknown or another attempt has that flow. Whether files are there
    the next look will tell, so the attempt goes on as one whose upload may have landed.
    """
    taken = connection.execute("SELECT 1 FROM flows WHERE flow_uuid = ?", (flow_uuid,)).fetchone()
    unknown = connection.execute(
        "SELECT 1 FROM attempts WHERE attempt_id = ? AND state = 'init unknown'", (attempt_id,)
    ).fetchone()
    if taken or not unknown:
        return None
    flow_id = adopt_flow(connection, attempt_id, flow_uuid, "upload sent", now)
    connection.execute("UPDATE flows SET watched = 1 WHERE flow_id = ?", (flow_id,))
    return flow_id


def adopt_flow(connection: Connection, attempt_id: int, flow_uuid: str, state: str, now: int) -> int:
    """The flow_id of the flow that is this attempt's. Callbacks that came to it before find their flow."""
    application_id, product_type = connection.execute(
        "SELECT application_id, product_type FROM attempts WHERE attempt_id = ?", (attempt_id,)
    ).fetchone()
    flow_id = save_flow(
        connection,
        flow_uuid,
        application_id=application_id,
        product_type=product_type,
        created_at=now,
        watched=False,
    )
    connection.execute(
        "UPDATE attempts SET state = ?, flow_id = ?, reason = NULL, next_try_at = NULL, changed_at = ?"
        " WHERE attempt_id = ?",
        (state, flow_id, now, attempt_id),
    )
    # Where the attempt was erased, a trigger has just written the moment of that erasure.
    connection.execute(
        f"UPDATE flows SET erased_at = {NEWEST_ERASURE} WHERE flow_id = ? AND erased_at IS NOT NULL",  # noqa: S608
        (flow_id,),
    )
    connection.execute(
        "UPDATE deliveries SET flow_id = ?, outcome = 'waiting'"
        " WHERE channel = 'callback' AND attempt_id = ? AND outcome = 'orphan'"
        " AND coalesce(claimed_flow_uuid, ?) = ?",
        (flow_id, attempt_id, flow_uuid, flow_uuid),
    )
    strangers = connection.execute(
        "SELECT delivery_id FROM deliveries"
        " WHERE channel = 'callback' AND attempt_id = ? AND outcome = 'orphan'",
        (attempt_id,),
    ).fetchall()
    for (delivery_id,) in strangers:
        put_aside(connection, delivery_id, "it names another flow")
    if strangers:
        sentence = "A callback to this attempt's address names another flow; it was put aside."
        record_alarm(
            connection,
            "callback for another flow",
            sentence,
            raised_at=now,
            flow_id=flow_id,
            attempt_id=attempt_id,
        )
    return flow_id


# -------------------------------------------------------------------------------------------- uploads


def start_upload(
    connection: Connection, attempt_id: int, files: Sequence[FileToSend], *, now: int
) -> int | None:
    """The flow_id whose multiupload may now be called; None where it must not be called (again)."""
    row = connection.execute(
        "UPDATE attempts SET state = 'upload sent', reason = NULL, next_try_at = NULL, changed_at = ?"
        " WHERE attempt_id = ? AND state = 'initialised' RETURNING flow_id",
        (now, attempt_id),
    ).fetchone()
    if row is None:
        return None
    flow_id = int(row[0])
    _save_sent(connection, flow_id, files)
    connection.execute("UPDATE flows SET watched = 1 WHERE flow_id = ?", (flow_id,))
    return flow_id


def save_upload_answer(
    connection: Connection, attempt_id: int, uploaded: Sequence[UploadedFile], *, now: int
) -> None:
    """Atlas's ids of the files just sent, and that the upload was acknowledged."""
    row = connection.execute(
        "UPDATE attempts SET state = 'uploaded', reason = NULL, changed_at = ? WHERE attempt_id = ?"
        " RETURNING flow_id",
        (now, attempt_id),
    ).fetchone()
    _save_uploaded(connection, row[0], uploaded, now)


def record_upload_landed(connection: Connection, flow_id: int, *, now: int) -> None:
    """A look shows files at Atlas: the upload whose answer was lost had landed."""
    connection.execute(
        "UPDATE attempts SET state = 'uploaded', changed_at = ?,"
        " reason = 'The answer was lost, but Atlas shows the files; their batch and file ids are unknown.'"
        " WHERE flow_id = ? AND state IN ('upload sent', 'upload unknown')",
        (now, flow_id),
    )


def record_upload_unknown(connection: Connection, flow_id: int, *, now: int) -> None:
    """No look showed files for long enough: a person decides whether they are sent again."""
    connection.execute(
        "UPDATE attempts SET state = 'upload unknown', changed_at = ?, reason = 'The answer to multiupload"
        " was lost and Atlas shows no files yet. Send the files again, start again, or leave it.'"
        " WHERE flow_id = ? AND state = 'upload sent'",
        (now, flow_id),
    )


def save_files(
    connection: Connection,
    flow_id: int,
    files: Sequence[FileToSend],
    uploaded: Sequence[UploadedFile],
    *,
    now: int,
) -> None:
    """The files of a flow with Atlas's ids, without an attempt (history)."""
    _save_sent(connection, flow_id, files)
    _save_uploaded(connection, flow_id, uploaded, now)


def _save_sent(connection: Connection, flow_id: int, files: Sequence[FileToSend]) -> None:
    if is_erased(connection, flow_id):
        return
    connection.executemany(
        "INSERT OR REPLACE INTO files (flow_id, position, document_id, url_host, object_name)"
        " VALUES (?, ?, ?, ?, ?)",
        [
            (flow_id, position, file.document_id, *split_url(file.file_url))
            for position, file in enumerate(files)
        ],
    )


def _save_uploaded(connection: Connection, flow_id: int, uploaded: Sequence[UploadedFile], now: int) -> None:
    if is_erased(connection, flow_id):
        return
    sent = connection.execute(
        "SELECT position, document_id FROM files WHERE flow_id = ? ORDER BY position", (flow_id,)
    ).fetchall()
    if len(uploaded) == 1 and uploaded[0].document_id is None and uploaded[0].file_uuid is None:
        uploaded = list(uploaded) * len(sent)  # one object for the whole batch
    left = list(uploaded)
    places: dict[int, UploadedFile] = {}
    for position, document_id in sent:
        named = next((file for file in left if file.document_id == document_id), None)
        if named is not None:
            left.remove(named)
            places[position] = named
    for position, _ in sent:
        if position not in places and left:
            places[position] = left.pop(0)
    connection.executemany(
        "UPDATE files SET batch_id = ?, file_uuid = ? WHERE flow_id = ? AND position = ?",
        [(file.batch_id, file.file_uuid, flow_id, position) for position, file in places.items()],
    )
    connection.executemany(
        "INSERT INTO files (flow_id, position, batch_id, file_uuid, document_id) VALUES (?, ?, ?, ?, ?)",
        [
            (flow_id, len(sent) + extra, file.batch_id, file.file_uuid, file.document_id)
            for extra, file in enumerate(left)
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO batches (flow_id, batch_id, received_at) VALUES (?, ?, ?)",
        [(flow_id, file.batch_id, now) for file in uploaded if file.batch_id is not None],
    )


# ---------------------------------------------------------------------------------------------- start


def recover_attempts(connection: Connection, *, now: int) -> int:
    """Attempts whose flow/init was under way when the worker ended become unknown; returns how many."""
    return connection.execute(
        "UPDATE attempts SET state = 'init unknown', changed_at = ?, reason = 'The worker ended between"
        " calling flow/init and keeping the answer. Atlas may have made an empty flow. Start again, or"
        " leave it.' WHERE state = 'init sent'",
        (now,),
    ).rowcount
