"""What each number of Today, Cross-checks and Errors takes, at two sizes eightfold apart.

    python -m tests.benchmarks.measures [FOLDER]

On large books (see large.py) of the size asked for, and of an eighth of it. Every measure begins from the
columns as a page finds them after a commit: nothing is kept from an earlier question. Three selections:
everything; the last 60 days; and half a year of two products, forty dealers and four checks.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from atlas_core.books.columns import Columns, open_columns
from atlas_core.books.queries.cases import checks_at, documents_at, later_flows
from atlas_core.books.reading import Books, open_books
from atlas_core.insight import (
    cases,
    coverage,
    cures,
    distributions,
    errors,
    gaps,
    odd_one_out,
    quadrants,
    today,
    trends,
    what_if,
)
from atlas_core.insight import selection as selecting
from atlas_core.insight.selection import Selection
from atlas_core.insight.thresholds import Thresholds
from tests.benchmarks.large import LargeBooks, large_books, wanted_flows

ROUNDS = 9
GOAL_MS = 50.0
GOAL_WHAT_IF_MS = 100.0
_DAY = 86_400_000
_EIGHTH = 8

NOW, LOWER = Thresholds(), Thresholds(60, 85)
Question = Callable[[Columns, Selection, Books], object]


def one_check_lower(columns: Columns) -> Thresholds:
    return NOW.with_check(columns.names.kinds[0].name, 60, 85)


def usual(columns: Columns) -> coverage.Expected:
    """What is expected is learnt once and kept with the page; it is no part of the two questions on it."""
    names = tuple(sorted({kind.name for kind in columns.names.kinds}))
    return tuple((product, names[:8]) for product in columns.names.products if product)


def rows_behind(columns: Columns, selection: Selection, books: Books) -> object:
    found = cases.check_cases(columns, selection, cases.CheckRange(bands=("review",), confidence_to=69))
    return checks_at(books, found.flow_ids.tolist(), found.ordinals.tolist())


def documents_behind(columns: Columns, selection: Selection, books: Books) -> object:
    found = cases.document_cases(columns, selection)
    return documents_at(books, found.flow_ids.tolist(), found.ordinals.tolist())


def cured(columns: Columns, selection: Selection, books: Books) -> object:
    later = later_flows(books, cures.flows_to_ask(columns, selection))
    return cures.cured_codes(columns, selection, later)


QUESTIONS: dict[str, Question] = {
    "flows selected": lambda c, s, _: selecting.selected_flows(c, s),
    "today": lambda c, s, _: today.today(c, s),
    "funnel": lambda c, s, _: today.funnel(c, s),
    "flows per day": lambda c, s, _: today.flows_per_day(c, s),
    "time per stage": lambda c, s, _: today.time_per_stage(c, s),
    "histograms": lambda c, s, _: distributions.checks_per_score(c, s),
    "what-if, all checks": lambda c, s, _: what_if.what_if(c, s, NOW, LOWER),
    "what-if, one check": lambda c, s, _: what_if.what_if(c, s, NOW, one_check_lower(c)),
    "quadrants": lambda c, s, _: quadrants.quadrants(c, s, NOW),
    "trend": lambda c, s, _: trends.bands_per_week(c, s, NOW),
    "trend per dealer": lambda c, s, _: trends.bands_per_week(c, s, NOW, "week", "dealer"),
    "trend per type": lambda c, s, _: trends.bands_per_week(c, s, NOW, "week", "document_type"),
    "coverage": lambda c, s, _: coverage.coverage(c, s, usual(c), NOW),
    "gaps": lambda c, s, _: gaps.gaps(c, s, usual(c)),
    "odd one out": lambda c, s, _: odd_one_out.odd_documents(c, s, NOW),
    "a cell's cross-checks": rows_behind,
    "errors per code": lambda c, s, _: errors.errors_per_code(c, s),
    "errors per type": lambda c, s, _: errors.errors_per_type(c, s),
    "errors per day": lambda c, s, _: errors.errors_per_day(c, s),
    "errors per reason": lambda c, s, _: errors.errors_per_reason(c, s),
    "errors per dealer": lambda c, s, _: errors.errors_per_dealer(c, s),
    "documents without type": lambda c, s, _: errors.documents_without_type(c, s),
    "a code's documents": documents_behind,
    "cures (newest 5,000)": cured,
}


@dataclass(frozen=True)
class Timed:
    """Medians in milliseconds of each question and selection, on so many flows and cross-checks."""

    flows: int
    checks: int
    medians: dict[tuple[str, str], float]


def selections_of(columns: Columns) -> dict[str, Selection]:
    last = int(columns.flows.created_at.max())
    names = columns.names
    return {
        "all": Selection(),
        "60 days": Selection(created_from=last - 60 * _DAY),
        "filtered": Selection(
            created_from=last - 182 * _DAY,
            products=names.products[1:3],
            dealers=names.dealers[1:41],
            checks=tuple(kind.name for kind in names.kinds[:4]),
        ),
    }


def measure(made: LargeBooks, rounds: int = ROUNDS) -> Timed:
    """Each question in turn, round after round, so that a busy moment touches all of them."""
    columns = open_columns(made.data_dir)
    times: dict[tuple[str, str], list[float]] = {}
    with open_books(made.atlas, made.desk) as books:
        for round_number in range(rounds + 1):
            for within, selection in selections_of(columns).items():
                for name, question in QUESTIONS.items():
                    fresh = replace(columns)
                    begin = time.perf_counter()
                    question(fresh, selection, books)
                    took = (time.perf_counter() - begin) * 1000
                    if round_number:  # the first one fetches the pages
                        times.setdefault((name, within), []).append(took)
    medians = {key: statistics.median(took) for key, took in times.items()}
    return Timed(len(columns.flows) - 1, len(columns.checks), medians)


def goal_of(name: str) -> float:
    return GOAL_WHAT_IF_MS if name.startswith("what-if") else GOAL_MS


def main(folder: Path | None = None) -> None:
    """Prints a line for each question: medians at both sizes, and by how much the larger took longer."""
    small, large = (
        measure(large_books(flows, folder)) for flows in (wanted_flows() // _EIGHTH, wanted_flows())
    )
    withins = list(dict.fromkeys(within for _, within in large.medians))
    print(f"{large.flows:,} flows, {large.checks:,} cross-checks (growth from an eighth of it), median ms")
    print(" " * 24 + "".join(f"{within:>18}" for within in withins))
    for name in QUESTIONS:
        cells = ""
        for within in withins:
            took = large.medians[name, within]
            growth = took / small.medians[name, within]
            late = "!" if took > goal_of(name) else " "
            cells += f"{took:9.1f}{late} ({growth:4.1f}x)"
        print(f"{name:24}{cells}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
