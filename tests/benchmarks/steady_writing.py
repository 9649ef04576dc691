"""A worker's writing without its network: twenty new flows with results a second, and the mirror.

    python -m tests.benchmarks.steady_writing DATA_DIR

Rests until it reads a line `go`, and again from `rest` on; answers each line when it has obeyed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from atlas_core.books.store import save_flow
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.worker.mirror_keeper import MirrorKeeper
from tests.benchmarks.storing import results_of, store_result

A_SECOND = 20
_SUPPLY = 2_000


class SteadyWriting:
    """The process; rests at first."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go(self) -> None:
        self._tell("go")

    def rest(self) -> None:
        self._tell("rest")

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != f"{word}\n":
            raise RuntimeError("the writing process ended")


@contextmanager
def steady_writing(data_dir: Path) -> Iterator[SteadyWriting]:
    """A process that writes into the books of that folder."""
    command = [sys.executable, "-m", "tests.benchmarks.steady_writing", str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SteadyWriting(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def _write(writer: AtlasWriter, going: threading.Event, ending: threading.Event) -> None:
    results = results_of(_SUPPLY)
    number, due = 0, time.monotonic()
    while not ending.is_set():
        if not going.wait(0.1):
            due = time.monotonic()
            continue
        uuid = f"{uuid4()}"
        flow_id = writer.write(
            save_flow, uuid, application_id=f"NEW-{uuid[:8]}", product_type="PROD_CDL", created_at=now_ms()
        )
        store_result(writer, flow_id, results[number % _SUPPLY])
        number += 1
        due += 1 / A_SECOND
        time.sleep(max(due - time.monotonic(), 0))


def main() -> None:
    book = Path(sys.argv[1]) / "atlas.db"
    going, ending = threading.Event(), threading.Event()
    with AtlasWriter(book) as writer:
        keeper = MirrorKeeper(writer, book)
        keeper.start()
        thread = threading.Thread(target=_write, args=(writer, going, ending))
        thread.start()
        for line in sys.stdin:
            going.set() if line.strip() == "go" else going.clear()
            print(line.strip(), flush=True)
        ending.set()
        thread.join()
        keeper.stop(10)


if __name__ == "__main__":
    main()
