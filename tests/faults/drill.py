"""Books are destroyed and restored: how long it takes, what is lost, and that nothing is sent twice.

    python -m tests.faults.drill [--flows 125000]

Real processes over a real sandbox: the worker sends applications, backups are taken, more is sent, the worker
is killed, and one book or both are destroyed and restored. At the end every application the desk knows must
be complete or shown as unknown, and no flow/init or multiupload may have arrived twice. Once it is done
beside a book of about a gigabyte, for the time it takes.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.schema import check_book, migrate_desk
from atlas_core.models import FileToSend
from atlas_core.settings import load_settings
from tests.benchmarks.large import large_books
from tests.benchmarks.table import Goal, Row, show
from tests.kills import ROOT, worker_environment, worker_process
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import rows, until

DESTROYED = {"atlas.db": ("atlas",), "desk.db": ("desk",), "both books": ("atlas", "desk"), "no backup": ()}
"""What is destroyed, and what of it has a backup: in the last case atlas.db is lost and none is restored."""


@dataclass
class Rehearsed:
    """What one rehearsal left: `faults` is empty where it ended well."""

    complete: int = 0
    unknown: int = 0
    forgotten: int = 0  # submitted after the backup of both books
    restore_seconds: float = 0.0
    ready_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """One desk, its sandbox, and what a person does there."""

    folder: Path
    sandbox: RunningSandbox
    environment: dict[str, str]
    stack: ExitStack

    def start_worker(self) -> subprocess.Popen[str]:
        return self.stack.enter_context(worker_process(self.environment, self.folder / "worker.log"))

    def submit(self, *names: str) -> None:
        for name in names:
            files = [FileToSend(f"{name}-{n}", f"https://files.example/{name}/{n}") for n in (1, 2)]
            Desk(self.folder / "desk.db").save_submission(name, "PROD_CDL", {}, files, "command", by=COMMAND)

    def command(self, *words: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-m", "atlas_core", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise RuntimeError(f"{' '.join(words)}: {answer.stdout}{answer.stderr}")
        return answer.stdout

    def settled(self) -> dict[str, str]:
        """How each application stands whose newest attempt has come to an end: complete or unknown."""
        found = {
            name: "complete" if state == "uploaded" and confirmed else state.rpartition(" ")[2]
            for name, state, confirmed in rows(
                self.folder / "atlas.db",
                "SELECT a.application_id, a.state, f.confirmed_at IS NOT NULL FROM attempts a"
                " LEFT JOIN flows f ON f.flow_id = a.flow_id ORDER BY a.number",
            )
        }
        return {name: end for name, end in found.items() if end in ("complete", "unknown")}


def rehearse(folder: Path, destroyed: str, *, before: int = 4, after: int = 4) -> Rehearsed:
    """One rehearsal in `folder`, whose books may be there already; see `DESTROYED`."""
    restored = DESTROYED[destroyed]
    left = Rehearsed()
    migrate_desk(folder / "desk.db")
    early = [f"EARLY-{number}" for number in range(before)]
    late = [f"LATE-{number}" for number in range(after)]
    with running_sandbox(seconds=1.0) as sandbox, ExitStack() as stack:
        environment = worker_environment(folder, sandbox.url, ATLAS_BACKUP_HOURS="0")
        scene = Scene(folder, sandbox, environment, stack)
        worker = scene.start_worker()
        scene.submit(*early)
        until(lambda: len(sandbox.calls()["uploads"]) == before, 60)
        # At the moment of the backup flow/init is under way for some, at the moment of the kill for others.
        sandbox.play({"init": {"play": "delay", "seconds": 1.5}})
        scene.submit(*late[: after // 2])
        until(lambda: len(rows(folder / "atlas.db", "SELECT 1 FROM attempts")) > before, 60)
        scene.command("backup")
        until(lambda: len(sandbox.calls()["uploads"]) == before + after // 2, 60)
        scene.submit(*late[after // 2 :])
        until(lambda: len(sandbox.calls()["inits"]) == before + after, 60)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        sandbox.behave()
        for stem in restored or ("atlas",):
            _destroy(folder / f"{stem}.db", wholly=not restored)
        begun = time.monotonic()
        if restored:
            names = sorted(place.name for place in (folder / "backups").iterdir())
            newest = {name.split("-")[0]: name for name in names}
            scene.command("restore", *(newest[stem] for stem in restored))
        left.restore_seconds = time.monotonic() - begun
        scene.start_worker()
        left.ready_seconds = time.monotonic() - begun
        known = [name for (name,) in rows(folder / "desk.db", "SELECT application_id FROM submissions")]
        left.forgotten = before + after - len(known)
        until(lambda: set(known) <= scene.settled().keys(), 120)
        _judge(scene, known, left)
    return left


def _destroy(book: Path, *, wholly: bool) -> None:
    for end in ("-wal", "-shm"):
        book.with_name(book.name + end).unlink(missing_ok=True)
    if wholly:
        book.unlink()
    else:
        with book.open("r+b") as file:
            file.write(b"what is left of it")


def _judge(scene: Scene, known: Sequence[str], left: Rehearsed) -> None:
    ends, calls = scene.settled(), scene.sandbox.calls()
    left.complete = sum(ends[name] == "complete" for name in known)
    left.unknown = len(known) - left.complete
    left.faults += [f"{count} flow/init for {name}" for name, count in calls["inits"].items() if count > 1]
    left.faults += [
        f"{count} multiupload for {uuid}" for uuid, count in calls["uploads"].items() if count > 1
    ]
    for name in ("atlas.db", "desk.db"):
        check_book(scene.folder / name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearses every loss beside small books, and the loss of both beside large ones."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--flows", type=int, default=125_000)
    flows = options.parse_args(arguments).flows
    table, forgotten = [], {}
    for destroyed in DESTROYED:
        with tempfile.TemporaryDirectory() as place:
            left = rehearse(Path(place), destroyed)
        table += _rows_of(f"lost: {destroyed}", left)
        forgotten[destroyed] = left.forgotten
    with tempfile.TemporaryDirectory() as place:
        books = large_books(flows)
        for book in (books.atlas, books.desk):
            shutil.copyfile(book, Path(place) / book.name)
        size = (Path(place) / "atlas.db").stat().st_size / 1e9
        left = rehearse(Path(place), "both books")
    table += _rows_of(f"lost: both books, of {size:.1f} GB", left)
    one, both = forgotten["atlas.db"] + forgotten["desk.db"], load_settings({}, Path("no.env")).backup_hours
    spent = f"{left.restore_seconds:.0f} s of it in restore"
    table += [
        Row("RPO: one book lost", "what was sent is fetched again", "", one, Goal("<=", 0, " forgotten")),
        Row("RPO: both books lost", "ATLAS_BACKUP_HOURS, unless set", "", 60 * both, unit=" min"),
        Row(f"RTO: {size:.1f} GB, worker ready", spent, "", left.ready_seconds, Goal("<=", 300, " s")),
    ]
    show(table, ("", "complete, unknown, forgotten", "faults"))
    return int(any(row.goal and not row.goal.is_met(row.figure) for row in table))


def _rows_of(what: str, left: Rehearsed) -> list[Row]:
    ends = f"{left.complete}, {left.unknown}, {left.forgotten}"
    return [Row(what, ends, "; ".join(left.faults) or "none", len(left.faults), Goal("<=", 0, " faults"))]


if __name__ == "__main__":
    sys.exit(main())
