"""The column mirror's files: how its tables lie on disk. `column_head.py` says what of them counts.

    mirror/head           JSON, replaced atomically: version, and file, capacity and count of each table
    mirror/flows.N        one file a table: each column in one piece, `capacity` places long, the first
    mirror/checks.N       `count` of them counting; rows beyond are the unfinished work of the writer
    mirror/documents.N
    mirror/corrections.N
    mirror/counts.N       the cross-checks by day, product, kind and score, one array; never changed
    mirror/names.N        the texts behind the codes, one JSON line each; the head counts bytes

A table that is full, or has too many dead rows, is written anew under a later number; who has the old file
open keeps it. Numbers are little-endian.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.books.book import sync_folder
from atlas_core.clock import now_ms
from atlas_core.errors import BookDamaged

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
    "corrections": {"day": "<i4", "product": "<u2", "kind": "<u2", "score": "u1", "by": "i1"},
}

_PAGE = 4096  # capacities are multiples of it, so that each column begins on a page
_LEAST_CAPACITY = 16 * _PAGE
_COUNT = np.dtype("<u4")


@dataclass(frozen=True, slots=True)
class Extent:
    """What of a file counts: the first `count` places (bytes of names) of `capacity`."""

    file: str
    capacity: int
    count: int


@dataclass(frozen=True, slots=True)
class CountsExtent:
    """What a file of counts holds: an array of four dimensions (`columns.Counts`)."""

    file: str
    first_day: int
    shape: tuple[int, int, int, int]


def map_table(path: Path, table: str, capacity: int) -> dict[str, Array]:
    """The columns of a table, whole, read-only and shared with whoever writes them.

    Raises `FileNotFoundError`, and `BookDamaged` where the file is too short.
    """
    pages = _map_file(path, _size(table, capacity))
    columns, offset = {}, 0
    for name, kind in TABLES[table].items():
        columns[name] = np.frombuffer(pages, kind, capacity, offset)
        offset += columns[name].nbytes
    return columns


def map_counts(path: Path, shape: tuple[int, ...]) -> Array:
    """The array in a file of counts, read-only. Raises as `map_table`."""
    size = math.prod(shape)
    return np.frombuffer(_map_file(path, size * _COUNT.itemsize), _COUNT, size).reshape(shape)


def _map_file(path: Path, size: int) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    except ValueError:
        raise BookDamaged(
            f"{path} is cut off. Stop the worker and run: python -m atlas_core rebuild"
        ) from None
    finally:
        os.close(descriptor)


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
            _allot(descriptor, _size(table, capacity))
        except OSError:
            (folder / file).unlink()
            raise
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


def _allot(descriptor: int, size: int) -> None:
    """Makes a file so large, on the disk too where the system can: some file systems find room for a page
    that was never written when it is read, and where there is none, that ends the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def create_counts(folder: Path, counts: Array) -> str:
    """Writes an array of counts, durably, into a file of its own; returns the file's name."""
    file = _next_file(folder, "counts")
    descriptor = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write_whole(descriptor, np.ascontiguousarray(counts, _COUNT).data.cast("B"), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(folder)
    return file


def create_names(folder: Path) -> Extent:
    """An empty names file under a number of its own."""
    file = _next_file(folder, "names")
    (folder / file).touch(mode=0o600, exist_ok=False)
    sync_folder(folder)
    return Extent(file, 0, 0)


def _write_whole(descriptor: int, content: bytes | memoryview, offset: int) -> None:
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
