"""The worker's deeds on both books, one by one and without an Atlas, and books put in the place of others."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.agreement import Agreed, agree
from atlas_core.books.backups import take_backup
from atlas_core.books.call_notes import CallNotes, counted
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from tests.made_books import MINUTE, START, MadeBooks, make_books, submit
from tests.workers import rows

LATER = START + 3_600_000


@dataclass
class Post:
    """The worker's deeds on both books, one by one, without an Atlas."""

    books: MadeBooks
    writer: AtlasWriter
    at: int = START
    copies: dict[Path, Path] = field(default_factory=dict)

    @property
    def notes(self) -> CallNotes:
        return CallNotes(self.books.desk)

    def submit(self, name: str) -> int:
        self.at += 1_000
        return submit(self.books, name, now=self.at)

    def init(self, submission_id: int, number: int = 1, again: str = "") -> int:
        """Both books know that flow/init is about to be called."""
        submission = self.books.open_desk().submission(submission_id)
        auth, callback = (
            f"{submission_id}{number}{end}{again}".encode().hex().zfill(64) for end in ("a", "c")
        )
        attempt_id, call = self.writer.write(
            counted(attempts.start_attempt),
            submission_id,
            number,
            application_id=submission.application_id,
            product_type=submission.product_type,
            auth_part=auth,
            callback_part=callback,
            now=self.at,
        )
        assert attempt_id is not None
        self.notes.note(submission, number, call, parts=(auth, callback), now=self.at)
        return attempt_id

    def fail(self, attempt_id: int, state: str) -> None:
        self.writer.write(attempts.record_attempt, attempt_id, state, now=self.at, next_try_at=self.at)

    def answer(self, attempt_id: int, flow_uuid: str) -> None:
        self.writer.write(attempts.save_init_answer, attempt_id, flow_uuid, now=self.at)

    def upload(self, submission_id: int, number: int, attempt_id: int, flow_uuid: str) -> None:
        """Both books know that multiupload is about to be called."""
        submission = self.books.open_desk().submission(submission_id)
        _, call = self.writer.write(counted(attempts.start_upload), attempt_id, submission.files, now=self.at)
        self.notes.note(submission, number, call, flow_uuid=flow_uuid, now=self.at)

    def send(self, submission_id: int, flow_uuid: str) -> int:
        attempt_id = self.init(submission_id)
        self.answer(attempt_id, flow_uuid)
        self.upload(submission_id, 1, attempt_id, flow_uuid)
        return attempt_id

    def copy(self, book: Path) -> Path:
        return take_backup(book, self.books.atlas.parent / "backups", now=self.at).file

    def agree(self) -> Agreed:
        return agree(self.writer, self.books.atlas, self.books.desk, now=LATER)

    def attempt(self, submission_id: int) -> tuple[int, str, str | None] | None:
        """Number, state and flow_uuid of a submission's newest attempt."""
        found = rows(
            self.books.atlas,
            "SELECT a.number, a.state, f.flow_uuid FROM attempts a LEFT JOIN flows f ON f.flow_id = a.flow_id"
            " WHERE submission_id = ? ORDER BY number DESC",
            submission_id,
        )
        return found[0] if found else None

    def watched(self) -> list[str]:
        with Worklist(self.books.atlas) as worklist:
            return [flow.flow_uuid for flow in worklist.watched_flows()]


def posted(folder: Path) -> Iterator[Post]:
    """Books that have agreed once, in hands that close them at the end."""
    books = make_books(folder)
    made = Post(books, AtlasWriter(books.atlas))
    made.agree()
    yield made
    made.writer.close()


def put_in_place(post: Post, book: Path, file: Path | None, *, stamped: bool = True) -> None:
    """Another file under the book's name, as restored (`stamped`), or as copied by hand while it lived."""
    post.writer.close()
    for end in ("", "-wal", "-shm"):
        book.with_name(book.name + end).unlink(missing_ok=True)
    if file is not None:
        shutil.copyfile(file, book)
        if not stamped:
            with closing(sqlite3.connect(book)) as connection:
                connection.execute("PRAGMA user_version = 0")
    migrate_atlas(post.books.atlas)
    migrate_desk(post.books.desk)
    post.writer = AtlasWriter(post.books.atlas)


@dataclass
class Life:
    """Submissions in every state, before and after the copies."""

    final: int
    running: int
    waiting: int
    sent: int
    in_flight: int
    retried: int
    retried_in_flight: int
    unsent: int
    uploaded_since: int
    initialised: int
    asked_again: int
    undone: int


def live(post: Post) -> Life:
    """Some life, copies of both books, and more life."""
    life = Life(*(post.submit(f"APP-{number}") for number in range(12)))
    for submission_id, flow_uuid in ((life.final, "flow-final"), (life.running, "flow-running")):
        post.send(submission_id, flow_uuid)
    post.writer.write(
        lambda connection: (
            connection.execute(
                "UPDATE flows SET watched = 0, ended_at = 1, confirmed_at = 1 WHERE flow_uuid = 'flow-final'"
            ).rowcount
        )
    )
    attempt_of = {name: post.init(getattr(life, name)) for name in ("retried", "retried_in_flight", "unsent")}
    for attempt_id in attempt_of.values():
        post.fail(attempt_id, "not sent")
    for name in ("uploaded_since", "initialised"):
        attempt_of[name] = post.init(getattr(life, name))
        post.answer(attempt_of[name], f"flow-{name}")
    for name in ("asked_again", "undone"):
        post.fail(post.init(getattr(life, name)), "init unknown")

    post.copies = {book: post.copy(book) for book in (post.books.atlas, post.books.desk)}
    post.at += 10 * MINUTE
    post.send(life.sent, "flow-sent")
    post.init(life.in_flight)
    post.init(life.retried_in_flight, again="x")
    attempt_id = post.init(life.retried, again="x")
    post.answer(attempt_id, "flow-retried")
    post.upload(life.retried, 1, attempt_id, "flow-retried")
    post.upload(life.uploaded_since, 1, attempt_of["uploaded_since"], "flow-uploaded_since")
    post.books.open_desk().decide(life.asked_again, 1, "start again", by=COMMAND)
    post.books.open_desk().decide(life.undone, 1, "start again", by=COMMAND)
    attempt_id = post.init(life.asked_again, 2)
    post.answer(attempt_id, "flow-asked_again")
    post.upload(life.asked_again, 2, attempt_id, "flow-asked_again")
    return life
