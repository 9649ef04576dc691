"""Measures find what was planted: the odd document, the missing checks, the cures, the spike, the change."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given

from atlas_core.books.columns import NO_SCORE
from atlas_core.errors import InputError
from atlas_core.insight.distributions import checks_per_score, spikes
from atlas_core.insight.odd_one_out import odd_documents
from atlas_core.insight.periods import steps_of_flows
from atlas_core.insight.quadrants import hundredths, quadrants
from atlas_core.insight.rates import changed, percentiles, rate, wilson_interval
from atlas_core.insight.selection import Selection, selected_flows
from atlas_core.insight.today import time_per_stage
from atlas_core.insight.trends import bands_per_week
from atlas_core.insight.what_if import what_if
from atlas_core.models import FlowStatus
from atlas_core.thresholds import Thresholds
from tests.any_books import books, few_books, thresholds
from tests.made_columns import DAY, MONDAY, READ_FIRST, RUNNING, MadeCheck, MadeDocument, MadeFlow, made_book

ALL = Selection()


def between(source: str, target: str, score: float | None) -> MadeCheck:
    return MadeCheck("NAME", score, source, target)


@pytest.mark.parametrize(
    ("checks", "odd"),
    [
        # Both others agree with each other.
        ((("ORDER", "INVOICE", 10), ("INVOICE", "PAN", 20), ("ORDER", "PAN", 95)), ("INVOICE", None)),
        # All low checks compare the same two: the one that a third document confirms is not the odd one.
        ((("ORDER", "INVOICE", 10), ("INVOICE", "ORDER", 20), ("ORDER", "PAN", 95)), ("INVOICE", None)),
        ((("ORDER", "INVOICE", 10), ("ORDER", "INVOICE", 20), ("INVOICE", "PAN", 70)), ("ORDER", None)),
        # No third document, or one that confirms both: it cannot be told.
        ((("ORDER", "INVOICE", 10), ("ORDER", "INVOICE", 20)), ("INVOICE", "ORDER")),
        (
            (
                ("ORDER", "INVOICE", 10),
                ("ORDER", "INVOICE", 20),
                ("PAN", "ORDER", 99),
                ("PAN", "INVOICE", 99),
            ),
            ("INVOICE", "ORDER"),
        ),
        # Another field of the same pair confirms neither.
        (
            (("ORDER", "INVOICE", 10), ("ORDER", "INVOICE", 20), ("ORDER", "INVOICE", 99)),
            ("INVOICE", "ORDER"),
        ),
        # Two causes; a single low check; one that has no score.
        ((("ORDER", "INVOICE", 10), ("PAN", "AADHAAR", 20)), None),
        ((("ORDER", "INVOICE", 10),), None),
        ((("ORDER", "INVOICE", 10), ("ORDER", "PAN", None)), None),
    ],
)
def test_the_document_that_disagrees_with_all_others_is_named_once(
    checks: tuple[tuple[str, str, float | None], ...], odd: tuple[str, str | None] | None
) -> None:
    with made_book([MadeFlow(checks=tuple(between(*check) for check in checks))]) as book:
        found = odd_documents(book.columns, ALL, Thresholds())
    low = sum(1 for *_, score in checks if score is not None and score < 70)
    rows = list(found.frame.itertuples(index=False, name=None))
    assert rows == ([(*odd, 1, low)] if odd else [])
    assert (found.flows, found.without_one) == (int(low > 1), int(low > 1 and odd is None))


@few_books
@given(books, thresholds)
def test_odd_documents_are_those_a_plain_search_finds(flows: list[MadeFlow], cut: Thresholds) -> None:
    expected: Counter[tuple[str, str | None]] = Counter()
    low_checks: Counter[tuple[str, str | None]] = Counter()
    behind: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for flow_id, flow in enumerate(flows, 1):
        odd, low = plainly_odd(flow.checks if flow.has_result else (), cut)
        if odd:
            expected[odd] += 1
            low_checks[odd] += low
            behind[odd].insert(0, flow_id)
    with made_book(flows) as book:
        found = odd_documents(book.columns, ALL, cut)
    pairs = list(zip(found.frame["document_type"], found.frame["other_document_type"], strict=True))
    assert dict(zip(pairs, found.frame["flows"], strict=True)) == expected
    assert dict(zip(pairs, found.frame["checks"], strict=True)) == low_checks
    assert {pair: found.flow_ids_of(row).tolist() for row, pair in enumerate(pairs)} == behind


def plainly_odd(checks: Iterable[MadeCheck], cut: Thresholds) -> tuple[tuple[str, str | None] | None, int]:
    scored = [check for check in checks if check.score is not None]
    low = [check for check in scored if check.score < cut.of(check.name)[0]]
    if len(low) < 2:
        return None, 0
    shared = set.intersection(*({check.source, check.target} for check in low))
    if len(shared) == 2:
        confirmed = {
            side
            for check in scored
            if check not in low and not {check.source, check.target} <= shared
            for side in (check.source, check.target)
        }
        shared = shared - confirmed or shared
    one, *other = sorted(shared) or [None]
    return ((one, other[0] if other else None) if one else None), len(low)


def test_wilsons_interval_has_its_known_values() -> None:
    low, high = wilson_interval([8, 0, 10, 50, 1], [10, 10, 10, 100, 1000])
    assert low == pytest.approx([0.4902, 0.0, 0.7225, 0.4038, 0.00018], abs=1e-4)
    assert high == pytest.approx([0.9433, 0.2775, 1.0, 0.5962, 0.00565], abs=1e-4)
    assert all(math.isnan(end) for end in (*wilson_interval(0, 0), rate(0, 0)))


def chances(n: int, share: float) -> np.ndarray:
    """How likely each number of cases out of n is."""
    factorials = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    logs = np.arange(n + 1) * math.log(share) + np.arange(n, -1, -1) * math.log1p(-share)
    return np.exp(factorials[n] - factorials - factorials[::-1] + logs)


@pytest.mark.parametrize(("n", "m"), [(30, 30), (30, 300), (60, 600), (300, 30), (200, 200)])
def test_where_nothing_changes_a_mark_anywhere_is_rarer_than_one_in_twenty(n: int, m: int) -> None:
    before, now = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij"))
    # Every outcome of two weeks is a row: as many comparisons at once as there are outcomes.
    marks = changed(np.stack([before, now], axis=1), np.tile([n, m], (len(now), 1)))[:, 1]
    for share in (0.002, 0.02, 0.1, 0.3, 0.5, 0.9, 0.998):
        of_outcome = np.outer(chances(n, share), chances(m, share)).ravel()
        assert of_outcome[marks].sum() * len(marks) < 0.05
    assert marks.any()


def test_a_year_of_chance_has_no_mark_and_a_real_step_has_one_in_every_check() -> None:
    chance = np.random.default_rng(7)
    n = np.full((12, 52), 12_000)
    part = chance.binomial(n, 0.2)
    low, high = wilson_interval(part[:, 1:], n[:, 1:])
    outside = (rate(part, n)[:, :-1] < low) | (rate(part, n)[:, :-1] > high)
    assert outside.sum() > 50, "what the interval of one week alone would have marked"
    assert not changed(part, n).any()
    part[:, 26:] = chance.binomial(12_000, 0.25, (12, 26))
    assert np.argwhere(changed(part, n)).tolist() == [[check, 26] for check in range(12)]


@pytest.mark.parametrize(
    ("weeks", "marked"),
    [
        (((30_000, 1_000_000), (49_000, 1_000_000)), False),  # surely more, but by less than two points
        (((30_000, 1_000_000), (50_000, 1_000_000)), True),
        (((50_000, 1_000_000), (30_000, 1_000_000)), True),
        (((0, 29), (29, 29)), False),  # too few to say
        (((0, 30), (30, 30)), True),
        (((10, 100), (20, 100)), False),  # G is 3.99, with Yates's correction 3.22; 3.84 is asked for
        (((10, 100), (23, 100)), True),  # 6.28, with the correction 5.33
        (((10, 100), (23, 100), (23, 100), (23, 100)), False),  # as one of three; 5.73 is asked for
        (((0, 0), (40, 100)), False),
    ],
)
def test_a_change_matters_by_two_points_with_enough_cases_and_beyond_chance(
    weeks: tuple[tuple[int, int], ...], marked: bool
) -> None:
    part, whole = np.array(weeks).T[:, None]
    assert changed(part, whole).any() == marked


def test_a_confidence_counts_as_the_hundredth_that_its_digits_say() -> None:
    every = np.arange(1, 101)
    assert hundredths((every / 100).astype(np.float32)).tolist() == every.tolist()
    odd = np.array([0, 0.005, 0.2899, 0.9999, np.nan], np.float32)
    assert hundredths(odd).tolist() == [0, 1, 28, 99, 101]


def test_each_cross_check_lies_in_its_quadrant_and_rules_stand_apart() -> None:
    def compared(score: float | None, one: float | None, other: float | None) -> MadeFlow:
        sides = zip(("DELIVERY_ORDER", "INVOICE"), (one, other), strict=True)
        papers = tuple(MadeDocument(side, fields=(("customer_name", "X", how),)) for side, how in sides)
        return MadeFlow(documents=papers, checks=(MadeCheck("NAME", score),))

    flows = [
        compared(69, 0.69, 0.9),
        compared(69, 0.9, 0.7),
        compared(70, 0.9, 0.005),
        compared(100, 1, 1),
        compared(100, 0.99, None),  # the only one there is counts
        compared(10, 0.0, 0.9),
        compared(90, None, None),
        compared(None, 0.9, 0.9),
    ]
    with made_book(flows) as book:
        found = quadrants(book.columns, ALL, Thresholds(), 70)
    assert dict(zip(found.frame["quadrant"], found.frame["checks"], strict=True)) == {
        "reading problem": 1,
        "real mismatch": 1,
        "lucky pass": 1,
        "good": 2,
    }
    assert found.frame["n"].tolist() == [5] * 4
    assert found.apart.to_numpy().tolist() == [["zero", 1, 0], ["none", 0, 1]]
    assert found.density.to_numpy().tolist() == [
        [65, 0.65, 1],
        [65, 0.7, 1],
        [70, 0.0, 1],
        [100, 0.95, 1],
        [100, 1.0, 1],
    ]


def test_percentiles_are_values_that_were_seen() -> None:
    assert percentiles(np.arange(1, 101)[::-1], 0.5, 0.95) == (50, 95)
    assert percentiles(np.array([7]), 0.5, 0.95) == (7, 7)
    assert percentiles(np.array([], np.int64), 0.5) == (None,)


def test_a_stages_time_is_from_the_end_of_the_one_before_as_the_looks_saw_it() -> None:
    uploaded = FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")
    read = FlowStatus("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS")
    flows = [
        MadeFlow(seconds=60, looks=((10, uploaded), (30, read))),
        MadeFlow(seconds=50, looks=((20, READ_FIRST),)),  # read before it was uploaded: no time is known
        MadeFlow(status=RUNNING, seconds=5),
    ]
    with made_book(flows) as book:
        frame = time_per_stage(book.columns, ALL)
    assert frame.fillna(-1).to_numpy().tolist() == [
        ["upload", 10_000, 50_000, 3],
        ["processing", 20_000, 20_000, 1],
        ["crosscheck", 30_000, 30_000, 2],
        ["result", 1_000, 1_000, 2],
    ]


def test_identical_values_that_score_90_show_as_a_spike() -> None:
    scores = [90] * 30 + list(range(40, 100))
    flows = [MadeFlow(checks=(MadeCheck("MOBILE", score), MadeCheck("OTHER", 50))) for score in scores[:20]]
    flows += [MadeFlow(checks=(MadeCheck("MOBILE", score),)) for score in scores[20:]]
    with made_book(flows) as book:
        found = spikes(checks_per_score(book.columns, ALL))
    assert list(found.itertuples(index=False, name=None)) == [("MOBILE", 90, 31, 90, 31 / 90)]


def weeks_of(*weeks: tuple[int, int]) -> list[MadeFlow]:
    """(low, all) cross-checks a week, ten in each flow."""
    flows = []
    for week, (low, every) in enumerate(weeks):
        scores = [50] * low + [95] * (every - low)
        flows += [
            MadeFlow(
                created_at=MONDAY + 7 * week * DAY,
                checks=tuple(MadeCheck("NAME", score) for score in scores[start : start + 10]),
            )
            for start in range(0, every, 10)
        ]
    return flows


def test_a_change_is_marked_only_where_it_is_more_than_chance_and_cases_are_enough() -> None:
    with made_book(weeks_of((10, 100), (40, 100), (43, 100), (29, 29), (0, 100))) as book:
        frame = bands_per_week(book.columns, ALL, Thresholds())
    assert frame["n"].tolist() == [100, 100, 100, 29, 100]
    assert frame["review_changed"].tolist() == [False, True, False, False, False]
    assert frame["start_at"].tolist() == [MONDAY + 7 * week * DAY for week in range(5)]


def test_weeks_begin_on_monday_and_months_on_the_first_utc_and_empty_ones_are_there() -> None:
    times = (MONDAY - 1, MONDAY, MONDAY + 60 * DAY)
    with made_book([MadeFlow(created_at=time) for time in times]) as book:
        weeks = steps_of_flows(book.columns, ALL, "week")
        months = steps_of_flows(book.columns, ALL, "month")
    assert len(weeks) == 10
    assert weeks.of_flow[1:].tolist() == [0, 1, 9]
    assert weeks.starts[1] == MONDAY
    january = MONDAY - 4 * DAY
    assert months.starts.tolist() == [january, january + 31 * DAY, january + 59 * DAY]
    assert months.of_flow[1:].tolist() == [0, 0, 2]


def test_moving_one_checks_threshold_changes_no_flow_that_another_check_fails() -> None:
    flows = [
        MadeFlow(checks=(MadeCheck("NAME", 60), MadeCheck("ADDRESS", 50))),
        MadeFlow(created_at=MONDAY + 9 * DAY, checks=(MadeCheck("NAME", 60), MadeCheck("ADDRESS", 99))),
    ]
    before = Thresholds(70, 90)
    with made_book(flows) as book:
        found = what_if(book.columns, Selection(checks=("NAME",)), before, before.with_check("NAME", 60, 90))
    assert found.moved.to_numpy().tolist() == [["NAME", "review", "unclear", 2]]
    assert (found.review_before, found.review_after, found.to_clear.tolist()) == (2, 1, [2])
    assert (found.days, found.review_minutes_per_day(5), found.checks) == (10, (1.0, 0.5), 2)


@pytest.mark.parametrize(("score", "asks"), [(59, True), (59.999, True), (60, False), (None, False)])
def test_a_score_asks_for_review_just_below_its_checks_own_threshold(score: float | None, asks: bool) -> None:
    flows = [MadeFlow(checks=(MadeCheck("NAME", score), MadeCheck("ADDRESS", 99)))]
    lower = Thresholds(50, 90, (("NAME", 60, 90),))
    with made_book(flows, review_below=50) as book:
        found = what_if(book.columns, ALL, Thresholds(50, 90), lower)
    assert (found.review_before, found.review_after) == (0, int(asks))


@pytest.mark.parametrize("bad", [(-1, 90), (70, 101), (91, 90)])
def test_thresholds_out_of_order_or_scale_are_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="whole numbers from 0 to 100"):
        Thresholds(*bad)
    with pytest.raises(InputError, match="NAME"):
        Thresholds().with_check("NAME", *bad)


def test_an_empty_book_has_numbers_of_nothing() -> None:
    with made_book([]) as book:
        table = checks_per_score(book.columns, ALL)
        assert (table.scored, table.without_score, table.of("NAME").tolist()) == (0, 0, [0] * NO_SCORE)
        assert what_if(book.columns, ALL, Thresholds(), Thresholds(50, 60)).days == 0
        assert bands_per_week(book.columns, ALL, Thresholds()).empty
        assert odd_documents(book.columns, ALL, Thresholds()).frame.empty


def test_an_answer_is_kept_for_its_own_version_alone() -> None:
    with made_book([MadeFlow()]) as one, made_book([MadeFlow(), MadeFlow()]) as two:
        first, second = one.columns, two.columns
        assert selected_flows(first, ALL) is selected_flows(first, Selection(checks=("NAME",)))
        assert (selected_flows(first, ALL).sum(), selected_flows(second, ALL).sum()) == (1, 2)
        with pytest.raises(ValueError, match="read-only"):
            selected_flows(first, ALL)[0] = True
