"""What a backup costs those who write meanwhile, and how long one takes.

    python -m tests.benchmarks.backing_up

Twenty new flows with results a second are stored in a large book, each in commits of their own; first at
rest, then while the book is copied and verified again and again in a thread that gives way, as the worker
does it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

from atlas_core.books.backups import take_backup
from atlas_core.books.log_size import log_bytes
from atlas_core.books.room import in_bytes
from atlas_core.books.store import save_flow
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from tests.benchmarks.large import large_books, wanted_flows
from tests.benchmarks.steady_writing import A_SECOND
from tests.benchmarks.storing import results_of, store_result
from tests.benchmarks.table import Goal, Row, ms, show

REST_SECONDS = 20.0
BACKUPS = 4


class Writing:
    """Stores results at an even pace, and notes how long each took to be answered, in milliseconds."""

    def __init__(self, writer: AtlasWriter) -> None:
        self._writer, self._results = writer, results_of(500)
        self.took: list[float] = []
        self.ending = threading.Event()

    def write(self) -> None:
        due, number = time.monotonic(), 0
        while not self.ending.wait(max(0.0, due - time.monotonic())):
            due += 1 / A_SECOND
            number += 1
            begun = time.perf_counter()
            uuid = f"{uuid4()}"
            flow_id = self._writer.write(
                save_flow, uuid, application_id="NEW", product_type="PROD_CDL", created_at=now_ms()
            )
            store_result(self._writer, flow_id, self._results[number % 500])
            self.took.append((time.perf_counter() - begun) * 500)  # two commits

    def take(self) -> list[float]:
        took, self.took = self.took, []
        return took


def measure(folder: Path, flows: int) -> list[Row]:
    book = folder / "atlas.db"
    shutil.copyfile(large_books(flows).atlas, book)
    log, seconds = 0, []
    with AtlasWriter(book) as writer:
        writing = Writing(writer)
        thread = threading.Thread(target=writing.write)
        thread.start()
        time.sleep(REST_SECONDS)
        at_rest = writing.take()

        def back_up() -> None:
            nonlocal log
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
            for _ in range(BACKUPS):
                begun = time.monotonic()
                size = take_backup(book, folder / "backups", now=now_ms()).size
                seconds.append((time.monotonic() - begun) / (size / 1e9))
                log = max(log, log_bytes(book))

        backing_up = threading.Thread(target=back_up)
        backing_up.start()
        backing_up.join()
        meanwhile = writing.take()
        writing.ending.set()
        thread.join()
        size = in_bytes(book.stat().st_size)
    slow, slow_at_rest = (sorted(took)[int(len(took) * 0.99)] for took in (meanwhile, at_rest))
    middle, middle_at_rest = statistics.median(meanwhile), statistics.median(at_rest)
    return [
        Row(
            "a commit while a backup is taken, median",
            ms(middle),
            ms(middle_at_rest),
            middle / middle_at_rest,
        ),
        Row(f"the same, 99th of 100 ({size})", ms(slow), ms(slow_at_rest), slow, Goal("<=", 250, " ms")),
        Row(
            "seconds of a verified backup for each GB",
            "",
            "",
            statistics.median(seconds),
            Goal("<=", 30, " s"),
        ),
        Row("largest log meanwhile", "", "", log / 1e6, unit=" MB"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        show(measure(Path(place), wanted_flows()), ("", "meanwhile", "at rest"))


if __name__ == "__main__":
    main()
