"""The answer to flow/init lost again and again: never sent again by itself, shown as unknown, counted once.

    python -m tests.faults.lost [--runs 200]

A real worker sends twice as many applications to a real sandbox, and the connection of every second one is
cut once its flow/init is there. Then a person starts a quarter of those again and leaves a quarter. What
arrived is counted by the sandbox; what the books say is asked by the questions that the pages ask.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.queries import (
    attention,
    flows_per_outcome,
    group_progress,
    submissions,
    unknown_outcomes,
)
from atlas_core.books.reading import open_books
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend, SubmissionToSave
from tests.benchmarks.table import Row, all_met, at_most, show
from tests.servers import running_sandbox
from tests.workers import RunningWorker, running_worker, settings_for, until

GROUP = "lost"


@dataclass
class Counted:
    """What the books say at one moment, by the pages' own questions."""

    unknown: set[str]
    needing: int
    states: dict[str, int]
    flows: int
    per_application: Counter[str]  # rows of flows_v
    listed: Counter[str]  # rows of the submissions' list

    @property
    def twice(self) -> int:
        """Applications that some list or view holds more than once."""
        return sum(1 for rows in (self.per_application, self.listed) for times in rows.values() if times > 1)


def count(worker: RunningWorker) -> Counted:
    with open_books(worker.settings.atlas_book, worker.settings.desk_book) as books:
        reasons = attention(books, now=now_ms(), overdue_ms=3_600_000).set_index("reason")["flows"]
        return Counted(
            unknown=set(unknown_outcomes(books)["application_id"]),
            needing=int(reasons.get("unknown outcome", 0)),
            states=group_progress(books, GROUP).counts,
            flows=int(flows_per_outcome(books)["flows"].sum()),
            per_application=Counter(row[0] for row in books.rows("SELECT application_id FROM flows_v")),
            listed=Counter(submissions(books, GROUP, limit=100_000)["application_id"]),
        )


def run(runs: int) -> list[Row]:
    """All rows of one run."""
    lost = [f"LOST-{number}" for number in range(runs)]
    fine = [f"FINE-{number}" for number in range(runs)]
    again, left = lost[: runs // 4], lost[runs // 4 : runs // 2]
    cuts = [{"play": "reset", "application": name, "done": True, "times": 1} for name in lost]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place, running_sandbox(seconds=1.0) as sandbox:
        sandbox.play({"init": cuts})
        with running_worker(settings_for(Path(place), sandbox.url)) as worker:
            to_save = [
                SubmissionToSave(
                    name, "PROD_CDL", {}, (FileToSend("D", f"https://files.lender.example/{name}.pdf"),)
                )
                for pair in zip(lost, fine, strict=True)
                for name in pair
            ]
            ids = worker.desk.save_submissions(to_save, "command", GROUP, by=COMMAND)
            numbers = {item.application_id: number for item, number in zip(to_save, ids, strict=True)}
            done = "SELECT count(*) FROM attempts WHERE state IN ('init unknown', 'uploaded')"
            # By chance of the order Atlas seems unreachable for a while; then one tries every 30 s.
            until(lambda: worker.rows(done) == [(2 * runs,)], 240 + 3 * runs)
            time.sleep(3)  # would it be sent again by itself?
            first, inits = count(worker), sandbox.calls()["inits"]
            for name in again:
                worker.desk.decide(numbers[name], 1, "start again", by=COMMAND)
            for name in left:
                worker.desk.decide(numbers[name], 1, "leave", by=COMMAND)
            until(lambda: worker.rows(done) == [(2 * runs + len(again),)], 60 + runs)
            until(lambda: len(count(worker).unknown) == runs - len(again) - len(left))
            second, inits_then = count(worker), sandbox.calls()["inits"]
    decided = len(again) + len(left)
    numbers_wrong = [
        first.unknown != set(lost),
        first.needing != runs,
        first.states.get("unknown") != runs,
        sum(first.states.values()) != 2 * runs,
        first.flows != runs,
        second.unknown != set(lost) - set(again) - set(left),
        second.needing != runs - decided,
        second.states.get("left") != len(left),
        sum(second.states.values()) != 2 * runs,
        second.flows != runs + len(again),
        any(times != (2 if name in again else 1) for name, times in inits_then.items()),
    ]
    resent = sum(times - 1 for times in inits.values())
    took, shown, asked = time.monotonic() - begun, len(first.unknown), f"{len(numbers_wrong)} asked"
    return [
        Row(f"sent again by itself, of {runs} lost", f"{took:.0f} s", "", resent, at_most(0, "")),
        Row("not shown as unknown", f"{shown} shown", "", runs - shown, at_most(0, "")),
        Row("applications counted twice", "", "", first.twice + second.twice, at_most(0, "")),
        Row("numbers of the pages that are not so", asked, "", sum(numbers_wrong), at_most(0, "")),
    ]


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--runs", type=int, default=200)
    given = options.parse_args(arguments)
    logging.disable(logging.ERROR)
    rows = run(given.runs)
    show(rows, ("", "measured", ""))
    return 0 if all_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
