"""Atheris at work on the readers, in a process of its own: it never comes back, and ends at a finding.

python -m tests.faults.guided SECONDS SEED FOLDER
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["atlas_core.api"]):
    from tests.faults.fuzz import read_everything

from tests.faults.mutations import corpus, spoil

LARGEST = 200_000
LONGEST_SECONDS = 10.0  # instrumented, the readers are several times slower


def _read(body: bytes) -> None:
    read_everything(body, LONGEST_SECONDS)


def _mutate(body: bytes, most: int, seed: int) -> bytes:
    chance = random.Random(seed)
    if chance.random() < 0.6:
        return spoil(body, chance)[:most]
    return bytes(atheris.Mutate(body, most))


def main() -> None:
    seconds, seed, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    beginnings = Path(tempfile.mkdtemp())
    for number, body in enumerate(corpus()):
        (beginnings / f"{number}").write_bytes(body)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LARGEST}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        "-rss_limit_mb=2048",
        str(beginnings),
    ]
    atheris.Setup(arguments, _read, custom_mutator=_mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
