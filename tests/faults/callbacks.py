"""Callbacks that never come: every flow gets its results all the same, and nobody is asked too often.

    python -m tests.faults.callbacks [--flows 200]

A real worker sends flows to a real sandbox, which drops all callbacks, and then those of every fifth flow.
When a flow ended at Atlas, and when it was asked about, is read in the sandbox's own journal and counters.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.table import Goal, Row, all_met, at_most, show
from tests.servers import running_sandbox
from tests.workers import running_worker, settings_for, until

ROUND = 5.1 * 1.2  # a young flow is asked about at least so often
PATIENCE = 2 * ROUND + 60


@dataclass(frozen=True)
class Left:
    """What a run left: flows without confirmed results, and the seconds from a flow's end to its results."""

    open: int
    by_callback: int
    slowest: float
    closest: float
    took: float


def run(flows: int, dropped: set[str] | None, *, seconds: float = 10.0) -> Left:
    """So many flows, named `CALL-0` and so on; `dropped` are those without a callback, None for all."""
    names = [f"CALL-{number}" for number in range(flows)]
    drops = [{"play": "drop", "application": name} for name in sorted(dropped or [""])]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        journal = Path(place) / "sandbox.jsonl"
        with running_sandbox(seconds=seconds, state=journal) as sandbox:
            sandbox.play({"callback": drops})
            with running_worker(settings_for(Path(place), sandbox.url)) as worker:
                for name in names:
                    worker.submit(name)
                done = "SELECT count(*) FROM flows WHERE confirmed_at IS NOT NULL"
                with suppress(AssertionError):
                    until(lambda: worker.rows(done) == [(flows,)], seconds * 1.7 + PATIENCE + flows / 10)
                confirmed = dict(worker.rows("SELECT flow_uuid, confirmed_at / 1000.0 FROM flows"))
                called = worker.rows(
                    "SELECT count(DISTINCT flow_id) FROM deliveries WHERE channel = 'callback'"
                )
            asks = sandbox.calls()["asks"].values()
        facts = [json.loads(line) for line in journal.read_text().splitlines()]
    ended = {fact["flow_uuid"]: fact["begun"] + fact["seconds"] for fact in facts if fact["fact"] == "upload"}
    per_flow = [sorted(itertools.chain.from_iterable(flow.values())) for flow in asks]
    return Left(
        open=flows - sum(1 for at in confirmed.values() if at is not None),
        by_callback=called[0][0],
        slowest=max(at - ended[uuid] for uuid, at in confirmed.items() if at is not None),
        closest=min(later - earlier for asked in per_flow for earlier, later in itertools.pairwise(asked)),
        took=time.monotonic() - begun,
    )


def rows_of(what: str, left: Left) -> list[Row]:
    took, called = f"{left.took:.0f} s", f"{left.by_callback} called back"
    return [
        Row(f"{what}: left without results", took, called, left.open, at_most(0, "")),
        Row(f"{what}: slowest results after the end", "", "", left.slowest, at_most(round(PATIENCE), " s")),
        Row(f"{what}: closest questions about one flow", "", "", left.closest, Goal(">=", 5, " s")),
    ]


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--flows", type=int, default=200)
    flows = options.parse_args(arguments).flows
    logging.disable(logging.ERROR)
    rows = rows_of(f"{flows} flows, no callback", run(flows, None))
    fifth = {f"CALL-{number}" for number in range(0, flows, 5)}
    rows += rows_of(f"{flows} flows, a fifth dropped", run(flows, fifth))
    show(rows, ("", "measured", "beside it"))
    return 0 if all_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
