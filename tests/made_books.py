"""Small books for tests, written through the same functions as real ones, and opened for questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.desk import Desk
from atlas_core.books.history import save_history
from atlas_core.books.reading import Books, open_books
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import CrossCheck, Document, Field, FileToSend, Flag, FlowStatus, Result, UploadedFile

START = 1_790_000_000_000
MINUTE = 60_000
DONE = FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
FAILED = FlowStatus("FAILED", "NOT_STARTED", "NOT_STARTED", "FAILED")


@dataclass(frozen=True)
class MadeBooks:
    atlas: Path
    desk: Path

    def open_desk(self) -> Desk:
        return Desk(self.desk)


def make_books(folder: Path) -> MadeBooks:
    books = MadeBooks(folder / "data" / "atlas.db", folder / "data" / "desk.db")
    migrate_atlas(books.atlas)
    migrate_desk(books.desk)
    return books


def make_result(
    flow_uuid: str,
    *,
    similarities: tuple[float | None, ...] = (95,),
    error_code: str = "",
    flags: tuple[Flag, ...] = (),
    name: str = "Invented Person",
) -> Result:
    canonical = json.dumps([flow_uuid, similarities, error_code, name]).encode()
    return Result(
        flow_uuid=flow_uuid,
        application_id=None,
        documents=(
            Document(
                0,
                f"{flow_uuid}-doc",
                "INVOICE",
                error_code,
                "multiple people" if error_code else "",
                (Field("customer_name", name, "text", 0.93), Field("price", 19_999, "number", 0.0)),
            ),
        ),
        cross_checks=tuple(
            CrossCheck(
                position,
                "CUSTOMER_NAME",
                "DELIVERY_ORDER",
                "customer_name",
                name,
                "INVOICE",
                "x",
                name,
                score,
            )
            for position, score in enumerate(similarities)
        ),
        flags=flags,
        canonical=canonical,
        digest=hashlib.sha256(canonical).hexdigest(),
        size=len(canonical),
    )


def add_flow(
    writer: AtlasWriter,
    flow_uuid: str,
    *,
    application_id: str = "APP-1",
    product_type: str = "PROD_CDL",
    created_at: int = START,
    status: FlowStatus = DONE,
    result: Result | None = None,
    by_callback: bool = False,
) -> int:
    """One past flow, looked at 30 s after its start, with its result a second later (if any)."""
    return writer.write(
        save_history,
        flow_uuid,
        application_id=application_id,
        product_type=product_type,
        created_at=created_at,
        files=[FileToSend(f"{flow_uuid}-doc", "https://files.example/scans/invoice.pdf?sig=secret")],
        uploaded=[UploadedFile(f"{flow_uuid}-batch", f"{flow_uuid}-file", f"{flow_uuid}-doc")],
        looks=[(created_at + 30_000, status)],
        result=result,
        received_at=created_at + 31_000,
        by_callback=by_callback,
        standards=Standards(),
    )


@contextmanager
def reading(books: MadeBooks) -> Iterator[Books]:
    with open_books(books.atlas, books.desk) as opened:
        yield opened


def submit(
    books: MadeBooks, application_id: str = "APP-1", group_id: str | None = None, now: int = START
) -> int:
    files = [FileToSend(f"{application_id}-doc", "https://files.example/a.pdf?sig=secret")]
    return books.open_desk().save_submission(
        application_id, "PROD_CDL", {}, files, "csv", group_id, now, by=COMMAND
    )


def begin(
    writer: AtlasWriter, submission_id: int, number: int = 1, now: int = START, application_id: str = "APP-1"
) -> int:
    attempt_id = writer.write(
        attempts.start_attempt,
        submission_id,
        number,
        application_id=application_id,
        product_type="PROD_CDL",
        auth_part=f"{submission_id}-{number}-a".rjust(64, "0"),
        callback_part=f"{submission_id}-{number}-c".rjust(64, "0"),
        now=now,
    )
    assert attempt_id is not None
    return attempt_id


def upload(writer: AtlasWriter, attempt_id: int, flow_uuid: str, now: int = START) -> int:
    """init and multiupload answered."""
    flow_id = writer.write(attempts.save_init_answer, attempt_id, flow_uuid, now=now)
    file = FileToSend(f"{flow_uuid}-doc", "https://files.example/a.pdf")
    writer.write(attempts.start_upload, attempt_id, [file], now=now)
    answer = [UploadedFile(f"{flow_uuid}-batch", f"{flow_uuid}-file", f"{flow_uuid}-doc")]
    writer.write(attempts.save_upload_answer, attempt_id, answer, now=now)
    return flow_id
