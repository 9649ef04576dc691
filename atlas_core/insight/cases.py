"""The cross-checks and documents behind a number: which of them a bar, a cell or a point stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import DEAD, NO_SCORE, Columns, Flags
from atlas_core.insight.quadrants import hundredths
from atlas_core.insight.selection import Selection, selected_documents, selected_flows, selected_kinds
from atlas_core.insight.tally import SCORE_PLACES, kind_and_score, stretches
from atlas_core.insight.thresholds import BANDS, SCORES, cut
from atlas_core.thresholds import Thresholds

PER_PAGE = 50
_USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class CheckRange:
    """Which of the selected cross-checks: what is None or empty does not narrow.

    `score_from` ≤ floor of the similarity ≤ `score_to` (0–100), or those without a score by `no_score`.
    `bands` by `thresholds`, and `bands_after` by the thresholds `after`: the two sides of a what-if.
    `confidence_from` ≤ the lower confidence in hundredths ≤ `confidence_to`: 1–100, 0 for exactly 0, and
    101 for none (`quadrants.hundredths`).
    """

    score_from: int | None = None
    score_to: int | None = None
    no_score: bool = False
    bands: tuple[str, ...] = ()
    thresholds: Thresholds = _USUAL
    bands_after: tuple[str, ...] = ()
    after: Thresholds = _USUAL
    confidence_from: int | None = None
    confidence_to: int | None = None


@dataclass(frozen=True, slots=True)
class Cases:
    """One page of the rows found, newest results first, and how many there are in all.

    Each row is the cross-check (or document) at place `ordinals` (from 0) in the list of its flow's result.
    """

    total: int
    flow_ids: npt.NDArray[np.int64]
    ordinals: npt.NDArray[np.int64]


def check_cases(
    columns: Columns,
    selection: Selection,
    within: CheckRange | None = None,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Cases:
    """The selected cross-checks that lie within a range; pages count from 1."""
    checks = columns.checks
    within = within or CheckRange()
    wanted = _wanted_scores(columns, selection, within).ravel()
    mask = selected_flows(columns, selection)
    confidences = within.confidence_from is not None or within.confidence_to is not None
    low, high = within.confidence_from or 0, SCORE_PLACES
    high = high if within.confidence_to is None else within.confidence_to

    def found() -> Iterator[tuple[int, Flags]]:
        for rows in reversed([*stretches(len(checks))] if wanted.size else []):
            is_found = mask.take(checks.flow[rows], mode="clip")
            if not is_found.any():
                continue
            is_found &= wanted.take(kind_and_score(columns, rows), mode="clip")
            if confidences:
                places = hundredths(checks.low_confidence[rows])
                is_found &= (places >= low) & (places <= high)
            yield rows.start, is_found

    total, rows = _page(found(), page, per_page)
    return Cases(total, checks.flow[rows].astype(np.int64), _ordinals(checks.flow, rows))


def document_cases(
    columns: Columns,
    selection: Selection,
    *,
    errors_only: bool = True,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> Cases:
    """The selected documents, or only those of them that have an error; pages count from 1."""
    rows = selected_documents(columns, selection, errors_only)
    skipped = (max(page, 1) - 1) * per_page
    places = rows[::-1][skipped : skipped + per_page]
    flows = columns.documents.flow
    return Cases(len(rows), flows[places].astype(np.int64), _ordinals(flows, places))


def _wanted_scores(columns: Columns, selection: Selection, within: CheckRange) -> Flags:
    """Shape (kinds, 256): neither dead rows nor checks that are not selected."""
    kinds = columns.names.kinds
    names = [kind.name for kind in kinds]
    wanted = np.zeros((len(kinds), SCORE_PLACES), np.bool_)
    scores = np.arange(SCORES)
    if within.no_score:
        wanted[:, NO_SCORE] = True
    else:
        low = 0 if within.score_from is None else within.score_from
        high = DEAD if within.score_to is None else within.score_to
        is_within = (scores >= low) & (scores <= high)
        # A range of scores leaves out what has none.
        is_within[NO_SCORE] = within.score_from is None and within.score_to is None
        wanted[:, :SCORES] = is_within
    for bands, thresholds in ((within.bands, within.thresholds), (within.bands_after, within.after)):
        if bands:
            places = [place for place, band in enumerate(BANDS) if str(band) in bands]
            wanted[:, :SCORES] &= np.isin(cut(thresholds, names), places)
    wanted[~selected_kinds(columns, selection)] = False
    return wanted


def _page(found: Iterator[tuple[int, Flags]], page: int, per_page: int) -> tuple[int, npt.NDArray[np.int64]]:
    """How many rows there are, and the page's, from stretches that come last to first."""
    skipped = (max(page, 1) - 1) * per_page
    total, rows = 0, [np.empty(0, np.int64)]
    for start, is_found in found:
        count = int(np.count_nonzero(is_found))
        if total + count > skipped and total < skipped + per_page:
            here = np.flatnonzero(is_found)[::-1] + start
            rows.append(here[max(skipped - total, 0) : skipped + per_page - total])
        total += count
    return total, np.concatenate(rows)


def _ordinals(flows: npt.NDArray[Any], rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The place of each row among its flow's own, which lie together."""
    ordinals = np.empty(len(rows), np.int64)
    for at, row in enumerate(rows.tolist()):
        first = row
        while first > 0 and flows[first - 1] == flows[row]:
            first -= 1
        ordinals[at] = row - first
    return ordinals
