"""Worker and pages under an even load for long: memory, descriptors and the book's log stay where they are.

    python -m tests.faults.soak [--minutes 30]

Five applications a second are sent through a sandbox, so that five callbacks a second come in; four sessions
run one page after another. After the first fifth of the time neither process may grow by a tenth or hold more
descriptors, and at no time may the log of the book be larger than 64 MB. In ten minutes and more each session
is closed for a new one now and then; what was closed Streamlit keeps for two minutes.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.log_size import LARGE_BYTES, log_bytes
from atlas_core.books.schema import check_book, migrate_desk
from atlas_core.models import FileToSend
from tests.benchmarks.table import Goal, Row, show
from tests.desk_processes import ROOT, desk_environment
from tests.kills import worker_process
from tests.page_sockets import PAGES, page_session
from tests.servers import running_sandbox, wait_until
from tests.workers import rows

A_SECOND = 5
SESSIONS = 4
RUNS_OF_A_SESSION = 20
LONG_SECONDS = 600
KEPT_MORE = 10  # connections to Atlas are kept, at most 38; a descriptor lost for each flow would be hundreds
PAUSE_SECONDS = 2.0
SAMPLE_SECONDS = 2.0


@dataclass
class Samples:
    """One process, looked at every few seconds: its memory in bytes and its open descriptors."""

    memory: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def look(self, process: int) -> None:
        status = Path(f"/proc/{process}/status").read_text()
        self.memory.append(int(status.split("VmRSS:")[1].split()[0]) * 1024)
        self.descriptors.append(len(list(Path(f"/proc/{process}/fd").iterdir())))

    def growth(self) -> float:
        """By how many percent the memory of the last fifth is above that after the first."""
        second, last = _fifths(self.memory)
        return 100 * (last / second - 1)

    def more_descriptors(self) -> float:
        """How many more descriptors are open in the last fifth than after the first."""
        second, last = _fifths(self.descriptors)
        return last - second


def _fifths(samples: Sequence[int]) -> tuple[float, float]:
    """The medians of the second and of the last fifth."""
    fifth = max(1, len(samples) // 5)
    return statistics.median(samples[fifth : 2 * fifth]), statistics.median(samples[-fifth:])


@dataclass
class Soaked:
    """What a soak left."""

    worker: Samples = field(default_factory=Samples)
    pages: Samples = field(default_factory=Samples)
    largest_log: int = 0
    sent: int = 0
    callbacks: int = 0
    page_runs: int = 0
    faults: list[str] = field(default_factory=list)


def soak(folder: Path, seconds: float) -> Soaked:
    """Runs worker and pages over books in `folder` for so long."""
    soaked, ending = Soaked(), threading.Event()
    runs = RUNS_OF_A_SESSION if seconds >= LONG_SECONDS else None
    migrate_desk(folder / "desk.db")
    with running_sandbox(seconds=2.0) as sandbox:
        environment = desk_environment(folder, sandbox.url)
        with (
            worker_process(environment, folder / "worker.log") as worker,
            _pages_process(environment) as (pages, url),
        ):
            people = [
                threading.Thread(target=_look_around, args=(url, number, runs, soaked, ending))
                for number in range(SESSIONS)
            ]
            people.append(threading.Thread(target=_send, args=(folder / "desk.db", soaked, ending)))
            for person in people:
                person.start()
            until = time.monotonic() + seconds
            try:
                while time.monotonic() < until:
                    soaked.worker.look(worker.pid)
                    soaked.pages.look(pages.pid)
                    soaked.largest_log = max(soaked.largest_log, log_bytes(folder / "atlas.db"))
                    time.sleep(SAMPLE_SECONDS)
            finally:
                ending.set()
                for person in people:
                    person.join()
    kept = "SELECT count(*) FROM deliveries WHERE channel = 'callback'"
    soaked.callbacks = rows(folder / "atlas.db", kept)[0][0]
    for book in ("atlas.db", "desk.db"):
        check_book(folder / book)
    return soaked


def _send(desk_book: Path, soaked: Soaked, ending: threading.Event) -> None:
    desk, due = Desk(desk_book), time.monotonic()
    for number in itertools.count():
        if ending.wait(max(0.0, due - time.monotonic())):
            return
        due += 1 / A_SECOND
        files = [FileToSend(f"D-{n}", f"https://files.example/{number}/{n}") for n in (1, 2)]
        desk.save_submission(f"SOAK-{number:06d}", "PROD_CDL", {}, files, "command", by=COMMAND)
        soaked.sent += 1


def _look_around(url: str, first: int, runs: int | None, soaked: Soaked, ending: threading.Event) -> None:
    """Session after session of so many runs, or one of any number."""
    places = itertools.islice(itertools.cycle(PAGES), first, None)
    try:
        while not ending.is_set():
            with page_session(url) as session:
                for page in itertools.islice(places, runs):
                    session.run(page)
                    soaked.page_runs += 1
                    if ending.wait(PAUSE_SECONDS):
                        return
    except Exception as error:
        soaked.faults.append(f"a session failed: {type(error).__name__}: {error}")


@contextmanager
def _pages_process(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = environment["ATLAS_UI_PORT"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), 60)
            yield process, url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        with page_session(url):
            return True
    except OSError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Soaks for so many minutes and prints what grew."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    minutes = options.parse_args(arguments if arguments is None or arguments else ["--minutes", "2"]).minutes
    with tempfile.TemporaryDirectory() as place:
        soaked = soak(Path(place), minutes * 60)
    for fault in soaked.faults:
        print(fault)
    load = f"{soaked.sent:,} sent, {soaked.callbacks:,} callbacks, {soaked.page_runs:,} page runs"
    table = [Row(f"{minutes:g} minutes: {load}", "", "", len(soaked.faults), Goal("<=", 0, " faults"))]
    for name, samples in (("worker", soaked.worker), ("pages", soaked.pages)):
        memory = f"{max(samples.memory) / 1e6:.0f} MB at most"
        table += [
            Row(f"{name}: memory after the first fifth", memory, "", samples.growth(), Goal("<", 10, " %")),
            Row(f"{name}: more descriptors", "", "", samples.more_descriptors(), Goal("<=", KEPT_MORE, "")),
        ]
    log = Goal("<=", LARGE_BYTES / 1e6, " MB")
    table.append(Row("log of atlas.db", "", "", soaked.largest_log / 1e6, log))
    show(table, ("", "", ""))
    return int(any(row.goal and not row.goal.is_met(row.figure) for row in table))


if __name__ == "__main__":
    sys.exit(main())
