"""Every number about cross-checks equals a plain SQL count over the views, for any book and any filter."""

# ruff: noqa: S608 -- the SQL is made of these tests' own words

from __future__ import annotations

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from atlas_core.insight.cases import CheckRange, check_cases, document_cases
from atlas_core.insight.distributions import checks_per_band, checks_per_score
from atlas_core.insight.quadrants import GRID_STEP, QUADRANTS, quadrants
from atlas_core.insight.selection import Selection
from atlas_core.insight.trends import Trait, bands_per_week
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds
from tests.any_books import (
    books,
    both_ways,
    checks_sql,
    counted,
    documents_sql,
    few_books,
    flows_sql,
    number,
    rows_of,
    three,
    thresholds,
    thresholds_sql,
)
from tests.made_columns import DAY, MadeFlow, made_book


@few_books
@given(books, three, thresholds)
def test_histograms_and_bands_count_what_the_views_hold(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds
) -> None:
    with made_book(flows) as book:
        for columns, selection in itertools.product(both_ways(book), selected):
            table = checks_per_score(columns, selection)
            checks = checks_sql(selection)
            assert rows_of(table.frame(), "check", "similarity", "checks") == counted(
                book,
                f"""SELECT name, CAST(similarity_score AS INTEGER), count(similarity_score)
                FROM {checks} GROUP BY 1, 2""",
            )
            assert table.without_score == number(
                book, f"SELECT count(*) FROM {checks} WHERE similarity_score IS NULL"
            )
            banded = f"""SELECT name, CASE WHEN similarity_score IS NULL THEN 'no score'
              WHEN similarity_score < review_below THEN 'review'
              WHEN similarity_score < strong_from THEN 'unclear' ELSE 'strong' END, count(*)
              FROM {checks} JOIN {thresholds_sql(cut)} USING (name) GROUP BY 1, 2"""
            frame = checks_per_band(table, cut)
            assert rows_of(frame[frame["check"].notna()], "check", "band", "checks") == counted(book, banded)
            together: Counter[tuple[object, ...]] = Counter()
            for (_, band), checks_in_band in counted(book, banded).items():
                together[(band,)] += checks_in_band
            assert rows_of(frame[frame["check"].isna()], "band", "checks") == together


@few_books
@given(books, three, thresholds, thresholds)
def test_a_what_if_moves_the_flows_and_checks_that_sql_moves(
    flows: list[MadeFlow], selected: list[Selection], before: Thresholds, after: Thresholds
) -> None:
    with made_book(flows, review_below=before.review_below) as book:
        for columns, selection in itertools.product(both_ways(book), selected):
            asks = """CASE WHEN document_errors > 0 OR review_flags > 0 OR EXISTS (
              SELECT 1 FROM cross_checks_v c JOIN {} t USING (name)
              WHERE c.flow_uuid = s.flow_uuid AND c.similarity_score < t.review_below)
              THEN 'review' ELSE 'clear' END"""
            moves = book.rows(
                f"""SELECT b.flow_id, {asks.format(thresholds_sql(before))},
                {asks.format(thresholds_sql(after))}
                FROM {flows_sql(selection)} s
                JOIN (SELECT flow_uuid, flow_id, review_flags FROM flows) b USING (flow_uuid)
                WHERE outcome IN ('clear', 'review')"""
            )
            found = what_if(columns, selection, before, after)
            assert found.flows == len(moves)
            assert found.review_before == sum(was == "review" for _, was, _ in moves)
            assert found.review_after == sum(is_now == "review" for _, _, is_now in moves)
            changed = sorted((one for one, was, is_now in moves if was != is_now), reverse=True)
            assert found.changed.tolist() == changed
            assert rows_of(found.flows_per_change(), "from_outcome", "to_outcome", "flows") == Counter(
                (was, is_now) for _, was, is_now in moves if was != is_now
            )
            assert found.checks == number(
                book, f"SELECT count(similarity_score) FROM {checks_sql(selection)}"
            )
            band = """CASE WHEN similarity_score < {0}.review_below THEN 'review'
              WHEN similarity_score < {0}.strong_from THEN 'unclear' ELSE 'strong' END"""
            assert rows_of(found.moved, "check", "from_band", "to_band", "checks") == counted(
                book,
                f"""SELECT * FROM (
                SELECT name, {band.format("b")} AS was, {band.format("a")} AS is_now, count(*)
                FROM {checks_sql(selection)} JOIN {thresholds_sql(before)} b USING (name)
                JOIN {thresholds_sql(after)} a USING (name)
                WHERE similarity_score IS NOT NULL GROUP BY 1, 2, 3) WHERE was <> is_now""",
            )


@few_books
@given(books, three)
def test_the_thresholds_as_they_are_leave_every_outcome_as_it_is(
    flows: list[MadeFlow], selected: list[Selection]
) -> None:
    with made_book(flows, review_below=70) as book:
        for selection in selected:
            found = what_if(book.columns, selection, Thresholds(70, 90), Thresholds(70, 95))
            assert found.review_before == number(
                book, f"SELECT count(*) FROM {flows_sql(selection)} WHERE outcome = 'review'"
            )
            assert not len(found.changed)


@few_books
@given(books, three, thresholds, st.integers(1, 100))
def test_quadrants_count_what_the_tables_hold(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds, confident_from: int
) -> None:
    with made_book(flows) as book:
        for selection in selected:
            # The views have no confidence: it is the table's, whole hundredths as its own digits say.
            rows = f"""(SELECT s.*, t.review_below, min(coalesce(k.source_confidence, k.target_confidence),
              coalesce(k.target_confidence, k.source_confidence)) AS low FROM {checks_sql(selection)} s
              JOIN flows f USING (flow_uuid) JOIN cross_checks k
              ON k.result_id = f.result_id AND k.position = s.position
              JOIN {thresholds_sql(cut)} t ON t.name = s.name WHERE s.similarity_score IS NOT NULL)"""
            hundredth = "max(CAST(low * 100 + 0.001 AS INTEGER), 1)"
            well = f"{hundredth} >= {confident_from}"
            found = quadrants(book.columns, selection, cut, confident_from)
            assert rows_of(found.frame, "quadrant", "checks") == counted(
                book,
                f"""SELECT CASE WHEN similarity_score < review_below
                THEN iif({well}, '{QUADRANTS[1]}', '{QUADRANTS[0]}')
                ELSE iif({well}, '{QUADRANTS[3]}', '{QUADRANTS[2]}') END, count(*)
                FROM {rows} WHERE low > 0 GROUP BY 1""",
            )
            assert rows_of(found.apart, "confidence", "low") == counted(
                book,
                f"""SELECT iif(low IS NULL, 'none', 'zero'), count(*) FROM {rows}
                WHERE coalesce(low, 0) = 0 AND similarity_score < review_below GROUP BY 1""",
            )
            assert rows_of(found.density, "similarity", "checks") == counted(
                book,
                f"""SELECT CAST(similarity_score AS INTEGER) / {GRID_STEP} * {GRID_STEP}, count(*)
                FROM {rows} WHERE low > 0 GROUP BY 1""",
            )
            assert rows_of(found.density, "confidence", "checks") == counted(
                book,
                f"""SELECT {hundredth} / {GRID_STEP} * {GRID_STEP} / 100.0, count(*)
                FROM {rows} WHERE low > 0 GROUP BY 1""",
            )


GROUPS: dict[Trait | None, str] = {
    None: "NULL",
    "product": "product_type",
    "quality": "quality_flag",
    "dealer": "dealer",
}


@few_books
@given(books, three, thresholds)
def test_trends_count_what_the_views_hold_week_by_week(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds
) -> None:
    with made_book(flows) as book:
        for columns, selection, (by, group) in itertools.product(both_ways(book), selected, GROUPS.items()):
            frame = bands_per_week(columns, selection, cut, "week", by)
            rows = f"""{checks_sql(selection)} s JOIN {thresholds_sql(cut)} t USING (name)
              WHERE similarity_score IS NOT NULL GROUP BY 1, 2, 3"""
            week = f"((created_ms / {DAY} + 3) / 7 * 7 - 3) * {DAY}"
            for column, what in (
                ("n", "count(*)"),
                ("review", "sum(similarity_score < review_below)"),
                ("below_strong", "sum(similarity_score < strong_from)"),
            ):
                assert rows_of(frame, "check", "group", "start_at", column) == counted(
                    book, f"SELECT name, {group}, {week}, {what} FROM {rows}"
                )


@few_books
@given(books, three, thresholds)
def test_a_check_counts_for_the_document_types_of_both_its_sides(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds
) -> None:
    with made_book(flows) as book:
        for columns, selection in itertools.product(both_ways(book), selected):
            frame = bands_per_week(columns, selection, cut, "month", "document_type")
            sides = f"""FROM (SELECT name, source_doc AS side, created_ms FROM {checks_sql(selection)}
              WHERE similarity_score IS NOT NULL UNION ALL SELECT name, target_doc, created_ms
              FROM {checks_sql(selection)} WHERE similarity_score IS NOT NULL AND target_doc <> source_doc)"""
            month = "CAST(strftime('%s', created_ms / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"
            assert rows_of(frame, "check", "group", "start_at", "n") == counted(
                book, f"SELECT name, side, {month}, count(*) {sides} GROUP BY 1, 2, 3"
            )


@few_books
@given(books, three, thresholds, st.integers(0, 100), st.integers(0, 100), st.integers(1, 3))
def test_cases_are_the_rows_that_were_counted_newest_first_on_every_page(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds, low: int, high: int, page: int
) -> None:
    with made_book(flows) as book:
        for selection in selected:
            within = CheckRange(score_from=low, score_to=high, bands=("review", "strong"), thresholds=cut)
            rows = book.rows(
                f"""SELECT b.flow_id, position
                FROM {checks_sql(selection)} JOIN {thresholds_sql(cut)} USING (name)
                JOIN (SELECT flow_id, flow_uuid FROM flows) b USING (flow_uuid)
                WHERE CAST(similarity_score AS INTEGER) BETWEEN {low} AND {high}
                AND (similarity_score < review_below OR similarity_score >= strong_from)"""
            )
            rows.sort(reverse=True)
            found = check_cases(book.columns, selection, within, page, 4)
            assert found.total == len(rows)
            on_page = list(zip(found.flow_ids.tolist(), found.ordinals.tolist(), strict=True))
            assert on_page == rows[(page - 1) * 4 : page * 4]

            documents = book.rows(
                f"""SELECT b.flow_id, position FROM {documents_sql(selection)}
                JOIN (SELECT flow_id, flow_uuid FROM flows) b USING (flow_uuid) WHERE error_code <> ''"""
            )
            documents.sort(reverse=True)
            cases = document_cases(book.columns, selection, page=page, per_page=4)
            assert cases.total == len(documents)
            on_page = list(zip(cases.flow_ids.tolist(), cases.ordinals.tolist(), strict=True))
            assert on_page == documents[(page - 1) * 4 : page * 4]
