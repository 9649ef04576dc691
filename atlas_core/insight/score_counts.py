"""How many cross-checks have each score: from the mirror's counts where they can tell, else from its rows.

The counts know the day, product, kind and score of every cross-check: any whole days (UTC), any products and
any kinds are the difference of a few of their rows, however many cross-checks there are. Outcomes, dealers,
qualities and parts of days they do not know: then one pass goes over all rows, with the same answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Columns, Counts, Int64
from atlas_core.insight.groups import TOGETHER, Groups
from atlas_core.insight.periods import DAY_MS, Steps
from atlas_core.insight.selection import Selection, among, selected_flows
from atlas_core.insight.tally import count_checks

_MOST_READ = 1 << 22  # counts, about as quickly read as a million rows
_FAR = 1 << 40  # days


def count_scores(
    columns: Columns,
    selection: Selection,
    cells: npt.NDArray[Any],
    cell_count: int,
    steps: Steps | None = None,
    groups: Groups = TOGETHER,
) -> Int64:
    """How many cross-checks of the selected flows are in each cell: shape (groups, steps, cell_count).

    `cells`, of shape (kinds, 256), has a cell for each kind and score, or cell_count to leave it out, as it
    must a dead row's. `steps` are those of the selection (`steps_of_flows`); without them all days are one.
    """
    counts = columns.counts
    if counts is not None and _can_tell(counts, columns, selection, steps, groups):
        return _from_counts(counts, columns, selection, cells, cell_count, steps, groups)
    return _from_rows(columns, selection, cells, cell_count, steps, groups)


def _can_tell(
    counts: Counts, columns: Columns, selection: Selection, steps: Steps | None, groups: Groups
) -> bool:
    if selection.outcomes or selection.dealers or selection.qualities:
        return False
    if groups.trait not in (None, "product"):
        return False
    if any(end is not None and end % DAY_MS for end in (selection.created_from, selection.created_to)):
        return False
    spans = 1 if steps is None else len(steps)
    return spans * int(counts.before[0].size) <= max(_MOST_READ, len(columns.checks))


def _from_counts(
    counts: Counts,
    columns: Columns,
    selection: Selection,
    cells: npt.NDArray[Any],
    cell_count: int,
    steps: Steps | None,
    groups: Groups,
) -> Int64:
    products = columns.names.products
    group_of = groups.of_code[: len(products)] if groups.trait else np.zeros(len(products), np.int32)
    if selection.products:
        is_wanted = among(np.arange(len(products)), products, selection.products)
        group_of = np.where(is_wanted, group_of, len(groups.names))
    edges = _edges(selection, steps)

    _, known, kinds, scores = counts.before.shape
    rows = np.clip(edges - counts.first_day, 0, len(counts.before) - 1)
    until = np.zeros((len(groups.names), len(rows), kinds * scores), np.int64)
    for product in np.flatnonzero(group_of[:known] < len(groups.names)).tolist():
        until[group_of[product]] += counts.before[rows, product].reshape(len(rows), kinds * scores)
    found: Int64 = np.diff(_sums(until, cells[:kinds, :scores].ravel(), cell_count), axis=1)

    came = counts.corrections
    group, cell = group_of[came.product], cells[came.kind, came.score]
    step = np.searchsorted(edges, came.day, side="right") - 1
    is_in = (group < len(groups.names)) & (cell < cell_count) & (step >= 0) & (step < len(edges) - 1)
    np.add.at(found, (group[is_in], step[is_in], cell[is_in]), came.by[is_in].astype(np.int64))
    return found


def _edges(selection: Selection, steps: Steps | None) -> Int64:
    """The days on which the steps begin, and the one on which the last has ended."""
    first = -_FAR if selection.created_from is None else selection.created_from // DAY_MS
    end = _FAR if selection.created_to is None else selection.created_to // DAY_MS
    if steps is None:
        return np.array([first, max(first, end)])
    # The first selected flow begins within the first step, which may begin before the selection does.
    return np.array([first, *(steps.starts[1:] // DAY_MS).tolist(), end])[: len(steps) + 1]


def _sums(counts: npt.NDArray[Any], cells: npt.NDArray[Any], cell_count: int) -> Int64:
    """The counts of each cell together, along the last axis."""
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    order = order[ordered < cell_count]
    starts = np.flatnonzero(np.diff(ordered[: len(order)], prepend=-1))
    sums = np.zeros((*counts.shape[:-1], cell_count), np.int64)
    if len(order):
        sums[..., ordered[starts]] = np.add.reduceat(counts[..., order], starts, axis=-1, dtype=np.int64)
    return sums


def _from_rows(
    columns: Columns,
    selection: Selection,
    cells: npt.NDArray[Any],
    cell_count: int,
    steps: Steps | None,
    groups: Groups,
) -> Int64:
    spans = 1 if steps is None else len(steps)
    left_out = len(groups.names) * spans
    places = groups.of_flows(columns) * np.int32(spans)
    if steps is not None:
        places += steps.of_flow
    places[~selected_flows(columns, selection)] = left_out
    counts = count_checks(columns, np.minimum(places, left_out), left_out, cells, cell_count)
    return counts.reshape(len(groups.names), spans, cell_count)
