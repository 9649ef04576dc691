"""Shares, groups of the rest, and numbers over more rows than one stretch of a pass."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from atlas_core.books.columns import DEAD, Columns
from atlas_core.insight.cases import CheckRange, check_cases
from atlas_core.insight.coverage import coverage
from atlas_core.insight.distributions import checks_per_band, checks_per_score
from atlas_core.insight.errors import errors_per_code, errors_per_dealer, errors_per_product
from atlas_core.insight.odd_one_out import odd_documents
from atlas_core.insight.quadrants import quadrants
from atlas_core.insight.rates import percentiles
from atlas_core.insight.selection import Selection
from atlas_core.insight.trends import bands_per_week
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds
from tests.made_columns import MadeCheck, MadeDocument, MadeFlow, made_book

ALL = Selection()
NOW = Thresholds()
TIMES = 20_000


def repeated(columns: Columns, times: int) -> Columns:
    """The same flows, so many times, each time under flow_ids of their own."""
    flows = len(columns.flows) - 1

    def rows(table: Any) -> Any:
        tiled = {one.name: np.tile(getattr(table, one.name), times) for one in fields(table)}
        shift = np.repeat(np.arange(times, dtype=np.uint32) * np.uint32(flows), len(table))
        return replace(table, **{**tiled, "flow": tiled["flow"] + shift})

    places = {
        one.name: np.concatenate([column[:1], np.tile(column[1:], times)])
        for one in fields(columns.flows)
        for column in [getattr(columns.flows, one.name)]
    }
    return replace(
        columns,
        flows=replace(columns.flows, **places),
        checks=rows(columns.checks),
        documents=rows(columns.documents),
        counts=None,
    )


def test_numbers_over_many_stretches_are_those_of_the_parts_so_many_times() -> None:
    def between(source: str, target: str, score: float | None) -> MadeCheck:
        return MadeCheck(f"{source} {target}", score, source, target)

    flows = [
        MadeFlow(
            checks=(
                between("ORDER", "INVOICE", 20),
                between("INVOICE", "PAN", 30),
                between("ORDER", "PAN", 95),
            )
        ),
        MadeFlow(checks=(between("ORDER", "INVOICE", 65), between("INVOICE", "PAN", None))),
    ]
    expected = (("PROD_CDL", ("ORDER INVOICE", "ORDER PAN")),)
    lower = NOW.with_check("ORDER INVOICE", 60, 90)
    with made_book(flows) as book:
        one = book.columns
        many = repeated(one, TIMES)
        assert len(many.checks) > 65_536
        for times, columns in ((1, one), (TIMES, many)):
            table = checks_per_score(columns, ALL)
            assert table.frame()["checks"].tolist() == [times] * 4
            assert table.without_score == times
            found = what_if(columns, ALL, NOW, lower)
            assert (found.review_before, found.review_after) == (2 * times, times)
            assert (len(found.to_clear), len(found.to_review)) == (times, 0)
            odd = odd_documents(columns, ALL, NOW)
            assert odd.frame["flows"].tolist() == [times]
            assert coverage(columns, ALL, expected, NOW)["ran"].tolist() == [2 * times, times]
            assert quadrants(columns, ALL, NOW).apart["low"].tolist() == [0, 3 * times]
            assert bands_per_week(columns, ALL, NOW)["n"].tolist() == [times, 2 * times, times]
        last_page = check_cases(many, ALL, CheckRange(bands=("review",)), 3 * TIMES // 50, 50)
    assert last_page.total == 3 * TIMES
    assert (last_page.flow_ids[-2:].tolist(), last_page.ordinals[-2:].tolist()) == ([1, 1], [1, 0])


def with_rows_elsewhere(columns: Columns) -> Columns:
    """The same cross-checks as they lie once flows were replaced: each flow's together, dead rows between."""
    checks = columns.checks
    flow_ids = np.unique(checks.flow).tolist()
    dead = {"flow": 0, "score": DEAD, "kind": 0, "low_confidence": np.nan}

    def moved(name: str) -> np.ndarray:
        column = getattr(checks, name)
        parts = [column[checks.flow == flow_id] for flow_id in (*flow_ids[1::2], *flow_ids[::2])]
        gap = np.full(5, dead[name], column.dtype)
        return np.concatenate([part for pair in ((gap, part) for part in parts) for part in pair])

    return replace(
        columns, checks=replace(checks, **{name: moved(name) for name in checks.__slots__}), counts=None
    )


def test_where_a_flows_rows_lie_changes_no_number() -> None:
    def between(source: str, target: str, score: float | None) -> MadeCheck:
        return MadeCheck(f"{source} {target}", score, source, target)

    low = between("ORDER", "INVOICE", 20)
    flows = [
        MadeFlow(checks=(low, low)),
        MadeFlow(checks=(*(low,) * 300, between("INVOICE", "PAN", 95))),
        MadeFlow(checks=(between("ORDER", "PAN", 99), low, low)),
        MadeFlow(checks=(low,)),
        MadeFlow(checks=(between("INVOICE", "PAN", None), low, low, between("ORDER", "PAN", 30))),
        MadeFlow(checks=(*(low,) * 70, between("ORDER", "PAN", 95), between("INVOICE", "PAN", 95))),
    ]
    expected = (("PROD_CDL", ("ORDER INVOICE", "ORDER PAN", "INVOICE PAN")),)
    lower = NOW.with_check("ORDER INVOICE", 15, 90)
    with made_book(flows) as book:
        columns = book.columns
    elsewhere = with_rows_elsewhere(columns)
    assert len(elsewhere.checks) > len(columns.checks)
    for one in (columns, elsewhere):
        odd = odd_documents(one, ALL, NOW)
        assert odd.frame.fillna("").to_numpy().tolist() == [
            ["INVOICE", "ORDER", 2, 72],
            ["ORDER", "", 2, 303],
            ["INVOICE", "", 1, 2],
        ]
        assert odd.flow_ids.tolist() == [6, 5, 3, 2, 1]
        assert coverage(one, ALL, expected, NOW)["ran"].tolist() == [6, 3, 3]
        assert what_if(one, ALL, NOW, lower).to_clear.tolist() == [6, 4, 3, 2, 1]
        assert checks_per_score(one, ALL).scored == len(columns.checks) - 1


def test_percentiles_of_very_many_values_are_the_same_as_of_few() -> None:
    values = np.random.default_rng(7).lognormal(10, 2, 50_000).astype(np.int64) - 500
    ordered = np.sort(values)
    assert percentiles(values, 0, 0.5, 0.95, 1) == tuple(ordered[[0, 24_999, 47_499, 49_999]].tolist())
    assert percentiles(np.full(30_000, 7), 0.5) == (7,)


def test_shares_are_of_what_has_a_score() -> None:
    scores = (10, 75, 95, 95, None)
    with made_book([MadeFlow(checks=tuple(MadeCheck("NAME", score) for score in scores))]) as book:
        frame = checks_per_band(checks_per_score(book.columns, ALL), NOW)
    for check in (None, "NAME"):
        rows = frame[frame["check"].isna()] if check is None else frame[frame["check"] == check]
        assert rows["band"].tolist() == ["review", "unclear", "strong", "no score"]
        assert rows["share"].tolist()[:3] == [0.25, 0.25, 0.5]
        assert rows["share"].isna().tolist() == [False, False, False, True]
        assert rows["n"].tolist() == [4] * 4


def test_dealers_beyond_the_most_frequent_are_one_row_and_none_is_lost() -> None:
    def sold_by(dealer: str, *codes: str) -> MadeFlow:
        order = MadeDocument("DELIVERY_ORDER", fields=(("dealer_name", dealer, 0.9),))
        return MadeFlow(documents=(order, *(MadeDocument("PAN", code) for code in codes)))

    bad = "INVALID_DOC"
    flows = [sold_by("A", bad, bad), sold_by("B", bad), sold_by("C", bad, "UNRECOGNISED"), sold_by("D")]
    flows += [sold_by("E", "")] * 3
    flows.append(MadeFlow(product="NO_PAPERS"))
    with made_book(flows) as book:
        frame = errors_per_dealer(book.columns, ALL, at_most=2)
        trend = bands_per_week(book.columns, ALL, NOW, by="dealer")
        products = errors_per_product(book.columns, ALL)
        codes = errors_per_code(book.columns, ALL)
    assert frame[["dealer", "documents", "n"]].to_numpy().tolist() == [
        ["A", 2, 3],
        ["C", 2, 3],
        ["all others", 1, 9],
    ]
    assert frame["rate"].tolist() == [2 / 3, 2 / 3, 1 / 9]
    assert ((frame["low"] < frame["rate"]) & (frame["rate"] < frame["high"])).all()
    assert trend.empty
    assert products["product"].tolist() == ["PROD_CDL"]
    assert codes["cumulative_share"].tolist() == [0.8, 1.0]


def test_a_trend_keeps_the_dealers_with_the_most_flows_and_the_rest_together() -> None:
    flows = [
        MadeFlow(
            documents=(MadeDocument("DELIVERY_ORDER", fields=(("dealer_name", dealer, 0.9),)),),
            checks=(MadeCheck("NAME", score),),
        )
        for dealer, score in [("A", 50), ("A", 50), ("B", 95), ("B", 50), ("C", 95), ("D", 50), ("E", 50)]
    ]
    with made_book(flows) as book:
        frame = bands_per_week(book.columns, ALL, NOW, by="dealer", at_most=2)
    assert frame[["group", "n", "review"]].to_numpy().tolist() == [
        ["A", 2, 2],
        ["B", 2, 1],
        ["all others", 3, 2],
    ]
