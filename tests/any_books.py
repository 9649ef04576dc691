"""Any small book and any selection, for Hypothesis, and the same selection as SQL over the public views."""

# ruff: noqa: S608 -- the SQL is made of these tests' own words

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from atlas_core.books.columns import Columns
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from tests.made_columns import (
    DAY,
    DONE,
    FAILED,
    MONDAY,
    READ_FIRST,
    RUNNING,
    STRANGE,
    UPLOADING,
    MadeBook,
    MadeCheck,
    MadeDocument,
    MadeFlow,
)

PRODUCTS = ("PROD_CDL", "POC_CDL", "ODD ONE'S")
CHECKS = ("CUSTOMER_NAME", "DEALER_ADDRESS", "PHOTO_MATCH")
TYPES = ("DELIVERY_ORDER", "INVOICE", "PAN")
CODES = ("INVALID_DOC", "UNRECOGNISED")
REASONS = ("multiple faces", "document not in list")
DEALERS = ("Invented Shop", "Other Shop")
QUALITIES = ("original", "xerox_copy")
OUTCOMES = ("running", "clear", "review", "failed", "unknown")

confidences = st.sampled_from([None, 0.0, 0.005, 0.29, 0.57, 0.7, 0.95, 0.999, 1.0])
similarities = st.one_of(
    st.none(), st.integers(0, 100), st.sampled_from([69.5, 69.999, 70, 89.99, 90, 99.5, 100.0])
)


@st.composite
def documents(draw: st.DrawFn) -> MadeDocument:
    document_type = draw(st.sampled_from([*TYPES, None]))
    code = draw(st.sampled_from(["", "", "", *CODES]))
    fields = [("customer_name", draw(st.sampled_from(["Invented Person", ""])), draw(confidences))]
    if document_type == "DELIVERY_ORDER":
        fields.append(("dealer_name", draw(st.sampled_from([*DEALERS, ""])), 0.9))
    if document_type == "PAN":
        fields.append(("document_quality_flag", draw(st.sampled_from([*QUALITIES, ""])), 0.0))
    reason = draw(st.sampled_from(["", *REASONS])) if code else ""
    return MadeDocument(document_type, code, reason, tuple(fields))


checks = st.builds(
    MadeCheck,
    name=st.sampled_from(CHECKS),
    score=similarities,
    source=st.sampled_from(TYPES),
    target=st.sampled_from(TYPES),
)

flows = st.builds(
    MadeFlow,
    created_at=st.builds(
        lambda day, ms: MONDAY + day * DAY + ms,
        st.integers(0, 40),
        st.sampled_from([0, 0, 1, DAY // 2, DAY - 1]),
    ),
    product=st.sampled_from(PRODUCTS),
    application=st.sampled_from(["", "APP-A", "APP-B"]),
    status=st.sampled_from([DONE, DONE, DONE, DONE, FAILED, RUNNING, STRANGE]),
    seconds=st.integers(100, 300),
    looks=st.lists(
        st.tuples(st.integers(0, 99), st.sampled_from([RUNNING, UPLOADING, READ_FIRST])),
        max_size=2,
        unique_by=lambda look: look[0],
    ).map(lambda looks: tuple(sorted(looks, key=lambda look: look[0]))),
    documents=st.lists(documents(), max_size=4).map(tuple),
    checks=st.lists(checks, max_size=5).map(tuple),
    has_result=st.sampled_from([True, True, True, False]),
)
books = st.lists(flows, max_size=12)


def some(values: Sequence[str | None]) -> st.SearchStrategy[tuple[str | None, ...]]:
    """Nothing, mostly, or some of the values and one that nobody has."""
    return st.one_of(
        st.just(()),
        st.just(()),
        st.lists(st.sampled_from([*values, "NOBODY"]), min_size=1, unique=True).map(tuple),
    )


def moments(first_day: int, last_day: int) -> st.SearchStrategy[int | None]:
    """Mostly whole days, as the pages ask for them."""
    return st.one_of(
        st.none(),
        st.builds(
            lambda day, part: MONDAY + day * DAY + part,
            st.integers(first_day, last_day),
            st.sampled_from([0, 0, 0, DAY // 2]),
        ),
    )


selections = st.builds(
    Selection,
    created_from=moments(-2, 40),
    created_to=moments(0, 45),
    products=some(PRODUCTS),
    outcomes=some(OUTCOMES),
    dealers=some([*DEALERS, None]),
    qualities=some([*QUALITIES, None]),
    checks=some(CHECKS),
    document_types=some([*TYPES, None]),
    codes=some(CODES),
    reasons=some([*REASONS, None]),
)

pairs = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)
thresholds = st.builds(
    lambda every, own: Thresholds(
        *every, per_check=tuple((name, *pair) for name, pair in sorted(own.items()))
    ),
    pairs,
    st.dictionaries(st.sampled_from(CHECKS), pairs, max_size=2),
)


def flows_sql(selection: Selection) -> str:
    """The selected flows: flow_uuid, created_ms and what the public view has of them."""
    kept = []
    if selection.created_from is not None:
        kept.append(f"created_at >= '{iso(selection.created_from)}'")
    if selection.created_to is not None:
        kept.append(f"created_at < '{iso(selection.created_to)}'")
    for column, wanted in (
        ("product_type", selection.products),
        ("outcome", selection.outcomes),
        ("dealer", selection.dealers),
        ("quality_flag", selection.qualities),
    ):
        if wanted:
            kept.append(among(column, wanted))
    where = " AND ".join(kept) or "1"
    return (
        "(SELECT * FROM (SELECT v.*, b.created_at AS created_ms, b.dealer, b.quality_flag"
        f" FROM flows_v v JOIN flows b USING (flow_uuid)) WHERE {where})"
    )


def checks_sql(selection: Selection) -> str:
    """The selected cross-checks of the selected flows, beside their flow's columns."""
    kept = ["1"]
    if selection.checks:
        kept.append(among("c.name", selection.checks))
    if selection.document_types:
        wanted = selection.document_types
        kept.append(f"({among('c.source_doc', wanted)} OR {among('c.target_doc', wanted)})")
    rows = f"{flows_sql(selection)} JOIN cross_checks_v c USING (flow_uuid)"
    return f"(SELECT * FROM {rows} WHERE {' AND '.join(kept)})"


def documents_sql(selection: Selection, *, of_codes: bool = True) -> str:
    """The selected documents of the selected flows; `of_codes` False: whatever their code and reason."""
    kept = ["1"]
    if selection.document_types:
        kept.append(among("d.document_type", selection.document_types))
    if of_codes and selection.codes:
        kept.append(among("d.error_code", selection.codes))
    if of_codes and selection.reasons:
        kept.append(among("nullif(d.error_reason, '')", selection.reasons))
    rows = f"{flows_sql(selection)} JOIN documents_v d USING (flow_uuid)"
    return f"(SELECT * FROM {rows} WHERE {' AND '.join(kept)})"


def thresholds_sql(given: Thresholds) -> str:
    """The thresholds of each check name, as a table: name, review_below, strong_from."""
    rows = ", ".join(f"({quoted(name)}, {low}, {high})" for name in CHECKS for low, high in [given.of(name)])
    return f"(SELECT column1 AS name, column2 AS review_below, column3 AS strong_from FROM (VALUES {rows}))"


def among(column: str, wanted: Sequence[str | None]) -> str:
    texts = ", ".join(quoted(text) for text in wanted if text is not None)
    return f"({column} IN ({texts}){f' OR {column} IS NULL' if None in wanted else ''})"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


few_books = settings(max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
three = st.lists(selections, min_size=3, max_size=3)


def both_ways(book: MadeBook) -> tuple[Columns, Columns]:
    """The book's columns with the mirror's counts, and without: every row is looked at then."""
    columns = book.columns
    assert columns.counts is not None
    return columns, replace(columns, counts=None)


def rows_of(frame: pd.DataFrame, *columns: str) -> Counter[tuple[object, ...]]:
    """What a frame's last named column counts, by the columns before it."""
    counts: Counter[tuple[object, ...]] = Counter()
    for *key, count in frame[list(columns)].itertuples(index=False):
        counts[tuple(key)] += count
    return +counts


def counted(book: MadeBook, sql: str) -> Counter[tuple[object, ...]]:
    return Counter({tuple(row[:-1]): row[-1] for row in book.rows(sql) if row[-1]})


def number(book: MadeBook, sql: str) -> object:
    return book.rows(sql)[0][0]
