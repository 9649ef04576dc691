"""From verdicts to thresholds and their cost, held against what was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from atlas_core.insight.advice import (
    Advice,
    Limits,
    advice_on,
    advised,
    cost_of,
    fit_capacity,
    likelihood_of_difference,
    verdicts_per_check,
)
from atlas_core.insight.calibration import Curve, Recommendation
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds
from atlas_core.web.calibration_words import as_advised, where_they_cross
from tests.made_columns import DAY, MONDAY, MadeCheck, MadeFlow, made_book

USUAL = Thresholds()
DAYS = 10


def verdict_rows(*rows: tuple[str, float | None, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["name", "similarity", "verdict", "weight"]).astype(
        {"similarity": "float64", "weight": "float64"}
    )


def flows_of(scores: dict[str, list[float]]) -> list[MadeFlow]:
    """One flow for each score, spread over ten days."""
    return [
        MadeFlow(created_at=MONDAY + number % DAYS * DAY, checks=(MadeCheck(name, score),))
        for name, listed in scores.items()
        for number, score in enumerate(listed)
    ]


def test_verdicts_are_told_apart_by_check_and_those_nobody_could_give_are_counted() -> None:
    found = verdicts_per_check(
        verdict_rows(
            ("NAME", 69.9, "same", 1),
            ("NAME", 95, "different", 50),
            ("NAME", 40, "cannot tell", 1),
            ("NAME", None, "same", 1),
            ("MODEL", 100, "same", 50),
        )
    )
    assert list(found) == ["MODEL", "NAME"]
    verdicts, cannot_tell = found["NAME"]
    assert (verdicts.scores.tolist(), verdicts.same.tolist()) == ([69, 95], [True, False])
    assert (verdicts.weights.tolist(), cannot_tell) == ([1, 50], 1)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    """Of NAME, whatever scores 60 and more is the same; MODEL was judged five times."""
    rows = [
        ("NAME", score, "same" if score >= 60 else "different", 1.0)
        for score in range(0, 101, 4)
        for _ in range(20)
    ]
    return verdict_rows(*rows, *[("MODEL", 50, "different", 1.0)] * 5)


SCORES = {"NAME": [float(score) for score in range(0, 101, 4)] * 2, "MODEL": [50.0, 80.0, 95.0] * 4}


def test_each_check_has_its_advice_and_thin_evidence_says_so(judged: pd.DataFrame) -> None:
    with made_book(flows_of(SCORES)) as book:
        model, name = advice_on(book.columns, Selection(), judged, USUAL, Limits(0.03, 0.2))
    assert (model.check, model.is_thin, len(model.verdicts)) == ("MODEL", True, 5)
    assert model.strong.needed is not None
    assert name.strong.threshold is not None
    assert 57 <= name.strong.threshold <= 80
    assert name.review.threshold is not None
    assert 56 <= name.review.threshold <= 76


def test_where_the_two_advised_cross_their_pair_is_told_and_so_is_why() -> None:
    def one(strong: int | None, review: int | None, *, share: float = 0.0) -> Advice:
        curve = Curve(*[np.full(102, share)] * 6)  # type: ignore[arg-type]
        return Advice(
            "NAME",
            *[None] * 3,  # type: ignore[arg-type]
            accepts=curve,
            reviews=curve,
            strong=Recommendation(strong, None, None),
            review=Recommendation(review, None, None),
        )

    def told(found: Advice) -> tuple[str, str]:
        return as_advised(found, (70, 90)), where_they_cross(found, (70, 90), Limits())

    assert told(one(85, 60)) == ("review 60, strong 85", "")
    assert told(one(None, 65)) == ("review 65, strong 90 (now)", "")
    assert told(one(None, None)) == ("as now: review 70, strong 90", "")
    assert told(one(43, 95)) == (
        "review 70 (now), strong 70",
        "strong from 43 and review below 95 cross. As advised, both are 70, as review is now, and nothing is "
        "left unclear. Both limits hold there.",
    )
    assert told(one(92, 98, share=0.9)) == (
        "review 92, strong 92",
        "strong from 92 and review below 98 cross. As advised, both are 92, nearest to where review is now, "
        "and nothing is left unclear.",
    )
    assert told(one(None, 95)) == (
        "review 90, strong 90 (now)",
        "review below 95 would lie above strong, for which nothing is advised yet. As advised, review goes "
        "no higher than 90.",
    )
    assert told(one(65, None)) == (
        "review 70 (now), strong 70",
        "strong from 65 would lie below review, for which nothing is advised yet. As advised, strong goes no "
        "lower than 70.",
    )


def test_what_is_advised_takes_the_place_of_what_is_in_force_and_the_rest_stays() -> None:
    def one(check: str, strong: int | None, review: int | None) -> Advice:
        return Advice(
            check,
            *[None] * 5,  # type: ignore[arg-type]
            strong=Recommendation(strong, None, None),
            review=Recommendation(review, None, None),
        )

    found = advised(
        USUAL.with_check("OWN", 50, 60),
        [
            one("A", 85, None),
            one("B", None, 60),
            one("C", None, None),
            one("D", 65, 80),
            one("E", 65, None),
            one("F", None, 95),
            one("G", 95, 98),
            one("OWN", 55, None),
        ],
    )
    assert found.per_check == (
        ("A", 70, 85),
        ("B", 60, 90),
        ("D", 70, 70),
        ("E", 70, 70),
        ("F", 90, 90),
        ("G", 95, 95),
        ("OWN", 50, 55),
    )


def test_a_cost_counts_the_cases_and_what_passes_wrongly(judged: pd.DataFrame) -> None:
    lower = replace(USUAL, review_below=50)
    with made_book(flows_of(SCORES)) as book:
        advice = advice_on(book.columns, Selection(), judged, USUAL, Limits())
        change = what_if(book.columns, Selection(), USUAL, lower)
        cost = cost_of(change, advice, lower, 5)
    below = sum(score < 50 for scores in SCORES.values() for score in scores)
    assert cost.cases_per_day == below / DAYS
    assert cost.minutes_per_day == 5 * below / DAYS
    # Nobody judged what of MODEL lies above 50: how many of those differ is not known.
    assert cost.wrong_per_day is None
    assert cost.wrong_low is not None
    assert cost.wrong_high is not None
    wrong = sum(50 <= score < 60 for scores in SCORES.values() for score in scores) / DAYS
    assert cost.wrong_low <= wrong <= cost.wrong_high
    assert cost.checks == 2


def test_without_verdicts_a_cost_tells_nothing_of_wrong_accepts() -> None:
    with made_book(flows_of(SCORES)) as book:
        advice = advice_on(book.columns, Selection(), verdict_rows(), USUAL, Limits())
        cost = cost_of(what_if(book.columns, Selection(), USUAL, USUAL), advice, USUAL, 5)
    assert (cost.wrong_per_day, cost.wrong_low, cost.wrong_high, cost.checks) == (None, None, None, 0)


def test_a_difference_grows_no_likelier_with_the_similarity(judged: pd.DataFrame) -> None:
    noisy = judged.assign(verdict=np.where(judged.index % 7 == 0, "same", judged["verdict"]))
    with made_book(flows_of(SCORES)) as book:
        name = advice_on(book.columns, Selection(), noisy, USUAL, Limits())[1]
    likelihood = likelihood_of_difference(name)
    assert (np.diff(likelihood) <= 1e-12).all()
    assert likelihood[0] > 0.7
    assert likelihood[100] == 0


@pytest.mark.parametrize("people", [0.0, 1.0, 2.0, 4.0, 1000.0])
def test_fitted_thresholds_use_the_time_there_is_and_no_more(judged: pd.DataFrame, people: float) -> None:
    graded = judged.assign(
        verdict=np.where(judged["similarity"] <= judged.index % 20 * 5, "different", "same")
    )
    with made_book(flows_of({"NAME": SCORES["NAME"]})) as book:
        advice = advice_on(book.columns, Selection(), graded, USUAL, Limits())
        fitted = fit_capacity(
            book.columns, Selection(), advice, USUAL, people=people, minutes_a_day=5, minutes=5
        )
        others = [
            cost_of(what_if(book.columns, Selection(), USUAL, one), advice, one, 5)
            for one in (USUAL.with_check("NAME", review, 100) for review in range(101))
        ]
    assert fitted.fits
    assert fitted.cost.cases_per_day <= people
    if people < 1000:
        # No other threshold that fits lets fewer cases wait.
        step = 1.0
        most = max(cost.cases_per_day for cost in others if cost.cases_per_day <= people)
        assert fitted.cost.cases_per_day >= most - step


def test_a_check_with_few_verdicts_keeps_its_threshold(judged: pd.DataFrame) -> None:
    with made_book(flows_of(SCORES)) as book:
        advice = advice_on(book.columns, Selection(), judged, USUAL, Limits())
        fitted = fit_capacity(
            book.columns, Selection(), advice, USUAL, people=100, minutes_a_day=5, minutes=5
        )
    assert fitted.unchanged == ("MODEL",)
    assert fitted.thresholds.of("MODEL") == (70, 90)
