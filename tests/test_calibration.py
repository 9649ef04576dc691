"""Thresholds from verdicts, held against planted truths, scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa, to_table
from statsmodels.stats.proportion import proportion_confint

from atlas_core.insight.agreement import agreement
from atlas_core.insight.calibration import (
    Curve,
    Recommendation,
    Verdicts,
    highest_review,
    lowest_strong,
    needless_reviews,
    recall_of_review,
    recall_of_strong,
    shares_per_span,
    wrong_accepts,
)
from atlas_core.insight.rates import exact_interval, wilson_interval

REVIEW, STRONG = 70, 90
SCORES = np.arange(101)
RUNS = 1_000


@given(st.integers(0, 400), st.integers(0, 400))
def test_exact_intervals_are_those_of_scipy_and_statsmodels(part: int, rest: int) -> None:
    n = part + rest
    low, high = exact_interval(part, n)
    if not n:
        assert (low, high) == (0, 1)
        return
    by_scipy = stats.binomtest(part, n).proportion_ci(method="exact")
    by_statsmodels = proportion_confint(part, n, method="beta")
    assert [low, high] == pytest.approx([by_scipy.low, by_scipy.high], abs=1e-9)
    assert [low, high] == pytest.approx(list(by_statsmodels), abs=1e-9)


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_intervals_are_those_of_scipy_and_statsmodels(part: int, rest: int) -> None:
    low, high = wilson_interval(part, part + rest)
    by_scipy = stats.binomtest(part, part + rest).proportion_ci(method="wilson")
    assert [low, high] == pytest.approx([by_scipy.low, by_scipy.high], abs=1e-9)
    assert [low, high] == pytest.approx(
        list(proportion_confint(part, part + rest, method="wilson")), abs=1e-9
    )


@given(st.lists(st.tuples(*[st.sampled_from(("same", "different", "cannot tell"))] * 2), min_size=2))
def test_agreement_is_that_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    ours = agreement(first, second)
    assert ours.share == pytest.approx(sum(one == other for one, other in pairs) / len(pairs))
    if len({*first, *second}) == 1:
        assert (ours.kappa, ours.low, ours.high) == (None, None, None)
        return
    with np.errstate(invalid="ignore", divide="ignore"):  # its test of significance, which is not used
        theirs = cohens_kappa(to_table(np.array(pairs))[0])
    assert ours.kappa == pytest.approx(theirs.kappa, abs=1e-9)
    if ours.low is None:  # theirs is then of no width, or none at all
        assert not theirs.std_kappa > 1e-6
        return
    assert ours.low == pytest.approx(max(theirs.kappa_low, -1), abs=1e-9)
    assert ours.high == pytest.approx(min(theirs.kappa_upp, 1), abs=1e-9)


def test_people_who_never_disagree_have_no_interval_of_no_width() -> None:
    found = agreement(["same", "different"], ["same", "different"])
    assert (found.kappa, found.low, found.high) == (1, None, None)


def test_nobody_judged_twice_agrees_about_nothing() -> None:
    assert agreement([], []).kappa is None


class World:
    """Cross-checks of one check whose values are the same with a known chance at each similarity, and people
    who judge some of them."""

    def __init__(self, chance: np.random.Generator, *, size: int, middle: float, slope: float) -> None:
        self.chance = chance
        self.same_at = 1 / (1 + np.exp(-(SCORES - middle) / slope))
        drawn = [
            chance.normal(95, 4, size // 2),
            chance.normal(80, 10, size // 5),
            chance.uniform(0, 100, size // 5),
            np.full(size // 10, 90.0),  # equal values often score 90
        ]
        self.scores = np.clip(np.floor(np.concatenate(drawn)), 0, 100).astype(np.int64)
        self.counts = np.bincount(self.scores, minlength=101)

    def true_strong(self, limit: float) -> int:
        """The lowest threshold with few enough wrong accepts; 101 where there is none."""
        total, wrong = self._above(self.counts), self._above(self.counts * (1 - self.same_at))
        kept = (total > 0) & (wrong <= limit * total)
        return int(np.argmax(kept)) if kept.any() else 101

    def true_review(self, limit: float) -> int:
        """The highest threshold with few enough needless reviews; 0 where there is none."""
        total, needless = self.counts.cumsum(), (self.counts * self.same_at).cumsum()
        kept = (total > 0) & (needless <= limit * total)
        return int(np.flatnonzero(kept)[-1]) + 1 if kept.any() else 0

    def judged(self, *, share: float, worked: float) -> Verdicts:
        """Of what passes a share by lot; of the queue the lowest part, by and large."""
        by_lot = (self.scores >= REVIEW) & (self.chance.random(len(self.scores)) < share)
        queue = np.flatnonzero(self.scores < REVIEW)
        order = np.argsort(self.scores[queue] + self.chance.normal(0, 10, len(queue)))
        reached = queue[order][: int(len(queue) * worked)]
        places = np.concatenate([np.flatnonzero(by_lot), reached])
        scores = self.scores[places]
        return Verdicts(
            scores.astype(np.uint8),
            self.chance.random(len(places)) < self.same_at[scores],
            np.where(scores >= REVIEW, 1 / share, 1.0),
        )

    @staticmethod
    def _above(values: np.ndarray) -> np.ndarray:
        return values[::-1].cumsum()[::-1]


@pytest.mark.parametrize(
    ("middle", "slope", "size", "share", "worked", "limits"),
    [
        (60, 8, 60_000, 0.02, 0.5, (0.03, 0.3)),
        (60, 8, 30_000, 0.10, 1.0, (0.02, 0.3)),
        (75, 5, 60_000, 0.02, 0.7, (0.05, 0.2)),
    ],
    ids=["2 % blind, half the queue", "10 % blind, all of the queue", "mismatches that score high"],
)
def test_intervals_of_recommended_thresholds_hold_the_planted_truth(
    middle: float, slope: float, size: int, share: float, worked: float, limits: tuple[float, float]
) -> None:
    chance = np.random.default_rng(7)
    held = np.zeros(2, np.int64)
    recommended = np.zeros(2, np.int64)
    for _ in range(RUNS):
        world = World(chance, size=size, middle=middle, slope=slope)
        verdicts = world.judged(share=share, worked=worked)
        strong = lowest_strong(wrong_accepts(world.counts, verdicts, REVIEW), limits[0])
        review = highest_review(needless_reviews(world.counts, verdicts, REVIEW), limits[1])
        held += (holds(strong, world.true_strong(limits[0])), holds(review, world.true_review(limits[1])))
        recommended += (strong.threshold is not None, review.threshold is not None)
    assert (held >= 0.93 * RUNS).all(), held
    assert (recommended >= 0.5 * RUNS).all(), "an interval that is always open holds everything"


def holds(found: Recommendation, truth: int) -> bool:
    return (found.low is None or found.low <= truth) and (found.high is None or truth <= found.high)


def test_the_bias_of_a_queue_worked_worst_first_does_not_reach_the_estimate() -> None:
    """Unweighted, the low scores that were judged first would pass for the whole."""
    world = World(np.random.default_rng(3), size=400_000, middle=55, slope=9)
    verdicts = world.judged(share=0.05, worked=0.6)
    truth = 1 - (world.counts * world.same_at).sum() / world.counts.sum()
    curve = wrong_accepts(world.counts, verdicts, REVIEW)
    naive = 1 - verdicts.same.mean()
    assert abs(naive - truth) > 0.1
    assert curve.low[0] <= truth <= curve.high[0]
    assert abs(curve.share[0] - truth) < 0.01


def test_without_weights_a_sample_is_counted_as_it_is() -> None:
    counts = np.zeros(101, np.int64)
    counts[95] = 1_000
    verdicts = Verdicts(np.full(100, 95, np.uint8), np.arange(100) >= 3, np.full(100, 10.0))
    curve = wrong_accepts(counts, verdicts, REVIEW)
    low, high = map(float, exact_interval(3, 100))
    assert (curve.share[95], curve.low[95], curve.high[95]) == pytest.approx((0.03, low, high))
    assert (curve.total[95], curve.judged[95], curve.effective[95]) == (1_000, 100, 100)
    assert (curve.total[96], curve.share[96], curve.low[96], curve.high[96]) == (0, 0, 0, 0)


def test_what_nobody_judged_may_be_anything() -> None:
    counts = np.full(101, 10)
    nobody = Verdicts(np.empty(0, np.uint8), np.empty(0, np.bool_), np.empty(0))
    curve = wrong_accepts(counts, nobody, REVIEW)
    assert np.isnan(curve.share[:101]).all()
    assert (curve.low == 0).all()
    assert curve.high[:101] == pytest.approx(np.ones(101))
    found = lowest_strong(curve, 0.02)
    assert (found.threshold, found.low, found.high) == (None, 0, None)
    assert found.needed is not None
    assert exact_interval(0, found.needed)[1] <= 0.02 < exact_interval(0, found.needed - 1)[1]


def test_thin_evidence_tells_how_many_more_verdicts_it_needs_and_no_threshold() -> None:
    counts = np.full(101, 1_000)
    verdicts = Verdicts(np.full(40, 95, np.uint8), np.ones(40, np.bool_), np.full(40, 50.0))
    found = lowest_strong(wrong_accepts(counts, verdicts, REVIEW), 0.02)
    assert found.threshold is None
    assert found.needed is not None
    more = Verdicts(
        np.full(40 + found.needed, 95, np.uint8),
        np.ones(40 + found.needed, np.bool_),
        np.full(40 + found.needed, 50.0),
    )
    assert lowest_strong(wrong_accepts(counts, more, REVIEW), 0.02).threshold is not None


def test_verdicts_of_the_queue_do_not_pass_for_those_that_are_needed_by_lot() -> None:
    counts = np.zeros(101, np.int64)
    counts[[50, 95]] = (500, 50_000)
    scores = np.repeat([50, 95], [500, 40]).astype(np.uint8)
    weights = np.repeat([1.0, 50.0], [500, 40])
    found = lowest_strong(wrong_accepts(counts, Verdicts(scores, scores > 50, weights), REVIEW), 0.02)
    assert found.threshold is None
    assert found.needed is not None
    enough = np.repeat([50, 95], [500, 40 + found.needed]).astype(np.uint8)
    weights = np.repeat([1.0, 50.0], [500, 40 + found.needed])
    assert lowest_strong(
        wrong_accepts(counts, Verdicts(enough, enough > 50, weights), REVIEW), 0.02
    ).threshold in (51, 95)
    assert 100 < found.needed < 200


def test_a_recommended_strong_threshold_lies_at_a_similarity_that_occurs() -> None:
    counts = np.zeros(101, np.int64)
    counts[100] = 5_000
    verdicts = Verdicts(np.full(400, 100, np.uint8), np.ones(400, np.bool_), np.full(400, 10.0))
    assert lowest_strong(wrong_accepts(counts, verdicts, REVIEW), 0.02).threshold == 100


def test_where_too_much_is_wrong_no_number_of_verdicts_is_promised() -> None:
    counts = np.full(101, 1_000)
    verdicts = Verdicts(
        np.repeat(SCORES, 20).astype(np.uint8), np.tile([True, False], 1010), np.full(2020, 50.0)
    )
    assert lowest_strong(wrong_accepts(counts, verdicts, REVIEW), 0.02) == Recommendation(
        None, None, None, None
    )


def test_recall_is_what_is_found_of_all_there_is() -> None:
    counts = np.zeros(101, np.int64)
    counts[[40, 80, 95]] = (100, 100, 200)
    scores = np.repeat([40, 80, 95], [100, 100, 200]).astype(np.uint8)
    same = np.concatenate([np.arange(100) < 10, np.arange(100) < 50, np.arange(200) < 190])
    verdicts = Verdicts(scores, same, np.ones(400))
    accepts, reviews = (
        wrong_accepts(counts, verdicts, REVIEW),
        needless_reviews(counts, verdicts, REVIEW),
    )
    strong, review = recall_of_strong(accepts, reviews), recall_of_review(accepts, reviews)
    assert strong.share[90] == pytest.approx(190 / 250)
    assert review.share[70] == pytest.approx(90 / 150)
    for recall, place in ((strong, 90), (review, 70)):
        assert recall.low[place] < recall.share[place] < recall.high[place]
    assert reviews.share[101] == pytest.approx(250 / 400)


def test_spans_show_the_share_of_same_values_with_wilsons_interval() -> None:
    counts = np.zeros(101, np.int64)
    counts[[68, 71, 72, 100]] = (7, 5, 6, 9)
    verdicts = Verdicts(
        np.array([68, 68, 71, 72, 100], np.uint8), np.array([0, 1, 1, 1, 1], np.bool_), np.ones(5)
    )
    frame = shares_per_span(counts, verdicts, 70, 90)
    assert frame[["similarity_from", "similarity_to", "checks", "judged", "same"]].to_numpy().tolist() == [
        [65, 69, 7, 2, 1],
        [70, 74, 11, 2, 2],
        [100, 100, 9, 1, 1],
    ]
    assert (frame["low"][0], frame["high"][0]) == pytest.approx(tuple(map(float, wilson_interval(1, 2))))


def test_curves_of_few_and_of_many_kinds_of_weights_stay_shares() -> None:
    world = World(np.random.default_rng(1), size=2_000, middle=60, slope=8)
    verdicts = world.judged(share=0.02, worked=0.2)
    for review_below in (0, 1, 37, 70, 100):
        for curve in (
            wrong_accepts(world.counts, verdicts, review_below),
            needless_reviews(world.counts, verdicts, review_below),
        ):
            check_shares(curve)


def check_shares(curve: Curve) -> None:
    known = ~np.isnan(curve.share)
    assert (curve.low <= curve.high).all()
    assert (curve.low >= 0).all()
    assert (curve.high <= 1).all()
    assert (curve.low[known] <= curve.share[known] + 1e-12).all()
    assert (curve.share[known] <= curve.high[known] + 1e-12).all()
