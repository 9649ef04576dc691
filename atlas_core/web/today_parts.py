"""How processing goes, for a chosen period against the one before; every number opens its flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.clock import now_ms
from atlas_core.insight.addresses import SINCE, SORT, UNTIL
from atlas_core.insight.charts import day_in_words, percent
from atlas_core.insight.charts_today import (
    OUTCOMES_SHOWN,
    STAGES,
    STEPS,
    flows_per_day_chart,
    funnel_chart,
    time_per_stage_chart,
)
from atlas_core.insight.finding import FlowFilter
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.rates import FEWEST
from atlas_core.insight.selection import Selection
from atlas_core.insight.today import (
    Metric,
    flows_at_step,
    flows_in_stage,
    flows_per_day,
    funnel,
    time_per_stage,
    today,
)
from atlas_core.models import Outcome
from atlas_core.web.case_parts import show_flow_cases
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.filters import link_to_flows
from atlas_core.web.kept import kept_choice
from atlas_core.web.opened import opened_cases
from atlas_core.web.parts import show_empty
from atlas_core.web.words import count_of, span_in_words

DAYS = "days"
FUNNEL, STAGE = "funnel", "stage"
_LENGTHS = (1, 7, 30, 90)
_MINUTE_MS = 60_000
_LABELS = {
    "flows": "Flows",
    "straight_through_rate": "Straight through",
    "review_rate": "To review",
    "failed_rate": "Failed flows",
    "error_rate": "Document errors",
    "median_result_ms": "Median to result",
    "p95_result_ms": "95% to result",
}
_CHANGES: dict[str, Literal["off", "normal"]] = {"flows": "off", "straight_through_rate": "normal"}
_OUTCOMES = {
    "straight_through_rate": (Outcome.CLEAR,),
    "review_rate": (Outcome.REVIEW,),
    "failed_rate": (Outcome.FAILED,),
}


def show_period(columns: Columns) -> None:
    """The numbers of the chosen days beside those of as many days before, and how flows got through."""
    if not columns.flows.exists.any():
        return
    st.header("How it goes", anchor=False)
    days = st.segmented_control(
        "Flows begun in the last",
        _LENGTHS,
        required=True,
        format_func=_length_in_words,
        **kept_choice(DAYS, _LENGTHS, 7, _length_in_words),
        help="Compared with as long a time just before.",
    )
    end = now_ms() // _MINUTE_MS * _MINUTE_MS + _MINUTE_MS
    selection = Selection(created_from=end - days * DAY_MS, created_to=end)
    metrics = today(columns, selection)
    if not metrics[0].n:
        show_empty("No flow in this time", "Choose a longer one.", ":material/search_off:")
        return
    with st.grid(4, min_column_width=165):
        for metric in metrics:
            _show_metric(metric, selection)
    with st.grid(2, min_column_width=330, gap="medium"):
        show_chart(
            funnel_chart(funnel(columns, selection), viewer_palette()),
            "funnel",
            lambda point: {"at": FUNNEL, "step": str(point["customdata"][0])},
        )
        show_chart(
            time_per_stage_chart(time_per_stage(columns, selection), viewer_palette()),
            "stages",
            lambda point: {"at": STAGE, "stage": str(point["customdata"][0])},
        )
    st.caption("Select a bar to see its flows below: those of a stage with the longest time in it first.")
    _show_opened(columns, selection)
    if days > 1:
        _show_days(columns, selection, metrics[0].n, days)


def _show_days(columns: Columns, selection: Selection, flows: int, days: int) -> None:
    """The whole UTC days among the chosen ones, and how many of the `flows` are of none of them."""
    begin = selection.created_from or 0
    whole_days = replace(selection, created_from=-(-begin // DAY_MS) * DAY_MS)
    per_day = flows_per_day(columns, whole_days)
    show_chart(flows_per_day_chart(per_day, viewer_palette()), "per_day", on_click=_open_day)
    words = "Select a bar to open its flows. Days are UTC, and today's is not over."
    left = flows - int(per_day["flows"].sum())
    if left:
        words += (
            f" Not in it: {count_of(left, 'flow')} of {day_in_words(begin // DAY_MS)}, of which the last "
            f"{days} days hold only a part."
        )
    st.caption(words)


def _show_opened(columns: Columns, selection: Selection) -> None:
    """The flows of the step or stage that was opened."""
    parts = opened_cases()
    step, stage = parts.get("step", ""), parts.get("stage", "")
    if parts.get("at") == FUNNEL and step in STEPS:
        found = flows_at_step(columns, selection, step)
        show_flow_cases(found, STEPS[step].lower(), "funnel_flows")
    elif parts.get("at") == STAGE and stage in STAGES:
        found = flows_in_stage(columns, selection, stage)
        show_flow_cases(
            found, f"time in {STAGES[stage].lower()}", "stage_flows", order="the longest in it first"
        )


def _length_in_words(days: int) -> str:
    return "24 hours" if days == 1 else f"{days} days"


def _show_metric(metric: Metric, selection: Selection) -> None:
    """One number with its n, its change, its formula and the way to its cases."""
    with st.container(border=True, gap="xsmall", height="stretch"):
        if metric.is_too_few:
            st.caption(_LABELS[metric.name], help=f"{metric.formula.capitalize()}.")
            st.markdown(f"### :gray[{_value_in_words(metric, metric.value)}]")
            st.badge(f"n = {metric.n:,}: too few to say", color="gray")
        else:
            st.metric(
                _LABELS[metric.name],
                _value_in_words(metric, metric.value),
                _change_in_words(metric),
                delta_color=_CHANGES.get(metric.name, "inverse"),
                help=f"{metric.formula.capitalize()}.",
            )
            before = _value_in_words(metric, metric.before)
            of_before = "" if metric.unit == "flows" else f" of {metric.before_n:,}"
            st.caption(f"n = {metric.n:,}; the time before: {before}{of_before}")
        if metric.name == "straight_through_rate":
            st.caption(f"= {metric.formula}")
        _show_link(metric, selection)


def _show_link(metric: Metric, selection: Selection) -> None:
    since, until = selection.created_from, selection.created_to
    wanted = FlowFilter(
        outcomes=tuple(str(outcome) for outcome in _OUTCOMES.get(metric.name, ())),
        created_from=since,
        created_to=until,
    )
    address = link_to_flows(wanted)
    if metric.unit == "ms":
        address[SORT] = ["longest"]
    is_of_documents = metric.name == "error_rate"
    st.page_link(
        "pages/errors.py" if is_of_documents else "pages/results.py",
        label="Open",
        icon=":material/arrow_forward:",
        query_params={SINCE: str(since), UNTIL: str(until)} if is_of_documents else address,
        help=f"Open: {_LABELS[metric.name].lower()}",
    )


def _value_in_words(metric: Metric, value: float | None) -> str:
    if value is None:
        return "none"
    if metric.unit == "share":
        return percent(value)
    return span_in_words(int(value)) if metric.unit == "ms" else f"{int(value):,}"


def _change_in_words(metric: Metric) -> str | None:
    """How it moved, where both periods have enough cases to tell."""
    if metric.value is None or metric.before is None or metric.before_n < FEWEST:
        return None
    change = metric.value - metric.before
    if metric.unit == "share":
        return f"{change * 100:+.1f} points" if abs(change) >= 0.0005 else None
    if metric.unit == "ms":
        sign = "-" if change < 0 else "+"
        return f"{sign}{span_in_words(int(abs(change)))}" if abs(change) >= 1000 else None
    return f"{int(change):+,}" if change else None


def _open_day(point: Point) -> None:
    start_at = int(point["customdata"]) * DAY_MS
    outcome = OUTCOMES_SHOWN[point["curve_number"]]
    day = FlowFilter(outcomes=(outcome,), created_from=start_at, created_to=start_at + DAY_MS)
    st.switch_page("pages/results.py", query_params=link_to_flows(day))
