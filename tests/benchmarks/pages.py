"""Whole pages in Chromium, beside the same pages fed with constants and a page that only says hello.

    python -m tests.benchmarks.pages [FOLDER]

On a copy of the large books (see large.py). A visit is warm: from another page of the same browser tab until
nothing changes any more, charts drawn; medians of twenty, in turn, in one run. The desk fed with constants is
the same desk with a record in front of every loader and everything that counts (see desks/recorded.py). In
half of the rounds another process stores twenty results a second through the worker's own writer and mirror,
so that each visit finds new data. What is sent is counted on the WebSocket of a fresh session, before any
compression, less what the page that says hello is sent. SIZE=full visits every tab.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.benchmarks.large import LargeBooks, large_books, wanted_flows
from tests.benchmarks.steady_writing import steady_writing
from tests.benchmarks.table import Goal, Row, at_most, below, ms, show, size
from tests.benchmarks.visits import Place, tab_at
from tests.browser import chromium
from tests.desk_processes import desk_environment, free_port, running_pages, running_process

ROUNDS = 20
WRITTEN_ROUNDS = 10
WARM_UP = 2
GOAL_OF_CONSTANTS = at_most(1.5)
GOALS_OF_HELLO = {"simple": at_most(3), "chart": at_most(8)}
GOAL_OF_WRITING = below(1.2, "x")
GOAL_OF_FIGURE = at_most(40, " kB")
GOAL_OF_PAGE = at_most(400, " kB")

HELLO = (Place("hello", "/again", "Hello again"), Place("hello", "/", "Hello"))
_FILTERED = "/results?outcome=review&product=PROD_CDL"
SIMPLE = ("Submit", "Watch", "Results", "Results, filtered", "Flow")


@dataclass(frozen=True)
class Visited:
    """Median milliseconds of each place, and the bytes of its fresh session and of its largest figure."""

    ours: dict[str, float]
    recorded: dict[str, float]
    written: dict[str, float]
    hello: float
    page_bytes: dict[str, int]
    figure_bytes: dict[str, int]


def places_of(books: LargeBooks) -> tuple[Place, ...]:
    """Where to go, in this order: no page twice in a row, tabs after the page they are of."""
    with closing(sqlite3.connect(f"file:{books.atlas}?mode=ro", uri=True)) as connection:
        newest = "SELECT flow_uuid FROM flows WHERE result_id IS NOT NULL ORDER BY flow_id DESC LIMIT 1"
        flow_uuid = connection.execute(newest).fetchone()[0]
    more = os.environ.get("SIZE") == "full"
    checks = ("What if", "Confidence", "Trend", "Coverage", "Odd one out") if more else ("What if",)
    errors = ("Over time", "Products and dealers", "Cured later") if more else ()
    return (
        Place("Today", "/", "Today"),
        Place("Results", "/results", "Results"),
        Place("Submit", "/submit", "Submit"),
        Place("Results, filtered", _FILTERED, "Results"),
        Place("Watch", "/watch", "Watch"),
        Place("Flow", f"/flow?flow={flow_uuid}", "Flow"),
        Place("Cross-checks", "/cross_checks", "Cross-checks"),
        *(Place(f"Cross-checks, {tab}", "/cross_checks", "Cross-checks", tab) for tab in checks),
        Place("Errors", "/errors", "Errors"),
        *(Place(f"Errors, {tab}", "/errors", "Errors", tab) for tab in errors),
    )


def measure(books: LargeBooks, rounds: int = ROUNDS, written_rounds: int = WRITTEN_ROUNDS) -> Visited:
    """Visits every place on each server in turn, round after round; the first rounds are not counted."""
    places = places_of(books)
    times: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in ("ours", "recorded")}
    written, hello = defaultdict(list), []
    with ExitStack() as stack:
        data_dir = stack.enter_context(_copy_of(books))
        urls = {
            "ours": stack.enter_context(running_pages(desk_environment(data_dir))),
            "recorded": stack.enter_context(_running_recorded(data_dir)),
            "hello": stack.enter_context(_running_hello(data_dir)),
        }
        writing = stack.enter_context(steady_writing(data_dir))
        browser = stack.enter_context(chromium())
        page_bytes, figure_bytes = _what_is_sent(browser, urls, places)
        tabs = {name: stack.enter_context(tab_at(browser, url)) for name, url in urls.items()}
        for name in ("ours", "recorded"):
            tabs[name].visit(Place("", "/submit", "Submit"))
        for number in range(-WARM_UP, rounds):
            for place in places:
                for name in ("ours", "recorded"):
                    times[name][place.name].append(tabs[name].visit(place))
            hello += [tabs["hello"].visit(place) for place in HELLO]
            if number < written_rounds:
                writing.go()
                for place in places:
                    written[place.name].append(tabs["ours"].visit(place))
                writing.rest()

    def medians(of: dict[str, list[float]]) -> dict[str, float]:
        return {name: statistics.median(taken[WARM_UP:]) for name, taken in of.items()}

    return Visited(
        medians(times["ours"]),
        medians(times["recorded"]),
        medians(written),
        statistics.median(hello[len(HELLO) * WARM_UP :]),
        page_bytes,
        figure_bytes,
    )


def _what_is_sent(
    browser: Browser, urls: dict[str, str], places: tuple[Place, ...]
) -> tuple[dict[str, int], dict[str, int]]:
    with tab_at(browser, urls["hello"]) as hello:
        own = hello.received.total
    pages, figures = {}, {}
    for place in places:
        with tab_at(browser, urls["ours"], place.address) as tab:
            pages[place.name] = tab.received.total - own
            figures[place.name] = tab.received.largest_figure()
    return pages, figures


@contextmanager
def _copy_of(books: LargeBooks) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=books.data_dir.parent, prefix="pages-") as place:
        copy = Path(place) / "data"
        shutil.copytree(books.data_dir, copy)
        os.sync()  # else the copy is written to the disk in the middle of a round
        yield copy


@contextmanager
def _running_recorded(data_dir: Path) -> Iterator[str]:
    environment = desk_environment(data_dir)
    port = environment["ATLAS_UI_PORT"]
    command = [sys.executable, "-m", "tests.benchmarks.desks.recorded", port]
    url = f"http://127.0.0.1:{port}"
    with running_process(command, environment, f"{url}/_stcore/health"):
        yield url


@contextmanager
def _running_hello(data_dir: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "tests/benchmarks/desks/hello.py"]
    url = f"http://127.0.0.1:{port}"
    with running_process(
        [*command, f"--server.port={port}"], desk_environment(data_dir), f"{url}/_stcore/health"
    ):
        yield url


def _kind(place: str) -> str:
    return "simple" if place in SIMPLE else "chart"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    books = large_books(wanted_flows(), folder)
    found = measure(books)
    names = list(found.ours)
    print(f"{books.flows:,} flows; medians of {ROUNDS} visits, with writing {WRITTEN_ROUNDS}")
    show(
        [_beside(name, found.ours[name], found.recorded[name], GOAL_OF_CONSTANTS) for name in names],
        ("page", "ours", "constants"),
    )
    show(
        [_beside(name, found.ours[name], found.hello, GOALS_OF_HELLO[_kind(name)]) for name in names],
        ("page", "ours", "hello"),
    )
    show(
        [_beside(name, found.written[name], found.ours[name], GOAL_OF_WRITING) for name in names],
        ("page", "20 results/s", "at rest"),
    )
    show(
        [_sent(name, found.page_bytes[name], GOAL_OF_PAGE) for name in names]
        + [
            _sent(f"{name}, largest figure", count, GOAL_OF_FIGURE)
            for name, count in found.figure_bytes.items()
            if count
        ],
        ("sent", "ours", ""),
    )


def _beside(name: str, ours: float, other: float, goal: Goal) -> Row:
    return Row(name, ms(ours), ms(other), ours / other, goal)


def _sent(name: str, count: int, goal: Goal) -> Row:
    return Row(name, size(count), "", count / 1000, goal)


if __name__ == "__main__":
    main()
