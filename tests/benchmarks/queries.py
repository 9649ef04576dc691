"""What the other pages ask of the books in SQL: today's cases, what runs, one flow, and the frame's own.

    python -m tests.benchmarks.queries [FOLDER]

On large books (see large.py) of the size asked for, and of an eighth of it, in turn; each from opening
the books. The list of Results and its searches stand in finding.py, what is counted from the mirror in
measures.py. A count may grow with the data, a list or a single flow may not.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from atlas_core.books import queries
from atlas_core.books.columns import open_columns
from atlas_core.books.queries.cases import checks_at, documents_at, flows_with_field, later_flows
from atlas_core.books.reading import Books, open_books
from atlas_core.books.worklist import Worklist
from atlas_core.insight.finding import Rules, what_needs_a_person
from atlas_core.insight.today import flows_per_outcome
from atlas_core.thresholds import Thresholds
from tests.benchmarks.large import LargeBooks, large_books, wanted_flows
from tests.benchmarks.rivals import in_turn
from tests.benchmarks.table import Row, at_most, below, ms, show

ROUNDS = 15
GOAL = below(50, " ms")
GOAL_OF_LISTS = at_most(3)
GOAL_OF_COUNTS = at_most(8)
COUNTS = ("Today: what needs a person", "Today: flows per outcome", "Watch: how many run")
_EIGHTH = 8
_FIELD = ("INVOICE", "customer_name")
_OVERDUE_MS = 600_000
HALF_A_YEAR_MS = 180 * 24 * 3_600_000
_SLIGHT_MS = 0.5  # below this, growth is chance

Question = Callable[[Books], object]


@dataclass(frozen=True)
class Timed:
    """Median milliseconds of each question, at the larger size and at an eighth of it."""

    large: dict[str, float]
    small: dict[str, float]


def questions_of(books: LargeBooks) -> dict[str, Question]:
    """The pages' questions, about flows from the middle of the books."""
    last = int(open_columns(books.data_dir).flows.created_at.max())
    middle = range(books.flows // 2, books.flows // 2 + 50)
    asked: Iterator[int] = iter(range(books.flows // 3, books.flows))
    with open_books(books.atlas, books.desk) as opened:
        delivery_id = opened.rows("SELECT max(delivery_id) AS newest FROM deliveries")[0]["newest"]

    def one_flow(opened: Books) -> object:
        """Another flow each time, as readers open them."""
        row = opened.rows("SELECT flow_uuid FROM flows WHERE flow_id = ?", [next(asked)])[0]
        return queries.flow_detail(opened, row["flow_uuid"])

    return {
        "Today: what needs a person": lambda opened: what_needs_a_person(
            opened, open_columns(books.data_dir), Rules(Thresholds(), _OVERDUE_MS, last + _OVERDUE_MS)
        ),
        "Today: flows per outcome": lambda _: flows_per_outcome(replace(open_columns(books.data_dir))),
        "Today: alarms": queries.alarms,
        "Watch: running flows": lambda opened: queries.running_flows(opened, limit=200),
        "Watch: how many run": queries.running_flows_total,
        "Watch: not at Atlas yet": lambda opened: queries.open_attempts(opened, limit=50),
        "Flow: one flow": one_flow,
        "Flow: a payload": lambda opened: queries.delivery_payload(opened, delivery_id),
        "fifty flows by id": lambda opened: queries.flow_rows(opened, list(middle)),
        "fifty cross-checks": lambda opened: checks_at(opened, list(middle), [0] * len(middle)),
        "fifty documents": lambda opened: documents_at(opened, list(middle), [0] * len(middle)),
        "flows with a field": lambda opened: flows_with_field(opened, list(middle), *_FIELD),
        "flows that came later": lambda opened: later_flows(opened, list(middle)),
        "the newest flows": lambda opened: queries.flows_since(opened, last - 3_600_000, limit=500),
        "Ledger: the newest fifty": lambda opened: queries.arrivals_page(opened, queries.Wanted()),
        "Ledger: fifty from the middle": lambda opened: queries.arrivals_page(
            opened, queries.Wanted(), after=queries.After(last - HALF_A_YEAR_MS, 0, 0)
        ),
        "Ledger: the rarest outcome": lambda opened: queries.arrivals_page(
            opened, queries.Wanted(outcome="contradicted")
        ),
        "Ledger: one channel, the oldest": lambda opened: queries.arrivals_page(
            opened, queries.Wanted(channel="callback"), after=queries.After(last - 2 * HALF_A_YEAR_MS, 0, 0)
        ),
        "Ledger: words of a reason": lambda opened: queries.arrivals_page(
            opened, queries.Wanted(reason="not json")
        ),
        "Ledger: one application": lambda opened: queries.arrivals_page(
            opened, queries.Wanted(application_id=f"APP-{books.flows // 2:08d}")
        ),
        "Ledger: how many in all": lambda opened: queries.arrivals_total(opened, queries.Wanted()),
        "worker: what waits for it": queries.workload,
        "worker: callbacks that wait": lambda _: _waiting(books),
        "every page: how fresh": queries.freshness,
        "every page: the worker": queries.worker_state,
    }


def _waiting(books: LargeBooks) -> object:
    with Worklist(books.atlas) as worklist:
        return worklist.waiting_deliveries()


def measure(large: LargeBooks, small: LargeBooks, rounds: int = ROUNDS) -> Timed:
    """Each question at both sizes in turn, round after round."""
    works: dict[str, Callable[[], object]] = {}
    for of, books in (("large", large), ("small", small)):
        for name, question in questions_of(books).items():
            works[f"{of} {name}"] = _opened(books, question)
    took = {name: statistics.median(times) for name, times in in_turn(works, rounds).items()}

    def of_size(size: str) -> dict[str, float]:
        return {name.removeprefix(size): each for name, each in took.items() if name.startswith(size)}

    return Timed(of_size("large "), of_size("small "))


def _opened(books: LargeBooks, question: Question) -> Callable[[], object]:
    def ask() -> object:
        with open_books(books.atlas, books.desk) as opened:
            return question(opened)

    return ask


def rows_of(found: Timed) -> list[Row]:
    """A line for each question, and one for what grows most of those that take any time."""
    rows = [Row(name, ms(took), ms(found.small[name]), took, GOAL) for name, took in found.large.items()]
    growths = {name: took / found.small[name] for name, took in found.large.items() if took >= _SLIGHT_MS}
    lists = max((name for name in growths if name not in COUNTS), key=growths.__getitem__)
    counts = max((name for name in growths if name in COUNTS), key=growths.__getitem__)
    rows.append(Row(f"list that grows most: {lists}", "", "", growths[lists], GOAL_OF_LISTS))
    rows.append(Row(f"count that grows most: {counts}", "", "", growths[counts], GOAL_OF_COUNTS))
    return rows


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    flows = wanted_flows()
    large, small = large_books(flows, folder), large_books(flows // _EIGHTH, folder)
    show(rows_of(measure(large, small)), ("", f"{large.flows:,} flows", f"{small.flows:,} flows"))


if __name__ == "__main__":
    main()
