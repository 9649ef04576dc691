"""What Results takes: a page of the list, its total and all its facets, whatever the filter.

    python -m tests.benchmarks.finding [FOLDER]

On large books (see large.py) of the size asked for, and of an eighth of it: any filter the page offers, each
sort, the first page and the last, an id, its beginning, and words; from opening the mirror and the books to
the frame of fifty rows. Beside the full-text question stands what it replaces: LIKE over every field.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from atlas_core.books.columns import open_columns
from atlas_core.books.reading import open_books
from atlas_core.clock import now_ms
from atlas_core.insight.finding import FlowFilter, Found, Rules, find
from atlas_core.insight.paging import Key, Sort
from atlas_core.thresholds import Thresholds
from tests.benchmarks.large import LargeBooks, large_books, wanted_flows
from tests.benchmarks.table import Row, at_most, below, ms, show

ROUNDS = 9
GOAL_MS = 50.0
GOAL_OF_GROWTH = 3.0
_DAY = 86_400_000
_EIGHTH = 8


@dataclass(frozen=True)
class Asked:
    """One question of the page."""

    wanted: FlowFilter
    sort: Sort = "newest"
    after: Key | None = None


@dataclass(frozen=True)
class Timed:
    """Medians in milliseconds of each question, the first one ever, and LIKE over every field."""

    flows: int
    medians: dict[str, float]
    first_ever: float
    like: float


def measure(made: LargeBooks, rounds: int = ROUNDS) -> Timed:
    """Each question in turn, round after round, so that a busy moment touches all of them."""
    begin = time.perf_counter()
    every = _answer(made, Asked(FlowFilter()))
    first_ever = (time.perf_counter() - begin) * 1000
    questions = _questions(made, every)
    times: dict[str, list[float]] = {name: [] for name in questions}
    for round_number in range(rounds + 1):
        for name, asked in questions.items():
            begin = time.perf_counter()
            _answer(made, asked)
            if round_number:  # the first one fetches the pages
                times[name].append((time.perf_counter() - begin) * 1000)
    medians = {name: statistics.median(took) for name, took in times.items()}
    return Timed(every.page.total, medians, first_ever, _like_ms(made))


def _answer(made: LargeBooks, asked: Asked) -> Found:
    rules = Rules(Thresholds(), overdue_ms=600_000, now=now_ms())
    columns = open_columns(made.data_dir)
    with open_books(made.atlas, made.desk) as books:
        return find(books, columns, asked.wanted, rules, sort=asked.sort, after=asked.after)


def _questions(made: LargeBooks, every: Found) -> dict[str, Asked]:
    def commonest(facet: str) -> str:
        return next(str(text) for text, _ in every.facets[facet].values if text is not None)  # type: ignore[index]

    with open_books(made.atlas, made.desk) as books:
        middle = books.rows(
            "SELECT application_id, flow_uuid, created_at FROM flows WHERE flow_id = ?",
            [every.page.total // 2],
        )[0]
        values = books.rows(
            "SELECT value FROM fields WHERE result_id BETWEEN 500 AND 600 AND name = 'customer_name' LIMIT 1"
        )
    name = str(values[0]["value"]).split()
    return {
        "every flow": Asked(FlowFilter()),
        "every flow, worst first": Asked(FlowFilter(), "worst"),
        "every flow, longest first": Asked(FlowFilter(), "longest"),
        "every flow, the last page": Asked(FlowFilter(), after=every.page.last),
        "an outcome": Asked(FlowFilter(outcomes=("review",))),
        "a document type": Asked(FlowFilter(types=(commonest("type"),))),
        "a check in review, worst first": Asked(FlowFilter(checks=(commonest("check"),)), "worst"),
        "a dealer": Asked(FlowFilter(dealers=(commonest("dealer"),))),
        "outcome, product and error code": Asked(
            FlowFilter(outcomes=("review",), products=(commonest("product"),), codes=(commonest("code"),))
        ),
        "thirty days": Asked(
            FlowFilter(created_from=middle["created_at"], created_to=middle["created_at"] + 30 * _DAY)
        ),
        "overdue": Asked(FlowFilter(attention="overdue")),
        "one id": Asked(FlowFilter(text=middle["application_id"])),
        "the beginning of every id": Asked(FlowFilter(text=middle["application_id"][:4])),
        "the beginning of some ids": Asked(FlowFilter(text=middle["flow_uuid"][:3])),
        "a word": Asked(FlowFilter(words=name[0])),
        "the beginning of a word": Asked(FlowFilter(words=name[0][:3] + "*")),
        "all words of a name": Asked(FlowFilter(words=" ".join(name))),
        "a word, outcome and dealer": Asked(
            FlowFilter(words=name[0], outcomes=("review",), dealers=(commonest("dealer"),))
        ),
    }


def _like_ms(made: LargeBooks) -> float:
    with open_books(made.atlas, made.desk) as books:
        begin = time.perf_counter()
        books.rows("SELECT count(*) FROM fields WHERE value LIKE '%zyxwv%'")
        return (time.perf_counter() - begin) * 1000


def rows_of(large: Timed, small: Timed) -> list[Row]:
    """A line for each question: at the larger size, at an eighth of it, and the goal."""
    rows = [
        Row(name, ms(took), ms(small.medians[name]), took, below(GOAL_MS, " ms"))
        for name, took in large.medians.items()
    ]
    grown = max(took / small.medians[name] for name, took in large.medians.items())
    rows.append(Row("the one that grows most", "", "", grown, at_most(GOAL_OF_GROWTH)))
    word = large.medians["all words of a name"]
    times = large.like / word
    rows.append(Row("words, beside LIKE on every field", ms(word), ms(large.like), times))
    first, before = large.first_ever, small.first_ever
    rows.append(Row("the first look of a process", ms(first), ms(before), first, None, " ms"))
    return rows


def main(folder: Path | None = None) -> None:
    """Prints a line for each question."""
    flows = wanted_flows()
    small, large = (measure(large_books(count, folder)) for count in (flows // _EIGHTH, flows))
    show(rows_of(large, small), ("", f"{large.flows:,} flows", f"{small.flows:,} flows"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
