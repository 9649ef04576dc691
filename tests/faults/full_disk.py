"""The disk of the books runs full under a working worker, and has room again: nothing acknowledged is lost.

    python -m tests.faults.full_disk

The books lie on a tmpfs of 32 MB, mounted where nobody else sees it (by root, or in a user namespace). Flows
run while it is filled to the last byte; callbacks must then be refused with 503. When there is room again the
worker, which was never restarted, must end every flow.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.schema import check_book, migrate_desk
from atlas_core.models import FileToSend
from tests.benchmarks.table import Goal, Row, show
from tests.kills import ROOT, worker_environment, worker_process
from tests.servers import running_sandbox
from tests.workers import rows, until

FLOWS = 12
_INSIDE = "--inside"


def main(arguments: Sequence[str] | None = None) -> int:
    """Goes into a mount namespace of its own and rehearses there."""
    if _INSIDE in (sys.argv[1:] if arguments is None else arguments):
        return _rehearse()
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    again = [*unshare, sys.executable, "-m", "tests.faults.full_disk", _INSIDE]
    return subprocess.run(again, cwd=ROOT, check=False).returncode


def _rehearse() -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False).returncode:
            print("Left out: nothing can be mounted here.")
            return 0
        try:
            return _over(folder, Path(place) / "worker.log")
        finally:
            subprocess.run(["umount", str(folder)], check=False)


def _over(folder: Path, log: Path) -> int:
    migrate_desk(folder / "desk.db")
    desk, names = Desk(folder / "desk.db"), [f"FULL-{number:02d}" for number in range(FLOWS)]
    with running_sandbox(seconds=6.0) as sandbox:
        environment = worker_environment(folder, sandbox.url, ATLAS_BACKUP_HOURS="0")
        with worker_process(environment, log) as worker:
            for name in names:
                files = [FileToSend(f"{name}-{n}", f"https://files.example/{name}/{n}") for n in (1, 2)]
                desk.save_submission(name, "PROD_CDL", {}, files, "command", by=COMMAND)
            until(lambda: len(sandbox.calls()["uploads"]) == FLOWS, 60)
            _fill(folder)
            free = shutil.disk_usage(folder).free
            until(lambda: _statuses(sandbox.calls(), 503) >= FLOWS, 60)
            (folder / "ballast").unlink()
            begun = time.monotonic()
            confirmed = "SELECT count(*) FROM flows WHERE confirmed_at IS NOT NULL"
            until(lambda: rows(folder / "atlas.db", confirmed) == [(FLOWS,)], 120)
            seconds = time.monotonic() - begun
            worker.send_signal(signal.SIGTERM)
            is_clean = worker.wait(15) == 0
        calls = sandbox.calls()
    acknowledged = {
        uuid
        for uuid, tries in calls["callbacks"].items()
        if any(200 <= (one["status"] or 0) < 300 for one in tries)
    }
    kept = rows(folder / "atlas.db", "SELECT claimed_flow_uuid FROM deliveries WHERE channel = 'callback'")
    lost = acknowledged - {uuid for (uuid,) in kept}
    twice = [name for name, count in calls["inits"].items() if count != 1]
    for book in ("atlas.db", "desk.db"):
        check_book(folder / book)
    refused = _statuses(calls, 503)
    table = [
        Row("left when it was full", "", "", free / 1e6, Goal("<", 4, " MB")),
        Row("calls of Atlas's refused with 503", "", "", refused, Goal(">=", FLOWS, "")),
        Row(
            "acknowledged callbacks lost",
            f"{len(acknowledged)} acknowledged",
            "",
            len(lost),
            Goal("<=", 0, ""),
        ),
        Row("applications sent not exactly once", f"{FLOWS} sent", "", len(twice), Goal("<=", 0, "")),
        Row("from room to the last flow's end", "no restart", "", seconds, Goal("<=", 60, " s")),
        Row("ended cleanly afterwards", "", "", int(is_clean), Goal(">=", 1, "")),
    ]
    show(table, ("", "", ""))
    return int(any(row.goal and not row.goal.is_met(row.figure) for row in table))


def _fill(folder: Path) -> None:
    """Takes all there is, and then what the books gave back meanwhile."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue


def _statuses(calls: dict[str, dict[str, list[dict[str, int | None]]]], status: int) -> int:
    """How often Atlas got this status, at the auth address or at the callback address."""
    tries = [one for tries in calls["callbacks"].values() for one in tries]
    return sum(status in (one["auth"], one["status"]) for one in tries)


if __name__ == "__main__":
    sys.exit(main())
