"""What storing one result costs, beside the disk's own price of a durable write and beside row calls.

    python -m tests.benchmarks.storing

One result of four documents, 51 fields and eight cross-checks for a flow the book knows, each in a commit of
its own through AtlasWriter. Beside it, on the same disk and in turn: 4 KiB appended and synced, and the very
same rows, ready made, given to sqlite-utils table by table: as its row calls commit by themselves, and in one
transaction around them, its best case.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlite_utils import Database

from atlas_core.api.payloads import parse_result
from atlas_core.books.book import open_for_reading, open_for_writing
from atlas_core.books.results import save_result
from atlas_core.books.schema import ATLAS, migrate_atlas
from atlas_core.books.standards import Standards
from atlas_core.books.store import save_flow
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import Result
from tests.benchmarks.parsing import typical_payload

ROUNDS = 8
PER_ROUND = 40
GOAL_OF_SYNC = 9.0
GOAL_OF_ROW_CALLS = 2.0

START = 1_790_000_000_000
_TABLES = ("deliveries", "results", "documents", "fields", "cross_checks", "flags")

Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True)
class Storing:
    """Medians in milliseconds: our store, an append and fsync of 4 KiB, and sqlite-utils' row calls."""

    ours: float
    sync: float
    row_calls: float
    row_calls_in_one: float  # the same calls within one transaction

    @property
    def of_sync(self) -> float:
        """How many synced appends one result costs."""
        return self.ours / self.sync

    @property
    def of_row_calls(self) -> float:
        """How many times faster than the same rows by row calls."""
        return self.row_calls / self.ours


def measure(rounds: int = ROUNDS, per_round: int = PER_ROUND) -> Storing:
    """Interleaved rounds in a folder of their own, beside the working directory's other files."""
    total = rounds * per_round
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        results = results_of(total)
        rows = _rows_of(folder / "model.db", results)
        times: dict[str, list[float]] = {"ours": [], "sync": [], "together": [], "apart": []}
        with (
            AtlasWriter(_book_with_flows(folder / "ours.db", total)) as writer,
            closing(_connection(folder / "together.db", total)) as together,
            closing(_connection(folder / "apart.db", total)) as apart,
            (folder / "floor").open("ab", buffering=0) as floor,
        ):
            works: dict[str, Callable[[int], object]] = {
                "sync": lambda _: (floor.write(bytes(4096)), os.fsync(floor.fileno())),
                "ours": lambda place: store_result(writer, place + 1, results[place]),
                "together": lambda place: _by_row_calls(together, rows[place], in_one=True),
                "apart": lambda place: _by_row_calls(apart, rows[place], in_one=False),
            }
            for begin in range(0, total, per_round):
                for name, work in works.items():
                    for place in range(begin, begin + per_round):
                        start = time.perf_counter()
                        work(place)
                        times[name].append(time.perf_counter() - start)
        _require_same_rows(folder / "ours.db", folder / "together.db", folder / "apart.db")
    median = {name: statistics.median(taken) * 1000 for name, taken in times.items()}
    return Storing(median["ours"], median["sync"], median["apart"], median["together"])


def results_of(total: int) -> list[Result]:
    """So many results, alike but for whose they are."""
    typical = parse_result(typical_payload())
    return [replace(typical, flow_uuid=_uuid(place), digest=f"{place:064x}") for place in range(total)]


def _uuid(place: int) -> str:
    return f"{place * 2654435761 % 2**32:08x}-0000-4000-8000-{place:012x}"


def _book_with_flows(path: Path, total: int) -> Path:
    migrate_atlas(path)
    with AtlasWriter(path) as writer:
        writer.write(
            lambda connection: [
                save_flow(
                    connection,
                    _uuid(place),
                    application_id=f"APP-{place}",
                    product_type="PROD_CDL",
                    created_at=START,
                )
                for place in range(total)
            ]
        )
    return path


def _connection(path: Path, total: int) -> Database:
    return Database(open_for_writing(_book_with_flows(path, total), ATLAS.journal), execute_plugins=False)


def store_result(writer: AtlasWriter, flow_id: int, result: Result) -> str:
    """Stores one result in a commit of its own."""
    return writer.write(
        save_result,
        flow_id,
        result,
        channel="extracts",
        received_at=START + 60_000,
        confirmed=True,
        standards=Standards(),
    )


def _rows_of(path: Path, results: list[Result]) -> list[Rows]:
    """The rows our store writes for each result, and its flow's row afterwards."""
    with AtlasWriter(_book_with_flows(path, len(results))) as writer:
        for place, result in enumerate(results):
            store_result(writer, place + 1, result)
    with closing(open_for_reading(path)) as connection:
        book = Database(connection, execute_plugins=False)
        rows: list[Rows] = []
        for flow_id in range(1, len(results) + 1):
            result_id = book["flows"].get(flow_id)["result_id"]
            of_flow = {table: list(_of_result(book, table, flow_id, result_id)) for table in _TABLES}
            rows.append({**of_flow, "flows": [dict(book["flows"].get(flow_id))]})
        return rows


def _of_result(book: Database, table: str, flow_id: int, result_id: int) -> Iterator[dict[str, object]]:
    if table in ("deliveries", "results"):
        return book[table].rows_where("flow_id = ?", [flow_id])
    return book[table].rows_where("result_id = ?", [result_id])


def _by_row_calls(book: Database, rows: Rows, *, in_one: bool) -> None:
    if in_one:
        with book.atomic():
            _insert(book, rows)
    else:
        _insert(book, rows)


def _insert(book: Database, rows: Rows) -> None:
    for table in _TABLES:
        if len(rows[table]) == 1:
            book[table].insert(rows[table][0])
        elif rows[table]:
            book[table].insert_all(rows[table])
    flow = rows["flows"][0]
    book["flows"].update(flow["flow_id"], {key: value for key, value in flow.items() if key != "flow_id"})


def _require_same_rows(*paths: Path) -> None:
    contents = []
    for path in paths:
        with closing(open_for_reading(path)) as connection:
            book = Database(connection, execute_plugins=False)
            contents.append({table: list(book[table].rows) for table in (*_TABLES, "flows")})
    if any(content != contents[0] for content in contents):
        raise AssertionError("the ways of storing did not write the same rows")


def main() -> None:
    found = measure()
    print(
        f"store one result: {found.ours:.3f} ms; append and fsync of 4 KiB: {found.sync:.3f} ms; "
        f"ratio {found.of_sync:.1f} (goal at most {GOAL_OF_SYNC:g})"
    )
    print(
        f"the same rows by sqlite-utils' row calls: {found.row_calls:.3f} ms; we are "
        f"{found.of_row_calls:.1f} times faster (goal at least {GOAL_OF_ROW_CALLS:g}); within one "
        f"transaction {found.row_calls_in_one:.3f} ms, {found.row_calls_in_one / found.ours:.1f} times"
    )


if __name__ == "__main__":
    main()
