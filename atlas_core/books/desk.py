"""Every write to desk.db: what people asked for. Short transactions, from any thread or process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from atlas_core.access import Action, User, require
from atlas_core.books.audit import AuditCheck, record_audit, verify_audit
from atlas_core.books.book import open_for_writing, speaking_of, transaction
from atlas_core.books.schema import DESK, require_edition
from atlas_core.books.submission_rows import LINKS_KEPT_MS, checked_parameters, insert_submission
from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.models import Decision, FileToSend, Submission, SubmissionToSave

P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """The desk book, opened anew for each transaction. Raises only `InputError` and `BookError`s."""

    def __init__(self, path: Path) -> None:
        """Raises `BookMissing`, `BookNewer`, `BookDamaged`; the book must have been migrated."""
        self._path = path
        with self._book():
            pass

    def save_submission(
        self,
        application_id: str,
        product_type: str,
        flow_params: dict[str, object],
        files: Sequence[FileToSend],
        source: str,
        group_id: str | None = None,
        now: int | None = None,
        *,
        by: User,
    ) -> int:
        """Saves one intention to run a flow and returns its submission_id. `source` is form, csv, command or
        demo; `now` is milliseconds since 1970 UTC. Raises `InputError` and `NotAllowed`."""
        submission = SubmissionToSave(application_id, product_type, flow_params, tuple(files))
        return self.save_submissions([submission], source, group_id, now, by=by)[0]

    def save_submissions(
        self,
        submissions: Sequence[SubmissionToSave],
        source: str,
        group_id: str | None = None,
        now: int | None = None,
        *,
        by: User,
    ) -> list[int]:
        """Saves many under one group in one transaction: all of them or none. Returns their ids in order."""
        subject = submissions[0].application_id if len(submissions) == 1 else ""
        detail = {"applications": len(submissions), "source": source}
        created_at = now_ms() if now is None else now
        rows = [checked_parameters(submission) for submission in submissions]
        with self.acting(by, Action.SUBMIT, subject, detail=detail, now=now) as connection:
            return [
                insert_submission(connection, submission, params, source, group_id, created_at)
                for submission, params in zip(submissions, rows, strict=True)
            ]

    def waiting_submissions(self, after_id: int = 0) -> list[int]:
        """Ids of all submissions after `after_id`, oldest first. Which of them already have an attempt, the
        atlas book knows."""
        with self._book() as connection:
            return [
                submission_id
                for (submission_id,) in connection.execute(
                    "SELECT submission_id FROM submissions WHERE submission_id > ? ORDER BY submission_id",
                    [after_id],
                )
            ]

    def submission(self, submission_id: int) -> Submission:
        """One submission with its files' whole addresses. Raises `InputError` where it does not exist or
        where its addresses were forgotten: then it must be submitted again."""
        with self._book() as connection:
            row = connection.execute(
                """
                SELECT application_id, product_type, flow_params, source, created_at,
                       (SELECT max(decided_at) FROM decisions d
                        WHERE d.submission_id = s.submission_id AND decision <> 'leave')
                FROM submissions s WHERE submission_id = ?
                """,
                [submission_id],
            ).fetchone()
            files = connection.execute(
                """
                SELECT document_id, file_url FROM submission_files WHERE submission_id = ? ORDER BY position
                """,
                [submission_id],
            ).fetchall()
        if row is None:
            raise InputError(f"There is no submission {submission_id}.")
        if not files or any(url is None for _, url in files):
            raise InputError(
                f"The links of submission {submission_id} are no longer kept: they are forgotten when they "
                "have served, and after 24 hours at the latest. Submit it again with fresh links."
            )
        application_id, product_type, flow_params, source, created_at, asked_again_at = row
        return Submission(
            submission_id,
            application_id,
            product_type,
            json.loads(flow_params),
            tuple(FileToSend(document_id, url) for document_id, url in files),
            source,
            created_at,
            asked_again_at,
        )

    def application_of(self, submission_id: int) -> tuple[str, str]:
        """application_id and product_type of a submission, also where its addresses were forgotten. Raises
        `InputError` where it does not exist."""
        with self._book() as connection:
            row = connection.execute(
                "SELECT application_id, product_type FROM submissions WHERE submission_id = ?",
                [submission_id],
            ).fetchone()
        if row is None:
            raise InputError(f"There is no submission {submission_id}.")
        return row[0], row[1]

    def decide(
        self, submission_id: int, attempt_number: int, decision: str, now: int | None = None, *, by: User
    ) -> None:
        """Records what a person wants after an unknown outcome: 'start again', 'send files again' or 'leave'.

        The first decision on an attempt stands: a second one raises `InputError`.
        """
        detail = {"attempt": attempt_number, "decision": decision}
        subject = f"submission {submission_id}"
        with self.acting(by, Action.DECIDE_UNKNOWN, subject, detail=detail, now=now) as connection:
            if connection.execute(
                "SELECT 1 FROM decisions WHERE submission_id = ? AND attempt_number = ?",
                [submission_id, attempt_number],
            ).fetchone():
                raise InputError(
                    f"Attempt {attempt_number} of submission {submission_id} was already decided."
                )
            connection.execute(
                """
                INSERT INTO decisions (submission_id, attempt_number, decision, decided_at)
                VALUES (?, ?, ?, ?)
                """,
                [submission_id, attempt_number, decision, now_ms() if now is None else now],
            )

    def decisions(self, after_id: int = 0) -> list[Decision]:
        """All decisions after decision `after_id`, oldest first."""
        with self._book() as connection:
            return [
                Decision(*row)
                for row in connection.execute(
                    """
                    SELECT decision_id, submission_id, attempt_number, decision, decided_at
                    FROM decisions WHERE decision_id > ? ORDER BY decision_id
                    """,
                    [after_id],
                )
            ]

    def want_look(self, flow_uuid: str, now: int | None = None, *, by: User) -> None:
        """Records that a person wants this flow looked at soon; asking twice is asking once."""
        with self.acting(by, Action.ASK_ATLAS, flow_uuid, now=now) as connection:
            connection.execute(
                "INSERT INTO looks_wanted (flow_uuid, wanted_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [flow_uuid, now_ms() if now is None else now],
            )

    def take_wanted_looks(self) -> list[str]:
        """The flow_uuids people want looked at, oldest wish first; each is handed out once."""
        with self._book() as connection:
            if not connection.execute("SELECT 1 FROM looks_wanted LIMIT 1").fetchone():
                return []
            with transaction(connection):
                wanted = connection.execute(
                    "SELECT flow_uuid FROM looks_wanted ORDER BY wanted_at"
                ).fetchall()
                connection.execute("DELETE FROM looks_wanted")
        return [flow_uuid for (flow_uuid,) in wanted]

    def forget_links(self, uploaded: Iterable[int], now: int | None = None) -> int:
        """Overwrites the whole addresses that have served, and returns how many.

        They go once their submission is among `uploaded` (Atlas acknowledged the upload) and their signature
        has ended, and 24 hours after the submission in any case. Host and object name stay.
        """
        moment = now_ms() if now is None else now
        served = set(uploaded)
        with self._book() as connection:
            ended = connection.execute(
                """
                SELECT DISTINCT f.submission_id, s.created_at
                FROM submission_files f JOIN submissions s ON s.submission_id = f.submission_id
                WHERE f.file_url IS NOT NULL AND f.ends_at <= ?
                """,
                [moment],
            ).fetchall()
            due = [
                submission_id
                for submission_id, created_at in ended
                if submission_id in served or created_at + LINKS_KEPT_MS <= moment
            ]
            if not due:
                return 0
            with transaction(connection):
                return sum(
                    connection.execute(
                        """
                        UPDATE submission_files SET file_url = NULL
                        WHERE submission_id = ? AND ends_at <= ? AND file_url IS NOT NULL
                        """,
                        [submission_id, moment],
                    ).rowcount
                    for submission_id in due
                )

    def save_view(
        self, owner: str, name: str, address: str, *, is_shared: bool, by: User, now: int | None = None
    ) -> None:
        """Keeps an address under a name; the owner's earlier view of that name makes way.

        Raises `InputError` where the name is empty or longer than 80 characters.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= 80:
            raise InputError("A saved view needs a name of 1 to 80 characters.")
        with self.acting(by, Action.SAVE_VIEW, detail={"shared": is_shared}, now=now) as connection:
            connection.execute(
                """
                INSERT INTO saved_views (owner, name, address, is_shared, saved_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (owner, name) DO UPDATE
                SET address = excluded.address, is_shared = excluded.is_shared, saved_at = excluded.saved_at
                """,
                [owner, name, address, int(is_shared), now_ms() if now is None else now],
            )

    def forget_view(self, owner: str, view_id: int) -> None:
        """Forgets one of the owner's own views; somebody else's stays."""
        with self.writing() as connection:
            connection.execute("DELETE FROM saved_views WHERE view_id = ? AND owner = ?", [view_id, owner])

    @contextmanager
    def acting(
        self,
        by: User,
        action: Action,
        subject: str = "",
        *,
        reason: str = "",
        detail: Mapping[str, object] | None = None,
        now: int | None = None,
    ) -> Iterator[sqlite3.Connection]:
        """One transaction of one person's: the right to it is asked for first, and the row of the audit log
        is part of it, so that neither is there without the other. Raises `NotAllowed`."""
        by = require(by, action)
        with self.writing() as connection:
            record_audit(connection, by, action, subject, reason=reason, detail=detail, now=now)
            yield connection

    def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a function of the books' own answers over this book."""
        with self._book() as connection:
            return fn(connection, *args, **kwargs)

    def verify_audit(self, head: str | None = None) -> AuditCheck:
        """Reads the whole audit log; see `audit.verify_audit`."""
        return self.read(verify_audit, head)

    @contextmanager
    def _book(self) -> Iterator[sqlite3.Connection]:
        with closing(open_for_writing(self._path, DESK.journal)) as connection, speaking_of(self._path):
            require_edition(connection, self._path, DESK)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with self._book() as connection, transaction(connection):
            yield connection
