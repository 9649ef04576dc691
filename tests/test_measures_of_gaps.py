"""Checks that never ran, with their reasons; errors that a later flow cured; and the rows behind numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from atlas_core.books.queries.cases import checks_at, documents_at, flows_with_field, later_flows
from atlas_core.books.reading import Books, open_books
from atlas_core.insight.cases import CheckRange, check_cases
from atlas_core.insight.coverage import coverage, expected_checks
from atlas_core.insight.cures import cured_codes, flows_to_ask
from atlas_core.insight.gaps import ABSENT, EMPTY, READ, UNKNOWN, flows_per_gap, gaps, split_read
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from tests.made_columns import DAY, FAILED, MONDAY, MadeBook, MadeCheck, MadeDocument, MadeFlow, made_book

ALL = Selection()
ORDER = MadeDocument("DELIVERY_ORDER", fields=(("customer_name", "Invented Person", 0.9),))
INVOICE = MadeDocument("INVOICE", fields=(("customer_name", "Invented Person", 0.9),))
EMPTY_INVOICE = MadeDocument("INVOICE", fields=(("customer_name", "", 0.9),))
BAD_INVOICE = MadeDocument("INVOICE", "INVALID_DOC", "blurred")
STRANGER = MadeDocument(None, "UNRECOGNISED", "document not in list")
NAME = MadeCheck("NAME", 95)


@contextmanager
def reading(book: MadeBook) -> Iterator[Books]:
    with open_books(book.folder / "atlas.db", book.folder / "desk.db") as books:
        yield books


def flows_that(
    *documents: MadeDocument, count: int = 1, checks: tuple[MadeCheck, ...] = ()
) -> list[MadeFlow]:
    return [MadeFlow(documents=documents, checks=checks)] * count


def test_a_check_that_never_ran_is_told_with_its_reason_and_its_share_of_the_match_rate() -> None:
    flows = [
        *flows_that(ORDER, INVOICE, count=30, checks=(NAME,)),
        *flows_that(ORDER, INVOICE, count=10, checks=(MadeCheck("NAME", 80), MadeCheck("RARE", 95))),
        *flows_that(ORDER, BAD_INVOICE, count=4),
        *flows_that(ORDER, BAD_INVOICE, INVOICE),  # one of the two invoices was read
        *flows_that(ORDER, STRANGER, count=3),
        *flows_that(ORDER, BAD_INVOICE, STRANGER),
        *flows_that(BAD_INVOICE),  # the order is absent, and yet this says more
        *flows_that(ORDER, count=2),
        *flows_that(ORDER, EMPTY_INVOICE),
        MadeFlow(status=FAILED),
        MadeFlow(product="POC_CDL"),
    ]
    with made_book(flows) as book:
        columns = book.columns
        expected = expected_checks(columns, ALL)
        assert expected == (("PROD_CDL", ("NAME",)),)
        (row,) = coverage(columns, ALL, expected, Thresholds()).itertuples()
        assert (row.flows, row.ran, row.lacking, row.matched) == (53, 40, 13, 30)
        assert (row.match_rate_of_ran, row.match_rate_of_flows) == (30 / 40, 30 / 53)

        found = gaps(columns, ALL, expected)
        frame = flows_per_gap(found)
        assert dict(zip(frame["reason"], frame["flows"], strict=True)) == {
            "INVALID_DOC": 6,
            "UNRECOGNISED": 3,
            ABSENT: 2,
            READ: 2,
        }
        (read,) = (gap for gap in found if gap.reason == READ)
        kind = read.kind
        assert kind is not None
        with reading(book) as books:
            ids = read.flow_ids.tolist()
            sources = flows_with_field(books, ids, kind.source_doc, kind.source_field_name)
            targets = flows_with_field(books, ids, kind.target_doc, kind.target_field_name)
        assert split_read(read.flow_ids, sources, targets) == {EMPTY: [53], UNKNOWN: [45]}


def test_a_check_that_someone_expects_and_nobody_ever_ran_is_lacking_everywhere() -> None:
    with made_book(flows_that(ORDER, count=2)) as book:
        expected = (("PROD_CDL", ("NEVER",)), ("NO_SUCH_PRODUCT", ("NAME",)))
        (row,) = coverage(book.columns, ALL, expected, Thresholds()).itertuples()
        assert (row.check, row.flows, row.ran, row.lacking) == ("NEVER", 2, 0, 2)
        (gap,) = gaps(book.columns, ALL, expected)
        assert (gap.reason, gap.kind, gap.flow_ids.tolist()) == (UNKNOWN, None, [2, 1])


def test_what_cured_an_error_later_in_the_same_application_is_counted() -> None:
    pan, bad_pan = MadeDocument("PAN"), MadeDocument("PAN", "INVALID_DOC", "blurred")

    def sent(day: int, application: str, *documents: MadeDocument) -> MadeFlow:
        return MadeFlow(created_at=MONDAY + day * DAY, application=application, documents=documents)

    flows = [
        sent(0, "APP-A", ORDER, STRANGER),
        sent(1, "APP-A", ORDER, INVOICE),  # the stranger was an invoice
        sent(0, "APP-B", bad_pan),
        sent(2, "APP-B", bad_pan),
        sent(5, "APP-B", pan),  # cures both
        sent(0, "APP-C", bad_pan),  # never sent again
        sent(0, "APP-D", bad_pan),
        sent(1, "APP-D", ORDER),  # sent again, without a PAN card
        sent(0, "APP-E", STRANGER),
        sent(1, "APP-E", STRANGER),
        sent(1, "APP-E", *()),  # a result without documents cures nothing
    ]
    with made_book(flows) as book, reading(book) as books:
        asked = flows_to_ask(book.columns, ALL)
        cures = cured_codes(book.columns, ALL, later_flows(books, asked))
        early = Selection(created_to=MONDAY + DAY)
        later = later_flows(books, flows_to_ask(book.columns, early))
        first_day = cured_codes(book.columns, early, later)
    assert sorted(cures.frame.itertuples(index=False, name=None)) == [
        ("INVALID_DOC", "PAN", 4, 3, 2, 3 * DAY),
        ("UNRECOGNISED", None, 3, 3, 1, DAY),
    ]
    assert sorted(cures.by.itertuples(index=False, name=None)) == [
        ("INVALID_DOC", "PAN", "PAN", 2),
        ("UNRECOGNISED", None, "INVOICE", 1),
    ]
    assert (cures.flows, cures.of_flows) == (7, 7)
    # What cured an error may lie outside the period in which it came.
    assert first_day.frame["cured"].sum() == 2


def test_pages_of_cases_begin_with_the_newest_and_lose_none() -> None:
    scores = (50, None, 60, 95, 65, None, 69)
    flows = [
        MadeFlow(checks=tuple(MadeCheck("NAME", score) for score in scores)),
        MadeFlow(checks=(NAME, MadeCheck("NAME", 60))),
    ]
    low = CheckRange(bands=("review",))
    with made_book(flows) as book:
        pages = [check_cases(book.columns, ALL, low, page, 2) for page in (1, 2, 3, 4)]
        without = check_cases(book.columns, ALL, CheckRange(no_score=True))
        every = check_cases(book.columns, ALL)
        scored = check_cases(book.columns, ALL, CheckRange(score_from=60, score_to=65))
        moved = CheckRange(bands=("review",), bands_after=("unclear",), after=Thresholds(60, 90))
        from_review = check_cases(book.columns, ALL, moved)
    rows = [list(zip(page.flow_ids.tolist(), page.ordinals.tolist(), strict=True)) for page in pages]
    assert rows == [[(2, 1), (1, 6)], [(1, 4), (1, 2)], [(1, 0)], []]
    assert [page.total for page in pages] == [5] * 4
    assert without.ordinals.tolist() == [5, 1]
    assert (every.total, scored.total) == (9, 3)
    assert from_review.ordinals.tolist() == [1, 6, 4, 2]


def test_the_rows_behind_a_number_come_with_their_values_in_the_order_asked() -> None:
    flows = [
        MadeFlow(documents=(ORDER, BAD_INVOICE), checks=(NAME, MadeCheck("ADDRESS", 12.5))),
        MadeFlow(documents=(STRANGER,), checks=(MadeCheck("NAME", None),)),
    ]
    with made_book(flows) as book, reading(book) as books:
        checks = checks_at(books, [2, 1, 1, 1], [0, 1, 0, 9])
        documents = documents_at(books, [2, 1, 7], [0, 1, 0])
    assert [(row["flow_uuid"], row["position"], row["name"], row["similarity"]) for row in checks] == [
        ("flow-00002", 0, "NAME", None),
        ("flow-00001", 1, "ADDRESS", 12.5),
        ("flow-00001", 0, "NAME", 95),
    ]
    assert [checks[2][f"{side}_value"] for side in ("source", "target")] == ["one", "two"]
    assert [checks[2][f"{side}_confidence"] for side in ("source", "target")] == [0.9, None]
    assert [checks[0][f"{side}_confidence"] for side in ("source", "target")] == [None, None]
    assert documents[["flow_uuid", "error_code", "error_reason"]].to_numpy().tolist() == [
        ["flow-00002", "UNRECOGNISED", "document not in list"],
        ["flow-00001", "INVALID_DOC", "blurred"],
    ]
