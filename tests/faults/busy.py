"""Callbacks beside busy pages: fifty a second are acknowledged at once while eight people look around.

    python -m tests.faults.busy [--seconds 60] [--folder FOLDER]

Worker and pages are real processes over a copy of the large books (tests/benchmarks/large.py). Fifty
callbacks of 20 kB a second, each with other results, are due at fixed moments, and an acknowledgement's time
runs from that moment; first without anybody at the pages, then with eight sessions that run page after page.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import queue
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.large import large_books, wanted_flows
from tests.benchmarks.table import Row, all_met, at_most, ms, none, show
from tests.desk_processes import desk_environment, running_pages
from tests.faults.ended_flows import (
    auth_path,
    callback_path,
    flow_name,
    make_ended_flows,
    running_ended_atlas,
)
from tests.faults.storm import payload_of
from tests.kills import worker_process
from tests.page_sockets import PAGES, page_session
from tests.workers import rows, until

A_SECOND = 50
SESSIONS = 8
PAUSE_SECONDS = 2.0
FLOWS = 200
BODY_BYTES = 20_000
SENDERS = 24


@dataclass
class Stretch:
    """Some time with callbacks: how long each acknowledgement took, in seconds, and what was no 200."""

    took: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.took, n=100)[percent - 1] * 1000


@dataclass
class Busy:
    """Both stretches, and what the pages did meanwhile."""

    quiet: Stretch = field(default_factory=Stretch)
    busy: Stretch = field(default_factory=Stretch)
    page_runs: int = 0
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    kept: int = 0


def body_of(number: int) -> bytes:
    """Results of the callback of that number, about 20 kB."""
    payload = payload_of(number % FLOWS, number)
    document = payload["ocr_data"][0]["data"]
    filler = "12 Invented Road, Nowhere Park, Pune 411001"
    for place in range(BODY_BYTES // 95):
        document[f"line_{place:03d}"] = {"value": f"{filler} {place}", "confidence_score": 0.91}
    return json.dumps(payload).encode()


class Senders:
    """Enough connections that none has to wait for another's answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._due: queue.SimpleQueue[tuple[float, int] | None] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._token, self._token_until = "", 0.0
        self.stretch = Stretch()
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def send(self, seconds: float, a_second: int, stretch: Stretch) -> int:
        """So many for so long; returns how many, once all are answered."""
        self.stretch = stretch
        begin, number = time.monotonic(), 0
        for number in range(int(seconds * a_second)):
            due = begin + number / a_second
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() > self._token_until:
                self._token, self._token_until = self._fetch_token(), time.monotonic() + 300
            self._due.put((max(due, time.monotonic() - 0.001), next(self._numbers)))
        until(lambda: len(stretch.took) > number, 60)
        return number + 1

    def close(self) -> None:
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join(10)

    def _fetch_token(self) -> str:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            connection.request("POST", auth_path(0))
            return str(json.loads(connection.getresponse().read())["access_token"])

    def _send_all(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while (order := self._due.get()) is not None:
            due, number = order
            body = body_of(number)
            try:
                connection.request("POST", callback_path(number % FLOWS), body, {"Token": self._token})
                with connection.getresponse() as answer:
                    answer.read()
                    came = "" if answer.status == 200 else f"answered {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                came = type(error).__name__
            if came:
                self.stretch.refused.append(f"{flow_name(number % FLOWS)}: {came}")
            self.stretch.took.append(time.monotonic() - due)
        connection.close()


@contextmanager
def people_at(url: str, sessions: int, found: Busy) -> Iterator[None]:
    """So many people who look at one page after another."""
    ending = threading.Event()

    def look_around(first: int) -> None:
        try:
            with page_session(url) as session:
                for page in itertools.islice(itertools.cycle(PAGES), first, None):
                    session.run(page)
                    found.page_runs += 1
                    if ending.wait(PAUSE_SECONDS):
                        return
        except Exception as error:
            found.faults.append(f"a session failed: {type(error).__name__}: {error}")

    people = [threading.Thread(target=look_around, args=(number,)) for number in range(sessions)]
    for person in people:
        person.start()
    try:
        yield
    finally:
        ending.set()
        for person in people:
            person.join()


def run(
    folder: Path,
    *,
    quiet_seconds: float,
    busy_seconds: float,
    sessions: int = SESSIONS,
    a_second: int = A_SECOND,
) -> Busy:
    """Both stretches over the books in `folder`, which may be none yet."""
    found = Busy()
    make_ended_flows(folder, FLOWS)
    with running_ended_atlas(lambda flow: payload_of(flow, 0)) as atlas_url:
        environment = desk_environment(folder, atlas_url)
        with (
            worker_process(environment, folder / "worker.log"),
            running_pages(environment) as url,
        ):
            senders = Senders(int(environment["ATLAS_RECEIVER_PORT"]))
            found.sent += senders.send(quiet_seconds, a_second, found.quiet)
            with people_at(url, sessions, found):
                time.sleep(1.0)
                found.sent += senders.send(busy_seconds, a_second, found.busy)
            senders.close()
    kept = "SELECT count(*) FROM deliveries WHERE channel = 'callback' AND attempt_id IS NOT NULL"
    found.kept = rows(folder / "atlas.db", kept)[0][0]
    return found


def rows_of(found: Busy) -> list[Row]:
    refused = [*found.quiet.refused, *found.busy.refused]
    load = f"{len(found.busy.took):,} callbacks, {found.page_runs:,} page runs"
    busy, quiet = found.busy, found.quiet
    return [
        Row(load, "", "", found.page_runs, None, " runs"),
        *(
            Row(
                f"acknowledged, {name}",
                ms(busy.percentile(percent)),
                ms(quiet.percentile(percent)),
                busy.percentile(percent),
                goal,
                " ms",
            )
            for name, percent, goal in (("median", 50, None), ("99 of 100 within", 99, at_most(250, " ms")))
        ),
        Row(
            "acknowledged, the slowest",
            ms(max(busy.took) * 1000),
            ms(max(quiet.took) * 1000),
            max(busy.took) * 1000,
            at_most(1_000, " ms"),
        ),
        Row("refused", "", refused[0] if refused else "", len(refused), none("callbacks")),
        Row("acknowledged and not kept", "", "", found.sent - found.kept - len(refused), none("callbacks")),
        Row(
            "sessions that failed",
            "",
            found.faults[0][:100] if found.faults else "",
            len(found.faults),
            none(""),
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--folder", type=Path, help="where the large books are, or are to be made")
    chosen = options.parse_args(arguments)
    large = large_books(wanted_flows(), chosen.folder)
    with tempfile.TemporaryDirectory(dir=large.data_dir.parent, prefix=".busy-") as place:
        folder = Path(place) / "data"
        shutil.copytree(large.data_dir, folder)
        os.sync()  # else the copy is still being written when the first commits want the disk
        found = run(folder, quiet_seconds=chosen.seconds / 4, busy_seconds=chosen.seconds)
    table = rows_of(found)
    show(table, ("", "busy pages", "quiet pages"))
    return int(not all_met(table))


if __name__ == "__main__":
    sys.exit(main())
