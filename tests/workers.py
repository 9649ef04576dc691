"""Workers that tests run for real: over a sandbox, on books of their own, on a free port."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.desk import Desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend
from atlas_core.settings import Settings, load_settings
from atlas_core.worker.parts import hash_of
from atlas_core.worker.service import Worker


def settings_for(folder: Path, atlas_url: str, **changes: Any) -> Settings:
    """Settings for books in `folder` and an Atlas at `atlas_url`; the receiver takes any free port."""
    settings = load_settings({"ATLAS_DATA_DIR": str(folder)}, folder / "no.env")
    return dataclasses.replace(settings, base_url=atlas_url, receiver_port=0, **changes)


def rows(book: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What any SQLite tool would read in a book."""
    with closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True, timeout=15)) as connection:
        return connection.execute(sql, parameters).fetchall()


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits for something to become true, or fails."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def start_attempt(writer: AtlasWriter, number: int) -> int:
    """An attempt for APP-NUMBER whose flow/init is under way, at auth-NUMBER and callback-NUMBER."""
    attempt_id = writer.write(
        attempts.start_attempt,
        number,
        1,
        application_id=f"APP-{number}",
        product_type="PROD_CDL",
        auth_part=hash_of(f"auth-{number}"),
        callback_part=hash_of(f"callback-{number}"),
        now=now_ms(),
    )
    assert attempt_id is not None
    return attempt_id


def empty_results(flow_uuid: str) -> bytes:
    """A callback's body about a flow without documents."""
    return json.dumps({"flow_uuid": flow_uuid, "ocr_data": [], "cross_checks": []}).encode()


@dataclass
class RunningWorker:
    """A worker in threads of this process, with its books."""

    worker: Worker
    settings: Settings
    desk: Desk

    @property
    def address(self) -> str:
        return self.worker.receiver.address

    def submit(self, application_id: str, documents: int = 2) -> int:
        files = [
            FileToSend(f"{application_id}-{n}", f"https://files.lender.example/{application_id}/{n}.pdf")
            for n in range(documents)
        ]
        return self.desk.save_submission(application_id, "PROD_CDL", {}, files, "command", by=COMMAND)

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return rows(self.settings.atlas_book, sql, *parameters)

    def call_back(self, number: int, body: bytes) -> int:
        """Atlas's callback to the attempt of `start_attempt`, with a token it fetched before; the status."""
        with urllib.request.urlopen(f"{self.address}/atlas/auth/auth-{number}", timeout=10) as answer:
            token = json.load(answer)["access_token"]
        url = f"{self.address}/atlas/callback/callback-{number}"
        request = urllib.request.Request(url, body, {"Token": token, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def attempt(self, application_id: str) -> tuple[str, str | None]:
        """State and reason of the newest attempt for an application."""
        found = self.rows(
            "SELECT state, reason FROM attempts WHERE application_id = ? ORDER BY number DESC", application_id
        )
        return found[0] if found else ("", None)

    def flow(self, application_id: str) -> dict[str, Any]:
        """The newest flow of an application, with what counts for it."""
        names = ("flow_id", "flow_uuid", "master_status", "outcome", "confirmed_at", "watched", "trouble")
        found = self.rows(
            "SELECT flow_id, flow_uuid, master_status, outcome, confirmed_at, watched, trouble, result_id"
            " FROM flows WHERE application_id = ? ORDER BY flow_id DESC",
            application_id,
        )
        return dict(zip((*names, "result_id"), found[0], strict=True)) if found else {}

    def deliveries(self, application_id: str) -> list[tuple[Any, ...]]:
        """channel, outcome and times_seen of all deliveries for an application's attempts and flows."""
        return self.rows(
            "SELECT DISTINCT d.delivery_id, d.channel, d.outcome, d.times_seen FROM deliveries d"
            " LEFT JOIN flows f ON f.flow_id = d.flow_id LEFT JOIN attempts a ON a.attempt_id = d.attempt_id"
            " WHERE ?1 IN (f.application_id, a.application_id) ORDER BY d.delivery_id",
            application_id,
        )


@contextmanager
def running_worker(settings: Settings, **patience: float) -> Iterator[RunningWorker]:
    """A worker in this process, until the block ends."""
    worker = Worker(settings, **patience)
    stopping = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stopping, 1.0))
    try:
        worker.start()
        thread.start()
        yield RunningWorker(worker, settings, Desk(settings.desk_book))
    finally:
        stopping.set()
        if thread.ident is not None:
            thread.join(5)
        worker.stop()
