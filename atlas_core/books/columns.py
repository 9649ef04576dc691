"""The column mirror as its readers see it: every flow, cross-check and document as memory-mapped columns.

The worker keeps it in step with atlas.db (`mirror.py`), usually within a second; any number of processes
read it at the same time and share its pages in memory. All arrays are read-only.

What a reader may count on. A version's cross-checks, documents and names never grow, and a row keeps its
place while the version is held. While the worker takes a flow over, its earlier rows die in place (flow 0)
and the flow's own row changes in place, before the version that holds the new rows is published: so nobody
ever counts a flow's old and new rows both. For that moment a version may miss rows of a flow that is just
being replaced, or show a flow's new outcome beside its old rows, and a flow's code may be one that the
version's names do not hold yet: count with `numpy.bincount(codes, minlength=n)[:n]`. A newer version always
follows within milliseconds (after a kill: at the worker's next start); it is whole.

The counts of a version (`Counts`) are whole at every moment and never change while it is held: they hold
every cross-check of the flows as they were when the version was published, each once. While a flow is being
replaced they still have its old rows, where a pass over the rows may already miss them.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from atlas_core.books.book import filing
from atlas_core.books.column_files import Array, CountsExtent, Extent, map_counts, map_table
from atlas_core.books.column_head import Head, mirror_folder, read_head
from atlas_core.errors import BookDamaged, BookMissing
from atlas_core.models import Outcome

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
UInt32 = npt.NDArray[np.uint32]
UInt16 = npt.NDArray[np.uint16]
UInt8 = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]
Float32 = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

OUTCOMES = tuple(Outcome)
"""A flow's outcome is the place in here."""
NO_SCORE = 101
DEAD = 255

_OPENINGS = 100  # each try but the first tells of a version published in between


class Kind(NamedTuple):
    """What a cross-check compares."""

    name: str
    source_doc: str
    source_field_name: str
    target_doc: str
    target_field_name: str


@dataclass(frozen=True, slots=True)
class Flows:
    """One place for each flow_id; place 0 and ids without a flow have created_at 0.

    Times are milliseconds since 1970, UTC, 0 where there is none yet; a stage's is the look that first
    showed its last status (SUCCESS, FAILED, COMPLETED). `day` counts from 1970, UTC. `result` is the
    result_id that counts, 0 without one. Counts stop at their type's largest number, and are 0 where
    Atlas did not deliver the list. `min_score` is the lowest score: 0–100, or `NO_SCORE`. `outcome` is a
    place in `OUTCOMES`; product, master, dealer and quality are codes of `Names`.
    """

    created_at: Int64
    upload_ended_at: Int64
    processing_ended_at: Int64
    crosscheck_ended_at: Int64
    ended_at: Int64
    confirmed_at: Int64
    day: Int32
    result: UInt32
    dealer: UInt32
    product: UInt16
    documents: UInt16
    checks: UInt16
    master: UInt8
    outcome: UInt8
    quality: UInt8
    document_errors: UInt8
    review_flags: UInt8
    min_score: UInt8

    def __len__(self) -> int:
        return len(self.created_at)

    @property
    def exists(self) -> Flags:
        """Which places are flows."""
        return self.created_at > 0

    @property
    def has_result(self) -> Flags:
        """Which flows have a result that counts."""
        return self.result > 0


@dataclass(frozen=True, slots=True)
class Checks:
    """The cross-checks of the results that count; a flow's own lie together, in their order.

    `flow` is the flow_id, 0 in a dead row: a mask over flows that is false at place 0 leaves those out.
    `score` is the similarity's floor: 0–100 (100 only for exactly 100), `NO_SCORE`, or `DEAD`.
    `low_confidence` is the lower of the two fields' confidences, 0–1, NaN where neither has one.
    `kind` is a place in `Names.kinds`.
    """

    flow: UInt32
    low_confidence: Float32
    kind: UInt16
    score: UInt8

    def __len__(self) -> int:
        return len(self.flow)


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of the results that count; a flow's own lie together, in their order.

    `flow` as in `Checks`. `type`, `code` and `reason` are codes of `Names`; code 0 is a document without
    an error. `position` is the document's within its result, at most 65,535.
    """

    flow: UInt32
    type: UInt16
    code: UInt16
    reason: UInt16
    position: UInt16

    def __len__(self) -> int:
        return len(self.flow)


@dataclass(frozen=True, slots=True)
class Corrections:
    """Cross-checks that came (`by` is 1) or went (-1) since the counts were made, by what those know."""

    day: Int32
    product: UInt16
    kind: UInt16
    score: UInt8
    by: Int8

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cross-checks have each score, by the day on which the flow began, its product and their kind.

    `before` has the shape (days + 1, products, kinds, 102), the last for the scores 0–100 and `NO_SCORE`.
    Row d counts all that began before the day `first_day` + d (days as in `Flows`): those of any span of days
    are the difference of two rows. No day, product or kind beyond its ends had any when it was made. The
    `corrections` belong to it: what came and went since then.
    """

    first_day: int
    before: UInt32
    corrections: Corrections


@dataclass(frozen=True, slots=True)
class Names:
    """The texts behind the codes: `names.products[code]`.

    Code 0 is "none" (NULL or empty in atlas.db) and its text is None, in every list but `kinds`. Codes
    keep their meaning from version to version until the mirror is rebuilt: keep texts, not codes.
    """

    kinds: tuple[Kind, ...]
    products: tuple[str | None, ...]
    masters: tuple[str | None, ...]
    dealers: tuple[str | None, ...]
    qualities: tuple[str | None, ...]
    types: tuple[str | None, ...]
    codes: tuple[str | None, ...]
    reasons: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """One version of the mirror. `version` grows with every change and never comes again.

    `counts` is None where they would be too large (very many names of checks, or days): count the rows.
    """

    version: int
    flows: Flows
    checks: Checks
    documents: Documents
    counts: Counts | None
    names: Names


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the next opening in this process can take over: names and maps that a newer version shares."""

    folder: Path
    head: Head
    columns: Columns
    maps: dict[str, dict[str, Array]]


_last: list[_Opened] = []
_door = threading.Lock()


def open_columns(data_dir: Path) -> Columns:
    """The newest version of the mirror beside the books in `data_dir`.

    Costs microseconds where the version is the one this process opened last, and well under a millisecond
    where it follows it. Raises `BookMissing` until the worker has built it, and `BookDamaged`.
    """
    folder = mirror_folder(data_dir)
    with filing(folder):
        for _ in range(_OPENINGS):
            head = read_head(folder)
            with _door:
                last = _last[0] if _last and _last[0].folder == folder else None
            if last is not None and last.head == head:
                return last.columns
            try:
                opened = _open(folder, head, last)
            except FileNotFoundError:
                continue  # a newer version has taken the place of this one's files
            with _door:
                _last[:] = [opened]
            return opened.columns
    raise BookMissing(f"{folder} lacks files. Stop the worker and run: python -m atlas_core rebuild")


def _open(folder: Path, head: Head, last: _Opened | None) -> _Opened:
    maps = {}
    for table, extent in head.tables().items():
        if last is not None and _same_file(extent, last.head.tables()[table]):
            maps[table] = last.maps[table]
        else:
            maps[table] = map_table(folder / extent.file, table, extent.capacity)
    shown = {
        table: {name: column[: extent.count] for name, column in maps[table].items()}
        for table, extent in head.tables().items()
    }
    known = last if last is not None and _same_file(head.names, last.head.names) else None
    names = _read_names(folder, head.names, known)
    columns = Columns(
        head.version,
        Flows(**shown["flows"]),
        Checks(**shown["checks"]),
        Documents(**shown["documents"]),
        _counts(folder, head.counts, Corrections(**shown["corrections"]), last),
        names,
    )
    return _Opened(folder, head, columns, maps)


def _counts(
    folder: Path, extent: CountsExtent | None, corrections: Corrections, last: _Opened | None
) -> Counts | None:
    if extent is None:
        return None
    if last is not None and last.columns.counts is not None and last.head.counts == extent:
        before = last.columns.counts.before
    else:
        before = map_counts(folder / extent.file, extent.shape)
    return Counts(extent.first_day, before, corrections)


def _same_file(one: Extent, other: Extent) -> bool:
    return (one.file, one.capacity) == (other.file, other.capacity) and one.count >= other.count


def _read_names(folder: Path, extent: Extent, known: _Opened | None) -> Names:
    """The names of a version: those `known` already, and the lines that were added since."""
    begin = known.head.names.count if known else 0
    if known and begin == extent.count:
        return known.columns.names
    with open(folder / extent.file, "rb") as file:  # noqa: PTH123 -- twice as fast as Path.open
        file.seek(begin)
        lines = file.read(extent.count - begin)
    return parse_names(lines, known.columns.names if known else None)


def parse_names(lines: bytes, before: Names | None = None) -> Names:
    """The names in the lines of a names file, after those `before`. Raises `BookDamaged`."""
    lists: dict[str, list[str | None]] = {
        listing: list(getattr(before, listing)) if before else [None]
        for listing in Names.__slots__
        if listing != "kinds"
    }
    kinds = list(before.kinds) if before else []
    try:
        for line in lines.splitlines():
            listing, text = json.loads(line)
            if listing == "kinds":
                kinds.append(Kind(*text))
            else:
                lists[listing].append(text)
    except (ValueError, TypeError, KeyError):
        raise BookDamaged(
            "The column mirror's names cannot be read. Stop the worker and run: python -m atlas_core rebuild"
        ) from None
    return Names(tuple(kinds), **{listing: tuple(texts) for listing, texts in lists.items()})
