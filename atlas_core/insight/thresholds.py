"""Where the bands of similarity begin: for all cross-checks, and for some of them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import DEAD, NO_SCORE, Columns, Flags, UInt8
from atlas_core.errors import InputError
from atlas_core.models import Band

BANDS = (Band.REVIEW, Band.UNCLEAR, Band.STRONG, Band.NO_SCORE)
"""The order of bands in every array of counts here."""
SCORES = NO_SCORE + 1
"""Places for one cross-check's scores: 0–100, and one for no score."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Review below `review_below`, strong from `strong_from`: whole numbers 0–100 in that order.

    `per_check` holds (name of the check, review_below, strong_from) for checks that have their own.
    Raises `InputError`.
    """

    review_below: int = 70
    strong_from: int = 90
    per_check: tuple[tuple[str, int, int], ...] = ()

    def __post_init__(self) -> None:
        for name, review_below, strong_from in (
            ("all checks", self.review_below, self.strong_from),
            *self.per_check,
        ):
            if not 0 <= review_below <= strong_from <= 100:
                raise InputError(
                    f"Thresholds of {name}: review below {review_below} and strong from {strong_from} must be"
                    " whole numbers from 0 to 100, the first not above the second."
                )

    def of(self, check: str) -> tuple[int, int]:
        """(review_below, strong_from) of the check with this name."""
        own = {name: (review_below, strong_from) for name, review_below, strong_from in self.per_check}
        return own.get(check, (self.review_below, self.strong_from))

    def with_check(self, check: str, review_below: int, strong_from: int) -> Thresholds:
        """The same, with thresholds of its own for one check."""
        others = [own for own in self.per_check if own[0] != check]
        return replace(self, per_check=tuple(sorted([*others, (check, review_below, strong_from)])))

    def cut(self, checks: Sequence[str]) -> UInt8:
        """The place in `BANDS` of each score of each check: shape (checks, SCORES)."""
        scores = np.arange(SCORES)
        table = np.empty((len(checks), SCORES), np.uint8)
        for row, check in zip(table, checks, strict=True):
            review_below, strong_from = self.of(check)
            row[:] = np.where(scores < review_below, 0, np.where(scores < strong_from, 1, 2))
        table[:, NO_SCORE] = BANDS.index(Band.NO_SCORE)
        return table


def review_limits(columns: Columns, thresholds: Thresholds) -> npt.NDArray[np.int16]:
    """The score below which each kind of cross-check asks for review."""
    return np.array([thresholds.of(kind.name)[0] for kind in columns.names.kinds], np.int16)


def low_scores(columns: Columns, thresholds: Thresholds) -> Flags:
    """Which scores ask for review: shape (kinds, 256). Neither no score nor a dead row does."""
    return np.arange(DEAD + 1, dtype=np.int16) < review_limits(columns, thresholds)[:, None]
