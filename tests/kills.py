"""Kills the worker again and again while flows run, and looks at what is left.

    python -m tests.kills --kills 25 --flows 50 [--seed 7]

The worker is a real process over a real sandbox; `kill -9` falls at random moments of a fixed seed. At the
end every flow must be complete, or shown as unknown if a kill fell into one of its calls; flow/init and
multiupload must have arrived at most once each; every acknowledged callback must be in the book; nobody may
have been asked about too often.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.schema import migrate_desk
from atlas_core.models import FileToSend
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import rows

ROOT = Path(__file__).resolve().parents[1]
SLOW_DEEDS = {endpoint: {"play": "delay", "seconds": 0.15} for endpoint in ("init", "multiupload")}


@dataclass
class Left:
    """What a run left: empty `faults` is a good end."""

    complete: int = 0
    unknown: int = 0
    kills: int = 0
    under_way: int = 0  # calls of flow/init and multiupload that a kill fell into
    seconds: float = 0.0
    slowest_start: float = 0.0  # from a start after a kill until the receiver listens
    faults: list[str] = field(default_factory=list)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def worker_environment(folder: Path, atlas_url: str, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    return clean | {
        "ATLAS_BASE_URL": atlas_url,
        "ATLAS_CLIENT_ID": "sandbox",
        "ATLAS_CLIENT_SECRET": "sandbox",
        "ATLAS_DATA_DIR": str(folder),
        "ATLAS_RECEIVER_PORT": str(free_port()),
        **more,
    }


@contextmanager
def worker_process(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker that has said where it listens; it is killed at the end of the block if it still runs."""
    command = [sys.executable, "-m", "atlas_core", "worker"]
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            if "receiver listens at" not in process.stdout.readline():
                raise RuntimeError(f"the worker did not start; {log} says why")
            yield process
        finally:
            process.kill()


def run(folder: Path, *, kills: int, flows: int, seed: int = 7, longest_life: float = 3.0) -> Left:
    """One run in `folder`."""
    chance = random.Random(seed)
    left, started = Left(kills=kills), time.monotonic()
    desk_book = folder / "desk.db"
    migrate_desk(desk_book)
    desk = Desk(desk_book)
    names = [f"KILL-{number:03d}" for number in range(flows)]
    portions = [names[life :: kills + 1] for life in range(kills + 1)]
    with running_sandbox(seconds=1.0) as sandbox:
        sandbox.play(SLOW_DEEDS)
        environment = worker_environment(folder, sandbox.url)
        for life, portion in enumerate(portions):
            begun = time.monotonic()
            with worker_process(environment, folder / "worker.log") as worker:
                left.slowest_start = max(left.slowest_start, time.monotonic() - begun)
                for name in portion:
                    files = [FileToSend(f"{name}-{n}", f"https://files.example/{name}/{n}") for n in (1, 2)]
                    desk.save_submission(name, "PROD_CDL", {}, files, "command", by=COMMAND)
                if life < kills:
                    time.sleep(chance.uniform(0.1, longest_life))
                    worker.send_signal(signal.SIGKILL)
                    worker.wait()
                    left.under_way += _under_way(folder / "atlas.db")
                else:
                    _wait_until_settled(folder, flows)
                    worker.send_signal(signal.SIGTERM)
                    if worker.wait(15) != 0:
                        left.faults.append(f"SIGTERM ended with {worker.returncode}")
        _judge(folder, names, sandbox, left)
    left.seconds = time.monotonic() - started
    return left


_STATES = """
SELECT a.application_id, a.state, f.flow_uuid, f.confirmed_at IS NOT NULL
FROM attempts a LEFT JOIN flows f ON f.flow_id = a.flow_id
"""


def _under_way(book: Path) -> int:
    return len(rows(book, "SELECT 1 FROM attempts WHERE state IN ('init sent', 'upload sent')"))


def _wait_until_settled(folder: Path, flows: int) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        states = rows(folder / "atlas.db", _STATES)
        settled = [
            state in ("init unknown", "upload unknown") or (state == "uploaded" and confirmed)
            for _, state, _, confirmed in states
        ]
        if len(settled) == flows and all(settled):
            return
        time.sleep(0.2)


def _judge(folder: Path, names: list[str], sandbox: RunningSandbox, left: Left) -> None:
    book, calls = folder / "atlas.db", sandbox.calls()
    states = rows(book, _STATES)
    for name, state, flow_uuid, confirmed in states:
        if state == "uploaded" and confirmed:
            left.complete += 1
        elif state in ("init unknown", "upload unknown"):
            left.unknown += 1
        else:
            left.faults.append(f"{name} is neither complete nor unknown: {state}")
        if state == "uploaded" and (calls["inits"].get(name), calls["uploads"].get(flow_uuid)) != (1, 1):
            left.faults.append(f"{name} is complete, but not called exactly once")
    if sorted(name for name, *_ in states) != names:
        left.faults.append("an application has no attempt, or several")
    if left.unknown > left.under_way:
        left.faults.append(f"{left.unknown} are unknown, kills fell into {left.under_way} calls")
    left.faults += [f"{count} flow/init for {name}" for name, count in calls["inits"].items() if count > 1]
    left.faults += [
        f"{count} multiupload for {uuid}" for uuid, count in calls["uploads"].items() if count > 1
    ]
    left.faults += _impolite(calls)
    called = rows(book, "SELECT claimed_flow_uuid FROM deliveries WHERE channel = 'callback'")
    acknowledged = {
        uuid
        for uuid, tries in calls["callbacks"].items()
        if any(200 <= (one["status"] or 0) < 300 for one in tries)
    }
    left.faults += [
        f"an acknowledged callback of {uuid} is lost" for uuid in acknowledged - {uuid for (uuid,) in called}
    ]
    if rows(book, "PRAGMA integrity_check") != [("ok",)] or rows(book, "PRAGMA foreign_key_check"):
        left.faults.append("the book is damaged")


def _impolite(calls: dict[str, Any]) -> Iterator[str]:
    for uuid, asks in calls["asks"].items():
        moments = sorted(moment for kind in asks.values() for moment in kind)
        closest = min((later - earlier for earlier, later in pairwise(moments)), default=5.0)
        if closest < 5.0:
            yield f"{uuid} was asked about again after {closest:.2f} s"


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option, default in (("kills", 25), ("flows", 50), ("seed", 7)):
        options.add_argument(f"--{option}", type=int, default=default)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        end = run(Path(place), kills=given.kills, flows=given.flows, seed=given.seed, longest_life=8.0)
    print(
        f"{end.kills} kills in {end.seconds:.0f} s: {end.complete} complete, {end.unknown} shown as unknown"
    )
    print("\n".join(end.faults) or "Nothing lost, nothing doubled, nobody asked too often.")
    sys.exit(bool(end.faults))
