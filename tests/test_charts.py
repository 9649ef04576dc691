"""Figures carry the numbers they were given, say what is counted, and stay light whatever the size."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest

from atlas_core.insight.arrivals import FIRSTS
from atlas_core.insight.chart_points import points_in_words
from atlas_core.insight.charts import Chart, day_axis, plain
from atlas_core.insight.charts_arrivals import first_arrivals_per_day_chart
from atlas_core.insight.charts_calibration import Line, same_per_span_chart, share_per_threshold_chart
from atlas_core.insight.charts_checks import checks_per_score_chart, coverage_chart, quadrants_chart
from atlas_core.insight.charts_errors import (
    codes_shown,
    errors_per_code_chart,
    errors_per_day_chart,
    errors_per_trait_chart,
    errors_per_type_chart,
)
from atlas_core.insight.charts_strips import MOST_STRIPS, Part, Strip, parts_of_strips, score_strips_chart
from atlas_core.insight.charts_today import (
    OUTCOMES_SHOWN,
    flows_per_day_chart,
    funnel_chart,
    time_per_stage_chart,
)
from atlas_core.insight.charts_trends import bands_per_week_chart, strips_at_most
from atlas_core.insight.palette import DARK, LIGHT, Palette
from atlas_core.insight.periods import DAY_MS
from atlas_core.models import Band

MONDAY = 1_767_571_200_000
MOST_BYTES = 40_000
HOSTILE = "<a href='http://canary.invalid'>x</a> & %{y}" * 3
CONFIG = Path(__file__).resolve().parent.parent / ".streamlit" / "config.toml"


def counts_of(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 90_000, 101)


def full_trend(periods: int, days: int) -> pd.DataFrame:
    """As many checks as one figure holds of so many periods."""
    starts = MONDAY + np.arange(periods) * days * DAY_MS
    return trend_frame(strips_at_most(starts), periods, days)


def trend_frame(checks: int, weeks: int, days: int = 7) -> pd.DataFrame:
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
            "start_at": MONDAY + np.tile(np.arange(weeks), checks) * days * DAY_MS,
            "n": np.full(rows, 12_345),
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
    strips = [Strip(f"CHECK_{at}", counts_of(at), 60 + at, 90, (90, 100)) for at in range(MOST_STRIPS)]
    trend, years, days = full_trend(53, 7), full_trend(90, 7), full_trend(366, 1)
    gaps = np.arange(len(trend)) % 53 != 3
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
    firsts = [(MONDAY + day * DAY_MS, one) for day in range(90) for one in FIRSTS]
    arrivals = pd.DataFrame(firsts, columns=["day_at", "first"]).assign(flows=12_345, n=49_380, share=0.25)
    spans = pd.DataFrame({"similarity_from": range(0, 101, 5), "similarity_to": range(4, 105, 5)}).assign(
        checks=812_345, judged=[0, *[12_345] * 20], same=6_172, share=0.5, low=0.4, high=0.6
    )
    shares = np.where(np.arange(101) < 5, np.nan, np.linspace(0, 0.123456789, 101))
    line = Line("Wrong accepts above", shares, shares * 0.9, shares * 1.1, np.arange(101) * 80_000)
    return {
        "arrivals": first_arrivals_per_day_chart(arrivals, palette),
        "same": same_per_span_chart(spans, HOSTILE, (70, 90), palette),
        "per threshold": share_per_threshold_chart(
            (line, line), title=HOSTILE, in_force=70, advised=80, palette=palette
        ),
        "histogram": checks_per_score_chart(counts_of(1), (70, 90), palette),
        "logarithmic": checks_per_score_chart(counts_of(1), (70, 90), palette, logarithmic=True),
        "strips": score_strips_chart(strips, palette),
        "quadrants": quadrants_chart(density, int(density["checks"].sum()), 70, 70, palette),
        "trend": bands_per_week_chart(trend, "review", "week", palette),
        "trend with gaps": bands_per_week_chart(trend[gaps], "review", "week", palette),
        "trend of years": bands_per_week_chart(years, "review", "week", palette),
        "trend of days": bands_per_week_chart(days, "review", "day", palette),
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
def test_a_figure_holds_nothing_that_plotly_would_refuse(drawn: dict[str, Chart], name: str) -> None:
    """Pages let Plotly look at no value, for speed; here it looks at each."""
    go.Figure(drawn[name].figure.to_dict())


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
    for name in (
        *("histogram", "quadrants", "codes", "days", "dealers", "coverage", "funnel", "flows"),
        *("arrivals", "same"),
    ):
        assert "n = " in drawn[name].figure.layout.title.subtitle.text, name
    for name in ("strips", "trend"):
        (names,) = [
            trace for trace in drawn[name].figure.data if trace.type == "scatter" and trace.mode == "text"
        ]
        assert all("n = " in text for text in names.text), name
    for name in ("types", "stages"):
        assert all("n = " in label for label in drawn[name].figure.layout.yaxis.ticktext), name


def test_the_histogram_carries_the_counts_and_both_thresholds() -> None:
    counts = counts_of(3)
    figure = checks_per_score_chart(counts, (65, 88), LIGHT).figure
    assert figure.data[0].y.tolist() == counts.tolist()
    assert [shape.x0 for shape in figure.layout.shapes] == [64.5, 87.5]
    assert [note.text for note in figure.layout.annotations] == ["Review below 65", "Strong from 88"]
    review, unclear, strong = (LIGHT.band(band) for band in (Band.REVIEW, Band.UNCLEAR, Band.STRONG))
    assert list(figure.data[0].marker.color) == [review] * 65 + [unclear] * 23 + [strong] * 13
    assert f"n = {counts.sum():,}" in figure.layout.title.subtitle.text


def heights_of(figure: Any, colour: str, foot: int) -> dict[int, float]:
    """The height of each similarity's bar that an outline of this colour draws over one strip's foot."""
    (outline,) = [trace for trace in figure.data if trace.type == "scatter" and trace.fillcolor == colour]
    xs, ys = outline.x.astype(int), outline.y.astype(int)
    found: dict[int, float] = {}
    for start, end, y, next_y in zip(xs, xs[1:], ys, ys[1:], strict=False):
        if y == next_y and end > start and foot < y < foot + 1000:
            found |= dict.fromkeys(range(start, end), float(y))
    least = min(found.values(), default=0)
    return {at: height - least for at, height in found.items() if height > least}


def test_each_check_is_a_strip_of_one_figure_with_its_own_counts_thresholds_and_shares() -> None:
    rising = np.arange(101)
    strips = [Strip("NAME", rising, 70, 90), Strip("ADDRESS", rising[::-1].copy(), 50, 80)]
    figure = score_strips_chart(strips, LIGHT).figure
    axes = [name for name in figure.layout.to_plotly_json() if name.startswith(("xaxis", "yaxis"))]
    assert sorted(axes) == ["xaxis", "yaxis"]
    assert len(figure.data) == 5
    first, second = (heights_of(figure, LIGHT.band(Band.STRONG), foot) for foot in (1000, 0))
    assert sorted(first) == list(range(90, 101))
    assert first[100] == max(first.values())
    assert second[80] == max(second.values())
    _, path = [shape.path for shape in figure.layout.shapes]
    assert [place in path for place in ("M70,1", "M90,1", "M50,", "M80,")] == [True] * 4
    (names,) = [trace.text for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    assert "47.8% review · 31.5% unclear" in names[0]
    assert "74.8% review" in names[1]


def test_every_part_of_a_strip_can_be_clicked_and_knows_its_cross_checks() -> None:
    counts = np.zeros(101, np.int64)
    counts[[40, 75, 90, 95, 100]] = (5, 10, 300, 20, 65)
    strips = [Strip("NAME", counts, 70, 90, (90,)), Strip("NEVER", counts * 0, 70, 90)]
    parts = parts_of_strips(strips)
    assert parts == [
        Part("NAME", None, None),
        Part("NAME", 0, 69),
        Part("NAME", 70, 89),
        Part("NAME", 90, 90),
        Part("NAME", 91, 100),
        Part("NEVER", None, None),
    ]
    (bars,) = [trace for trace in score_strips_chart(strips, LIGHT).figure.data if trace.type == "bar"]
    assert bars.customdata.tolist() == list(range(len(parts)))
    assert bars.base.tolist() == [0, 0, 70, 90, 91, 0]
    assert bars.x.tolist() == [101, 70, 20, 1, 10, 101]
    assert bars.hovertext[3] == "Name, similarity 90: 300 (75.0%)"
    assert bars.hovertext[5] == "Never: all 0"


def test_a_bar_that_is_too_low_to_see_is_drawn_and_none_is_not() -> None:
    counts = np.zeros(101, np.int64)
    counts[[10, 20]] = (1_000_000, 1)
    figure = score_strips_chart([Strip("NAME", counts, 70, 90)], LIGHT).figure
    found = heights_of(figure, LIGHT.band(Band.REVIEW), 0)
    assert found[10] > found[20] > 0
    assert sorted(found) == [10, 20]


def test_a_trend_is_one_figure_that_marks_changes_and_tells_its_interval_and_days() -> None:
    frame = trend_frame(2, 4)
    figure = bands_per_week_chart(frame, "review", "week", LIGHT).figure
    axes = [name for name in figure.layout.to_plotly_json() if name.startswith(("xaxis", "yaxis"))]
    assert sorted(axes) == ["xaxis", "yaxis"]
    interval, line, changes, names = figure.data
    assert line.x.tolist()[:4] == [0, 1, 2, 3]
    assert [row for row, y in zip(line.customdata, line.y, strict=True) if not np.isnan(y)] == list(range(8))
    assert line.hovertext[1] == f"12 Jan: {frame['review_share'][1]:.1%} of 12,345"
    assert changes.customdata.tolist() == [1, 6]
    assert changes.x.tolist() == [1, 2]
    low, high = frame["review_low"][:4], frame["review_high"][:4]
    scale = line.y[3] - 1000
    assert np.allclose(interval.y[:4] - 1000, low / frame["review_share"][3] * scale, atol=1)
    assert np.allclose(interval.y[4:8][::-1] - 1000, high / frame["review_share"][3] * scale, atol=1)
    assert [name.startswith("<b>Check") for name in names.text] == [True, True]


def test_each_strip_of_a_trend_has_a_scale_from_nothing_to_a_round_share() -> None:
    axis = bands_per_week_chart(trend_frame(2, 4), "review", "week", LIGHT).figure.layout.yaxis
    assert list(axis.ticktext) == ["0%", "30%", "0%", "60%"]
    assert axis.tickvals[0] == 1000
    assert axis.tickvals[2] == 0


def test_a_year_of_weeks_of_twelve_checks_is_one_figure_and_hostile_lengths_still_have_one_line() -> None:
    assert strips_at_most(MONDAY + np.arange(53) * 7 * DAY_MS) >= 12
    assert strips_at_most(MONDAY + np.arange(5_000) * DAY_MS) == 1


def test_weeks_without_any_keep_their_gap() -> None:
    frame = trend_frame(1, 4).assign(n=[10, 10, 0, 10])
    line = bands_per_week_chart(frame, "review", "week", LIGHT).figure.data[1]
    assert np.diff(line.x.astype(int)).tolist() == [1, 2, 0]
    assert line.customdata.tolist()[:3] == [0, 1, 3]


@pytest.mark.parametrize(("days", "labels"), [(3, 3), (31, 6), (366, 6)])
def test_an_axis_of_days_has_a_few_labels_whatever_its_length(days: int, labels: int) -> None:
    axis = day_axis(MONDAY // DAY_MS + np.arange(days))
    assert len(axis["tickvals"]) == len(axis["ticktext"]) == labels
    assert all("2026" in text for text in axis["ticktext"])


@pytest.mark.parametrize(("starts", "labels"), [(3, 3), (13, 5), (53, 6)])
def test_an_axis_of_dates_names_the_weeks_by_their_own_mondays(starts: int, labels: int) -> None:
    weeks = MONDAY + np.arange(starts) * 7 * DAY_MS
    frame = pd.DataFrame({"start_at": weeks, "code": "A", "documents": 1})
    chart = errors_per_day_chart(frame, "week", LIGHT)
    axis = chart.axes["xaxis"]
    assert (len(axis["tickvals"]), axis["tickformat"]) == (labels, "%-d %b<br>%Y")
    mondays = pd.to_datetime(pd.Series(axis["tickvals"]))
    assert mondays.dt.day_name().unique().tolist() == ["Monday"]
    assert set(axis["tickvals"]) <= {one.point["x"][:10] for one in points_in_words(chart)}


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_has_few_traces_and_colours_in_letters(drawn: dict[str, Chart], name: str) -> None:
    figure = drawn[name].figure
    assert len(figure.data) <= 8
    for trace in figure.data:
        colours = trace.marker.color if trace.type == "bar" or trace.mode != "text" else None
        assert colours is None or isinstance(colours, (str, tuple)), "Plotly warns of each number"
        assert colours is None or all(isinstance(colour, str) for colour in colours)


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
    assert strips_at_most(np.zeros(0, np.int64)) > 0
    assert len(bands_per_week_chart(trend_frame(0, 0), "review", "week", LIGHT).figure.data) == 0
    assert errors_per_day_chart(day_frame(0, 0), "day", LIGHT).figure.data == ()


@pytest.mark.parametrize(("palette", "mode"), [(LIGHT, "light"), (DARK, "dark")])
def test_figures_have_the_colours_of_the_theme(palette: Palette, mode: str) -> None:
    theme = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"][mode]
    assert palette.named == {name: theme[f"{name}Color"] for name in palette.named}
    assert list(palette.series) == theme["chartCategoricalColors"]
    assert list(palette.shades) == theme["chartSequentialColors"]
    assert (palette.ink, palette.ground) == (theme["textColor"], theme["backgroundColor"])
