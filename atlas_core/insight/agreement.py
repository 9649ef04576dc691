"""How far two people who judge the same cases agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from atlas_core.insight.rates import Z_95

_NO_ERROR = 1e-6


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `n` cases judged twice, the `share` (0–1) judged alike, and Cohen's kappa with its 95 % interval.

    kappa is 1 where they always agree, 0 where they agree as often as chance would have it. It is None of
    nothing, and where both gave one and the same verdict throughout: then chance explains everything. The
    interval is None where the cases differ too little to tell one, as where all were judged alike.
    """

    n: int
    share: float | None
    kappa: float | None
    low: float | None
    high: float | None


def agreement(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """The agreement of two lists of verdicts about the same cases, in the same order.

    The interval is kappa ± 1.96 of its large-sample standard error (Fleiss, Cohen and Everitt, 1969), within
    −1 and 1.
    """
    n = len(first)
    if n != len(second):
        raise ValueError("both lists must be about the same cases")
    if not n:
        return Agreement(0, None, None, None, None)
    words = sorted({*first, *second})
    table = np.zeros((len(words), len(words)))
    for one, other in zip(first, second, strict=True):
        table[words.index(one), words.index(other)] += 1
    table /= n
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    alike, by_chance = float(np.trace(table)), float(rows @ columns)
    if by_chance == 1:
        return Agreement(n, alike, None, None, None)
    kappa = (alike - by_chance) / (1 - by_chance)
    error = math.sqrt(_variance(table, alike, by_chance) / n)
    if error < _NO_ERROR:
        return Agreement(n, alike, kappa, None, None)
    return Agreement(n, alike, kappa, max(kappa - Z_95 * error, -1.0), min(kappa + Z_95 * error, 1.0))


def agreement_per_check(pairs: pd.DataFrame) -> dict[str, Agreement]:
    """The agreement about each check. `pairs`: columns name, first and second (verdicts)."""
    return {
        str(name): agreement(rows["first"].tolist(), rows["second"].tolist())
        for name, rows in pairs.groupby("name", sort=True)
    }


def _variance(table: np.ndarray, alike: float, by_chance: float) -> float:
    """n times the variance of kappa."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    on = float((np.diag(table) * ((1 - by_chance) - (rows + columns) * (1 - alike)) ** 2).sum())
    crossed = table * (columns[:, None] + rows[None, :]) ** 2
    off = (1 - alike) ** 2 * float(crossed.sum() - np.trace(crossed))
    last = (alike * by_chance - 2 * by_chance + alike) ** 2
    return max(on + off - last, 0.0) / (1 - by_chance) ** 4
