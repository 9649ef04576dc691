"""Similarity against confidence: is a low similarity a real difference, or was a field read badly?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Columns, Int64
from atlas_core.insight.frames import frame_of
from atlas_core.insight.rates import rate
from atlas_core.insight.selection import Selection, kept, selected_flows, selected_kinds
from atlas_core.insight.tally import SCORE_PLACES, count_checks, one_group
from atlas_core.insight.thresholds import low_scores
from atlas_core.thresholds import Thresholds

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


def hundredths(confidence: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """The place of each confidence: 0 for exactly 0, 1–100 for the hundredth at or below it (what lies
    between 0 and 0.01 is 1), 101 for none."""
    scaled = confidence * np.float32(_WHOLE)
    scaled += _NEAR
    np.fmin(scaled, np.float32(_NONE), out=scaled)  # NaN gives way to the other
    places = scaled.astype(np.int16)
    places += (places == _ZERO) & (confidence > 0)
    return places


def _counts(columns: Columns, selection: Selection, thresholds: Thresholds) -> Int64:
    """Shape (low or passes, similarity 0–100, places of confidence)."""
    scores = NO_SCORE
    left_out = 2 * scores
    cells = np.where(low_scores(columns, thresholds), 0, scores) + np.arange(SCORE_PLACES)
    cells[:, NO_SCORE:] = left_out
    cells[~selected_kinds(columns, selection)] = left_out
    counts = count_checks(
        columns,
        one_group(selected_flows(columns, selection)),
        1,
        cells,
        left_out,
        lambda rows: hundredths(columns.checks.low_confidence[rows]),
        _PLACES,
    )
    return counts.reshape(2, scores, _PLACES)
