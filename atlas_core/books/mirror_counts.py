"""The mirror's counts in their writer's hands: made from the rows, and corrected by what comes and goes.

They are made anew from all rows, at a few milliseconds for a million of them: by the first publication of a
writer, who may have found what a killed one left half done, and whenever the corrections have become many.
In between each row that comes or goes is noted. Neither changes what an earlier version's readers see.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from atlas_core.books.column_files import TABLES, Array, Columns, CountsExtent, TableFile, create_counts
from atlas_core.books.columns import NO_SCORE

MOST_CORRECTIONS = 1 << 15  # some 4,000 results; a question reads them all
MOST_BYTES = 1 << 28  # of a file of counts

_SCORES = NO_SCORE + 1
_STRETCH = 1 << 16  # rows whose places stay in the processor's cache


class Noted:
    """The corrections of one step."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Array]] = []

    def note(self, flows: TableFile, checks: TableFile, rows: Array | slice, by: int) -> None:
        """Rows of cross-checks that came (1) or are about to go (-1), by their flows as they are now."""
        flow = checks.columns["flow"][rows]
        self._parts.append(
            {
                "day": flows.columns["day"][flow],
                "product": flows.columns["product"][flow],
                "kind": checks.columns["kind"][rows],
                "score": checks.columns["score"][rows],
                "by": np.full(len(flow), by, np.int8),
            }
        )

    def take(self) -> dict[str, Array]:
        """All of them, which are then forgotten."""
        taken = {
            name: np.concatenate([np.empty(0, kind), *(part[name] for part in self._parts)])
            for name, kind in TABLES["corrections"].items()
        }
        self._parts.clear()
        return taken


def make_counts(folder: Path, flows: TableFile, checks: TableFile) -> CountsExtent | None:
    """A file with the counts of all rows; None where it would be larger than `MOST_BYTES`."""
    of_flows = {name: flows.columns[name][: flows.count] for name in ("day", "product", "result")}
    made = count_rows(of_flows, {name: checks.columns[name][: checks.count] for name in TABLES["checks"]})
    if made is None:
        return None
    first_day, before = made
    return CountsExtent(create_counts(folder, before), first_day, before.shape)


def count_rows(flows: Columns, checks: Columns) -> tuple[int, Array] | None:
    """`first_day` and `before` of `columns.Counts`; None where they would be too large."""
    have_result = flows["result"] > 0
    days = flows["day"][have_result]
    first_day, last_day = (int(days.min()), int(days.max())) if len(days) else (0, -1)
    products, kinds = (int(codes.max(initial=0)) + 1 for codes in (flows["product"], checks["kind"]))
    shape = (last_day - first_day + 2, products, kinds, _SCORES)
    left_out = math.prod(shape)
    if 4 * left_out > MOST_BYTES:
        return None
    counts = np.zeros(left_out + 1, np.uint32)
    first_place = ((flows["day"] - np.int64(first_day) + 1) * products + flows["product"]) * (kinds * _SCORES)
    first_place[~have_result] = left_out
    for rows in stretches(len(checks["flow"])):
        at = first_place.take(checks["flow"][rows], mode="clip")
        at += checks["kind"][rows] * np.int64(_SCORES)
        at += checks["score"][rows]
        np.add.at(counts, np.minimum(at, left_out), np.uint32(1))
    before = counts[:left_out].reshape(shape)
    np.add.accumulate(before, axis=0, out=before)
    return first_day, before


def stretches(rows: int) -> Iterator[slice]:
    """So many rows, some thousands at a time."""
    for start in range(0, rows, _STRETCH):
        yield slice(start, min(start + _STRETCH, rows))
