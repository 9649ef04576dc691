"""What the book says about an attempt, so that nothing is ever called twice."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from atlas_core.books import attempts, inbox, store
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FileToSend, UploadedFile
from tests.made_books import START, make_books, make_result
from tests.workers import rows

SIGNED = "https://files.lender.example/scans/a.pdf?X-Amz-Signature=invented"
FILES = [FileToSend("A", SIGNED), FileToSend("B", SIGNED), FileToSend("A", SIGNED)]


@dataclass
class Post:
    book: Path
    writer: AtlasWriter

    def start(self, submission_id: int = 1, number: int = 1) -> int | None:
        return self.writer.write(
            attempts.start_attempt,
            submission_id,
            number,
            application_id="APP-1",
            product_type="PROD_CDL",
            auth_part=f"{submission_id:031}{number}auth".rjust(64, "0"),
            callback_part=f"{submission_id:031}{number}call".rjust(64, "0"),
            now=START,
        )

    def initialised(self, flow_uuid: str = "flow-0001") -> tuple[int, int]:
        attempt_id = self.start() or 0
        return attempt_id, self.writer.write(attempts.save_init_answer, attempt_id, flow_uuid, now=START)

    def state(self, attempt_id: int) -> str:
        return str(rows(self.book, "SELECT state FROM attempts WHERE attempt_id = ?", attempt_id)[0][0])

    def files(self) -> list[tuple[Any, ...]]:
        return rows(self.book, "SELECT document_id, batch_id, file_uuid FROM files ORDER BY position")

    def call(self, attempt_id: int, claimed: str | None = "flow-0001") -> str:
        result = make_result(claimed or "nobody")
        if claimed is None:
            result = replace(result, flow_uuid=None)
        return self.writer.write(
            inbox.save_callback, attempt_id, result, other_application=False, received_at=START
        )


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        yield Post(books.atlas, writer)


def test_an_attempt_is_started_once(post: Post) -> None:
    attempt_id = post.start()
    assert attempt_id is not None
    assert post.start() is None
    assert post.state(attempt_id) == "init sent"


def test_an_attempt_that_was_never_sent_starts_again_at_new_addresses(post: Post) -> None:
    attempt_id = post.start() or 0
    before = rows(post.book, "SELECT auth_part FROM attempts")
    post.writer.write(
        attempts.record_attempt, attempt_id, "not sent", now=START, reason="no network", next_try_at=START + 9
    )
    again = post.writer.write(
        attempts.start_attempt,
        1,
        1,
        application_id="APP-1",
        product_type="PROD_CDL",
        auth_part="a" * 64,
        callback_part="c" * 64,
        now=START,
    )
    assert again == attempt_id
    assert rows(post.book, "SELECT auth_part FROM attempts") != before
    assert rows(post.book, "SELECT state, reason, next_try_at FROM attempts") == [("init sent", None, None)]


@pytest.mark.parametrize("state", ["init sent", "init unknown", "refused", "uploaded", "upload unknown"])
def test_no_other_attempt_ever_starts_again(post: Post, state: str) -> None:
    attempt_id = post.start() or 0
    post.writer.write(attempts.record_attempt, attempt_id, state, now=START)
    assert post.start() is None


def test_a_start_after_a_kill_makes_an_init_under_way_unknown(post: Post) -> None:
    attempt_id = post.start() or 0
    assert post.writer.write(attempts.recover_attempts, now=START) == 1
    assert post.state(attempt_id) == "init unknown"
    assert post.writer.write(attempts.recover_attempts, now=START) == 0


def test_an_upload_is_started_once(post: Post) -> None:
    attempt_id, flow_id = post.initialised()
    assert post.writer.write(attempts.start_upload, attempt_id, FILES, now=START) == flow_id
    assert post.writer.write(attempts.start_upload, attempt_id, FILES, now=START) is None


def test_a_signed_address_is_kept_as_host_and_object_name(post: Post) -> None:
    attempt_id, _ = post.initialised()
    post.writer.write(attempts.start_upload, attempt_id, FILES[:1], now=START)
    kept = rows(post.book, "SELECT url_host, object_name FROM files")
    assert kept == [("files.lender.example", "scans/a.pdf")]


def test_ids_of_files_are_matched_by_document_id_and_then_by_place(post: Post) -> None:
    attempt_id, _ = post.initialised()
    post.writer.write(attempts.start_upload, attempt_id, FILES, now=START)
    answer = [
        UploadedFile("BATCH", "second", "B"),
        UploadedFile("BATCH", "first", "A"),
        UploadedFile("BATCH", "third", None),
        UploadedFile("BATCH", "unasked", "C"),
    ]
    post.writer.write(attempts.save_upload_answer, attempt_id, answer, now=START)
    assert post.files() == [
        ("A", "BATCH", "first"),
        ("B", "BATCH", "second"),
        ("A", "BATCH", "third"),
        ("C", "BATCH", "unasked"),
    ]
    assert rows(post.book, "SELECT batch_id FROM batches") == [("BATCH",)]
    assert post.writer.write(store.sent_document_ids, 1) == ["A", "B", "A"]


def test_a_callback_before_inits_answer_waits_for_its_flow_b70_b71(post: Post) -> None:
    attempt_id = post.start() or 0
    assert post.call(attempt_id) == "orphan"
    assert post.call(attempt_id, "another-flow") == "orphan"
    flow_id = post.writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=START)
    assert rows(post.book, "SELECT outcome, flow_id FROM deliveries ORDER BY delivery_id") == [
        ("waiting", flow_id),
        ("mismatch", None),
    ]
    assert rows(post.book, "SELECT kind FROM alarms") == [("callback for another flow",)]


def test_a_callback_whose_flow_never_turns_up_raises_one_alarm_after_a_day_b70(post: Post) -> None:
    attempt_id = post.start() or 0
    assert post.call(attempt_id) == "orphan"
    for received_before, alarms in ((START, []), (START + 1, ["orphan"]), (START + 2, ["orphan"])):
        post.writer.write(inbox.record_old_orphans, received_before=received_before, now=START + 5)
        assert [kind for (kind,) in rows(post.book, "SELECT kind FROM alarms")] == alarms


def test_a_late_callback_names_the_flow_of_a_lost_init_answer(post: Post) -> None:
    attempt_id = post.start() or 0
    post.writer.write(attempts.recover_attempts, now=START)
    assert post.call(attempt_id) == "orphan"
    with Worklist(post.book) as worklist:
        waiting = worklist.waiting_deliveries()
    flow_id = post.writer.write(
        inbox.take_up_callback, waiting[0], make_result("flow-0001"), now=START, standards=Standards()
    )
    assert post.state(attempt_id) == "upload sent"  # the next look tells whether files are there
    assert rows(post.book, "SELECT flow_uuid, application_id, watched FROM flows") == [
        ("flow-0001", "APP-1", 1)
    ]
    assert rows(post.book, "SELECT outcome, flow_id FROM deliveries") == [("provisional", flow_id)]


def test_a_lost_init_answer_never_takes_another_attempts_flow_b72(post: Post) -> None:
    post.initialised()
    lost = post.start(2) or 0
    post.writer.write(attempts.recover_attempts, now=START)
    post.call(lost)
    with Worklist(post.book) as worklist:
        waiting = worklist.waiting_deliveries()
    taken_up = post.writer.write(
        inbox.take_up_callback, waiting[0], make_result("flow-0001"), now=START, standards=Standards()
    )
    assert taken_up is None
    assert rows(post.book, "SELECT outcome FROM deliveries") == [("mismatch",)]
    assert rows(post.book, "SELECT kind, attempt_id FROM alarms") == [("callback for another flow", lost)]
    assert post.state(lost) == "init unknown"


def test_a_callback_without_a_flow_uuid_belongs_to_its_address(post: Post) -> None:
    attempt_id, flow_id = post.initialised()
    assert post.call(attempt_id, None) == "waiting"
    assert rows(post.book, "SELECT flow_id FROM deliveries") == [(flow_id,)]


def test_a_waiting_callback_is_read_back_whole(post: Post) -> None:
    attempt_id, _ = post.initialised()
    post.call(attempt_id)
    with Worklist(post.book) as worklist:
        waiting = worklist.waiting_deliveries()
    assert zlib.decompress(waiting[0].body or b"") == make_result("flow-0001").canonical
    assert rows(post.book, "SELECT body FROM deliveries") == [(waiting[0].body,)]


def test_files_are_sent_again_under_a_new_attempt_on_the_same_flow(post: Post) -> None:
    attempt_id, flow_id = post.initialised()
    post.writer.write(attempts.start_upload, attempt_id, FILES, now=START)
    parts = {"auth_part": "a" * 64, "callback_part": "c" * 64}
    assert post.writer.write(attempts.start_resend, attempt_id, **parts, now=START) is None
    post.writer.write(attempts.record_upload_unknown, flow_id, now=START)
    again = post.writer.write(attempts.start_resend, attempt_id, **parts, now=START)
    assert again is not None
    assert post.writer.write(attempts.start_upload, again, FILES, now=START) == flow_id
    assert len(post.files()) == len(FILES)
