"""How similarities are spread: a histogram of 0–100 for each check, its bands and its spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Columns, Flags, Int64
from atlas_core.insight.frames import frame_of, picked
from atlas_core.insight.rates import FEWEST, rate
from atlas_core.insight.score_counts import count_scores
from atlas_core.insight.selection import Selection, kept, selected_kinds
from atlas_core.insight.tally import SCORE_PLACES
from atlas_core.insight.thresholds import BANDS, SCORES, cut
from atlas_core.models import Band
from atlas_core.thresholds import Thresholds

_SPIKE_SHARE = 0.05  # of the check's scores, at one value
_SPIKE_FACTOR = 4  # times what its neighbours hold on average
_NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The histogram of each selected check that ran, by its name in alphabetical order.

    `counts` has the shape (checks, 102): cross-checks with the floor of their similarity at 0, 1, … 100
    (100 only for exactly 100), then those without a score. Read-only.
    """

    checks: tuple[str, ...]
    counts: Int64

    @property
    def overall(self) -> Int64:
        """The histogram of all checks together: 101 counts."""
        return np.asarray(self.counts[:, :NO_SCORE].sum(axis=0), np.int64)

    @property
    def scored(self) -> int:
        """How many cross-checks have a score: the n of every share."""
        return int(self.counts[:, :NO_SCORE].sum())

    @property
    def without_score(self) -> int:
        """How many cross-checks have none that can be read; they stand apart from every share."""
        return int(self.counts[:, NO_SCORE].sum())

    def of(self, check: str) -> Int64:
        """The histogram of one check: 101 counts, all 0 for one that never ran."""
        if check not in self.checks:
            return np.zeros(NO_SCORE, np.int64)
        return self.counts[self.checks.index(check), :NO_SCORE]

    def frame(self) -> pd.DataFrame:
        """Columns: check, similarity (0–100), checks. Only similarities that occur."""
        places, scores = np.nonzero(self.counts[:, :NO_SCORE])
        return frame_of(
            check=picked(self.checks, places), similarity=scores, checks=self.counts[places, scores]
        )


@kept
def checks_per_score(columns: Columns, selection: Selection) -> ScoreTable:
    """How many selected cross-checks have each similarity, for each check."""
    names, cells = name_cells(columns, selection)
    counts = count_scores(columns, selection, cells, len(names) * SCORES).reshape(len(names), SCORES)
    ran: Flags = np.any(counts, axis=1)
    counts = counts[ran]
    counts.flags.writeable = False
    return ScoreTable(tuple(names[place] for place in np.flatnonzero(ran)), counts)


def name_cells(columns: Columns, selection: Selection) -> tuple[tuple[str, ...], Int64]:
    """The names of the selected checks, and a cell for each kind and score: (check, score) as one number."""
    kinds = columns.names.kinds
    wanted = selected_kinds(columns, selection)
    names = tuple(sorted({kind.name for kind, is_wanted in zip(kinds, wanted, strict=True) if is_wanted}))
    left_out = len(names) * SCORES
    place = {name: at for at, name in enumerate(names)}
    cells = np.full((len(kinds), SCORE_PLACES), left_out, np.int64)
    for row, kind in enumerate(kinds):
        if wanted[row]:
            cells[row, :SCORES] = place[kind.name] * SCORES + np.arange(SCORES)
    return names, cells


def band_counts(table: ScoreTable, thresholds: Thresholds) -> Int64:
    """Cross-checks of each check in each band: shape (checks, bands), in the order of `BANDS`."""
    return _sum_by_band(table.counts, cut(thresholds, table.checks))


def _sum_by_band(counts: Int64, bands: npt.NDArray[np.uint8]) -> Int64:
    return np.stack([np.where(bands == band, counts, 0).sum(axis=1) for band in range(len(BANDS))], axis=1)


def checks_per_band(table: ScoreTable, thresholds: Thresholds) -> pd.DataFrame:
    """How the selected cross-checks fall into the bands.

    Columns: check (None: all together, first), band, checks, n (with a score), share (checks ÷ n, 0–1; NaN
    for the band without a score, which is no part of n).
    """
    counts = band_counts(table, thresholds)
    counts = np.vstack([counts.sum(axis=0, keepdims=True), counts])
    apart = BANDS.index(Band.NO_SCORE)
    scored = counts.sum(axis=1) - counts[:, apart]
    shares = rate(counts, scored[:, None])
    shares[:, apart] = np.nan
    return frame_of(
        check=[check for check in (None, *table.checks) for _ in BANDS],
        band=[str(band) for band in BANDS] * len(counts),
        checks=counts.ravel(),
        n=np.repeat(scored, len(BANDS)),
        share=shares.ravel(),
    )


def spikes(table: ScoreTable) -> pd.DataFrame:
    """Similarities at which a check's scores pile up: identical values may score 90 rather than 100.

    A spike holds at least 5 % of the check's scores (n ≥ 30) and four times the average of the five values on
    either side. Columns: check, similarity, checks, n, share; the largest share first.
    """
    rows: list[tuple[str, int, int, int, float]] = []
    for check, counts in zip(table.checks, table.counts[:, :NO_SCORE], strict=True):
        n = int(counts.sum())
        if n < FEWEST:
            continue
        for score in np.flatnonzero(counts >= _SPIKE_SHARE * n).tolist():
            low, high = max(score - _NEIGHBOURS, 0), min(score + _NEIGHBOURS, NO_SCORE - 1)
            around = (counts[low : high + 1].sum() - counts[score]) / (high - low)
            if counts[score] >= _SPIKE_FACTOR * around:
                rows.append((check, score, int(counts[score]), n, float(counts[score]) / n))
    rows.sort(key=lambda row: -row[4])
    check_names, scores, checks, ns, shares = zip(*rows, strict=True) if rows else ((),) * 5
    return frame_of(
        check=check_names,
        similarity=np.array(scores, np.int64),
        checks=np.array(checks, np.int64),
        n=np.array(ns, np.int64),
        share=np.array(shares, np.float64),
    )
