"""From verdicts to a choice of thresholds: what each check's evidence supports, what a choice costs, and
which thresholds fit the people there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import isotonic_regression

from atlas_core.books.columns import NO_SCORE, Columns, Int64
from atlas_core.insight.calibration import (
    Curve,
    Recommendation,
    Verdicts,
    highest_review,
    lowest_strong,
    needless_reviews,
    wrong_accepts,
)
from atlas_core.insight.distributions import ScoreTable, checks_per_score
from atlas_core.insight.rates import FEWEST, Float64
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import WhatIf, what_if
from atlas_core.thresholds import Thresholds

_LEVELS = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """What a lead will bear: the share (0–1) of wrong accepts from the strong threshold up, and of needless
    reviews below the review threshold."""

    wrong_accepts: float = 0.02
    needless_reviews: float = 0.5


@dataclass(frozen=True, slots=True)
class Advice:
    """What the verdicts on one check say.

    `counts` are its cross-checks by similarity (101 numbers); `cannot_tell` verdicts are no part of
    `verdicts`. `strong` and `review` are the recommendations for the limits that were asked.
    """

    check: str
    counts: Int64
    verdicts: Verdicts
    cannot_tell: int
    accepts: Curve
    reviews: Curve
    strong: Recommendation
    review: Recommendation

    @property
    def is_thin(self) -> bool:
        """Whether neither threshold can be recommended yet."""
        return self.strong.threshold is None and self.review.threshold is None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a set of thresholds costs: cases and minutes a day, and how many cross-checks a day it lets pass
    although their values differ, between `wrong_low` and `wrong_high` (sums of 95 % bounds).

    The wrong ones are of the `checks` checks with verdicts alone: None without any, and `wrong_per_day` also
    where nobody judged some of what passes.
    """

    cases_per_day: float
    minutes_per_day: float
    wrong_per_day: float | None
    wrong_low: float | None
    wrong_high: float | None
    checks: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """Thresholds that fit a capacity, and what they cost. `unchanged` names the checks whose verdicts are too
    few to move theirs; `fits` is False where even these thresholds ask for more than there is."""

    thresholds: Thresholds
    cost: Cost
    unchanged: tuple[str, ...]
    fits: bool


def verdicts_per_check(judged: pd.DataFrame) -> dict[str, tuple[Verdicts, int]]:
    """The verdicts of each check, and how many of its cross-checks nobody could tell.

    `judged`: columns name, similarity, verdict, weight. Cross-checks without a similarity are left out.
    """
    scored = judged[judged["similarity"].notna()]
    found = {}
    for name, rows in scored.groupby("name", sort=True):
        told = rows[rows["verdict"] != "cannot tell"]
        verdicts = Verdicts(
            np.floor(told["similarity"].to_numpy(np.float64)).astype(np.uint8),
            (told["verdict"] == "same").to_numpy(np.bool_),
            told["weight"].to_numpy(np.float64),
        )
        found[str(name)] = (verdicts, len(rows) - len(told))
    return found


def advice_per_check(
    table: ScoreTable, judged: pd.DataFrame, thresholds: Thresholds, limits: Limits
) -> tuple[Advice, ...]:
    """What verdicts say of each check of the table, in its order; `thresholds` are those in force."""
    of = verdicts_per_check(judged)
    nothing = (Verdicts(np.empty(0, np.uint8), np.empty(0, np.bool_), np.empty(0)), 0)
    found = []
    for check in table.checks:
        verdicts, cannot_tell = of.get(check, nothing)
        counts, review_below = table.of(check), thresholds.of(check)[0]
        accepts = wrong_accepts(counts, verdicts, review_below)
        reviews = needless_reviews(counts, verdicts, review_below)
        found.append(
            Advice(
                check,
                counts,
                verdicts,
                cannot_tell,
                accepts,
                reviews,
                lowest_strong(accepts, limits.wrong_accepts),
                highest_review(reviews, limits.needless_reviews),
            )
        )
    return tuple(found)


def recommended_pair(one: Advice, in_force: tuple[int, int]) -> tuple[int, int]:
    """(review, strong) as recommended each by itself: the first may lie above the second. One that no verdict
    moves stays where it is."""
    return (
        in_force[0] if one.review.threshold is None else min(one.review.threshold, 100),
        in_force[1] if one.strong.threshold is None else min(one.strong.threshold, 100),
    )


def advised_pair(one: Advice, in_force: tuple[int, int]) -> tuple[int, int]:
    """(review, strong) as they can be used together: where the recommended two cross, both are one
    similarity between them, the review threshold moves no farther than it must, and nothing is left unclear.
    """
    review, strong = recommended_pair(one, in_force)
    if review <= strong:
        return review, strong
    meet = strong if one.strong.threshold is None else min(max(in_force[0], strong), review)
    return meet, meet


def advised(thresholds: Thresholds, advice: Sequence[Advice]) -> Thresholds:
    """The thresholds in force, with each check's `advised_pair` in place of its own."""
    for one in advice:
        in_force = thresholds.of(one.check)
        pair = advised_pair(one, in_force)
        if pair != in_force:
            thresholds = thresholds.with_check(one.check, *pair)
    return thresholds


def cost_of(change: WhatIf, advice: Sequence[Advice], thresholds: Thresholds, minutes: float) -> Cost:
    """What thresholds cost: `change` is the what-if from those in force to them, `minutes` the time for one
    case."""
    cases = change.review_flows_per_day()[1]
    known = [one for one in advice if len(one.verdicts)]
    if not known or not change.days:
        return Cost(cases, cases * minutes, None, None, None, 0)
    places = [thresholds.of(one.check)[0] for one in known]
    at = [*zip((one.accepts for one in known), places, strict=True)]
    passing = np.array([accepts.total[place] for accepts, place in at]) / change.days
    shares = np.array([accepts.share[place] for accepts, place in at])
    low = np.array([accepts.low[place] for accepts, place in at])
    high = np.array([accepts.high[place] for accepts, place in at])
    wrong = float(passing @ shares)
    return Cost(
        cases,
        cases * minutes,
        None if np.isnan(wrong) else wrong,
        float(passing @ low),
        float(passing @ high),
        len(known),
    )


def fit_capacity(
    columns: Columns,
    selection: Selection,
    advice: Sequence[Advice],
    in_force: Thresholds,
    *,
    people: float,
    minutes_a_day: float,
    minutes: float,
) -> Fitted:
    """The thresholds that use best the time there is: `people` with `minutes_a_day` each, `minutes` for a
    case.

    A cross-check is worth looking at as far as its values are likely to differ, whatever its check. So one
    likelihood is the limit for all checks, and the lowest one whose cases can be done is taken. It is learnt
    from the verdicts by isotonic regression: the higher the similarity, the less likely a difference. Checks
    with fewer than 30 verdicts keep their thresholds.
    """
    curves = {one.check: likelihood_of_difference(one) for one in advice if len(one.verdicts) >= FEWEST}
    unchanged = tuple(one.check for one in advice if one.check not in curves)
    capacity = people * minutes_a_day

    def at(level: int) -> tuple[Thresholds, Cost]:
        thresholds = _reviewing(in_force, curves, level / _LEVELS)
        change = what_if(columns, selection, in_force, thresholds)
        return thresholds, cost_of(change, advice, thresholds, minutes)

    low, high = 0, _LEVELS  # the higher the limit, the fewer cases
    while low < high:
        middle = (low + high) // 2
        if at(middle)[1].minutes_per_day <= capacity:
            high = middle
        else:
            low = middle + 1
    thresholds, cost = at(low)
    return Fitted(thresholds, cost, unchanged, cost.minutes_per_day <= capacity)


def likelihood_of_difference(advice: Advice) -> Float64:
    """How likely the two values of a cross-check differ (0–1), at each similarity from 0 to 100; it never
    rises with the similarity."""
    verdicts = advice.verdicts
    weight = np.bincount(verdicts.scores, verdicts.weights, NO_SCORE)
    differs = np.bincount(verdicts.scores, verdicts.weights * ~verdicts.same, NO_SCORE)
    judged = np.flatnonzero(weight)
    fitted = isotonic_regression(differs[judged] / weight[judged], weights=weight[judged], increasing=False).x
    # Between two that were judged, the lower one's likelihood holds: it is the more careful of the two.
    places = np.searchsorted(judged, np.arange(NO_SCORE), side="right") - 1
    likelihood: npt.NDArray[np.float64] = fitted[np.maximum(places, 0)]
    return likelihood


def _reviewing(in_force: Thresholds, curves: Mapping[str, Float64], level: float) -> Thresholds:
    """Each check's review threshold where its likelihood of a difference falls to the level."""
    thresholds = in_force
    for check, likelihood in curves.items():
        asks = np.flatnonzero(likelihood > level)
        review = int(asks[-1]) + 1 if len(asks) else 0
        strong = max(thresholds.of(check)[1], min(review, 100))
        thresholds = thresholds.with_check(check, min(review, 100), strong)
    return thresholds


def judged_within(judged: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """The verdicts on selected flows, by product and day: what else a selection asks for, they do not tell.

    `judged`: columns product_type and created_at besides those of `verdicts_per_check`.
    """
    kept = np.ones(len(judged), np.bool_)
    if selection.created_from is not None:
        kept &= judged["created_at"].to_numpy(np.int64) >= selection.created_from
    if selection.created_to is not None:
        kept &= judged["created_at"].to_numpy(np.int64) < selection.created_to
    if selection.products:
        kept &= judged["product_type"].isin(selection.products).to_numpy(np.bool_)
    return judged[kept]


def how_judged(judged: pd.DataFrame) -> tuple[int, int]:
    """How many verdicts there are, and how many of them on cross-checks that were drawn by lot."""
    return len(judged), int((judged["drawn"] == "lot").sum())


def evidence_of(
    source: str, advice: Sequence[Advice], limits: Limits | None, change: WhatIf
) -> dict[str, object]:
    """What is kept beside a set of thresholds: from what it was made, by how many verdicts on each check, and
    which flows it would have changed when it was drafted."""
    evidence: dict[str, object] = {
        "source": source,
        "verdicts": {one.check: len(one.verdicts) for one in advice if len(one.verdicts)},
        "flows": change.flows,
        "to_review": len(change.to_review),
        "to_clear": len(change.to_clear),
    }
    if limits is not None:
        evidence["wrong_accepts"] = limits.wrong_accepts
        evidence["needless_reviews"] = limits.needless_reviews
    return evidence


def advice_on(
    columns: Columns, selection: Selection, judged: pd.DataFrame, thresholds: Thresholds, limits: Limits
) -> tuple[Advice, ...]:
    """`advice_per_check` of the selected cross-checks."""
    return advice_per_check(checks_per_score(columns, selection), judged, thresholds, limits)
