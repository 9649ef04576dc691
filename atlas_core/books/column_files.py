"""The column mirror's files: how its tables lie on disk, and the head that says what of them counts.

    mirror/head         JSON, replaced atomically: version, and file, capacity and count of each table
    mirror/flows.N      one file a table: each column in one piece, `capacity` places long, the first
    mirror/checks.N     `count` of them counting; rows beyond are the unfinished work of the writer
    mirror/documents.N
    mirror/names.N      the texts behind the codes, one JSON line each; the head counts bytes

A table that is full, or has too many dead rows, is written anew under a later number; who has the old file
open keeps it. Numbers are little-endian.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.clock import now_ms
from atlas_core.errors import BookDamaged, BookMissing

EDITION = 2  # of the layout below: another number means that the mirror is built anew

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]

TABLES: dict[str, dict[str, str]] = {
    "flows": {
        "created_at": "<i8",
        "upload_ended_at": "<i8",
        "processing_ended_at": "<i8",
        "crosscheck_ended_at": "<i8",
        "ended_at": "<i8",
        "confirmed_at": "<i8",
        "day": "<i4",
        "result": "<u4",
        "dealer": "<u4",
        "product": "<u2",
        "documents": "<u2",
        "checks": "<u2",
        "master": "u1",
        "outcome": "u1",
        "quality": "u1",
        "document_errors": "u1",
        "review_flags": "u1",
        "min_score": "u1",
    },
    "checks": {"flow": "<u4", "low_confidence": "<f4", "kind": "<u2", "score": "u1"},
    "documents": {"flow": "<u4", "type": "<u2", "code": "<u2", "reason": "<u2", "position": "<u2"},
}

NONE = -1

_PAGE = 4096  # capacities are multiples of it, so that each column begins on a page
_LEAST_CAPACITY = 16 * _PAGE


@dataclass(frozen=True, slots=True)
class Extent:
    """What of a file counts: the first `count` places (bytes of names) of `capacity`."""

    file: str
    capacity: int
    count: int


@dataclass(frozen=True, slots=True)
class Head:
    """One version of the mirror. Versions grow and never come again, not even after a rebuild.

    `follows` is the version that the book had noted when this one was published, `through` the last change
    that this one took over. A rebuilt one follows `NONE`: it is the book's once the book has noted it.
    """

    version: int
    follows: int
    through: int
    flows: Extent
    checks: Extent
    documents: Extent
    names: Extent

    def tables(self) -> dict[str, Extent]:
        """The extents of the tables of numbers."""
        return {table: getattr(self, table) for table in TABLES}


def mirror_folder(data_dir: Path) -> Path:
    """Where the mirror of the books in `data_dir` is."""
    return data_dir / "mirror"


def read_head(folder: Path) -> Head:
    """The head as it stands. Raises `BookMissing` where there is none, `BookDamaged` where it is not ours
    or of another edition."""
    try:
        with open(folder / "head", "rb", buffering=0) as file:  # noqa: PTH123 -- twice as fast as Path.open
            kept = json.loads(file.read())
        if kept.pop("edition") != EDITION:
            raise ValueError
        version, follows, through = (int(kept.pop(name)) for name in ("version", "follows", "through"))
        extents = {name: Extent(**extent) for name, extent in kept.items()}
        return Head(version, follows, through, **extents)
    except FileNotFoundError:
        raise BookMissing(
            f"There is no column mirror in {folder.parent} yet. Start the worker: it makes it."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BookDamaged(
            f"{folder / 'head'} is not a column mirror of this version. Start the worker: it builds it anew."
        ) from None


def write_head(folder: Path, head: Head) -> None:
    """Makes a version count: readers see the one before it or this one, after a crash too."""
    text = json.dumps({"edition": EDITION, **asdict(head)})
    unfinished = folder / "head.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.replace(folder / "head")
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def map_table(path: Path, table: str, capacity: int) -> dict[str, Array]:
    """The columns of a table, whole, read-only and shared with whoever writes them.

    Raises `FileNotFoundError`, and `BookDamaged` where the file is too short.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pages = mmap.mmap(descriptor, _size(table, capacity), prot=mmap.PROT_READ)
    except ValueError:
        raise BookDamaged(
            f"{path} is cut off. Stop the worker and run: python -m atlas_core rebuild"
        ) from None
    finally:
        os.close(descriptor)
    columns, offset = {}, 0
    for name, kind in TABLES[table].items():
        columns[name] = np.frombuffer(pages, kind, capacity, offset)
        offset += columns[name].nbytes
    return columns


def _size(table: str, capacity: int) -> int:
    return sum(capacity * np.dtype(kind).itemsize for kind in TABLES[table].values())


class TableFile:
    """One table's file, for its writer.

    Written with `pwrite`, for a full disk is then an error and not the end of the process. Readers who
    have it mapped see each write at once. Raises `OSError`.
    """

    def __init__(self, folder: Path, table: str, extent: Extent) -> None:
        self.table, self.file, self.capacity, self.count = table, extent.file, extent.capacity, extent.count
        self._folder = folder
        self.columns = map_table(folder / extent.file, table, extent.capacity)
        self._descriptor = os.open(folder / extent.file, os.O_RDWR | os.O_CLOEXEC)
        self._changed = False
        self._offsets = {}
        offset = 0
        for name, column in self.columns.items():
            self._offsets[name] = offset
            offset += column.nbytes

    @classmethod
    def create(cls, folder: Path, table: str, least_capacity: int = 0) -> TableFile:
        """An empty table under a number of its own."""
        capacity = -(-max(least_capacity, _LEAST_CAPACITY) // _PAGE) * _PAGE
        file = _next_file(folder, table)
        descriptor = os.open(folder / file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _size(table, capacity))
        finally:
            os.close(descriptor)
        sync_folder(folder)
        return cls(folder, table, Extent(file, capacity, 0))

    @property
    def extent(self) -> Extent:
        """What of the file counts, with all that was written so far."""
        return Extent(self.file, self.capacity, self.count)

    def append(self, columns: Columns) -> None:
        """Adds rows after the last. There must be room for them."""
        length = len(next(iter(columns.values())))
        for name in TABLES[self.table]:
            self._write(name, self.count, columns[name])
        self.count += length

    def put(self, places: Array, columns: Columns) -> None:
        """Writes the given columns at `places`, which ascend; the table reaches at least to the last."""
        if not len(places):
            return
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        starts = [0, *breaks.tolist()]
        ends = [*breaks.tolist(), len(places)]
        for name, values in columns.items():
            for start, end in zip(starts, ends, strict=True):
                self._write(name, int(places[start]), values[start:end])
        self.count = max(self.count, int(places[-1]) + 1)

    def rewritten(self, keep: Array | slice, least_capacity: int) -> TableFile:
        """The rows that `keep` picks in a new file with at least that capacity. This one is closed."""
        new = TableFile.create(self._folder, self.table, least_capacity)
        new.append({name: column[: self.count][keep] for name, column in self.columns.items()})
        self.close()
        return new

    def sync(self) -> None:
        """Makes all writes so far durable."""
        if self._changed:
            os.fsync(self._descriptor)
            self._changed = False

    def close(self) -> None:
        """Gives the file back; its columns stay readable to whoever holds them."""
        os.close(self._descriptor)

    def _write(self, name: str, place: int, values: Array) -> None:
        kind = self.columns[name].dtype
        self._changed = True
        _write_whole(
            self._descriptor,
            np.ascontiguousarray(values, kind).tobytes(),
            self._offsets[name] + place * kind.itemsize,
        )


def create_names(folder: Path) -> Extent:
    """An empty names file under a number of its own."""
    file = _next_file(folder, "names")
    (folder / file).touch(mode=0o600, exist_ok=False)
    sync_folder(folder)
    return Extent(file, 0, 0)


def _write_whole(descriptor: int, content: bytes, offset: int) -> None:
    """`pwrite` until everything is written."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def append_names(folder: Path, extent: Extent, lines: bytes) -> Extent:
    """Adds lines to a names file, durably; returns what of it counts then."""
    descriptor = os.open(folder / extent.file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _write_whole(descriptor, lines, extent.count)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Extent(extent.file, extent.capacity, extent.count + len(lines))


def _next_file(folder: Path, table: str) -> str:
    """A name that no file of this table has or had, not even in a mirror that was thrown away."""
    ends = [path.suffix[1:] for path in folder.glob(f"{table}.*")]
    numbers = [int(end) for end in ends if end.isdecimal()]
    return f"{table}.{max(now_ms(), max(numbers, default=0) + 1)}"


def sweep(folder: Path, head: Head) -> None:
    """Removes the files that no version needs any more: those of earlier ones, and of killed writers."""
    needed = {"head", head.names.file, *(extent.file for extent in head.tables().values())}
    for path in folder.iterdir():
        if path.name not in needed:
            path.unlink()
