"""Erasing a case from books with their backups: how long until no byte of it is left.

    python -m tests.benchmarks.erasing

The case is one of 4,000 others', with a copy of each book for every hour of half a day, a mirror and an index
of words; every text of it holds a mark that stands nowhere else. The command is run as people run it, and
afterwards every byte of every file is searched for the mark.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from atlas_core.books.backups import copies_in
from tests.benchmarks.table import Row, at_most, none, show, size
from tests.desk_processes import desk_environment, run_command
from tests.made_books import START
from tests.marked import MARK, back_up, files_with, make_marked_books

OTHERS = 4_000
HOURS = 12
GOAL = at_most(60, " s")
_HOUR_MS = 3_600_000


def measure(folder: Path, others: int = OTHERS) -> list[Row]:
    books = make_marked_books(folder, others)
    for hour in range(HOURS):
        back_up(books, START + hour * _HOUR_MS)
    copies = copies_in(books.backups)
    before = len(files_with(MARK, books.data_dir, books.backups))
    environment = desk_environment(books.data_dir) | {"ATLAS_BACKUP_DIR": str(books.backups)}
    started = time.monotonic()
    told = run_command(environment, "erase", "--application", "APP-M", "--reason", "measured", timeout=600)
    took = time.monotonic() - started
    if told.returncode:
        raise RuntimeError(told.stdout + told.stderr)
    left = len(files_with(MARK, books.data_dir, books.backups))
    bytes_of_copies = sum(copy.size for copy in copies)
    return [
        Row(
            f"erasing one case of {others + 1:,}, with {len(copies)} backups ({size(bytes_of_copies)})",
            f"{took:.1f} s",
            "",
            took,
            GOAL,
        ),
        Row("files that hold a byte of it", f"before {before}", "", left, none("files")),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="erasing-") as folder:
        show(measure(Path(folder)), ("", "", ""))


if __name__ == "__main__":
    main()
