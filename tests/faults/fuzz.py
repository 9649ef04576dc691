"""Everything that reads Atlas's bytes, fed with spoilt ones; and the doors and the book behind them.

    python -m tests.faults.fuzz [--minutes 10] [--seed 7] [--keep FOLDER]

The readers are fed by Atheris, which follows the branches they take, where it is installed, else from the
same mutations alone; then the receiver, over HTTP, and all it accepted is taken up by the worker. Nothing may
raise but PayloadError, read differently a second time, take longer than a second, or be answered with 5xx.
What does is kept in FOLDER; it becomes a payload of a test.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import logging
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

from atlas_core.api import payloads
from atlas_core.errors import PayloadError
from tests.benchmarks.table import Row, all_met, none, show
from tests.doors import open_door
from tests.faults.mutations import spoilt
from tests.faults.taking_up import take_up_all

LONGEST_SECONDS = 1.0
READERS_SHARE = 0.7
_VALUES: tuple[Callable[[object], object], ...] = (
    payloads.parse_token,
    payloads.parse_flow_uuid,
    payloads.parse_uploads,
    payloads.parse_status,
)
_BODIES: tuple[Callable[[bytes], object], ...] = (payloads.parse_refusal, payloads.parse_refusal_status)


@dataclass
class Found:
    """What came to light: no findings is good."""

    readers: int = 0
    guided: bool = False
    answers: Counter[int] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    not_taken_up: list[str] = field(default_factory=list)


def read_everything(body: bytes, longest: float = LONGEST_SECONDS) -> None:
    """Every reader once. Raises whatever is not PayloadError; AssertionError where one is unsteady, or takes
    more than `longest` seconds for each megabyte begun."""
    begin = time.process_time()
    try:
        result = payloads.parse_result(body)
    except PayloadError as error:
        told = error
    else:
        told = None
        assert payloads.parse_result(result.canonical).digest == result.digest, "read differently again"
    assert told is None or (told.place and len(str(told)) < 600), "refused without a place, or at length"
    for read_body in _BODIES:
        read_body(body)
    try:
        value, _ = payloads.parse_json(body)
    except PayloadError:
        value = None
    for read_value in _VALUES:
        try:
            read_value(value)
        except PayloadError:
            continue
    assert time.process_time() - begin < longest * (1 + len(body) / 1e6), "it takes too long"


def fuzz_readers(seconds: float, seed: int, keep: Path, found: Found) -> None:
    """The readers: half the time guided by Atheris, where it is there, in a process of its own; the rest by
    chance."""
    found.guided = find_spec("atheris") is not None
    until = time.monotonic() + seconds
    if found.guided:
        _fuzz_guided(seconds / 2, seed, keep, found)
    for body in takewhile(lambda _: time.monotonic() < until, spoilt(seed)):
        found.readers += 1
        try:
            read_everything(body)
        except Exception as error:
            found.findings.append(f"{_keep(body, keep)}: {type(error).__name__}: {error}"[:200])


def _fuzz_guided(seconds: float, seed: int, keep: Path, found: Found) -> None:
    command = [sys.executable, "-m", "tests.faults.guided", str(int(seconds) + 1), str(seed), str(keep)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    done = re.search(r"stat::number_of_executed_units:\s+([0-9]+)", ended.stderr)
    found.readers += int(done[1]) if done else 0
    if ended.returncode:
        found.findings.append(" | ".join(ended.stderr.strip().splitlines()[-12:])[:600])


def fuzz_doors(folder: Path, bodies: Iterable[bytes], keep: Path, found: Found) -> None:
    """The callback's door over HTTP with a good token, then everything it accepted."""
    with open_door(folder) as door:
        with closing(http.client.HTTPConnection("127.0.0.1", door.port, timeout=30)) as connection:
            token = ""
            for number, body in enumerate(bodies):
                if number % 1_000 == 0:  # a token lives ten minutes
                    token = door.token()
                connection.request("POST", "/atlas/callback/callback-part", body, {"Token": token})
                with connection.getresponse() as answer:
                    answer.read()
                    found.answers[answer.status] += 1
                if answer.status not in (200, 400):
                    found.findings.append(f"{_keep(body, keep)}: answered {answer.status}")
        found.not_taken_up = take_up_all(door)


def _keep(body: bytes, folder: Path) -> str:
    name = f"found-{hashlib.sha256(body).hexdigest()[:12]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(body)
    return name


def run(folder: Path, *, seconds: float, seed: int = 7, keep: Path | None = None) -> Found:
    """Readers, then doors, in `folder`; what was found is kept in `keep`."""
    found = Found()
    keep = keep or folder / "found"
    fuzz_readers(seconds * READERS_SHARE, seed, keep, found)
    until = time.monotonic() + seconds * (1 - READERS_SHARE)
    fuzz_doors(folder / "book", takewhile(lambda _: time.monotonic() < until, spoilt(seed + 1)), keep, found)
    return found


def rows_of(found: Found) -> list[Row]:
    how = "half of the time guided by branches" if found.guided else "by chance"
    sent = sum(found.answers.values())
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(found.answers.items()))
    first = found.findings[0] if found.findings else ""
    return [
        Row("bodies read", f"{found.readers:,}", how, found.readers, None, " bodies"),
        Row("bodies sent to the receiver", f"{sent:,}", answers, sent, None, " bodies"),
        Row("uncaught, unsteady or slow", "", first, len(found.findings), none("findings")),
        Row("accepted, but not taken up", "", "", len(found.not_taken_up), none("results")),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "atlas-desk-found")
    chosen = options.parse_args(arguments)
    logging.disable()
    with tempfile.TemporaryDirectory() as place:
        found = run(Path(place), seconds=chosen.minutes * 60, seed=chosen.seed, keep=chosen.keep)
    rows = rows_of(found)
    show(rows, ("", "", "told"))
    print("\n".join(found.findings[:20]))
    return int(not all_met(rows))


if __name__ == "__main__":
    sys.exit(main())
