"""Which flows, and how many: each answer checked against books made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from atlas_core.books import attempts, queries, store
from atlas_core.books.columns import open_columns
from atlas_core.books.writer import AtlasWriter
from atlas_core.insight.finding import FlowFilter, Rules, find
from atlas_core.models import FlowStatus
from atlas_core.thresholds import Thresholds
from tests.made_books import (
    DONE,
    FAILED,
    MINUTE,
    START,
    MadeBooks,
    add_flow,
    begin,
    make_books,
    make_result,
    reading,
    submit,
)
from tests.mirrored import follow

NOW = START + 100 * MINUTE
OVERDUE = 10 * MINUTE


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """flow-000 to flow-099, a minute apart, only to be read. Of ten in a row the first failed, the second
    needs review, the third has a status nobody knows, and the others are clear."""
    books = make_books(tmp_path_factory.mktemp("hundred"))
    kinds = {0: FAILED, 2: FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "ON_HOLD")}
    with AtlasWriter(books.atlas) as writer:
        for number in range(100):
            flow_uuid = f"flow-{number:03}-x"
            add_flow(
                writer,
                flow_uuid,
                application_id=f"LOS-{number:03}",
                product_type="PROD_CDL" if number % 2 else "PROD_PL",
                created_at=START + number * MINUTE,
                status=kinds.get(number % 10, DONE),
                result=make_result(flow_uuid, similarities=(40,) if number % 10 == 1 else (95,)),
            )
        follow(writer, books.atlas)
    return books


def found(books: MadeBooks, wanted: FlowFilter) -> list[str]:
    with reading(books) as opened:
        rules = Rules(Thresholds(), overdue_ms=OVERDUE, now=NOW)
        page = find(opened, open_columns(books.atlas.parent), wanted, rules, size=100)
    assert page.page.total == len(page.rows)
    return page.rows["application_id"].tolist()


@pytest.mark.parametrize(
    "text", ["LOS-042", "flow-042", "flow-042-x-batch", "flow-042-x-file", "flow-042-x-doc", "  LOS-042\n"]
)
def test_any_id_finds_its_flow(hundred: MadeBooks, text: str) -> None:
    assert found(hundred, FlowFilter(text=text)) == ["LOS-042"]


def test_the_beginning_of_an_id_finds_all_that_begin_so(hundred: MadeBooks) -> None:
    assert found(hundred, FlowFilter(text="LOS-04")) == [f"LOS-04{number}" for number in reversed(range(10))]
    assert found(hundred, FlowFilter(text="OS-04")) == []


@pytest.mark.parametrize(
    "text",
    ["%", "_", "LOS_042", "\\", "'", '"; drop table flows; --', "*", "LOS-0\x00", "\ud800", "9" * 60_000],
)
def test_odd_text_is_looked_for_literally(hundred: MadeBooks, text: str) -> None:
    """B111"""
    assert found(hundred, FlowFilter(text=text)) == []


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (FlowFilter(outcomes=("failed",)), 10),
        (FlowFilter(outcomes=("failed", "review")), 20),
        (FlowFilter(outcomes=("unknown",), products=("PROD_CDL",)), 0),
        (FlowFilter(outcomes=("unknown",), products=("PROD_PL", "PROD_CDL")), 10),
        (FlowFilter(statuses=("ON_HOLD", "FAILED")), 20),
        (FlowFilter(statuses=(None,)), 0),
        (FlowFilter(products=("PROD_PL",)), 50),
        (FlowFilter(created_from=START + 10 * MINUTE, created_to=START + 12 * MINUTE), 2),
        (FlowFilter(attention="failed", created_to=START + 50 * MINUTE), 5),
        (FlowFilter(text="LOS-0", outcomes=("review",), products=("PROD_CDL",)), 10),
        (FlowFilter(outcomes=("') OR 1 --",)), 0),
    ],
)
def test_filters_narrow_together(hundred: MadeBooks, wanted: FlowFilter, count: int) -> None:
    assert len(found(hundred, wanted)) == count


def test_a_flow_without_a_status_yet_is_found_as_such(books: MadeBooks, writer: AtlasWriter) -> None:
    begin_flow = FlowStatus(None, None, None, None)
    add_flow(writer, "flow-young", status=begin_flow)
    add_flow(writer, "flow-odd", application_id="APP-2", status=FlowStatus("SUCCESS", None, None, "ON_HOLD"))
    follow(writer, books.atlas)
    assert found(books, FlowFilter(statuses=(None,))) == ["APP-1"]
    assert found(books, FlowFilter(statuses=("ON_HOLD",))) == ["APP-2"]


def test_ids_are_looked_up_in_their_indexes(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        statements: list[str] = []
        opened._connection.set_trace_callback(statements.append)
        queries.flow_ids_with_id(opened, "LOS-042")
        opened._connection.set_trace_callback(None)
        plans = [row[3] for asked in statements for row in opened.rows(f"EXPLAIN QUERY PLAN {asked}")]
    assert len(statements) == 6
    assert not [step for step in plans if step.startswith("SCAN") and "(subquery" not in step], plans


def test_the_outcomes_add_up_and_all_five_are_named(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        every = queries.flows_per_outcome(opened)
        some = queries.flows_per_outcome(opened, created_from=START, created_to=START + 3 * MINUTE)
    assert list(every.itertuples(index=False, name=None)) == [
        ("running", 0),
        ("clear", 70),
        ("review", 10),
        ("failed", 10),
        ("unknown", 10),
    ]
    assert some["flows"].tolist() == [0, 0, 1, 1, 1]


# --------------------------------------------------------------------------------------------- the frames


def test_an_empty_frame_has_the_columns_and_types_of_a_full_one(
    tmp_path: Path, books: MadeBooks, writer: AtlasWriter
) -> None:
    empty = make_books(tmp_path / "empty")
    add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(40,)))
    submit(books)
    lost = begin(writer, submit(books))
    writer.write(attempts.record_attempt, lost, "init unknown", now=START)
    writer.write(store.record_alarm, "kind", "A sentence.", raised_at=START, attempt_id=lost)

    def frames(books: MadeBooks) -> dict[str, pd.Series]:
        with reading(books) as opened:
            asked = {
                "attention": queries.attention(opened, now=NOW, overdue_ms=OVERDUE),
                "flows_since": queries.flows_since(opened, 0),
                "submissions": queries.submissions(opened),
                "open_attempts": queries.open_attempts(opened),
                "unknown_outcomes": queries.unknown_outcomes(opened),
                "alarms": queries.alarms(opened),
            }
        return {name: frame.dtypes for name, frame in asked.items()}

    full = frames(books)
    for name, types in frames(empty).items():
        pd.testing.assert_series_equal(types, full[name])
    assert full["flows_since"]["created_at"] == "Int64"
    assert full["flows_since"]["min_similarity"] == "float64"


def test_the_workers_state_is_read_by_name(books: MadeBooks, writer: AtlasWriter) -> None:
    with reading(books) as opened:
        assert queries.worker_state(opened) == {}
    writer.write(store.record_state, "atlas", "refused", "The credentials are wrong.", now=START)
    writer.write(store.record_state, "atlas", "refused", "The credentials are wrong.", now=START + 5)
    with reading(books) as opened:
        state = queries.worker_state(opened)["atlas"]
    assert (state.state, state.since, state.seen_at) == ("refused", START, START + 5)


def test_the_books_are_counted(books: MadeBooks, writer: AtlasWriter) -> None:
    submit(books)
    add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(1, 2)), by_callback=True)
    with reading(books) as opened:
        counts = queries.book_counts(opened)
    assert counts == {
        "flows": 1,
        "results": 1,
        "documents": 1,
        "cross_checks": 2,
        "deliveries": 2,
        "submissions": 1,
    }
