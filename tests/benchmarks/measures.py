"""What each number of Today, Cross-checks and Errors takes, at two sizes eightfold apart.

    python -m tests.benchmarks.measures [FOLDER]

On large books (see large.py) of the size asked for, and of an eighth of it. Every measure begins from the
columns as a page finds them after a commit: nothing is kept from an earlier question. Three selections, of
whole days as the pages ask for them: everything; the last 60 days; and half a year of two products, forty
dealers and four checks.
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
from atlas_core.thresholds import Thresholds
from tests.benchmarks.large import LargeBooks, large_books, wanted_flows

ROUNDS = 9
GOAL_MS = 50.0
GOAL_WHAT_IF_MS = 100.0
_DAY = 86_400_000
_EIGHTH = 8

NOW, LOWER = Thresholds(), Thresholds(60, 85)


@dataclass(frozen=True)
class Page:
    """What a question is asked with. What checks are expected is learnt once and kept with the page."""

    columns: Columns
    selection: Selection
    books: Books
    expected: coverage.Expected


Question = Callable[[Page], object]


def one_check_lower(columns: Columns) -> Thresholds:
    return NOW.with_check(columns.names.kinds[0].name, 60, 85)


def rows_behind(page: Page) -> object:
    found = cases.check_cases(
        page.columns, page.selection, cases.CheckRange(bands=("review",), confidence_to=69)
    )
    return checks_at(page.books, found.flow_ids.tolist(), found.ordinals.tolist())


def documents_behind(page: Page) -> object:
    found = cases.document_cases(page.columns, page.selection)
    return documents_at(page.books, found.flow_ids.tolist(), found.ordinals.tolist())


def cured(page: Page) -> object:
    later = later_flows(page.books, cures.flows_to_ask(page.columns, page.selection))
    return cures.cured_codes(page.columns, page.selection, later)


QUESTIONS: dict[str, Question] = {
    "flows selected": lambda p: selecting.selected_flows(p.columns, p.selection),
    "today": lambda p: today.today(p.columns, p.selection),
    "funnel": lambda p: today.funnel(p.columns, p.selection),
    "flows per day": lambda p: today.flows_per_day(p.columns, p.selection),
    "time per stage": lambda p: today.time_per_stage(p.columns, p.selection),
    "histograms": lambda p: distributions.checks_per_score(p.columns, p.selection),
    "what-if, all checks": lambda p: what_if.what_if(p.columns, p.selection, NOW, LOWER),
    "what-if, one check": lambda p: what_if.what_if(p.columns, p.selection, NOW, one_check_lower(p.columns)),
    "quadrants": lambda p: quadrants.quadrants(p.columns, p.selection, NOW),
    "trend": lambda p: trends.bands_per_week(p.columns, p.selection, NOW),
    "trend per dealer": lambda p: trends.bands_per_week(p.columns, p.selection, NOW, "week", "dealer"),
    "trend per type": lambda p: trends.bands_per_week(p.columns, p.selection, NOW, "week", "document_type"),
    "coverage": lambda p: coverage.coverage(p.columns, p.selection, p.expected, NOW),
    "gaps": lambda p: gaps.gaps(p.columns, p.selection, p.expected),
    "odd one out": lambda p: odd_one_out.odd_documents(p.columns, p.selection, NOW),
    "a cell's cross-checks": rows_behind,
    "errors per code": lambda p: errors.errors_per_code(p.columns, p.selection),
    "errors per type": lambda p: errors.errors_per_type(p.columns, p.selection),
    "errors per day": lambda p: errors.errors_per_day(p.columns, p.selection),
    "errors per reason": lambda p: errors.errors_per_reason(p.columns, p.selection),
    "errors per dealer": lambda p: errors.errors_per_dealer(p.columns, p.selection),
    "documents without type": lambda p: errors.documents_without_type(p.columns, p.selection),
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
    end = (int(columns.flows.day.max()) + 1) * _DAY
    names = columns.names
    return {
        "all": Selection(),
        "60 days": Selection(created_from=end - 60 * _DAY),
        "filtered": Selection(
            created_from=end - 182 * _DAY,
            products=names.products[1:3],
            dealers=names.dealers[1:41],
            checks=tuple(kind.name for kind in names.kinds[:4]),
        ),
    }


def measure(made: LargeBooks, rounds: int = ROUNDS) -> Timed:
    """Each question in turn, round after round, so that a busy moment touches all of them."""
    columns = open_columns(made.data_dir)
    expected = coverage.expected_checks(columns, Selection())
    times: dict[tuple[str, str], list[float]] = {}
    with open_books(made.atlas, made.desk) as books:
        for round_number in range(rounds + 1):
            for within, selection in selections_of(columns).items():
                for name, question in QUESTIONS.items():
                    page = Page(replace(columns), selection, books, expected)
                    begin = time.perf_counter()
                    question(page)
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
