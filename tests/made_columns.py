"""Small books of any flows, with their column mirror: what measures are held against."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from atlas_core.books.columns import Columns, open_columns
from atlas_core.books.history import save_history
from atlas_core.books.mirror import Mirror
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import CrossCheck, Document, Field, Flag, FlowStatus, Result
from atlas_core.thresholds import Thresholds

DONE = FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
FAILED = FlowStatus("FAILED", "NOT_STARTED", "NOT_STARTED", "FAILED")
RUNNING = FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")
UPLOADING = FlowStatus("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS")
READ_FIRST = FlowStatus("IN_PROGRESS", "SUCCESS", "NOT_STARTED", "IN_PROGRESS")
STRANGE = FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "PAUSED")
DAY = 86_400_000
MONDAY = 1_767_571_200_000  # 2026-01-05, UTC


@dataclass(frozen=True)
class MadeCheck:
    name: str
    score: float | None = 95
    source: str = "DELIVERY_ORDER"
    target: str = "INVOICE"
    field: str = "customer_name"


@dataclass(frozen=True)
class MadeDocument:
    type: str | None
    code: str = ""
    reason: str = ""
    fields: tuple[tuple[str, str, float | None], ...] = ()


@dataclass(frozen=True)
class MadeFlow:
    created_at: int = MONDAY
    product: str = "PROD_CDL"
    application: str = ""
    status: FlowStatus = DONE
    seconds: int = 40
    looks: tuple[tuple[int, FlowStatus], ...] = ()  # (seconds, status), before the last
    documents: tuple[MadeDocument, ...] = ()
    checks: tuple[MadeCheck, ...] = ()
    flags: tuple[Flag, ...] = ()
    has_result: bool = True


@dataclass(frozen=True)
class MadeBook:
    folder: Path
    flow_ids: tuple[int, ...] = field(default=())

    @property
    def columns(self) -> Columns:
        return open_columns(self.folder)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        address = f"file:{self.folder / 'atlas.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()


def result_of(flow_uuid: str, flow: MadeFlow) -> Result:
    said = repr((flow_uuid, flow)).encode()
    return Result(
        flow_uuid=flow_uuid,
        application_id=None,
        documents=tuple(
            Document(
                position,
                f"{flow_uuid}-{position}",
                made.type,
                made.code,
                made.reason,
                tuple(
                    Field(name, value, "text" if value else "empty", how) for name, value, how in made.fields
                ),
            )
            for position, made in enumerate(flow.documents)
        ),
        cross_checks=tuple(
            CrossCheck(
                position,
                made.name,
                made.source,
                made.field,
                "one",
                made.target,
                made.field,
                "two",
                made.score,
            )
            for position, made in enumerate(flow.checks)
        ),
        flags=flow.flags,
        canonical=said,
        digest=hashlib.sha256(said).hexdigest(),
        size=len(said),
    )


@contextmanager
def made_book(flows: Sequence[MadeFlow], *, review_below: int = 70) -> Iterator[MadeBook]:
    """A book of these flows, written through the same functions as real ones, and its mirror: built from the
    first half of them, the others taken over."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "data"
        migrate_atlas(folder / "atlas.db")
        migrate_desk(folder / "desk.db")
        standards = Standards(InForce(Thresholds(review_below, max(90, review_below))))
        with AtlasWriter(folder / "atlas.db") as writer:
            flow_ids: list[int] = []
            with closing(Mirror(writer, folder / "atlas.db")) as mirror:
                for begin, end in ((0, len(flows) // 2), (len(flows) // 2, len(flows))):
                    flow_ids += writer.write(_save_all, flows, begin, end, standards)
                    mirror.catch_up()
        yield MadeBook(folder, tuple(flow_ids))


def _times(flow: MadeFlow) -> list[tuple[int, FlowStatus]]:
    return [(flow.created_at + 1000 * seconds, status) for seconds, status in flow.looks]


def _save_all(
    connection: sqlite3.Connection, flows: Sequence[MadeFlow], begin: int, end: int, standards: Standards
) -> list[int]:
    flow_ids = []
    for number, flow in enumerate(flows[begin:end], begin + 1):
        flow_uuid = f"flow-{number:05}"
        ended_at = flow.created_at + 1000 * flow.seconds
        flow_ids.append(
            save_history(
                connection,
                flow_uuid,
                application_id=flow.application or f"APP-{number}",
                product_type=flow.product,
                created_at=flow.created_at,
                files=(),
                uploaded=(),
                looks=[*_times(flow), (ended_at, flow.status)],
                result=result_of(flow_uuid, flow) if flow.has_result else None,
                received_at=ended_at + 1000,
                by_callback=False,
                standards=standards,
            )
        )
    return flow_ids
