"""Thresholds over the mirror's scores and kinds of cross-check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import DEAD, NO_SCORE, Columns, Flags, UInt8
from atlas_core.models import Band
from atlas_core.thresholds import Thresholds

BANDS = (Band.REVIEW, Band.UNCLEAR, Band.STRONG, Band.NO_SCORE)
"""The order of bands in every array of counts here."""
SCORES = NO_SCORE + 1
"""Places for one cross-check's scores: 0–100, and one for no score."""


def cut(thresholds: Thresholds, checks: Sequence[str]) -> UInt8:
    """The place in `BANDS` of each score of each check: shape (checks, SCORES)."""
    scores = np.arange(SCORES)
    table = np.empty((len(checks), SCORES), np.uint8)
    for row, check in zip(table, checks, strict=True):
        review_below, strong_from = thresholds.of(check)
        row[:] = np.where(scores < review_below, 0, np.where(scores < strong_from, 1, 2))
    table[:, NO_SCORE] = BANDS.index(Band.NO_SCORE)
    return table


def review_limits(columns: Columns, thresholds: Thresholds) -> npt.NDArray[np.int16]:
    """The score below which each kind of cross-check asks for review."""
    return np.array([thresholds.of(kind.name)[0] for kind in columns.names.kinds], np.int16)


def low_scores(columns: Columns, thresholds: Thresholds) -> Flags:
    """Which scores ask for review: shape (kinds, 256). Neither no score nor a dead row does."""
    return np.arange(DEAD + 1, dtype=np.int16) < review_limits(columns, thresholds)[:, None]
