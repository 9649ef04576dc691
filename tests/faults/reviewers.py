"""Two reviewers at once: every case is decided once, nothing is lost, and nobody decides another's.

    python -m tests.faults.reviewers [--cases 500]

Two sessions of the running pages, each with a browser's cookie of its own, press the buttons of the review
page side by side until each has decided so many cases. Now and then one of them opens the very case that the
other is at. What each saw kept is then held against what the book holds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from atlas_core.access import LOCAL
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from tests.benchmarks.table import Row, all_met, ms, none, show
from tests.desk_processes import desk_environment, running_pages
from tests.review_sessions import a_case
from tests.review_sockets import Reviewer, reviewer
from tests.test_review_queue import reviewing
from tests.workers import rows

CASES = 500
INTRUDES_EVERY = 20


@dataclass
class Shift:
    """What one reviewer did: the flow they are `at`, those whose decision was followed by the next case, and
    the seconds that took; how often another's case was opened, and of these how often it could be decided."""

    at: str = ""
    decided: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    intruded: int = 0
    could_decide: int = 0


@dataclass(frozen=True)
class Counted:
    """What the book holds beside what the reviewers saw."""

    lost: int
    unseen: int
    decided_twice: int
    verdicts_missing: int
    shifts: tuple[Shift, Shift]


def rehearse(cases: int) -> Counted:
    """Two shifts of so many cases each, over twice as many that wait."""
    flows = [a_case(5 + number % 60, 95) for number in range(2 * cases + 10)]
    shifts = (Shift(), Shift())
    with ExitStack() as stack:
        room = stack.enter_context(reviewing(*flows))
        # Else two in a hundred would be decided twice, as they should.
        set_review_rules(room.desk, LOCAL, ReviewRules(second_share=0))
        url = stack.enter_context(running_pages(desk_environment(room.book.folder)))
        people = [stack.enter_context(reviewer(url)) for _ in shifts]
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=_work, args=(person, shift, other, cases, failures))
            for person, shift, other in zip(people, shifts, reversed(shifts), strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return _counted(room.book.folder / "desk.db", shifts)


def _work(person: Reviewer, other: Reviewer, shift: Shift, cases: int, failures: list[BaseException]) -> None:
    try:
        person.open()
        while len(shift.decided) < cases:
            if len(shift.decided) % INTRUDES_EVERY == INTRUDES_EVERY - 1:
                _intrude(person, shift, other)
            flow_uuid = shift.at = person.screen.case
            if not flow_uuid:
                raise RuntimeError("the queue is empty before its time")
            if f"verdict_different_{flow_uuid}_0" in person.screen.buttons:
                person.press(f"verdict_different_{flow_uuid}_0")
            if person.screen.case != flow_uuid:
                continue  # told that it was no longer theirs
            took = person.press(f"decide_reject_{flow_uuid}")
            if person.screen.case != flow_uuid:
                shift.decided.append(flow_uuid)
                shift.seconds.append(took)
    except BaseException as error:
        failures.append(error)


def _intrude(person: Reviewer, shift: Shift, other: Shift) -> None:
    theirs = other.at
    person.open(f"case={theirs}")
    shift.intruded += 1
    shift.could_decide += person.screen.case == theirs
    while not person.screen.case:
        person.press("review_next")


def _counted(desk: Path, shifts: tuple[Shift, Shift]) -> Counted:
    made = Counter(
        flow_uuid
        for (flow_uuid,) in rows(desk, "SELECT flow_uuid FROM case_decisions WHERE decision='reject'")
    )
    judged = {flow_uuid for (flow_uuid,) in rows(desk, "SELECT DISTINCT flow_uuid FROM verdicts")}
    seen = [*shifts[0].decided, *shifts[1].decided]
    return Counted(
        lost=len(set(seen) - set(made)),
        unseen=len(set(made) - set(seen)),
        decided_twice=sum(count - 1 for count in made.values()),
        verdicts_missing=len(set(seen) - judged),
        shifts=shifts,
    )


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--cases", type=int, default=CASES)
    cases = options.parse_args(arguments).cases
    begin = time.monotonic()
    found = rehearse(cases)
    took = f"{time.monotonic() - begin:.0f} s"
    first, second = found.shifts
    seconds = sorted([*first.seconds, *second.seconds])
    intruded, could = first.intruded + second.intruded, first.could_decide + second.could_decide
    each = f"{len(first.decided)} and {len(second.decided)} decided"
    slowest = seconds[int(len(seconds) * 0.95)] * 1000
    table = [
        Row("decisions lost", each, took, found.lost, none("lost")),
        Row("kept, though the reviewer was not shown the next case", "", "", found.unseen, none("unseen")),
        Row("cases decided twice", "", "", found.decided_twice, none("twice")),
        Row("verdicts lost", "", "", found.verdicts_missing, none("lost")),
        Row("another's case opened and open to decide", f"{intruded} tried", "", could, none("open")),
        Row(
            "from the decision to the next case, 95 of 100",
            ms(slowest),
            f"median {ms(statistics.median(seconds) * 1000)}",
            slowest,
            unit=" ms",
        ),
    ]
    show(table, ("", "measured", "beside it"))
    return 0 if all_met(table) else 1


if __name__ == "__main__":
    sys.exit(main())
