"""Shares and what they are worth: intervals, percentiles, and how few is too few."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

FEWEST = 30
"""A rate, median or change of fewer cases is shown as too few to say."""

LEAST_CHANGE = 0.02
"""A share that differs by less, two percentage points, has not changed in a way that matters."""

_MANY = 20_000
_BIN_BITS = 16

Float64 = npt.NDArray[np.float64]
Z_95 = 1.959963984540054
_BY_CHANCE = 0.05  # how often all comparisons together may find a change where there is none


def rate(part: npt.ArrayLike, whole: npt.ArrayLike) -> Float64:
    """part ÷ whole, 0–1; NaN of nothing."""
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(wholes > 0, parts / wholes, np.nan)


def wilson_interval(part: npt.ArrayLike, whole: npt.ArrayLike) -> tuple[Float64, Float64]:
    """The 95 % Wilson score interval of part ÷ whole, each 0–1; NaN of nothing.

    (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) ÷ (1 + z²/n), z = 1.96: it holds for few cases and for shares
    near 0 and 1, where p ± 2 standard errors leaves the scale.
    """
    n = np.asarray(whole, np.float64)
    p = rate(part, whole)
    z = Z_95
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)
    # Rounding must not keep a share of exactly 0 or 1 out of its own interval.
    return np.where(p == 0, 0.0, low), np.where(p == 1, 1.0, high)


def changed(part: npt.ArrayLike, whole: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which shares part ÷ whole differ from the one before them, along the last axis, in a way that matters.

    Both have at least `FEWEST` cases, they differ by `LEAST_CHANGE` or more, and that by more than chance:
    by the likelihood-ratio test of two shares, G = 2·Σ observed·ln(observed ÷ expected) over the four cells,
    each observed moved by ½ towards what is expected (Yates). One in twenty comparisons would find a change
    by chance, so each is tested at 5 % ÷ comparisons (Bonferroni): where nothing changes, nineteen of twenty
    whole arrays have no mark at all, whatever their shares have to do with each other. An interval of the
    difference would be too sure so far out, where one of the two has many more cases than the other.
    """
    parts, wholes = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    now, n, before, m = parts[..., 1:], wholes[..., 1:], parts[..., :-1], wholes[..., :-1]
    enough = (n >= FEWEST) & (m >= FEWEST)
    share = rate(now + before, n + m)
    too_many = now - n * share
    too_many = np.sign(too_many) * np.maximum(np.abs(too_many) - 0.5, 0)
    g = 2 * (
        _surprise(n * share, too_many)
        + _surprise(n * (1 - share), -too_many)
        + _surprise(m * share, -too_many)
        + _surprise(m * (1 - share), too_many)
    )
    comparisons = max(int(np.count_nonzero(enough)), 1)
    least = NormalDist().inv_cdf(1 - _BY_CHANCE / 2 / comparisons) ** 2
    is_large = np.abs(rate(now, n) - rate(before, m)) > LEAST_CHANGE - 1e-9  # rounding must not decide
    marks = np.zeros(parts.shape, np.bool_)
    marks[..., 1:] = enough & is_large & (g > least)
    return marks


def _surprise(expected: Float64, too_many: Float64) -> Float64:
    """observed·ln(observed ÷ expected); 0 of nothing."""
    observed = expected + too_many
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(observed > 0, observed * np.log(observed / expected), 0.0)


def exact_interval(part: npt.ArrayLike, whole: npt.ArrayLike) -> tuple[Float64, Float64]:
    """The 95 % Clopper-Pearson interval of part ÷ whole, each 0–1; 0 to 1 of nothing.

    It covers the true share in at least 95 % of all samples, however few the cases or rare the event, where
    Wilson's covers it in 95 % on the average of shares. `part` and `whole` need not be whole numbers: those
    of weighted samples are not.
    """
    k, n = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    tail = 0.025
    inside = (n > 0) & (k > 0)
    low = np.where(inside, betaincinv(np.where(inside, k, 1), np.where(inside, n - k + 1, 1), tail), 0.0)
    inside = (n > 0) & (k < n)
    high = np.where(inside, betaincinv(np.where(inside, k + 1, 1), np.where(inside, n - k, 1), 1 - tail), 1.0)
    return low, high


def percentiles(values: npt.NDArray[Any], *shares: float) -> tuple[int | None, ...]:
    """The smallest values that at least those shares (0–1) of all values do not exceed; None of nothing."""
    if not len(values):
        return (None,) * len(shares)
    ranks = [max(math.ceil(share * len(values) - 1e-9) - 1, 0) for share in shares]
    if len(values) < _MANY:
        ordered = np.partition(values, ranks)
        return tuple(int(ordered[rank]) for rank in ranks)
    # Count into bins first: only the bin that holds a rank needs to be put in order.
    least = int(values.min())
    shift = max((int(values.max()) - least).bit_length() - _BIN_BITS, 0)
    bins = (values - least) >> shift
    up_to = np.bincount(bins).cumsum()
    found = []
    for rank in ranks:
        place = int(np.searchsorted(up_to, rank, side="right"))
        inside = rank - (int(up_to[place - 1]) if place else 0)
        found.append(int(np.partition(values[bins == place], inside)[inside]))
    return tuple(found)
