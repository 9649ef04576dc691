"""Every number about flows and documents equals a plain SQL count over the views, for any book and filter."""

# ruff: noqa: S608 -- the SQL is made of these tests' own words

from __future__ import annotations

from hypothesis import given

from atlas_core.insight import errors, today
from atlas_core.insight.coverage import coverage, expected_checks
from atlas_core.insight.selection import Selection
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds
from tests.any_books import (
    CHECKS,
    books,
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
@given(books, three)
def test_errors_count_what_the_views_hold(flows: list[MadeFlow], selected: list[Selection]) -> None:
    with made_book(flows) as book:
        columns = book.columns
        for selection in selected:
            wrong = f"{documents_sql(selection)} WHERE error_code <> ''"
            every = documents_sql(selection, of_codes=False)
            day = f"created_ms / {DAY} * {DAY}"
            assert rows_of(errors.errors_per_code(columns, selection), "code", "documents") == counted(
                book, f"SELECT error_code, count(*) FROM {wrong} GROUP BY 1"
            )
            per_type = errors.errors_per_type(columns, selection)
            assert rows_of(per_type, "document_type", "code", "documents") == counted(
                book, f"SELECT document_type, error_code, count(*) FROM {wrong} GROUP BY 1, 2"
            )
            of_type = counted(book, f"SELECT document_type, count(*) FROM {every} GROUP BY 1")
            assert all(of_type[(row.document_type,)] == row.n for row in per_type.itertuples())
            per_day = errors.errors_per_day(columns, selection)
            assert rows_of(per_day, "start_at", "code", "documents") == counted(
                book, f"SELECT {day}, error_code, count(*) FROM {wrong} GROUP BY 1, 2"
            )
            of_day = counted(book, f"SELECT {day}, count(*) FROM {every} GROUP BY 1")
            assert all(of_day[(row.start_at,)] == row.n for row in per_day.itertuples())
            assert rows_of(
                errors.errors_per_reason(columns, selection), "code", "reason", "documents"
            ) == counted(
                book, f"SELECT error_code, nullif(error_reason, ''), count(*) FROM {wrong} GROUP BY 1, 2"
            )
            untyped = errors.documents_without_type(columns, selection)
            in_flows = f"{flows_sql(selection)} JOIN documents_v USING (flow_uuid)"
            assert rows_of(untyped.per_code, "code", "documents") == counted(
                book,
                f"""SELECT nullif(error_code, ''), count(*) FROM {in_flows}
                WHERE document_type IS NULL GROUP BY 1""",
            )
            assert untyped.n == number(book, f"SELECT count(*) FROM {in_flows}")
            for measure, trait, column in (
                (errors.errors_per_product, "product", "product_type"),
                (errors.errors_per_dealer, "dealer", "dealer"),
            ):
                frame = measure(columns, selection)
                assert rows_of(frame, trait, "documents") == counted(
                    book, f"SELECT {column}, count(*) FROM {wrong} GROUP BY 1"
                )
                assert rows_of(frame, trait, "n") == counted(
                    book, f"SELECT {column}, count(*) FROM {every} GROUP BY 1"
                )


@few_books
@given(books, three)
def test_todays_numbers_are_what_the_views_hold(flows: list[MadeFlow], selected: list[Selection]) -> None:
    with made_book(flows) as book:
        for selection in selected:
            metrics = {metric.name: metric for metric in today.today(book.columns, selection)}
            for held, value, n in ((selection, "value", "n"), (selection.before(), "before", "before_n")):
                if held is None:
                    assert metrics["flows"].before is None
                    continue
                outcomes = counted(book, f"SELECT outcome, count(*) FROM {flows_sql(held)} GROUP BY 1")
                ended = outcomes[("clear",)] + outcomes[("review",)] + outcomes[("failed",)]
                in_flows = f"{flows_sql(held)} JOIN documents_v USING (flow_uuid)"
                documents = number(book, f"SELECT count(*) FROM {in_flows}")
                wrong = number(book, f"SELECT count(*) FROM {in_flows} WHERE error_code <> ''")
                times = [
                    time
                    for (time,) in book.rows(
                        f"""SELECT b.confirmed_at - b.created_at
                        FROM {flows_sql(held)} s JOIN flows b USING (flow_uuid)
                        WHERE b.result_id IS NOT NULL AND b.confirmed_at IS NOT NULL ORDER BY 1"""
                    )
                ]
                asked = {
                    "flows": (sum(outcomes.values()), sum(outcomes.values())),
                    "straight_through_rate": (outcomes[("clear",)] / ended if ended else None, ended),
                    "review_rate": (outcomes[("review",)] / ended if ended else None, ended),
                    "failed_rate": (outcomes[("failed",)] / ended if ended else None, ended),
                    "error_rate": (wrong / documents if documents else None, documents),
                    "median_result_ms": (times[(len(times) + 1) // 2 - 1] if times else None, len(times)),
                    "p95_result_ms": (times[-(-95 * len(times) // 100) - 1] if times else None, len(times)),
                }
                assert {
                    name: (getattr(metric, value), getattr(metric, n)) for name, metric in metrics.items()
                } == asked


@few_books
@given(books, three)
def test_the_funnel_the_days_and_the_stages_are_what_the_views_hold(
    flows: list[MadeFlow], selected: list[Selection]
) -> None:
    ends = """SELECT flow_id, min(seen_at) FILTER (WHERE stage = 'upload') AS upload,
      min(seen_at) FILTER (WHERE stage = 'processing') AS processing,
      min(seen_at) FILTER (WHERE stage = 'crosscheck') AS crosscheck FROM status_changes
      WHERE status IN ('SUCCESS', 'FAILED', 'COMPLETED') GROUP BY flow_id"""
    with made_book(flows) as book:
        every = today.flows_per_outcome(book.columns)
        assert list(every["outcome"]) == [str(outcome) for outcome in Outcome]
        assert rows_of(every[every["flows"] > 0], "outcome", "flows") == counted(
            book, "SELECT outcome, count(*) FROM flows GROUP BY 1"
        )
        for selection in selected:
            joined = f"""{flows_sql(selection)} s JOIN flows b USING (flow_uuid)
              LEFT JOIN ({ends}) e USING (flow_id)"""
            funnel = today.funnel(book.columns, selection)
            assert (
                tuple(funnel["flows"])
                == book.rows(
                    f"""SELECT count(*), count(e.upload), count(e.processing), count(e.crosscheck),
                count(b.ended_at), count(b.result_id), count(*) FILTER (WHERE b.outcome = 'clear')
                FROM {joined}"""
                )[0]
            )
            for row in funnel.itertuples():
                reached = today.flows_at_step(book.columns, selection, row.step)
                assert len(reached) == row.flows
                assert reached == sorted(reached, reverse=True)
            per_day = today.flows_per_day(book.columns, selection)
            assert rows_of(per_day, "start_at", "outcome", "flows") == counted(
                book,
                f"""SELECT created_ms / {DAY} * {DAY}, outcome, count(*)
                FROM {flows_sql(selection)} GROUP BY 1, 2""",
            )
            stages = today.time_per_stage(book.columns, selection).set_index("stage")
            for stage, begin, end in (
                ("upload", "b.created_at", "e.upload"),
                ("processing", "e.upload", "e.processing"),
                ("crosscheck", "e.processing", "e.crosscheck"),
                ("result", "b.ended_at", "b.confirmed_at"),
            ):
                stayed = book.rows(
                    f"""SELECT {end} - {begin}, flow_id FROM {joined} WHERE {end} >= {begin}
                    ORDER BY 1 DESC, 2"""
                )
                times = [time for time, _ in reversed(stayed)]
                longest = today.flows_in_stage(book.columns, selection, stage)
                assert longest == [flow_id for _, flow_id in stayed]
                assert stages.loc[stage, "n"] == len(times)
                if times:
                    assert stages.loc[stage, "median_ms"] == times[(len(times) + 1) // 2 - 1]


@few_books
@given(books, three, thresholds)
def test_coverage_counts_the_flows_with_and_without_a_check(
    flows: list[MadeFlow], selected: list[Selection], cut: Thresholds
) -> None:
    expected = tuple((product, CHECKS) for product in ("PROD_CDL", "POC_CDL"))
    with made_book(flows) as book:
        for selection in selected:
            frame = coverage(book.columns, selection, expected, cut)
            settled = f"(SELECT * FROM {flows_sql(selection)} WHERE outcome IN ('clear', 'review'))"
            per_flow = f"""(SELECT product_type, name, s.flow_uuid,
              min(coalesce(similarity_score >= strong_from, 0)) AS matched FROM {settled} s
              JOIN cross_checks_v USING (flow_uuid) JOIN {thresholds_sql(cut)} USING (name)
              GROUP BY 1, 2, 3)"""
            ran = counted(book, f"SELECT product_type, name, count(*) FROM {per_flow} GROUP BY 1, 2")
            matched = counted(book, f"SELECT product_type, name, sum(matched) FROM {per_flow} GROUP BY 1, 2")
            of = counted(book, f"SELECT product_type, count(*) FROM {settled} GROUP BY 1")
            for row in frame.itertuples():
                key = (row.product, row.check)
                assert (row.flows, row.ran, row.matched) == (of[(row.product,)], ran[key], matched[key])
                assert row.lacking == row.flows - row.ran
            assert expected_checks(book.columns, selection) == ()  # fewer than 30 flows teach nothing
