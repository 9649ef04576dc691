"""A figure in words says of each point what hovering says, and hands over what a click does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from atlas_core.insight.chart_points import points_in_words
from atlas_core.insight.charts_checks import checks_per_score_chart
from atlas_core.insight.charts_errors import errors_per_code_chart, errors_per_type_chart
from atlas_core.insight.charts_strips import Part, Strip, parts_of_strips, score_strips_chart
from atlas_core.insight.charts_today import flows_per_day_chart, funnel_chart
from atlas_core.insight.charts_trends import bands_per_week_chart
from atlas_core.insight.palette import LIGHT
from tests.test_charts import HOSTILE, MONDAY, charts, trend_frame


def test_a_histogram_says_each_of_its_bars_and_no_other() -> None:
    counts = np.zeros(101, np.int64)
    counts[[40, 95]] = 1, 12_345
    said = points_in_words(checks_per_score_chart(counts, (70, 90), LIGHT))
    assert [one.words for one in said] == [
        "similarity 40: 1 cross-check",
        "similarity 95: 12,345 cross-checks",
    ]
    assert [round(one.point["x"]) for one in said] == [40, 95]


def test_a_step_is_said_from_the_top_down_with_what_stands_beside_it() -> None:
    steps = pd.DataFrame({"step": ["begun", "clear"], "flows": [1_000, 0], "n": 1_000, "share": [1.0, 0.0]})
    said = points_in_words(funnel_chart(steps, LIGHT))
    assert [(one.label, one.words) for one in said] == [("Begun", "1,000 flows"), ("Clear", "0 flows")]
    assert [one.point["customdata"] for one in said] == [["begun"], ["clear"]]


def test_a_day_is_said_with_its_outcome_and_date() -> None:
    frame = pd.DataFrame({"start_at": [MONDAY, MONDAY], "outcome": ["clear", "review"], "flows": [1, 2_001]})
    said = points_in_words(flows_per_day_chart(frame, LIGHT))
    assert [(one.label, one.words) for one in said] == [
        ("Clear", "1 flow, 5 Jan 2026"),
        ("Review", "2,001 flows, 5 Jan 2026"),
    ]


def test_a_cell_is_said_with_both_its_names() -> None:
    pairs = [("PAN", "BLURRED"), (None, "UNREADABLE")]
    frame = pd.DataFrame(pairs, columns=["document_type", "code"], dtype=object).assign(
        documents=7, n=100, rate=0.07
    )
    said = points_in_words(errors_per_type_chart(frame, LIGHT))
    assert {one.label for one in said} == {"Blurred, PAN (n = 100)", "Unreadable, Not recognised (n = 100)"}
    assert {one.words for one in said} == {"7 of 100 documents of the type"}
    (only,) = points_in_words(errors_per_type_chart(frame[:1].assign(documents=1, n=1), LIGHT))
    assert only.words == "1 of 1 document of the type"


def test_a_part_of_a_strip_is_handed_over_as_its_number() -> None:
    strips = [Strip("CUSTOMER_NAME", np.eye(101, dtype=np.int64)[40] * 9, 70, 90, (40,))]
    said = points_in_words(score_strips_chart(strips, LIGHT))
    parts = [parts_of_strips(strips)[one.point["customdata"]] for one in said]
    assert parts == [Part("CUSTOMER_NAME", None, None), Part("CUSTOMER_NAME", 40, 40)]
    assert [one.words for one in said] == ["Customer name: all 9", "Customer name, similarity 40: 9 (100.0%)"]


def test_what_atlas_says_is_said_as_it_stands() -> None:
    codes = pd.DataFrame({"code": [HOSTILE], "documents": 9, "share": 1.0, "n": 9, "cumulative_share": 1.0})
    bar, line = points_in_words(errors_per_code_chart(codes, LIGHT))
    assert bar.label.startswith("<a href='http://canary.invalid'>")
    assert (bar.words, line.words) == ("9 documents", "with those before: 100.0%")
    assert bar.point["customdata"] == line.point["customdata"] == [HOSTILE]


def test_a_gap_between_two_lines_is_no_point() -> None:
    said = points_in_words(bands_per_week_chart(trend_frame(2, 3), "review", "week", LIGHT))
    assert {one.point["customdata"] for one in said} == {0, 1, 2, 3, 4, 5}
    assert {one.words.split(":")[0] for one in said} == {"5 Jan", "12 Jan", "19 Jan"}


def test_no_figure_leaves_a_place_of_its_template_open() -> None:
    for name, chart in charts(LIGHT).items():
        said = points_in_words(chart)
        assert said, name
        assert [one.words for one in said if "%{" in one.words] == [], name
