"""`make bench`: every benchmark in turn, each a ratio within its own run."""

from __future__ import annotations

import platform
import sqlite3
from datetime import UTC, datetime

from tests.benchmarks import (
    backing_up,
    erasing,
    finding,
    measures,
    mirroring,
    pages,
    parsing,
    polling,
    queries,
    receiving,
    reviewing,
    rivals,
    storing,
)

BENCHMARKS = (
    parsing,
    polling,
    storing,
    receiving,
    backing_up,
    erasing,
    mirroring,
    finding,
    measures,
    queries,
    rivals,
    pages,
    reviewing,
)


def main() -> None:
    """Prints the day and the machine, then each benchmark under its first docstring line."""
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {python}, SQLite {sqlite}")
    for benchmark in BENCHMARKS:
        print(f"\n{(benchmark.__doc__ or '').splitlines()[0]}")
        benchmark.main()


if __name__ == "__main__":
    main()
