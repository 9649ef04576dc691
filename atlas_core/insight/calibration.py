"""What people's verdicts say of the thresholds: shares with intervals, and the thresholds they support.

For one check, similarity by similarity: how many cross-checks there are is known exactly, from the mirror;
how many of them hold the same value on both sides is known only where a person judged. Verdicts come in two
ways:

- from the queue: everything under the review threshold asks for a person, the worst first. Which
  similarities were reached is no accident, so a verdict speaks for the cross-checks of its own span alone.
- by lot: a settable share of what passes is judged blind. Each such verdict stands for 1 ÷ that share of
  cross-checks, its weight, and all of them together for everything that passes.

From both follow, for any threshold, the share of wrong accepts at and above it and of needless reviews below
it, with 95 % intervals. Within a stratum (a span, or all that passes) the interval is Clopper and Pearson's,
of the verdicts' effective number: Kish's (sum of weights)² ÷ sum of squares. Strata are put together by their
numbers of cross-checks, as Zou and Donner do it (MOVER). A stratum nobody has judged may hold anything: it
widens the interval by all it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Flags, Int64
from atlas_core.insight.rates import Float64, exact_interval, rate, wilson_interval

SPAN = 5
"""Similarities next to each other that a queued verdict may speak for."""
MOST_NEEDED = 100_000
"""More verdicts than this nobody gives."""

_SCORES = np.arange(NO_SCORE)
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The judged cross-checks of one check, one place each; "cannot tell" is not among them.

    `scores` are floors of similarities (0–100), `same` whether a person found both values to be the same,
    `weights` for how many cross-checks each stands: 1 from the queue, 1 ÷ the share drawn by lot.
    """

    scores: npt.NDArray[np.uint8]
    same: Flags
    weights: Float64

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Curve:
    """A share (0–1) at each threshold from 0 to 101, with its 95 % interval.

    `total` is how many cross-checks the share is about, `judged` how many of those a person judged, and
    `effective` what these are worth were they of equal weight. `share` is NaN where a stratum of them was
    never judged; of nothing it is 0, from 0 to 0.
    """

    total: Int64
    judged: Int64
    share: Float64
    low: Float64
    high: Float64
    effective: Float64


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the verdicts say of one threshold, for a limit on a share.

    `threshold` keeps the limit even by the unfavourable end of its interval; None where no threshold does.
    Were everything judged, the threshold would be found between `low` and `high` in 95 % of all samples;
    None: not bounded on that side. `needed` is about how many more verdicts would bring a first
    recommendation, None where there is one already or no number is likely to.
    """

    threshold: int | None
    low: int | None
    high: int | None
    needed: int | None = None


def wrong_accepts(counts: Int64, verdicts: Verdicts, review_below: int) -> Curve:
    """Of the cross-checks at or above each threshold, the share whose two values are not the same.

    `counts` are all cross-checks by similarity, 101 numbers; `review_below` is the threshold in force.
    """
    return _curve(counts, verdicts, ~verdicts.same, review_below, is_above=True)


def needless_reviews(counts: Int64, verdicts: Verdicts, review_below: int) -> Curve:
    """Of the cross-checks below each threshold, the share whose two values are the same after all."""
    return _curve(counts, verdicts, verdicts.same, review_below, is_above=False)


@dataclass(frozen=True, slots=True)
class Recall:
    """At each threshold from 0 to 101, the share (0–1) of all that should be found that is found there.

    Of "strong": of the cross-checks whose values are the same, those at or above the threshold. Of "review":
    of those whose values are not the same, those below it. NaN where unknown. The interval holds the truth
    in at least 95 % of samples, for it takes the worse ends of both parts.
    """

    share: Float64
    low: Float64
    high: Float64


def recall_of_strong(accepts: Curve, reviews: Curve) -> Recall:
    """From the wrong accepts and needless reviews of the same cross-checks."""
    return _recall(
        accepts.total, _flipped(accepts), reviews.total, (reviews.share, reviews.low, reviews.high)
    )


def recall_of_review(accepts: Curve, reviews: Curve) -> Recall:
    """From the wrong accepts and needless reviews of the same cross-checks."""
    return _recall(
        reviews.total, _flipped(reviews), accepts.total, (accepts.share, accepts.low, accepts.high)
    )


def _flipped(curve: Curve) -> tuple[Float64, Float64, Float64]:
    return 1 - curve.share, 1 - curve.high, 1 - curve.low


def _recall(
    found: Int64, of_found: tuple[Float64, ...], missed: Int64, of_missed: tuple[Float64, ...]
) -> Recall:
    (share, low, high), (lost, lost_low, lost_high) = of_found, of_missed

    def part(one: Float64, other: Float64) -> Float64:
        return rate(found * one, found * one + missed * other)

    return Recall(part(share, lost), part(low, lost_high), part(high, lost_low))


def shares_per_span(counts: Int64, verdicts: Verdicts, review_below: int, strong_from: int) -> pd.DataFrame:
    """How often both values were the same, by similarity: the calibration as it is seen.

    Columns: similarity_from, similarity_to (both belong to it; spans of five, cut at the two thresholds),
    checks (all there are), judged, same, share (0–1, weighted; NaN of nothing), low and high (95 % Wilson
    interval of the effective number). Only spans that hold cross-checks.
    """
    edges = np.unique([*range(0, NO_SCORE, SPAN), review_below, strong_from, NO_SCORE])
    edges = edges[edges <= NO_SCORE]
    span = np.searchsorted(edges, verdicts.scores, side="right") - 1

    def per_span(values: npt.NDArray[Any] | None) -> Float64:
        return np.bincount(span, values, len(edges) - 1)[: len(edges) - 1].astype(np.float64)

    weight = per_span(verdicts.weights)
    share = rate(per_span(verdicts.weights * verdicts.same), weight)
    effective = np.nan_to_num(rate(weight**2, per_span(verdicts.weights**2)))
    low, high = wilson_interval(np.nan_to_num(share) * effective, effective)
    checks = np.add.reduceat(counts, edges[:-1])
    frame = pd.DataFrame(
        {
            "similarity_from": edges[:-1],
            "similarity_to": edges[1:] - 1,
            "checks": checks,
            "judged": per_span(None).astype(np.int64),
            "same": per_span(verdicts.same.astype(np.float64)).astype(np.int64),
            "share": share,
            "low": low,
            "high": high,
        }
    )
    return frame[checks > 0].reset_index(drop=True)


def lowest_strong(curve: Curve, limit: float) -> Recommendation:
    """The lowest threshold at and above which, all together, wrong accepts are within `limit` (0–1)."""
    # Where no similarity occurs nothing was seen: the threshold lies at one that does.
    occurs = np.append(np.diff(curve.total) != 0, False)
    safe, possible = _first((curve.high <= limit) & occurs, curve), _first(curve.low <= limit, curve)
    return Recommendation(safe, possible, safe, _needed(curve, limit) if safe is None else None)


def highest_review(curve: Curve, limit: float) -> Recommendation:
    """The highest threshold below which, all together, needless reviews are within `limit` (0–1)."""
    safe, possible = (_last(bound <= limit, curve) for bound in (curve.high, curve.low))
    return Recommendation(safe, safe, possible, _needed(curve, limit) if safe is None else None)


def _first(kept: Flags, curve: Curve) -> int | None:
    places = np.flatnonzero(kept & (curve.total > 0))
    return int(places[0]) if len(places) else None


def _last(kept: Flags, curve: Curve) -> int | None:
    places = np.flatnonzero(kept & (curve.total > 0))
    return int(places[-1]) if len(places) else None


def _needed(curve: Curve, limit: float) -> int | None:
    """How many more verdicts, of the same shares, bring the interval of some threshold within the limit."""
    known = (curve.total > 0) & ~(curve.share >= limit)
    if not known.any():
        return None
    # Where nothing is known yet, as if nothing wrong were found.
    share = np.nan_to_num(curve.share[known])
    many = _verdicts_for(share, np.full(len(share), limit))
    # The strata together are worth as many as would give their interval, whatever the number in each.
    worth = np.where(curve.judged[known] > 0, _verdicts_for(share, curve.high[known] + _ROUNDING), 0)
    more = (many - np.minimum(worth, many))[many < MOST_NEEDED]
    return max(1, int(more.min())) if len(more) else None


def _verdicts_for(share: Float64, bound: Float64) -> Float64:
    """The fewest verdicts of that share whose interval does not go beyond the bound."""
    few, many = np.zeros(len(share)), np.full(len(share), float(MOST_NEEDED))
    for _ in range(MOST_NEEDED.bit_length()):
        middle = np.floor((few + many) / 2)
        is_enough = exact_interval(share * middle, middle)[1] <= bound
        few, many = np.where(is_enough, few, middle), np.where(is_enough, middle, many)
    return many


def _curve(counts: Int64, verdicts: Verdicts, is_bad: Flags, review_below: int, *, is_above: bool) -> Curve:
    def per_score(values: npt.NDArray[np.float64] | None) -> Float64:
        return np.bincount(verdicts.scores, values, NO_SCORE)[:NO_SCORE].astype(np.float64)

    strata = np.where(review_below > _SCORES, _SCORES // SPAN, NO_SCORE // SPAN + 1)
    member = strata == np.unique(strata)[:, None]

    def beyond(values: npt.NDArray[np.float64] | Int64) -> Float64:
        """Each stratum's sum on the threshold's side of it: shape (strata, thresholds)."""
        inside = np.where(member, values, 0)
        up_to = np.zeros((len(member), NO_SCORE + 1))
        up_to[:, 1:] = inside.cumsum(axis=1)
        return up_to[:, -1:] - up_to if is_above else up_to

    weights = verdicts.weights
    total, judged = beyond(counts), beyond(per_score(None))
    weight, squares = beyond(per_score(weights)), beyond(per_score(weights**2))
    bad = beyond(per_score(weights * is_bad))
    with np.errstate(invalid="ignore", divide="ignore"):
        share, effective = bad / weight, weight**2 / squares
        part = total / total.sum(axis=0)
    is_judged = judged > 0
    share, effective = np.where(is_judged, share, 0.0), np.where(is_judged, effective, 0.0)
    part = np.nan_to_num(part)
    low, high = exact_interval(share * effective, effective)

    def reach(bound: Float64) -> Float64:
        gaps = np.where(is_judged, part * (bound - share), 0.0)
        distance: Float64 = np.sqrt((gaps**2).sum(axis=0))
        return distance

    together = (part * share).sum(axis=0)
    unjudged = np.where(is_judged, 0.0, part).sum(axis=0)
    return Curve(
        total=total.sum(axis=0).astype(np.int64),
        judged=judged.sum(axis=0).astype(np.int64),
        share=np.where(unjudged > 0, np.nan, together),
        low=np.maximum(together - reach(low), 0.0),
        high=np.minimum(together + reach(high) + unjudged, 1.0),
        effective=effective.sum(axis=0),
    )
