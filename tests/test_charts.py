"""Figures carry the numbers they were given, say what is counted, and stay light whatever the size."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.io
import pytest

from atlas_core.insight.charts import Chart, plain
from atlas_core.insight.charts_checks import (
    MOST_STRIPS,
    Strip,
    checks_per_score_chart,
    coverage_chart,
    quadrants_chart,
    score_strips_chart,
)
from atlas_core.insight.charts_errors import (
    codes_shown,
    errors_per_code_chart,
    errors_per_day_chart,
    errors_per_trait_chart,
    errors_per_type_chart,
)
from atlas_core.insight.charts_today import (
    OUTCOMES_SHOWN,
    flows_per_day_chart,
    funnel_chart,
    time_per_stage_chart,
)
from atlas_core.insight.charts_trends import MOST_POINTS, bands_per_week_chart
from atlas_core.insight.charts_trends import MOST_STRIPS as MOST_LINES
from atlas_core.insight.palette import DARK, LIGHT, Palette
from atlas_core.insight.periods import DAY_MS

MONDAY = 1_767_571_200_000
MOST_BYTES = 40_000
HOSTILE = "<a href='http://canary.invalid'>x</a> & %{y}" * 3
CONFIG = Path(__file__).resolve().parent.parent / ".streamlit" / "config.toml"


def counts_of(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 90_000, 101)


def trend_frame(checks: int, weeks: int) -> pd.DataFrame:
    rows = checks * weeks
    share = np.linspace(0.01, 0.4, rows)
    names = {
        f"{threshold}_{part}": values
        for threshold in ("review", "below_strong")
        for part, values in (
            ("share", share),
            ("low", share * 0.8),
            ("high", share * 1.2),
            ("changed", np.arange(rows) % 5 == 1),
        )
    }
    return pd.DataFrame(
        {
            "check": [f"CHECK_{at // weeks:02}" for at in range(rows)],
            "group": None,
            "start_at": MONDAY + np.tile(np.arange(weeks), checks) * 7 * DAY_MS,
            "n": np.full(rows, 123_456),
            **names,
        }
    )


def day_frame(codes: int, days: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "start_at": np.repeat(MONDAY + np.arange(days) * DAY_MS, codes),
            "code": [f"CODE_{at}" for at in range(codes)] * days,
            "documents": np.arange(codes * days) % 700,
        }
    )


def charts(palette: Palette) -> dict[str, Chart]:
    """Every figure, over as much as a page ever hands it."""
    strips = [Strip(f"CHECK_{at}", counts_of(at), 60 + at, 90) for at in range(MOST_STRIPS)]
    trend = trend_frame(MOST_LINES, MOST_POINTS // MOST_LINES + 1)
    gaps = np.arange(len(trend)) % (MOST_POINTS // MOST_LINES + 1) != 3
    cells = [(x, y / 100) for x in range(0, 101, 5) for y in range(0, 101, 5)]
    density = pd.DataFrame(cells, columns=["similarity", "confidence"]).assign(checks=8_123_456)
    codes = pd.DataFrame(
        {"code": [f"{HOSTILE}{at}" for at in range(60)], "documents": 9, "share": 1 / 60, "n": 540}
    ).assign(cumulative_share=np.arange(1, 61) / 60)
    pairs = [(kind, code) for kind in (*(f"TYPE_{at}" for at in range(30)), None) for code in ("A", "B", "C")]
    types = pd.DataFrame(pairs, columns=["document_type", "code"], dtype=object).assign(
        documents=7, n=100, rate=0.07
    )
    names = [None, *(f"{HOSTILE}{at}" for at in range(20))]
    dealers = pd.DataFrame({"dealer": names}, dtype=object).assign(
        documents=5, n=29, rate=0.17, low=0.1, high=0.3
    )
    expected = [(product, f"CHECK_{at}") for product in ("A", "B", "C", "D", "E") for at in range(36)]
    covered = pd.DataFrame(expected, columns=["product", "check"]).assign(
        flows=100, ran=98, lacking=2, ran_share=0.98
    )
    steps = pd.DataFrame({"step": ["begun", "clear"], "flows": [10, 7], "n": 10, "share": [1.0, 0.7]})
    stages = pd.DataFrame(
        {"stage": ["upload", "result"], "median_ms": [900, None], "p95_ms": [1900, None], "n": [40, 0]}
    ).astype({"median_ms": "Int64", "p95_ms": "Int64"})
    outcomes = [(MONDAY + day * DAY_MS, str(one)) for day in range(90) for one in OUTCOMES_SHOWN]
    flows = pd.DataFrame(outcomes, columns=["start_at", "outcome"]).assign(flows=12_345)
    return {
        "histogram": checks_per_score_chart(counts_of(1), (70, 90), palette),
        "logarithmic": checks_per_score_chart(counts_of(1), (70, 90), palette, logarithmic=True),
        "strips": score_strips_chart(strips, palette),
        "quadrants": quadrants_chart(density, int(density["checks"].sum()), 70, 70, palette),
        "trend": bands_per_week_chart(trend, "review", "week", palette),
        "trend with gaps": bands_per_week_chart(trend[gaps], "review", "week", palette),
        "codes": errors_per_code_chart(codes, palette),
        "types": errors_per_type_chart(types, palette),
        "days": errors_per_day_chart(day_frame(12, 366), "day", palette),
        "dealers": errors_per_trait_chart(dealers, "dealer", palette),
        "coverage": coverage_chart(covered, palette),
        "funnel": funnel_chart(steps, palette),
        "stages": time_per_stage_chart(stages, palette),
        "flows": flows_per_day_chart(flows, palette),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, Chart]:
    return charts(LIGHT)


NAMES = tuple(charts(LIGHT))


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_light_at_the_most_a_page_hands_it_b117(drawn: dict[str, Chart], name: str) -> None:
    assert len(plotly.io.to_json(drawn[name].figure, validate=False)) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_says_what_is_counted_in_which_unit_and_speaks(drawn: dict[str, Chart], name: str) -> None:
    title = drawn[name].figure.layout.title
    assert title.text.startswith("<b>")
    unit = title.subtitle.text
    assert any(word in unit for word in ("Number of", "Share", "%", "Seconds"))
    assert drawn[name].alt


def test_n_stands_in_the_figure_where_a_share_or_a_count_is_shown(drawn: dict[str, Chart]) -> None:
    for name in ("histogram", "quadrants", "codes", "days", "dealers", "coverage", "funnel", "flows"):
        assert "n = " in drawn[name].figure.layout.title.subtitle.text, name
    for name in ("strips", "trend"):
        assert all("n = " in note.text for note in drawn[name].figure.layout.annotations), name
    for name in ("types", "stages"):
        assert all("n = " in label for label in drawn[name].figure.layout.yaxis.ticktext), name


def test_the_histogram_carries_the_counts_and_both_thresholds() -> None:
    counts = counts_of(3)
    figure = checks_per_score_chart(counts, (65, 88), LIGHT).figure
    assert figure.data[0].y.tolist() == counts.tolist()
    assert [shape.x0 for shape in figure.layout.shapes] == [64.5, 87.5]
    assert [note.text for note in figure.layout.annotations] == ["Review below 65", "Strong from 88"]
    assert figure.data[0].marker.color.tolist() == [0] * 65 + [1] * 23 + [2] * 13
    assert f"n = {counts.sum():,}" in figure.layout.title.subtitle.text


def test_each_strip_carries_its_own_counts_and_thresholds() -> None:
    strips = [Strip("NAME", counts_of(1), 70, 90), Strip("ADDRESS", counts_of(2), 50, 80)]
    figure = score_strips_chart(strips, LIGHT).figure
    assert [trace.y.tolist() for trace in figure.data] == [strip.counts.tolist() for strip in strips]
    assert [shape.x0 for shape in figure.layout.shapes] == [69.5, 89.5, 49.5, 79.5]


def test_a_trend_marks_changes_and_tells_its_interval_and_days() -> None:
    frame = trend_frame(2, 4)
    figure = bands_per_week_chart(frame, "review", "week", LIGHT).figure
    low, high, line = figure.data[:3]
    assert line.x0 == "2026-01-05"
    assert line.dx == 7 * DAY_MS
    assert line.customdata.tolist() == [(MONDAY // DAY_MS) + 7 * week for week in range(4)]
    assert np.allclose(low.y, frame["review_low"][:4])
    assert np.allclose(high.y, frame["review_high"][:4])
    assert line.marker.symbol.tolist() == [0, 2, 0, 0]


def test_weeks_that_are_not_evenly_apart_keep_their_own_days() -> None:
    frame = trend_frame(1, 4).iloc[[0, 1, 3]]
    line = bands_per_week_chart(frame, "review", "week", LIGHT).figure.data[2]
    assert list(line.x) == ["2026-01-05", "2026-01-12", "2026-01-26"]


def test_the_pareto_chart_has_bars_and_the_cumulative_share_and_names_what_it_leaves_out() -> None:
    frame = pd.DataFrame({"code": [f"C{at}" for at in range(25)], "documents": range(25, 0, -1)})
    n = int(frame["documents"].sum())
    frame = frame.assign(n=n, share=frame["documents"] / n, cumulative_share=frame["documents"].cumsum() / n)
    figure = errors_per_code_chart(frame, LIGHT).figure
    assert list(figure.data[0].y) == list(range(25, 5, -1))
    assert figure.data[1].y[0] == frame["share"][0]
    assert "20 commonest of 25 codes" in figure.layout.title.subtitle.text


def test_the_codes_of_a_stack_are_the_commonest_in_the_order_of_its_traces() -> None:
    frame = day_frame(12, 20)
    figure = errors_per_day_chart(frame, "day", LIGHT).figure
    totals = frame.groupby("code")["documents"].sum()
    for code, trace in zip(codes_shown(frame), figure.data, strict=True):
        assert sum(trace.y) == totals[code]
    assert "8 commonest of 12 codes" in figure.layout.title.subtitle.text


def test_too_few_cases_are_hollow_and_grey() -> None:
    frame = pd.DataFrame({"product": ["MANY", "FEW"], "documents": 3, "n": [30, 29], "rate": 0.1}).assign(
        low=0.05, high=0.3
    )
    marker = errors_per_trait_chart(frame, "product", LIGHT).figure.data[0].marker
    assert dict(zip(("FEW", "MANY"), marker.symbol, strict=True)) == {"FEW": "circle-open", "MANY": "circle"}
    assert marker.color[0] == LIGHT.quiet


def test_a_text_of_atlas_is_drawn_as_it_stands() -> None:
    assert plain("<a href='x'>b</a>\n & c") == "&lt;a href='x'&gt;b&lt;/a&gt; &amp; c"
    for name in ("codes", "dealers"):
        layout = charts(LIGHT)[name].figure.layout
        labels = [*(layout.xaxis.ticktext or ()), *(layout.yaxis.ticktext or ())]
        assert any("&lt;a href" in label for label in labels)
        assert not any("<" in label for label in labels)


def test_nothing_to_show_is_an_empty_figure_and_no_error_b117() -> None:
    nothing = np.zeros(101, np.int64)
    assert checks_per_score_chart(nothing, (70, 90), LIGHT).figure.data[0].y.sum() == 0
    assert score_strips_chart([], LIGHT).figure.data == ()
    assert len(bands_per_week_chart(trend_frame(0, 0), "review", "week", LIGHT).figure.data) == 0
    assert errors_per_day_chart(day_frame(0, 0), "day", LIGHT).figure.data == ()


@pytest.mark.parametrize(("palette", "mode"), [(LIGHT, "light"), (DARK, "dark")])
def test_figures_have_the_colours_of_the_theme(palette: Palette, mode: str) -> None:
    theme = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][mode]
    assert palette.named == {name: theme[f"{name}Color"] for name in palette.named}
    assert list(palette.series) == theme["chartCategoricalColors"]
    assert list(palette.shades) == theme["chartSequentialColors"]
    assert (palette.ink, palette.ground) == (theme["textColor"], theme["backgroundColor"])
