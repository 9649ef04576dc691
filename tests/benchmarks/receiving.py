"""Acknowledging callbacks: many that wait share one commit, beside a pool of threads with a commit each.

    python -m tests.benchmarks.receiving

Sixty-four connections bring callbacks of 8 kB, each with other content, to two receivers in turn, alike but
for who writes: `AtlasWriter`, or a pool of 64 threads that take turns at the book (locked_pool.py). Both
write the same rows, and acknowledge after a durable commit. First the writing alone, by 64 callers who wait
for it; then the whole way, over HTTP from a process of its own, where most of the time is not the writing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from atlas_core.api.payloads import parse_result
from atlas_core.books import inbox
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import Result
from atlas_core.settings import load_settings
from atlas_core.worker.callers import Callers
from atlas_core.worker.receiver import Receiver
from tests.benchmarks.locked_pool import LockedPool
from tests.benchmarks.parsing import typical_payload
from tests.benchmarks.table import Row, at_least, show
from tests.faults.ended_flows import auth_path, callback_path, make_ended_flows
from tests.workers import rows

CONNECTIONS = 64
ROUNDS = 5
WRITES, CALLS = 1_500, 1_500  # in each round
GOAL = at_least(2)
FLOWS = 50


@dataclass(frozen=True)
class Receiving:
    """Medians of how many a second: written by each writer, and acknowledged over HTTP by its receiver."""

    written: float
    written_by_pool: float
    acknowledged: float
    acknowledged_by_pool: float


def measure(rounds: int = ROUNDS, writes: int = WRITES, calls: int = CALLS) -> Receiving:
    """Both in turn, round after round, in a folder beside the working directory's other files."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as place, ExitStack() as stack:
        folders = {name: Path(place) / name for name in ("ours", "pool")}
        for folder in folders.values():
            make_ended_flows(folder, FLOWS)
        ours = stack.enter_context(AtlasWriter(folders["ours"] / "atlas.db"))
        pool = LockedPool(folders["pool"] / "atlas.db", CONNECTIONS)
        stack.callback(pool.close)
        writers = {"ours": ours, "pool": cast(AtlasWriter, pool)}
        ports = {
            name: stack.enter_context(_Served(writer, folders[name] / "atlas.db"))
            for name, writer in writers.items()
        }
        result, numbers = parse_result(typical_payload()), itertools.count()
        rates: dict[str, list[float]] = {
            f"{what} {name}": [] for what in ("write", "call") for name in writers
        }
        for _ in range(rounds):
            for name, writer in writers.items():
                rates[f"write {name}"].append(_rate_of_writes(writer, result, writes, numbers))
            for name, port in ports.items():
                rates[f"call {name}"].append(_rate_of_calls(port, calls))
        kept = {
            rows(folder / "atlas.db", "SELECT count(*) FROM deliveries")[0][0] for folder in folders.values()
        }
        if kept != {rounds * (writes + calls)}:
            raise AssertionError("the two did not keep the same callbacks")
    median = {name: statistics.median(each) for name, each in rates.items()}
    return Receiving(median["write ours"], median["write pool"], median["call ours"], median["call pool"])


class _Served:
    """A receiver over a writer; gives its port."""

    def __init__(self, writer: AtlasWriter, book: Path) -> None:
        callers = Callers.of(load_settings({}, book.with_name("no.env")))
        self._receiver = Receiver(
            writer, book, callers, address="127.0.0.1", port=0, on_callback=lambda: None
        )

    def __enter__(self) -> int:
        self._receiver.start()
        return self._receiver.port

    def __exit__(self, *_: object) -> None:
        self._receiver.stop()


def _rate_of_writes(writer: AtlasWriter, result: Result, writes: int, numbers: Iterator[int]) -> float:
    left = iter(list(itertools.islice(numbers, writes)))
    turn = threading.Lock()

    def write() -> None:
        while True:
            with turn:
                number = next(left, None)
            if number is None:
                return
            writer.write(
                inbox.save_callback,
                1 + number % FLOWS,
                replace(result, flow_uuid=None, digest=f"{number:064x}"),
                other_application=False,
                received_at=number,
            )

    return writes / _seconds_of([threading.Thread(target=write) for _ in range(CONNECTIONS)])


def _seconds_of(threads: list[threading.Thread]) -> float:
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def _rate_of_calls(port: int, calls: int) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.receiving", "calls", str(port), str(calls)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return calls / float(ended.stdout)


async def _call(port: int, calls: int) -> float:
    """Seconds for so many callbacks over all connections at once."""
    payload = json.loads(typical_payload())
    stamp = time.time_ns()

    async def ask(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, head: str, body: bytes
    ) -> bytes:
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(answer)
        return content

    ends = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    token = json.loads(await ask(*ends[0], auth_path(0), "", b""))["access_token"]
    bodies = [
        json.dumps({**payload, "flow_uuid": None, "number": f"{stamp}-{n}"}).encode() for n in range(calls)
    ]
    left = iter(enumerate(bodies))

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, body in left:
            await ask(reader, writer, callback_path(number % FLOWS), f"Token: {token}\r\n", body)

    begin = time.perf_counter()
    await asyncio.gather(*(call(*end) for end in ends))
    return time.perf_counter() - begin


def rows_of(found: Receiving) -> list[Row]:
    return [
        Row(
            "callbacks written by 64 callers",
            f"{found.written:,.0f} a second",
            f"{found.written_by_pool:,.0f} a second",
            found.written / found.written_by_pool,
            GOAL,
        ),
        Row(
            "callbacks acknowledged over 64 connections",
            f"{found.acknowledged:,.0f} a second",
            f"{found.acknowledged_by_pool:,.0f} a second",
            found.acknowledged / found.acknowledged_by_pool,
        ),
    ]


def main() -> None:
    if sys.argv[1:2] == ["calls"]:
        print(asyncio.run(_call(int(sys.argv[2]), int(sys.argv[3]))))
        return
    show(rows_of(measure()), ("", "shared commits", "a commit each"))


if __name__ == "__main__":
    main()
