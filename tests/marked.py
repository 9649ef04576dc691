"""A case whose every text is marked, in books with backups, a mirror, exports and books set aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas_core.access import LOCAL
from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts
from atlas_core.books.backups import take_backup
from atlas_core.books.case_decisions import decide_case
from atlas_core.books.claims import CaseSeen, claim_case, note_case
from atlas_core.books.eraser import Eraser
from atlas_core.books.history import save_history
from atlas_core.books.mirror import Mirror
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.verdicts import JudgedCheck, give_verdict
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FileToSend, Result, UploadedFile
from atlas_core.thresholds import Thresholds
from atlas_core.worker.parts import hash_of
from tests.made_books import DONE, START, MadeBooks, add_flow, make_result, upload
from tests.mirrored import follow
from tests.workers import rows

MARK = "Quagga"  # stands in every text of the marked case, and nowhere else
FLOW, OTHER = "flow-marked-0001", "flow-other-00001"


@dataclass(frozen=True)
class MarkedBooks(MadeBooks):
    """`backups` lies outside of the data folder."""

    backups: Path

    @property
    def data_dir(self) -> Path:
        return self.atlas.parent


def marked_result(flow_uuid: str = FLOW, more: str = "") -> Result:
    """A payload with the mark in all that a document may say; `more` makes another one."""
    document = {
        "document_type": "DELIVERY_ORDER",
        "customer_name": {"value": f"{MARK} Personname {more}", "confidence_score": 0.91},
        "dealer_name": {"value": f"{MARK} Dealer and Sons", "confidence_score": 0.8},
        "address": {"value": f"12 {MARK}नगर Street, Pune 411001", "confidence_score": 0.7},
        "items": {"value": [f"{MARK} item one", {"model": f"{MARK} model two"}], "confidence_score": 0.5},
        "odd": {"value": "Washing machine", "confidence_score": f"{MARK} sure"},
    }
    checks = [
        {
            "name": "CUSTOMER_NAME",
            "source_doc": "DELIVERY_ORDER",
            "source_field_name": "customer_name",
            "source_value": f"{MARK} Personname {more}",
            "target_doc": "INVOICE",
            "target_field_name": "customer_name",
            "target_value": f"{MARK} Personnane {more}",
            "similarity_score": score,
        }
        for score in (64, f"{MARK} high")
    ]
    body = {
        "ocr_data": [
            {"data": document, "document_id": f"{MARK}-order.pdf", "error_code": "", "error_reason": ""},
            {
                "data": {"document_type": "INVOICE"},
                "document_id": f"{MARK}-invoice.pdf",
                "error_code": "E101",
                "error_reason": f"{MARK} Personname is not readable",
            },
        ],
        "cross_checks": checks,
        "flow_uuid": flow_uuid,
        "note_of_a_new_kind": f"{MARK} said so",
    }
    return parse_result(json.dumps(body).encode())


def make_marked_books(folder: Path, others: int = 3) -> MarkedBooks:
    """Application APP-M, marked, sent and judged; and others, of APP-1, that are none of its business."""
    return make_marked_books_in(folder / "data", folder / "backups", others)


def make_marked_books_in(data_dir: Path, backups: Path, others: int) -> MarkedBooks:
    """The same, with the folder of the books and the folder of the backups."""
    books = MarkedBooks(data_dir / "atlas.db", data_dir / "desk.db", backups)
    migrate_atlas(books.atlas)
    migrate_desk(books.desk)
    desk = books.open_desk()
    link = f"https://files.example/scans/{MARK}-order.pdf?sig=secret"
    submission_id = desk.save_submission(
        "APP-M",
        "PROD_CDL",
        {"customer": f"{MARK} Personname", "deep": [{"phone": f"{MARK} 98"}]},
        [FileToSend(f"{MARK}-order.pdf", link)],
        "form",
        f"{MARK}.csv",
        START,
        by=LOCAL,
    )
    with AtlasWriter(books.atlas) as writer:
        for number in range(others):
            name = f"{OTHER}{number}"
            add_flow(writer, name, result=make_result(name, name=f"Another Person {number}"))
        attempt_id = writer.write(
            attempts.start_attempt,
            submission_id,
            1,
            application_id="APP-M",
            product_type="PROD_CDL",
            auth_part=hash_of("auth-1"),
            callback_part=hash_of("callback-1"),
            now=START,
        )
        upload(writer, attempt_id or 0, FLOW)
        save_marked(writer)
        follow(writer, books.atlas)
    judge(books)
    return books


def save_marked(writer: AtlasWriter) -> None:
    """The marked flow with two versions of its results, the first by callback too."""
    for more, by_callback in (("", True), ("again", False)):
        writer.write(
            save_history,
            FLOW,
            application_id="APP-M",
            product_type="PROD_CDL",
            created_at=START,
            files=[FileToSend(f"{MARK}-order.pdf", f"https://files.example/scans/{MARK}-order.pdf")],
            uploaded=[UploadedFile("batch-0001", "file-0001", f"{MARK}-order.pdf")],
            looks=[(START + 30_000, DONE)],
            result=marked_result(more=more),
            received_at=START + 31_000,
            by_callback=by_callback,
            standards=Standards(),
        )


def judge(books: MadeBooks) -> None:
    """A verdict, a note and a decision, each with a reason that names the person."""
    desk = books.open_desk()
    [(digest,)] = rows(
        books.atlas,
        "SELECT r.digest FROM flows f JOIN results r ON r.result_id = f.result_id WHERE flow_uuid = ?",
        FLOW,
    )
    seen = CaseSeen(FLOW, digest)
    check = JudgedCheck(
        *(0, "CUSTOMER_NAME", "DELIVERY_ORDER", "customer_name", "INVOICE", "customer_name", 64.0),
        (f"{MARK} a", f"{MARK} b"),
        *("queue", 1.0, True),
    )
    claim_case(desk, LOCAL, FLOW)
    give_verdict(desk, LOCAL, seen, [check], "same", reason=f"{MARK} is a nickname", adoption_id=None)
    note_case(desk, LOCAL, FLOW, f"{MARK} called and said so")
    decide_case(
        *(desk, LOCAL, seen, "ask for a new document"),
        outcome="review",
        in_force=InForce(Thresholds()),
        document=f"{MARK} passport",
        reason=f"{MARK} wrote it badly",
    )


def back_up(books: MarkedBooks, now: int = START) -> None:
    for book in (books.atlas, books.desk):
        take_backup(book, books.backups, now=now)


def files_with(mark: str, *folders: Path) -> list[str]:
    """Names of files below the folders in which the mark stands, whatever its capitals."""
    wanted, found = mark.lower().encode(), []
    for folder in folders:
        for path in folder.rglob("*"):
            with suppress(FileNotFoundError, IsADirectoryError):  # a worker may be at work
                if wanted in path.read_bytes().lower():
                    found.append(str(path.relative_to(folder)))
    return sorted(found)


def with_eraser(books: MarkedBooks, act: Callable[[Eraser], object]) -> None:
    """Does something with an eraser of these books, as the worker or a command would."""
    with AtlasWriter(books.atlas) as writer, closing(Mirror(writer, books.atlas)) as mirror:
        act(
            Eraser(
                *(writer, books.atlas, books.desk, books.backups),
                lambda anew: mirror.rebuild() if anew else mirror.catch_up(),
            )
        )


def marked_books_in_force(folder: Path, patch: pytest.MonkeyPatch) -> MarkedBooks:
    """`make_marked_books`, which commands take for theirs from now on."""
    made = make_marked_books(folder)
    patch.setenv("ATLAS_DATA_DIR", str(made.data_dir))
    patch.setenv("ATLAS_BACKUP_DIR", str(made.backups))
    return made
