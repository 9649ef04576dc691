"""Similarity against confidence: is a low similarity a real difference, or was a field read badly?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import DEAD, NO_SCORE, Columns, Int64
from atlas_core.insight.frames import frame_of
from atlas_core.insight.rates import rate
from atlas_core.insight.selection import Selection, kept, selected_flows, selected_kinds
from atlas_core.insight.tally import SCORE_PLACES, stretches
from atlas_core.insight.thresholds import Thresholds, low_scores

QUADRANTS = ("reading problem", "real mismatch", "lucky pass", "good")
"""Low similarity, badly read · low, well read · passes, badly read · passes, well read."""
GRID_STEP = 5
"""Points of similarity, and hundredths of confidence, in one cell of the grid; 100 has a cell of its own."""

_NONE, _ZERO = 101, 0  # places of confidence: hundredths from 1 to 100 between them
_PLACES = 102
_WHOLE = 100
# A confidence of 0.29 times 100 is 28.999…: what lies this near to a hundredth is that hundredth.
_NEAR = np.float32(1e-3)


@dataclass(frozen=True, slots=True)
class Quadrants:
    """The selected cross-checks that have a score, by it and by the lower confidence of their two fields.

    `frame`: columns quadrant, checks, n (checks in the four quadrants), share (0–1).
    `apart`: columns confidence ("zero": read by rule; "none": neither field has one), low (checks below the
    review threshold), passes.
    `density`: columns similarity, confidence (the lower edges of cells of `GRID_STEP` points and hundredths),
    checks; only cells that hold any, at most 21 × 21.
    """

    frame: pd.DataFrame
    apart: pd.DataFrame
    density: pd.DataFrame


@kept
def quadrants(
    columns: Columns, selection: Selection, thresholds: Thresholds, confident_from: int = 70
) -> Quadrants:
    """Cross-checks by (similarity below the check's review threshold or not) × (lower confidence below
    `confident_from` hundredths or not).

    A confidence counts as the hundredth at or below it. Cross-checks without a score are in none of this.
    """
    counts = _counts(columns, selection, thresholds)
    read = np.arange(_PLACES)
    badly, well = (read > _ZERO) & (read < confident_from), (read >= confident_from) & (read <= _WHOLE)
    low, passes = counts
    in_quadrants = np.array([part[:, how].sum() for part in (low, passes) for how in (badly, well)])
    n = np.full(len(QUADRANTS), in_quadrants.sum())
    edges, every = np.arange(_WHOLE + 1) // GRID_STEP, low + passes
    cells = np.zeros((edges[-1] + 1, edges[-1] + 1), np.int64)
    np.add.at(cells, (edges[:, None], edges[None, 1:]), every[:, 1 : _WHOLE + 1])
    across, up = np.nonzero(cells)
    return Quadrants(
        frame_of(quadrant=QUADRANTS, checks=in_quadrants, n=n, share=rate(in_quadrants, n)),
        frame_of(
            confidence=("zero", "none"),
            low=low[:, [_ZERO, _NONE]].sum(axis=0),
            passes=passes[:, [_ZERO, _NONE]].sum(axis=0),
        ),
        frame_of(similarity=across * GRID_STEP, confidence=up * GRID_STEP / _WHOLE, checks=cells[across, up]),
    )


def hundredths(confidence: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """The place of each confidence: 0 for exactly 0, 1–100 for the hundredth at or below it (what lies
    between 0 and 0.01 is 1), 101 for none."""
    with np.errstate(invalid="ignore"):
        places = (confidence * np.float32(_WHOLE) + _NEAR).astype(np.intp)
    np.clip(places, 1, _WHOLE, out=places)
    places[confidence == 0] = _ZERO
    places[np.isnan(confidence)] = _NONE
    return places


def _counts(columns: Columns, selection: Selection, thresholds: Thresholds) -> Int64:
    """Shape (low or passes, similarity 0–100, places of confidence)."""
    checks = columns.checks
    scores = NO_SCORE
    left_out = 2 * scores  # one row of places more, for what is not wanted
    is_wanted = selected_flows(columns, selection)
    row_of = np.where(low_scores(columns, thresholds), 0, scores) + np.arange(SCORE_PLACES)
    row_of[:, NO_SCORE : DEAD + 1] = left_out
    row_of[~selected_kinds(columns, selection)] = left_out
    flat = row_of.ravel()
    places = (left_out + 1) * _PLACES
    counts = np.zeros(places, np.int64)
    if flat.size:
        for rows in stretches(len(checks), places):
            at = checks.kind[rows] * np.int64(SCORE_PLACES)
            at += checks.score[rows]
            at = flat.take(at, mode="clip")
            at[~is_wanted.take(checks.flow[rows], mode="clip")] = left_out
            at *= _PLACES
            at += hundredths(checks.low_confidence[rows])
            counts += np.bincount(at, minlength=places)
    return counts[: left_out * _PLACES].reshape(2, scores, _PLACES)
