"""Random news in random order: the books must say what the rules say, after every step.

    python -m tests.faults.states [--runs 1000] [--steps 50] [--seed 1]

Each run is a book of its own: attempts that are sent, answered, lost or refused, callbacks that come early,
late, twice, wrong or not at all, and flows asked about over real HTTP while Atlas says whatever comes to its
mind (state_machine.py). After every step the book is compared with a model that is written from the rules
(state_model.py).
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from atlas_core.api.client import AtlasClient
from atlas_core.books.schema import migrate_atlas
from tests.benchmarks.table import Row, all_met, at_most, show
from tests.faults.state_machine import States
from tests.faults.state_sending import Shared
from tests.servers_http import scripted_atlas


@contextmanager
def _shared() -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as place,
        scripted_atlas() as atlas,
        closing(AtlasClient(atlas.url, "x", "y", backoff_seconds=0)) as client,
    ):
        Shared.folder, Shared.atlas, Shared.client = Path(place), atlas, client
        Shared.run = Shared.steps = 0
        migrate_atlas(Shared.folder / "atlas.db")
        yield


def rehearse(runs: int, steps: int, number: int, *, phases: tuple[Phase, ...] = tuple(Phase)) -> int:
    """So many runs from this seed; returns the steps that were compared.

    Raises AssertionError at a difference, shortened to the fewest steps that lead to it.
    """
    limits = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    with _shared():
        run_state_machine_as_test(seed(number)(States), settings=limits)
        return Shared.steps


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option, default in (("runs", 1000), ("steps", 50), ("seed", 1)):
        options.add_argument(f"--{option}", type=int, default=default)
    given = options.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    begun, differences, compared = time.monotonic(), 0, 0
    try:
        compared = rehearse(given.runs, given.steps, given.seed)
    except AssertionError as error:
        differences = 1
        print("\n".join([str(error), *getattr(error, "__notes__", [])]))
    took = f"{time.monotonic() - begun:.0f} s"
    rows = [
        Row(
            f"differences, {given.runs} runs of {given.steps}",
            f"{compared:,} comparisons",
            took,
            differences,
            at_most(0, ""),
        )
    ]
    show(rows, ("", "measured", "beside it"))
    return 0 if all_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
