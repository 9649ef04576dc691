"""What the worker is about to call, noted in desk.db before it calls.

atlas.db is the first to know of a call, desk.db the second, Atlas the third. So whatever atlas.db is put in
place later, the desk can tell it what was perhaps sent, and by which flow_uuid its results can be fetched.
The calls are counted in both books: where the desk counts further than atlas.db, atlas.db is not the one it
was (agreement.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Concatenate, ParamSpec, TypeVar

from atlas_core.books.book import open_for_writing, speaking_of, transaction
from atlas_core.books.schema import DESK
from atlas_core.models import Submission

P = ParamSpec("P")
T = TypeVar("T")

_NOTE = """
INSERT INTO call_notes
  (submission_id, number, application_id, product_type, auth_part, callback_part, noted_at, flow_uuid)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (submission_id, number) DO UPDATE SET
  auth_part = coalesce(excluded.auth_part, auth_part),
  callback_part = coalesce(excluded.callback_part, callback_part),
  flow_uuid = coalesce(excluded.flow_uuid, flow_uuid)
"""
_COUNT = """
INSERT INTO book VALUES ('calls', ?)
ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))
"""


@dataclass(frozen=True, slots=True)
class CallNote:
    """One attempt as the desk notes it. The parts are sha256 in hex, None where Atlas never got them;
    `flow_uuid` is None until files are about to be sent."""

    submission_id: int
    number: int
    application_id: str
    product_type: str
    auth_part: str | None
    callback_part: str | None
    noted_at: int
    flow_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class LostSubmission:
    """A submission as far as atlas.db knows it."""

    submission_id: int
    application_id: str
    product_type: str
    created_at: int


class CallNotes:
    """The notes of one desk, which is opened anew for each. Raises errors of `BookError` only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(
        self,
        submission: Submission,
        number: int,
        call: int,
        *,
        parts: tuple[str, str] | None = None,
        flow_uuid: str | None = None,
        now: int,
    ) -> None:
        """Notes what is about to be called for an attempt: flow/init with these parts of its addresses (auth,
        callback; sha256 in hex), or multiupload to a flow. `call` is its number, as `counted` gave it."""
        auth_part, callback_part = parts or (None, None)
        names = (submission.submission_id, number, submission.application_id, submission.product_type)
        self.add([CallNote(*names, auth_part, callback_part, now, flow_uuid)], call)

    def add(self, notes: Iterable[CallNote], calls: int) -> None:
        """Notes many in one transaction, and that so many calls are counted."""
        rows = [
            (
                note.submission_id,
                note.number,
                note.application_id,
                note.product_type,
                bytes.fromhex(note.auth_part) if note.auth_part else None,
                bytes.fromhex(note.callback_part) if note.callback_part else None,
                note.noted_at,
                note.flow_uuid,
            )
            for note in notes
        ]
        with self._writing() as connection:
            connection.executemany(_NOTE, rows)
            connection.execute(_COUNT, [calls])

    def bring_back(self, lost: Sequence[LostSubmission]) -> None:
        """Submissions that a restored desk lacks, without files: so that a person can decide about them."""
        if not lost:
            return
        with self._writing() as connection:
            connection.executemany(
                """
                INSERT OR IGNORE INTO submissions
                  (submission_id, application_id, product_type, flow_params, source, created_at)
                VALUES (?, ?, ?, '{}', 'command', ?)
                """,
                [(one.submission_id, one.application_id, one.product_type, one.created_at) for one in lost],
            )

    def live_on(self) -> None:
        """The desk is no copy any more."""
        with self._writing() as connection:
            connection.execute("PRAGMA user_version = 0")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            closing(open_for_writing(self._path, DESK.journal)) as connection,
            speaking_of(self._path),
            transaction(connection),
        ):
            yield connection


def counted(
    start: Callable[Concatenate[Connection, P], T | None],
) -> Callable[Concatenate[Connection, P], tuple[T | None, int]]:
    """A job of the writer that starts a call and counts it: its answer, and the number of the call.

    Where `start` answers None nothing is to be called, and nothing is counted.
    """

    def start_and_count(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> tuple[T | None, int]:
        answer = start(connection, *args, **kwargs)
        return answer, 0 if answer is None else _count_call(connection)

    return start_and_count


def _count_call(connection: Connection) -> int:
    row = connection.execute(
        "INSERT INTO book VALUES ('calls', 1)"
        " ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1 RETURNING value"
    ).fetchone()
    return int(row[0])
