"""Which flows, and how many: each answer checked against books made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from atlas_core.books import attempts, queries, store
from atlas_core.books.queries import FlowFilter
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FlowStatus
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
    return books


def found(books: MadeBooks, wanted: FlowFilter | None = None, **page: int) -> list[str]:
    with reading(books) as opened:
        return queries.find_flows(opened, wanted, **page).frame["application_id"].tolist()


def test_pages_are_newest_first_and_say_of_how_many(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        pages = [queries.find_flows(opened, page=page, per_page=40) for page in (1, 2, 3, 4)]
    assert [page.total for page in pages] == [100] * 4
    ids = [application for page in pages for application in page.frame["application_id"]]
    assert ids == [f"LOS-{number:03}" for number in reversed(range(100))]
    assert pages[3].frame.empty
    assert found(hundred, page=-3, per_page=0) == ["LOS-099"]
    assert len(found(hundred, per_page=10**9)) == 100


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
    with reading(hundred) as opened:
        page = queries.find_flows(opened, wanted, per_page=500)
    assert page.total == len(page.frame) == count


def test_a_flow_without_a_status_yet_is_found_as_such(books: MadeBooks, writer: AtlasWriter) -> None:
    begin_flow = FlowStatus(None, None, None, None)
    add_flow(writer, "flow-young", status=begin_flow)
    add_flow(writer, "flow-strange", status=FlowStatus("SUCCESS", None, None, "ON_HOLD"))
    with reading(books) as opened:
        assert queries.statuses(opened) == [None, "ON_HOLD"]
        young = queries.find_flows(opened, FlowFilter(statuses=(None,))).frame
    assert young["flow_uuid"].tolist() == ["flow-young"]
    assert young["master_status"].tolist() == [None]


def test_ids_are_looked_up_in_their_indexes(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        statements: list[str] = []
        opened._connection.set_trace_callback(statements.append)
        queries.find_flows(opened, FlowFilter(text="LOS-042"))
        opened._connection.set_trace_callback(None)
        plans = [row[3] for row in opened.rows(f"EXPLAIN QUERY PLAN {statements[2]}")]
    assert "LIMIT" in statements[2]
    assert not [step for step in plans if step.startswith("SCAN") and "CONSTANT" not in step], plans


def test_the_outcomes_add_up_and_all_five_are_named(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        every = queries.flows_per_outcome(opened)
        some = queries.flows_per_outcome(opened, created_from=START, created_to=START + 3 * MINUTE)
        assert queries.products(opened) == ["PROD_CDL", "PROD_PL"]
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
                "find_flows": queries.find_flows(opened).frame,
                "submissions": queries.submissions(opened),
                "open_attempts": queries.open_attempts(opened),
                "unknown_outcomes": queries.unknown_outcomes(opened),
                "alarms": queries.alarms(opened),
            }
        return {name: frame.dtypes for name, frame in asked.items()}

    full = frames(books)
    for name, types in frames(empty).items():
        pd.testing.assert_series_equal(types, full[name])
    assert full["find_flows"]["created_at"] == "Int64"
    assert full["find_flows"]["min_similarity"] == "float64"


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
