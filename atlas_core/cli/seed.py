"""`seed --flows N --days D`: invented history, written by the same code that writes live results."""

from __future__ import annotations

import json
import random
import sys
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from atlas_core.api.payloads import compare_documents, parse_result, parse_status
from atlas_core.books.desk import Desk
from atlas_core.books.history import save_history
from atlas_core.books.invented import mark_invented, refuse_others
from atlas_core.books.mirror import Mirror
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards, standards_now
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import SettingsError
from atlas_core.models import FileToSend, FlowStatus, Result, UploadedFile
from atlas_core.sandbox.applications import (
    SEED,
    Application,
    final_status,
    make_application,
    read_application,
)
from atlas_core.settings import Settings

DAY_MS = 86_400_000
BY_CALLBACK = 0.93
LOOK_MS = 5_200
NOT_STARTED = FlowStatus("NOT_STARTED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED")
# Shares of a flow's time at which a look shows the next stage, with what Atlas says then.
COURSE = (
    (0.10, ("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS")),
    (0.30, ("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")),
    (0.80, ("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS")),
)
# Applications sent in each hour of the day (UTC; a lender in India works from about 4:00 to 15:00).
HOURS = (1, 0, 0, 2, 6, 11, 14, 15, 12, 10, 12, 14, 13, 11, 8, 6, 4, 2, 1, 1, 0, 0, 0, 0)


def run_seed(settings: Settings, *, flows: int, days: int) -> int:
    """Adds `flows` ended flows over the last `days` days, to books that hold nothing real.

    Raises `BookBusy` while a worker runs, and `SettingsError` where the books are not for invented history.
    """
    if settings.uses_real_atlas:
        raise SettingsError(
            "Invented history is for the sandbox: unset ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET."
        )
    migrate_atlas(settings.atlas_book, settings.backup_dir)
    migrate_desk(settings.desk_book, settings.backup_dir)
    refuse_others(settings.atlas_book, settings.desk_book)
    rng = random.Random()  # noqa: S311 -- invented history
    end = now_ms() - 10 * 60_000
    moments = sorted(_moment(rng, end, days) for _ in range(flows))
    standards = Desk(settings.desk_book).read(standards_now, settings.thresholds)
    with AtlasWriter(settings.atlas_book) as writer:
        mark_invented(writer, settings.desk_book)
        pending = []
        for number, created_at in enumerate(moments, start=1):
            pending.append(_save_one(writer, settings, standards, rng, number, created_at))
            if len(pending) == 100 or number == flows:
                for save in pending:
                    save.result()
                pending.clear()
                if sys.stdout.isatty():
                    print(f"\r{number:,} of {flows:,} invented flows", end="", flush=True)
        with closing(Mirror(writer, settings.atlas_book)) as mirror:
            mirror.catch_up()
    print(f"\r{flows:,} invented flows of the last {days} days are in the books.", flush=True)
    return 0


def _moment(rng: random.Random, end: int, days: int) -> int:
    while True:
        day = end // DAY_MS - rng.randrange(days + 1)
        quieter = datetime.fromtimestamp(day * 86_400, UTC).weekday() == 6
        hour = rng.choices(range(24), HOURS)[0]
        moment = day * DAY_MS + hour * 3_600_000 + rng.randrange(3_600_000)
        if end - days * DAY_MS <= moment <= end and not (quieter and rng.random() < 0.7):
            return moment


def _save_one(
    writer: AtlasWriter,
    settings: Settings,
    standards: Standards,
    rng: random.Random,
    number: int,
    created_at: int,
) -> Future[int]:
    created = datetime.fromtimestamp(created_at / 1000, UTC)
    application = make_application(
        SEED,
        number,
        base_url=settings.sandbox_origin,
        product_type=settings.product_type,
        day=created.date(),
        signed_at=created,
    )
    flow_uuid = str(uuid.uuid4())
    files = [FileToSend(item["document_id"], item["file_url"]) for item in application["documents"]]
    status = parse_status(final_status(application["application_id"], SEED))
    duration = int(rng.lognormvariate(3.7, 0.35) * 1000)
    looks = _looks(created_at, duration, status)
    return writer.write_soon(
        save_history,
        flow_uuid,
        application_id=application["application_id"],
        product_type=application["product_type"],
        created_at=created_at,
        files=files,
        uploaded=_uploaded(rng, created, files),
        looks=looks,
        result=_result(application, flow_uuid, status, files, settings, created),
        received_at=looks[-1][0] + LOOK_MS,
        by_callback=rng.random() < BY_CALLBACK,
        standards=standards,
    )


def _looks(created_at: int, duration: int, end: FlowStatus) -> list[tuple[int, FlowStatus]]:
    """Looks every few seconds from init to the end, one for each that showed something new."""
    looks = [(created_at, NOT_STARTED)]
    for share, words in COURSE:
        if end.master == "SUCCESS" or (end.upload == "SUCCESS" and share < 0.5):
            looks.append((_next_look(created_at, int(share * duration)), FlowStatus(*words)))
    looks.append((_next_look(created_at, duration), end))
    return looks


def _next_look(created_at: int, age: int) -> int:
    return created_at + (age // LOOK_MS + 1) * LOOK_MS


def _uploaded(rng: random.Random, created: datetime, files: Sequence[FileToSend]) -> list[UploadedFile]:
    letters = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=5))
    batch_id = f"BATCH-{rng.randrange(100_000):05d}-{letters}-{created + timedelta(seconds=1):%Y%m%d%H%M%S}"
    return [UploadedFile(batch_id, str(uuid.uuid4()), file.document_id) for file in files]


def _result(
    application: Application,
    flow_uuid: str,
    status: FlowStatus,
    files: Sequence[FileToSend],
    settings: Settings,
    read_at: datetime,
) -> Result:
    payload = read_application(
        application["application_id"],
        application["documents"],
        flow_uuid,
        application["product_type"],
        SEED,
        base_url=settings.sandbox_origin,
        read_at=read_at,
    )
    if status.master == "FAILED":
        payload["cross_checks"] = []
        payload["ocr_data"] = payload["ocr_data"][: len(files) // 2 if status.upload == "SUCCESS" else 0]
    result = parse_result(json.dumps(payload).encode())
    return replace(
        result, flags=(*result.flags, *compare_documents(result, [file.document_id for file in files]))
    )
