"""Finding flows: every count and every list equals plain SQL over the public views, whatever the filter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from atlas_core.books.mirror import Mirror
from atlas_core.books.queries import attention
from atlas_core.books.queries import found as found_queries
from atlas_core.books.reading import open_books
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError
from atlas_core.insight import paging
from atlas_core.insight.facets import FACETS, Facet, facet_counts
from atlas_core.insight.finding import (
    FlowFilter,
    Found,
    Rules,
    find,
    newest_first,
    what_needs_a_person,
)
from atlas_core.insight.paging import SORTS, Key, Sort, key_of, page_of
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds
from tests.made_columns import (
    DAY,
    DONE,
    FAILED,
    MONDAY,
    RUNNING,
    STRANGE,
    MadeBook,
    MadeCheck,
    MadeDocument,
    MadeFlow,
    made_book,
    result_of,
)

NOW = MONDAY + 40 * DAY
RULES = Rules(Thresholds(), overdue_ms=600_000, now=NOW)
PRODUCTS = ("PROD_CDL", "PROD_PL")
TYPES = ("INVOICE", "PAN", "DELIVERY_ORDER", None)
CODES = ("", "", "INVALID_DOC", "UNRECOGNISED")
CHECKS = ("CUSTOMER_NAME", "IMEI", "ADDRESS")
DEALERS = ("Star Mobiles", "Moon Radios")
PEOPLE = ("Asha Rao", "Ravi Asha", "Ravindra")

documents = st.builds(
    MadeDocument,
    type=st.sampled_from(TYPES),
    code=st.sampled_from(CODES),
    fields=st.tuples(
        st.tuples(st.just("customer_name"), st.sampled_from(PEOPLE), st.just(0.9)),
        st.tuples(st.just("dealer_name"), st.sampled_from(DEALERS), st.just(0.9)),
    ),
)
checks = st.builds(
    MadeCheck, name=st.sampled_from(CHECKS), score=st.sampled_from((None, 0, 12, 69, 69.9, 70, 90, 99.5, 100))
)
flows = st.lists(
    st.builds(
        MadeFlow,
        created_at=st.integers(0, 30).map(lambda day: MONDAY + day * DAY),
        product=st.sampled_from(PRODUCTS),
        status=st.sampled_from((DONE, DONE, FAILED, RUNNING, STRANGE)),
        seconds=st.integers(1, 4).map(lambda tens: 10 * tens),
        documents=st.lists(documents, max_size=4).map(tuple),
        checks=st.lists(checks, max_size=4).map(tuple),
        has_result=st.booleans(),
    ),
    max_size=25,
)


def some(values: tuple[str | None, ...]) -> st.SearchStrategy[tuple[str | None, ...]]:
    return st.lists(st.sampled_from([*values, "NEVER_SEEN"]), max_size=2, unique=True).map(tuple)


filters = st.builds(
    FlowFilter,
    text=st.sampled_from(("", "", "", "APP-1", "flow-0000", "flow-00001-0", "nothing", "PP-1", "%")),
    words=st.sampled_from(("", "", "", "asha", "RAVI asha", "rav*", "ravi radios", "nobody", "*")),
    outcomes=some(tuple(str(outcome) for outcome in Outcome)),
    statuses=some(("SUCCESS", "FAILED", "IN_PROGRESS", "PAUSED", None)),
    products=some(PRODUCTS),
    types=some(TYPES),
    codes=some(("INVALID_DOC", "UNRECOGNISED")),
    checks=some(CHECKS),
    dealers=some(DEALERS),
    created_from=st.none() | st.integers(0, 30).map(lambda day: MONDAY + day * DAY),
    created_to=st.none() | st.integers(0, 30).map(lambda day: MONDAY + day * DAY + 1),
    attention=st.sampled_from((None, None, None, "review", "failed", "overdue", "alarm")),
)

VALUES_SQL = {
    "outcome": "SELECT flow_uuid, outcome FROM flows_v",
    "status": "SELECT flow_uuid, master_status FROM flows_v",
    "product": "SELECT flow_uuid, product_type FROM flows_v",
    "type": "SELECT flow_uuid, nullif(document_type, '') FROM documents_v",
    "code": "SELECT flow_uuid, error_code FROM documents_v WHERE error_code <> ''",
    "check": "SELECT flow_uuid, name FROM cross_checks_v WHERE similarity_score < 70",
    # The delivery order's name counts before any other.
    "dealer": """
        SELECT flow_uuid, value FROM fields_v v
        WHERE document_type = 'DELIVERY_ORDER' AND name = 'dealer_name'
          AND position = (SELECT min(position) FROM documents_v d
                          WHERE d.flow_uuid = v.flow_uuid AND d.document_type = 'DELIVERY_ORDER')
    """,
}


class Oracle:
    """The same questions, asked of the views in plain SQL, one by one."""

    def __init__(self, book: MadeBook, wanted: FlowFilter) -> None:
        self.every = {row[0] for row in book.rows("SELECT flow_uuid FROM flows_v")}
        self.values: dict[str, set[tuple[str, str | None]]] = {
            facet: set(book.rows(sql))
            for facet, sql in VALUES_SQL.items()  # type: ignore[misc]
        }
        self.fits = {facet: self._having(facet, wanted.chosen(facet)) for facet in FACETS}
        self.rest = self._rest(book, wanted)

    def _having(self, facet: Facet, chosen: tuple[str | None, ...]) -> set[str]:
        if not chosen:
            return self.every
        return {flow_uuid for flow_uuid, value in self.values[facet] if value in chosen}

    def _rest(self, book: MadeBook, wanted: FlowFilter) -> set[str]:
        fits = set(self.every)
        created = dict(book.rows("SELECT flow_uuid, unixepoch(created_at) * 1000 FROM flows_v"))
        if wanted.created_from is not None:
            fits &= {uuid for uuid, at in created.items() if at >= wanted.created_from}
        if wanted.created_to is not None:
            fits &= {uuid for uuid, at in created.items() if at < wanted.created_to}
        if wanted.text:
            ids = book.rows(
                "SELECT flow_uuid, flow_uuid FROM flows_v UNION SELECT flow_uuid, application_id FROM flows_v"
                " UNION SELECT flow_uuid, document_id FROM documents_v"
            )
            fits &= {uuid for uuid, own in ids if str(own).startswith(wanted.text)}
        if wanted.words:
            for word in wanted.words.lower().split():
                texts = book.rows("SELECT flow_uuid, lower(value) FROM fields_v")
                matches = str.startswith if word.endswith("*") and len(word) > 1 else str.__eq__
                fits &= {
                    uuid
                    for uuid, text in texts
                    if any(matches(part, word.removesuffix("*") or word) for part in str(text).split())
                }
        if wanted.attention:
            conditions = {
                "review": "outcome = 'review'",
                "failed": "outcome = 'failed'",
                "overdue": "outcome IN ('running', 'unknown')",  # all were sent days ago
                "alarm": "0",
            }
            sql = "SELECT flow_uuid FROM flows_v WHERE " + conditions[wanted.attention]  # noqa: S608
            fits &= {row[0] for row in book.rows(sql)}
        return fits

    def flows(self, *, but: Facet | None = None) -> set[str]:
        fits = set(self.rest)
        for facet, having in self.fits.items():
            if facet != but:
                fits &= having
        return fits

    def counts(self, facet: Facet) -> dict[str | None, int]:
        among = self.flows(but=facet)
        counted: dict[str | None, int] = {}
        for flow_uuid, value in self.values[facet]:
            if flow_uuid in among:
                counted[value] = counted.get(value, 0) + 1
        return counted


def look_up(book: MadeBook, wanted: FlowFilter, **how: object) -> Found:
    with open_books(book.folder / "atlas.db", book.folder / "desk.db") as books:
        return find(books, book.columns, wanted, RULES, **how)  # type: ignore[arg-type]


@given(flows, st.lists(filters, min_size=1, max_size=4))
@settings(max_examples=40)
def test_lists_totals_and_facets_equal_plain_sql_over_the_views(
    made: list[MadeFlow], asked: list[FlowFilter]
) -> None:
    with made_book(made) as book:
        for wanted in asked:
            oracle, found = Oracle(book, wanted), look_up(book, wanted)
            assert set(found.rows["flow_uuid"]) == oracle.flows()
            assert found.page.total == len(oracle.flows())
            assert {facet: dict(found.facets[facet].values) for facet in FACETS} == {
                facet: oracle.counts(facet) for facet in FACETS
            }
            assert not found.cut


SORT_SQL: dict[Sort, str] = {
    "newest": "created_at DESC",
    "worst": "coalesce(CAST(min_similarity AS INTEGER), 101)",
    "longest": f"coalesce(ended_at, {NOW}) - created_at DESC",
}


@given(flows, st.sampled_from(SORTS), st.integers(1, 7), st.sampled_from((4, 9, 1 << 14)))
@settings(max_examples=60)
def test_pages_by_key_give_each_flow_once_in_order_to_the_last_page_and_back(
    made: list[MadeFlow], sort: Sort, size: int, sample: int
) -> None:
    with made_book(made) as book, patch.object(paging, "_SAMPLE", sample):
        ordered = f"SELECT flow_id FROM flows ORDER BY {SORT_SQL[sort]}, flow_id DESC"  # noqa: S608
        order = [row[0] for row in book.rows(ordered)]
        expected = [order[start : start + size] for start in range(0, len(order), size)] or [[]]
        mask = book.columns.flows.exists
        keys: list[Key | None] = [None]
        for place, ids in enumerate(expected):
            page = page_of(book.columns, mask, sort, keys[-1], size, now=NOW)
            assert (page.flow_ids, page.skipped, page.total) == (ids, place * size, len(order))
            assert page.before == (keys[-2] if place > 1 else None)
            is_last = place == len(expected) - 1
            assert (page.next is None) == (page.last is None) == is_last
            if page.last:
                assert page_of(book.columns, mask, sort, page.last, size, now=NOW).flow_ids == expected[-1]
            keys.append(page.next)
        if order:
            beyond = Key(-(10**12), 0)
            assert page_of(book.columns, mask, sort, beyond, size, now=NOW).flow_ids == expected[-1]


@pytest.fixture(scope="module")
def book() -> Iterator[MadeBook]:
    made = [
        MadeFlow(
            created_at=MONDAY + number * DAY // 10,
            product=PRODUCTS[number % 2],
            documents=(MadeDocument("INVOICE", fields=(("customer_name", f"Person{number} Common", 0.9),)),),
            checks=(MadeCheck("IMEI", number), MadeCheck("IMEI", number), MadeCheck("ADDRESS", 95)),
        )
        for number in range(100)
    ]
    with made_book(made) as book:
        yield book


def test_a_key_whose_flow_no_longer_fits_still_marks_its_place(book: MadeBook) -> None:
    first = look_up(book, FlowFilter(), size=30)
    assert first.page.next is not None
    second = look_up(book, FlowFilter(products=("PROD_PL",)), size=30, after=first.page.next)
    assert second.rows["created_at"].max() < first.rows["created_at"].min()
    assert second.page.skipped == 15


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "a.b", "1.2.3", "--1.2", "1.-2", "9" * 30 + ".1", "१.२"]
)
def test_an_address_with_a_spoiled_key_shows_the_first_page(text: str) -> None:
    assert key_of(text) is None
    assert key_of(str(Key(-5, 77))) == Key(-5, 77)


def test_a_search_that_meets_too_many_flows_says_that_it_was_cut(
    book: MadeBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_books(book.folder / "atlas.db", book.folder / "desk.db") as books:
        ids, is_cut = found_queries.flow_ids_with_words(books, "common", at_most=10)
        assert (ids.tolist(), is_cut) == (list(range(91, 101)), True)  # the newest
        ids, is_cut = found_queries.flow_ids_with_words(books, "common", first=20, last=25, at_most=10)
        assert (ids.tolist(), is_cut) == (list(range(20, 26)), False)
        ids, is_cut = found_queries.flow_ids_with_id(books, "APP-1", at_most=3)
        assert (len(ids), is_cut) == (3, True)
        assert found_queries.flow_ids_with_id(books, "APP-1", at_most=None)[1] is False


@given(flows)
@settings(max_examples=30)
def test_what_needs_a_person_is_the_same_from_the_mirror_and_from_the_book(made: list[MadeFlow]) -> None:
    with (
        made_book(made) as book,
        open_books(book.folder / "atlas.db", book.folder / "desk.db") as books,
    ):
        by_sql = attention(books, now=RULES.now, overdue_ms=RULES.overdue_ms)
        counted = what_needs_a_person(books, book.columns, RULES)
        assert_frame_equal(counted, by_sql.drop(columns="flow_uuid"))
        for row in counted.itertuples():
            found = look_up(book, FlowFilter(attention=row.reason))
            assert (found.page.total, min(found.rows["created_at"])) == (row.flows, row.oldest_at)


def test_a_reason_that_does_not_exist_is_refused(book: MadeBook) -> None:
    with pytest.raises(InputError):
        look_up(book, FlowFilter(attention="1 OR 1"))


def test_a_reopened_mirror_with_replaced_results_counts_the_new_ones_only() -> None:
    flow = MadeFlow(documents=(MadeDocument("PAN", "INVALID_DOC"),), checks=(MadeCheck("IMEI", 3),))
    with made_book([flow] * 5) as book, AtlasWriter(book.folder / "atlas.db") as writer:
        mirror = Mirror(writer, book.folder / "atlas.db")
        mirror.catch_up()
        counted = look_up(book, FlowFilter()).facets
        assert [counted[facet].values for facet in ("type", "code", "check")] == [
            (("PAN", 5),),
            (("INVALID_DOC", 5),),
            (("IMEI", 5),),
        ]
        better = dataclasses.replace(
            flow,
            documents=(MadeDocument("AADHAAR"), MadeDocument("AADHAAR")),
            checks=(MadeCheck("NEW", 69.9),),
        )
        writer.write(
            save_result,
            2,
            result_of("flow-00002", better),
            channel="extracts",
            received_at=NOW,
            confirmed=True,
            standards=Standards(),
        )
        mirror.catch_up()
        mirror.close()
        found = look_up(book, FlowFilter()).facets
        assert dict(found["type"].values) == {"PAN": 4, "AADHAAR": 1}
        assert dict(found["code"].values) == {"INVALID_DOC": 4}
        assert dict(found["check"].values) == {"IMEI": 4, "NEW": 1}
        assert look_up(book, FlowFilter(types=("AADHAAR",))).rows["flow_uuid"].tolist() == ["flow-00002"]


def test_many_different_codes_are_all_filters_and_the_first_ones_counted() -> None:
    made = [MadeFlow(documents=(MadeDocument("PAN", f"CODE_{number:03}"),)) for number in range(100)]
    with made_book(made) as book:
        counts = look_up(book, FlowFilter()).facets["code"]
        assert len(counts.values) + counts.uncounted in (100, 101)
        assert counts.uncounted > 0
        for code in ("CODE_001", "CODE_099"):
            assert look_up(book, FlowFilter(codes=(code,))).page.total == 1
        assert look_up(book, FlowFilter(codes=("CODE_001", "CODE_099"))).page.total == 2


def test_newest_first_is_the_order_of_the_list(book: MadeBook) -> None:
    columns = book.columns
    order = [row[0] for row in book.rows("SELECT flow_id FROM flows ORDER BY created_at DESC, flow_id DESC")]
    assert newest_first(columns, columns.flows.exists).tolist() == order


def test_another_threshold_counts_other_checks(book: MadeBook) -> None:
    columns = book.columns
    for thresholds, flows_below in (
        (Thresholds(50), 50),
        (Thresholds(0), 0),
        (Thresholds(), 70),
        (Thresholds().with_check("IMEI", 50, 90), 50),
        (Thresholds(0).with_check("IMEI", 70, 90), 70),
        (Thresholds(50).with_check("ANOTHER", 70, 90), 50),
    ):
        counts = facet_counts(columns, "check", columns.flows.exists, thresholds=thresholds)
        assert dict(counts.values).get("IMEI", 0) == flows_below
