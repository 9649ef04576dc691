"""Counting the mirror's cross-checks and documents: one pass over the rows, whatever the filter.

A pass goes through the rows a stretch at a time, in buffers that stay in the processor's cache: half the
time of whole-column arithmetic. A row that is not wanted is not cut out but counted in a place
that is thrown away: cheaper than picking the others. A stretch of unwanted flows alone is passed over:
as rows lie about in the order in which results came, a short period meets few stretches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Columns, Flags, Int64

SCORE_PLACES = 256
_STRETCH = 1 << 15
_FEW_PLACES = 1 << 20  # counted in place; sorted beyond


def stretches(rows: int, places: int = 0) -> Iterator[slice]:
    """The rows in stretches: not much shorter than the `places` that are cleared for each."""
    length = max(_STRETCH, min(places, 16 * _STRETCH))
    for start in range(0, rows, length):
        yield slice(start, min(start + length, rows))


def kind_and_score(columns: Columns, rows: slice) -> npt.NDArray[Any]:
    """kind × 256 + score of the cross-checks of a stretch: the place in a flat table of (kinds, 256)."""
    checks = columns.checks
    if len(columns.names.kinds) <= SCORE_PLACES:  # then it fits into 16 bits, at half the time
        return checks.kind[rows] << np.uint16(8) | checks.score[rows]
    return checks.kind[rows] * np.int64(SCORE_PLACES) + checks.score[rows]


def count_checks(
    columns: Columns,
    groups: npt.NDArray[Any],
    group_count: int,
    cells: npt.NDArray[Any],
    cell_count: int,
    finer: Callable[[slice], npt.NDArray[Any]] | None = None,
    finer_count: int = 1,
) -> Int64:
    """How many cross-checks each group of flows has in each cell: shape (group_count, cell_count).

    `groups` has one place for each flow_id, a number below group_count, or group_count to leave the flow out
    (as it must place 0). `cells`, of shape (kinds, 256), has one for each kind and score, likewise. `finer`
    divides each cell: a number below finer_count for each row of a stretch; the shape is then
    (group_count, cell_count, finer_count).
    """
    checks = columns.checks
    width = (cell_count + 1) * finer_count
    places = (group_count + 1) * width
    first_place = np.asarray(groups, np.int64) * width
    left_out = group_count * width
    cell_of = np.ascontiguousarray(cells, np.int64).ravel() * finer_count
    counts = np.zeros(places, np.int64)
    if cell_of.size:
        for rows in stretches(len(checks), places):
            at = first_place.take(checks.flow[rows], mode="clip")
            if at.min() == left_out:
                continue
            at += cell_of.take(kind_and_score(columns, rows), mode="clip")
            if finer is not None:
                at += finer(rows)
            counts += np.bincount(at, minlength=places)
    shape = (group_count + 1, cell_count + 1, *((finer_count,) if finer is not None else ()))
    return counts.reshape(shape)[:group_count, :cell_count]


def count_documents(
    columns: Columns, groups: npt.NDArray[Any], group_count: int, cells: npt.NDArray[Any], cell_count: int
) -> Int64:
    """How many documents each group of flows has in each cell: shape (group_count, cell_count).

    As `count_checks`, with `cells` one place for each document type.
    """
    documents = columns.documents
    width = cell_count + 1
    places = (group_count + 1) * width
    first_place = np.asarray(groups, np.int64) * width
    cell_of = np.asarray(cells, np.int64)
    counts = np.zeros(places, np.int64)
    for rows in stretches(len(documents), places):
        at = first_place.take(documents.flow[rows], mode="clip")
        if at.min() == group_count * width:
            continue
        at += cell_of.take(documents.type[rows], mode="clip")
        counts += np.bincount(at, minlength=places)
    return counts.reshape(group_count + 1, width)[:group_count, :cell_count]


def low_rows(columns: Columns, limits: npt.NDArray[np.int16]) -> Int64:
    """The places, ascending, of the cross-checks with a score below their kind's limit (0–100)."""
    checks = columns.checks
    # Few are low at all; only of those is the kind looked at, and only where kinds differ.
    places = np.flatnonzero(checks.score < np.uint8(limits.max(initial=0)))
    if len(limits) and limits.min() < limits.max():
        places = places[checks.score[places] < limits.take(checks.kind[places], mode="clip")]
    return places


def rows_around(columns: Columns, places: Int64) -> tuple[Int64, Int64]:
    """All cross-checks of the flows of the living rows at `places`: where they begin, and how many they are.

    A flow's rows lie together, so that their two ends are searched for by halves.
    """
    flow, last = columns.checks.flow, len(columns.checks) - 1
    own = flow[places]
    longest = int(columns.flows.checks.max(initial=0))
    if longest == np.iinfo(np.uint16).max:  # where its counts stop
        longest = len(columns.checks)
    first, end = places, places
    for power in reversed(range(longest.bit_length())):
        there = np.maximum(first - (1 << power), 0)
        first = np.where(flow[there] == own, there, first)
        there = np.minimum(end + (1 << power), last)
        end = np.where(flow[there] == own, there, end)
    return first, end - first + 1


def one_group(mask: Flags) -> npt.NDArray[np.int64]:
    """The groups for a single one: 0 where the flow is selected, 1 (left out) elsewhere."""
    return (~mask).astype(np.int64)


def count_together(*codes: npt.NDArray[Any]) -> tuple[tuple[Int64, ...], Int64]:
    """The combinations of codes that occur, in ascending order, and how often each does.

    `codes` are columns of equal length; returns as many columns, and the counts.
    """
    sizes = [int(column.max(initial=0)) + 1 for column in codes]
    at = codes[0].astype(np.int64)
    for column, size in zip(codes[1:], sizes[1:], strict=True):
        at = at * size + column
    if math.prod(sizes) <= _FEW_PLACES:
        every = np.bincount(at, minlength=1)
        found = np.flatnonzero(every)
        counts = every[found]
    else:
        found, counts = np.unique(at, return_counts=True)
    combined = []
    rest = found.astype(np.int64)
    for size in reversed(sizes[1:]):
        rest, place = np.divmod(rest, size)
        combined.append(place)
    return (rest, *reversed(combined)), counts.astype(np.int64)


def flow_bits(columns: Columns, bits: npt.NDArray[Any], mask: Flags) -> Int64:
    """What each masked flow's cross-checks have together: the bits of every (kind, score) among them.

    `bits` has the shape (kinds, 256); returns one place for each flow_id, of no meaning for other flows.
    """
    checks = columns.checks
    together = np.zeros(len(columns.flows), np.int64)
    flat = np.ascontiguousarray(bits, np.int64).ravel()
    is_part = 2 * np.count_nonzero(mask) < len(mask)  # else there is hardly a stretch to pass over
    if flat.size:
        for rows in stretches(len(checks)):
            flows = checks.flow[rows]
            if is_part and not mask.take(flows, mode="clip").any():
                continue
            starts = np.flatnonzero(np.concatenate([[True], flows[1:] != flows[:-1]]))
            found = np.bitwise_or.reduceat(flat.take(kind_and_score(columns, rows), mode="clip"), starts)
            # A flow's rows lie together: each flow but 0 comes once, the first perhaps in the stretch before.
            found[0] |= together[flows[0]]
            together[flows[starts]] = found
    together[:1] = 0
    return together
