"""Large books for benchmarks: a year of lifelike flows, written straight into both books' tables.

    python -m tests.benchmarks.large [FOLDER]            125,000 flows, 1 million cross-checks
    SIZE=full python -m tests.benchmarks.large [FOLDER]  1 million flows, 8 million cross-checks

A flow has four documents with about 32 fields and eight cross-checks of twelve kinds; days, products,
dealers, scores and errors are as uneven as in life, only the payloads are all one. The books are made once
for each size and edition, in a folder below the system's temporary one unless another is given, and found
again by the next call. The column mirror is made from them by the product's own rebuild.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from atlas_core.books.columns import open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookDamaged
from tests.benchmarks.large_flows import Year
from tests.benchmarks.parsing import typical_payload

SIZES = {"": 125_000, "full": 1_000_000}
_AT_ONCE = 5_000
_ROOT = Path(__file__).resolve().parents[2]
_DEPENDS_ON = ("atlas_core/books/*.sql", "tests/benchmarks/large_flows.py")


@dataclass(frozen=True)
class LargeBooks:
    """Both books and their mirror in `data_dir`, and how long it took to make them (0 when found)."""

    data_dir: Path
    flows: int
    fill_seconds: float = 0.0
    index_seconds: float = 0.0
    mirror_seconds: float = 0.0

    @property
    def atlas(self) -> Path:
        return self.data_dir / "atlas.db"

    @property
    def desk(self) -> Path:
        return self.data_dir / "desk.db"


def wanted_flows() -> int:
    """The number of flows that SIZE asks for."""
    return SIZES[os.environ.get("SIZE", "")]


def large_books(flows: int, folder: Path | None = None) -> LargeBooks:
    """Large books of that many flows: found, or made."""
    sources = [path for pattern in _DEPENDS_ON for path in sorted(_ROOT.glob(pattern))]
    edition = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:8]
    home = folder or Path(tempfile.gettempdir()) / "atlas-desk-large"
    place = home / f"{flows}-{edition}"
    if place.exists():
        return LargeBooks(place, flows, mirror_seconds=_mirror_seconds(place))
    unfinished = home / f"{place.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    made = _make(unfinished, flows)
    unfinished.rename(place)
    return LargeBooks(place, flows, made.fill_seconds, made.index_seconds, made.mirror_seconds)


def _make(data_dir: Path, flows: int) -> LargeBooks:
    books = LargeBooks(data_dir, flows)
    migrate_atlas(books.atlas)
    migrate_desk(books.desk)
    begin = time.perf_counter()
    with closing(sqlite3.connect(books.atlas, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        set_aside = _set_aside(connection)
        _fill(connection, flows)
        filled = time.perf_counter()
        for statement in set_aside:
            connection.execute(statement)
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        connection.execute(
            "INSERT INTO delivery_counts SELECT channel, outcome, count(*) FROM deliveries GROUP BY 1, 2"
        )
        connection.execute("PRAGMA journal_mode = WAL")
    indexed = time.perf_counter()
    with AtlasWriter(books.atlas) as writer:
        Mirror(writer, books.atlas).rebuild()
    return LargeBooks(data_dir, flows, filled - begin, indexed - filled, time.perf_counter() - indexed)


def _mirror_seconds(place: Path) -> float:
    """Makes the mirror of books that were found, where it is of an earlier layout."""
    try:
        open_columns(place)
    except BookDamaged:
        begin = time.perf_counter()
        with AtlasWriter(place / "atlas.db") as writer:
            Mirror(writer, place / "atlas.db").rebuild()
        return time.perf_counter() - begin
    return 0.0


def _set_aside(connection: sqlite3.Connection) -> list[str]:
    """Drops what each row would pay for, and returns the statements that make it again."""
    found = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in found:
        connection.execute(f"DROP {kind} {name}")
    return [statement for _, _, statement in found]


def _fill(connection: sqlite3.Connection, flows: int) -> None:
    payload = typical_payload()
    body = zlib.compress(payload, 1)
    year = Year(flows, now_ms())
    for begin in range(0, flows, _AT_ONCE):
        rows = year.rows(begin, min(flows, begin + _AT_ONCE), body, len(payload))
        connection.execute("BEGIN")
        for table, (columns, values) in rows.items():
            marks = ", ".join("?" * len(columns.split()))
            names = ", ".join(columns.split())
            connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608
        connection.execute("COMMIT")


def bytes_below(folder: Path) -> int:
    """What the files of a folder take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    books = large_books(wanted_flows(), folder)
    size, mirror = bytes_below(books.data_dir), bytes_below(books.data_dir / "mirror")
    print(
        f"{books.flows:,} flows in {books.data_dir}: {size / 1e6:,.0f} MB, {mirror / 1e6:,.0f} in the mirror"
    )
    if books.fill_seconds:
        print(
            f"filled in {books.fill_seconds:.0f} s, indexed in {books.index_seconds:.0f} s, "
            f"mirrored in {books.mirror_seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
