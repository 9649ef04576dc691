"""What the column mirror costs: to open, to keep in step, to build, and on disk.

    python -m tests.benchmarks.mirroring [FOLDER]

On large books (see large.py), of which a copy is written to. A step takes over results that were just
stored: one of a flow that had none yet, one that takes an earlier one's place on the oldest day, and twenty,
which is a second's worth of a busy day; beside it stands the same number of results stored without a mirror.
The first step after a start makes the counts by day anew.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from atlas_core.books.columns import open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.verification import verify_columns
from atlas_core.books.writer import AtlasWriter
from tests.benchmarks.large import LargeBooks, bytes_below, large_books, wanted_flows
from tests.benchmarks.storing import results_of, store_result

ROUNDS = 15
GOAL_OPEN_MS = 1.0
GOAL_STEP_MS = 100.0


@dataclass(frozen=True)
class Mirroring:
    """Medians in milliseconds, and what the mirror is made of."""

    flows: int
    checks: int
    open_same: float
    open_next: float
    first_step: float
    step_of_one: float
    step_of_old: float
    step_of_twenty: float
    store_twenty: float
    rebuild_seconds: float
    verify_seconds: float
    bytes_per_flow: float
    share_of_book: float


def measure(books: LargeBooks, rounds: int = ROUNDS) -> Mirroring:
    """Measures on a copy of the books, beside them."""
    times: dict[str, list[float]] = {
        name: [] for name in ("same", "next", "first", "one", "old", "twenty", "store")
    }

    def timed(name: str, work: Callable[[], object]) -> None:
        begin = time.perf_counter()
        work()
        times[name].append((time.perf_counter() - begin) * 1000)

    with tempfile.TemporaryDirectory(dir=books.data_dir.parent, prefix="mirroring-") as place:
        book = Path(shutil.copy(books.atlas, place))
        shutil.copytree(books.data_dir / "mirror", book.parent / "mirror")
        results = iter(results_of(22 * rounds + 1))
        newest, oldest = iter(range(books.flows, 0, -1)), iter(range(1, books.flows + 1))
        with AtlasWriter(book) as writer, closing(Mirror(writer, book)) as mirror:
            mirror.catch_up()

            def store(count: int, flow_ids: Iterator[int] = newest) -> None:
                for _ in range(count):
                    store_result(writer, next(flow_ids), next(results))

            store(1)
            timed("first", mirror.catch_up)
            for _ in range(rounds):
                store(1, oldest)
                timed("old", mirror.catch_up)
                store(1)
                timed("one", mirror.catch_up)
                timed("next", lambda: open_columns(book.parent))
                timed("same", lambda: open_columns(book.parent))
                timed("store", lambda: store(20))
                timed("twenty", mirror.catch_up)
            begin = time.perf_counter()
            verified = verify_columns(book.parent)
            verify_seconds = time.perf_counter() - begin
            if verified.differences:
                raise AssertionError(f"the mirror differs: {verified.differences}")
            begin = time.perf_counter()
            mirror.rebuild()
            rebuild_seconds = time.perf_counter() - begin
        size = bytes_below(book.parent / "mirror")
        median = {name: statistics.median(taken) for name, taken in times.items()}
        return Mirroring(
            verified.flows,
            verified.checks,
            median["same"],
            median["next"],
            median["first"],
            median["one"],
            median["old"],
            median["twenty"],
            median["store"],
            rebuild_seconds,
            verify_seconds,
            size / verified.flows,
            size / book.stat().st_size,
        )


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    found = measure(large_books(wanted_flows(), folder))
    print(
        f"{found.flows:,} flows, {found.checks:,} cross-checks: open the version at hand "
        f"{found.open_same:.3f} ms, the next {found.open_next:.3f} ms (goal under {GOAL_OPEN_MS:g})"
    )
    print(
        f"take over one new result {found.step_of_one:.1f} ms, another of the oldest day "
        f"{found.step_of_old:.1f} ms, "
        f"twenty {found.step_of_twenty:.1f} ms (goal under {GOAL_STEP_MS:g}), the first after a start "
        f"{found.first_step:.1f} ms; to store those twenty took {found.store_twenty:.1f} ms"
    )
    print(
        f"rebuild {found.rebuild_seconds:.1f} s, verify {found.verify_seconds:.1f} s; "
        f"{found.bytes_per_flow:.0f} bytes a flow, {found.share_of_book:.1%} of the book"
    )


if __name__ == "__main__":
    main()
