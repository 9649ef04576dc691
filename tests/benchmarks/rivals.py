"""The histogram of all cross-checks, beside Datasette and beside the page a newcomer writes.

    python -m tests.benchmarks.rivals [FOLDER]

On the same large books (see large.py), in turn. The rivals are given what the public views say as one flat
table, each cross-check with its flow, so that they could be asked for the same filters. Datasette serves it
from a process of its own, with every limit raised and without suggestions; its page of facets stands first,
then what costs it less, and what its usual limits give. Ours are the count from the column mirror, nothing
remembered, and the figure's JSON. The Streamlit pages are those of rival_pages, each in its own process
through AppTest.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from atlas_core.books.columns import open_columns
from atlas_core.insight.charts_checks import checks_per_score_chart
from atlas_core.insight.charts_strips import Strip, score_strips_chart
from atlas_core.insight.distributions import ScoreTable, checks_per_score
from atlas_core.insight.palette import LIGHT
from atlas_core.insight.selection import Selection
from tests.benchmarks.large import SIZES, LargeBooks, large_books, wanted_flows
from tests.benchmarks.page_runs import PageRuns, Run, page_runs
from tests.benchmarks.table import Row, at_least, ms, show, size
from tests.desk_processes import free_port

ROUNDS = 5
GOALS_OF_DATASETTE = {SIZES[""]: at_least(100), SIZES["full"]: at_least(500)}
GOALS_OF_NAIVE = {"script time": at_least(50), "bytes": at_least(500), "memory": at_least(10)}
NAIVE_FLOWS = SIZES[""]  # the goals beside the newcomer's page are for 1 million rows, whatever SIZE says
_THRESHOLDS = (70, 90)
_MANY = "1000000"
_RAISED = {
    "sql_time_limit_ms": "900000",
    "facet_time_limit_ms": "900000",
    "max_returned_rows": _MANY,
    "suggest_facets": "off",
}
_SCORE = "similarity_score"
_FACET_ALONE = {"_size": "0", "_nocount": "1"}  # neither rows nor their number
_HISTOGRAM = "SELECT name, CAST(similarity_score AS INTEGER), count(*) FROM cross_checks GROUP BY 1, 2"


@contextmanager
def running_datasette(book: Path, limits: Mapping[str, str]) -> Iterator[str]:
    """Datasette over a book that nobody changes; gives the address of its cross-checks' database."""
    port = free_port()
    settings = [text for name, value in limits.items() for text in ("--setting", name, value)]
    command = [sys.executable, "-m", "datasette", "serve", "-i", str(book), "--port", str(port), *settings]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        while True:
            try:
                asked(f"{url}/-/versions.json")
                break
            except urllib.error.URLError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield f"{url}/{book.stem}"
    finally:
        process.terminate()
        process.wait(10)


def asked(url: str, **parameters: str) -> dict:
    with urllib.request.urlopen(f"{url}?{urlencode(parameters)}", timeout=1000) as answer:
        return json.load(answer)


def facet(url: str, table: str = "cross_checks", **parameters: str) -> dict[object, int]:
    """The facet of similarities, whole; empty where Datasette left it out."""
    answer = asked(f"{url}/{table}.json", _facet=_SCORE, _facet_size="max", **parameters)
    found = answer["facet_results"].get(_SCORE, {"results": []})
    return {result["value"]: result["count"] for result in found["results"]}


def histogram(url: str) -> dict[tuple[str, int], int]:
    """The histogram of each check by SQL of one's own."""
    rows = asked(f"{url}.json", sql=_HISTOGRAM, _shape="arrays")["rows"]
    return {(name, score): count for name, score, count in rows if score is not None}


class Ours:
    """The same questions to the column mirror, each of a version nothing is remembered for."""

    def __init__(self, data_dir: Path) -> None:
        self._columns = open_columns(data_dir)

    def count(self) -> ScoreTable:
        return checks_per_score(replace(self._columns), Selection())

    def figure(self) -> str:
        """The histogram of all, as it is sent."""
        return checks_per_score_chart(self.count().overall, _THRESHOLDS, LIGHT).figure.to_json()

    def strips(self) -> str:
        """The histogram of each check, as it is sent."""
        table = self.count()
        strips = [Strip(check, table.of(check), *_THRESHOLDS) for check in table.checks]
        return score_strips_chart(strips, LIGHT).figure.to_json()


@contextmanager
def flat_table(books: LargeBooks) -> Iterator[Path]:
    """Every cross-check of these books with its flow, as the one table of a file of its own."""
    with tempfile.TemporaryDirectory(dir=books.data_dir.parent, prefix="flat-") as place:
        path = Path(place) / "flat.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("ATTACH ? AS books", (f"{books.atlas}",))
            rows = "SELECT * FROM books.flows_v JOIN books.cross_checks_v USING (flow_uuid)"
            connection.execute(f"CREATE TABLE cross_checks AS {rows}")
        yield path


def beside_datasette(books: LargeBooks, flat: Path, rounds: int = ROUNDS) -> list[Row]:
    """Three ways to a histogram in Datasette, each in turn with ours."""
    ours = Ours(books.data_dir)
    with ExitStack() as stack:
        url = stack.enter_context(running_datasette(flat, _RAISED))
        usual = stack.enter_context(running_datasette(flat, {}))
        of_books = stack.enter_context(running_datasette(books.atlas, _RAISED))
        _require_same_counts(ours.count(), facet(url), histogram(url))
        works: dict[str, Callable[[], object]] = {
            "ours, counted": ours.count,
            "ours, all": ours.figure,
            "ours, each": ours.strips,
            "page with the facet": lambda: facet(url),
            "page of the view with the facet": lambda: facet(of_books, "cross_checks_v"),
            "facet alone": lambda: facet(url, **_FACET_ALONE),
            "SQL of one's own, each check": lambda: histogram(url),
        }
        took = {name: statistics.median(times) for name, times in in_turn(works, rounds).items()}
        facet_said = "the facet shown" if facet(usual) else "the facet left out in silence"
        sql_said = "refused" if _is_refused(usual) else "answered"
    print(f"Datasette at its usual limits: {facet_said}, SQL of one's own {sql_said}")
    print(f"of our {ms(took['ours, all'])} the count takes {ms(took['ours, counted'])}, the figure the rest")
    return [
        Row(f"Datasette, {name}", ms(took[our]), ms(took[name]), took[name] / took[our], goal)
        for name, our, goal in (
            ("page with the facet", "ours, all", GOALS_OF_DATASETTE.get(books.flows)),
            ("page of the view with the facet", "ours, all", None),
            ("facet alone", "ours, all", None),
            ("SQL of one's own, each check", "ours, each", None),
        )
    ]


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each work, one after the other in every round; the first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - begin) * 1000)
    return {name: taken[1:] for name, taken in times.items()}


def beside_naive(books: LargeBooks, flat: Path, rounds: int = ROUNDS) -> list[Row]:
    """The page with our histograms beside the newcomer's, and beside one that reads two columns only."""
    with ExitStack() as stack:
        pages = {
            name: stack.enter_context(page_runs(name, books.data_dir if name == "ours" else flat))
            for name in ("empty", "ours", "naive", "careful")
        }
        runs = _runs_in_turn(pages, rounds)
    rows = []
    for rival in ("naive", "careful"):
        for what, tell, figure_of in (
            ("script time", ms, lambda run: run.seconds * 1000),
            ("bytes", size, lambda run: run.figure_bytes),
            ("memory", size, lambda run: run.peak_bytes),
        ):
            our, their = figure_of(runs["ours"]), figure_of(runs[rival])
            goal = GOALS_OF_NAIVE[what] if rival == "naive" else None
            rows.append(Row(f"{rival} page, {what}", tell(our), tell(their), their / our, goal))
    print(
        f"an empty page in its own process: {ms(runs['empty'].seconds * 1000)}, "
        f"{size(runs['empty'].peak_bytes)}"
    )
    return rows


def _runs_in_turn(pages: Mapping[str, PageRuns], rounds: int) -> dict[str, Run]:
    runs: dict[str, list[Run]] = {name: [] for name in pages}
    for _ in range(rounds + 1):
        for name, page in pages.items():
            runs[name].append(page.run())
    return {
        name: Run(statistics.median(run.seconds for run in of[1:]), of[-1].figure_bytes, of[-1].peak_bytes)
        for name, of in runs.items()
    }


def _require_same_counts(
    ours: ScoreTable, scores: Mapping[object, int], by_sql: Mapping[tuple[str, int], int]
) -> None:
    """Whoever is faster with other numbers has won nothing."""
    frame = ours.frame()
    counts = {
        (check, score): count
        for check, score, count in zip(frame["check"], frame["similarity"], frame["checks"], strict=True)
    }
    scored = sum(count for value, count in scores.items() if value is not None)
    if counts != by_sql or scored != ours.scored:
        raise AssertionError("Datasette and the mirror do not count the same")


def _is_refused(url: str) -> bool:
    try:
        histogram(url)
    except urllib.error.HTTPError as refused:
        return refused.code == 400
    return False


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    books = large_books(wanted_flows(), folder)
    print(f"{books.flows:,} flows, {len(open_columns(books.data_dir).checks):,} cross-checks")
    with flat_table(books) as flat:
        rows = beside_datasette(books, flat)
    small = books if books.flows == NAIVE_FLOWS else large_books(NAIVE_FLOWS, folder)
    with flat_table(small) as flat:
        rows += beside_naive(small, flat)
    show(rows, ("histogram", "ours", "theirs"))


if __name__ == "__main__":
    main()
