"""Writes to an atlas.db that is older than what was done since: what it lacks, and what it must not repeat.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. None commits. Safe to do again after a kill.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.books.attempts import adopt_flow
from atlas_core.books.call_notes import CallNote
from atlas_core.books.store import record_state, save_flow

PERHAPS_CALLED = (
    "atlas.db was replaced by an earlier copy, and flow/init was perhaps called since. Atlas may have made a"
    " flow. Start again, or leave it."
)

SentFile = tuple[int, str, str, str]  # position, document_id, host and object name of its address
SentFiles = Mapping[int, Sequence[SentFile]]  # by submission_id


@dataclass(frozen=True, slots=True)
class Doubt:
    """What may have been called since: `flow_id` is None where that was flow/init, else multiupload."""

    submission_id: int
    number: int
    application_id: str
    product_type: str
    flow_id: int | None = None


def bring_in(connection: Connection, notes: Iterable[CallNote], files: SentFiles, *, now: int) -> None:
    """Attempts as the desk noted them. One with a flow_uuid gets its flow, which is watched from now on: the
    next look tells whether files are there. One without is unknown."""
    for note in notes:
        attempt_id = _attempt_of(connection, note, now)
        if note.flow_uuid is None:
            continue
        flow_id = save_flow(
            connection,
            note.flow_uuid,
            application_id=note.application_id,
            product_type=note.product_type,
            created_at=note.noted_at,
        )
        adopt_flow(connection, attempt_id, note.flow_uuid, "upload sent", now)
        _watch(connection, flow_id, files.get(note.submission_id, ()))


def doubt_unsent(connection: Connection, *, now: int) -> int:
    """Attempts that wait to be sent may have been sent since: unknown. Returns how many."""
    return connection.execute(
        "UPDATE attempts SET state = 'init unknown', reason = ?, next_try_at = NULL, changed_at = ?"
        " WHERE state = 'not sent'",
        (PERHAPS_CALLED, now),
    ).rowcount


def doubt_uploads(
    connection: Connection, doubted: Iterable[tuple[int, int, int]], files: SentFiles, *, now: int
) -> None:
    """Attempts (attempt_id, flow_id, submission_id) whose files may have been sent since: the next looks at
    their flows tell."""
    for attempt_id, flow_id, submission_id in doubted:
        connection.execute(
            "UPDATE attempts SET state = 'upload sent', reason = NULL, next_try_at = NULL, changed_at = ?"
            " WHERE attempt_id = ? AND state = 'initialised'",
            (now, attempt_id),
        )
        _watch(connection, flow_id, files.get(submission_id, ()))


def add_doubts(connection: Connection, doubts: Iterable[Doubt], *, now: int) -> None:
    """Attempts that may have been begun since, on addresses that are not known any more."""
    connection.executemany(
        "INSERT INTO attempts (submission_id, number, application_id, product_type, auth_part, callback_part,"
        " state, flow_id, started_at, changed_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (submission_id, number) DO NOTHING",
        [
            (
                *(doubt.submission_id, doubt.number, doubt.application_id, doubt.product_type),
                *(secrets.token_hex(32), secrets.token_hex(32)),
                "init unknown" if doubt.flow_id is None else "upload sent",
                *(doubt.flow_id, now, now, PERHAPS_CALLED if doubt.flow_id is None else None),
            )
            for doubt in doubts
        ],
    )
    for doubt in doubts:
        if doubt.flow_id is not None:
            _watch(connection, doubt.flow_id, ())


def settle(
    connection: Connection, *, desk_id: str, calls: int, behind_since: int | None, sentence: str, now: int
) -> None:
    """The book belongs to this desk, and is a living one. `behind_since` is the moment of the copy it was (0
    where that is not known), None where it was not behind."""
    values = {"desk": desk_id, "calls": str(calls)}
    if behind_since is not None:
        values |= {"copied_at": str(behind_since), "recovered_at": str(now)}
        record_state(connection, "recovery", "done", sentence, now=now)
    connection.executemany("INSERT OR REPLACE INTO book VALUES (?, ?)", list(values.items()))
    connection.execute("PRAGMA user_version = 0")


def _attempt_of(connection: Connection, note: CallNote, now: int) -> int:
    """The attempt of a note. One the book lacks, or has on addresses that it has no more, is unknown."""
    row = connection.execute(
        "INSERT INTO attempts (submission_id, number, application_id, product_type, auth_part, callback_part,"
        " state, started_at, changed_at, reason) VALUES (?, ?, ?, ?, ?, ?, 'init unknown', ?, ?, ?)"
        " ON CONFLICT (submission_id, number) DO UPDATE SET auth_part = excluded.auth_part,"
        " callback_part = excluded.callback_part, state = 'init unknown', reason = excluded.reason,"
        " next_try_at = NULL, changed_at = excluded.changed_at"
        " WHERE flow_id IS NULL AND callback_part <> excluded.callback_part RETURNING attempt_id",
        (
            *(note.submission_id, note.number, note.application_id, note.product_type),
            note.auth_part or secrets.token_hex(32),
            note.callback_part or secrets.token_hex(32),
            *(note.noted_at, now, PERHAPS_CALLED),
        ),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "SELECT attempt_id FROM attempts WHERE submission_id = ? AND number = ?",
            (note.submission_id, note.number),
        ).fetchone()
    return int(row[0])


def _watch(connection: Connection, flow_id: int, files: Iterable[SentFile]) -> None:
    connection.execute("UPDATE flows SET watched = 1 WHERE flow_id = ? AND confirmed_at IS NULL", (flow_id,))
    connection.executemany(
        "INSERT OR IGNORE INTO files (flow_id, position, document_id, url_host, object_name)"
        " VALUES (?, ?, ?, ?, ?)",
        [(flow_id, *file) for file in files],
    )
