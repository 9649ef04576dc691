"""How processing goes: a period's flows against those of the period before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import OUTCOMES, Columns, Flags, Flows
from atlas_core.insight.frames import frame_of
from atlas_core.insight.periods import Step, steps_of_flows
from atlas_core.insight.rates import FEWEST, percentiles, rate
from atlas_core.insight.selection import Selection, flow_ids, kept, selected_flows
from atlas_core.models import Outcome

FORMULAS = {
    "flows": "flows begun in the period",
    "straight_through_rate": "clear flows ÷ ended flows (clear, review or failed)",
    "review_rate": "flows to review ÷ ended flows (clear, review or failed)",
    "failed_rate": "failed flows ÷ ended flows (clear, review or failed)",
    "error_rate": "documents with an error code ÷ documents in the results",
    "median_result_ms": "submit to result: from a flow's beginning to its confirmed one, half took no longer",
    "p95_result_ms": "submit to result: from a flow's beginning to its confirmed one, 95% took no longer",
}
"""What each metric is, in the order in which `today` has them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a period and of the period before it.

    `unit` is flows, share (0–1) or ms. `value` is None where `n` is 0; `before` too, and where there is no
    period before. n is what the share, median or percentile is of.
    """

    name: str
    unit: str
    value: float | None
    n: int
    before: float | None
    before_n: int

    @property
    def formula(self) -> str:
        """How the number is made, in words."""
        return FORMULAS[self.name]

    @property
    def is_too_few(self) -> bool:
        """Whether there are fewer cases than a share, median or percentile should be told from."""
        return self.unit != "flows" and self.n < FEWEST


def today(columns: Columns, selection: Selection) -> tuple[Metric, ...]:
    """The metrics of `FORMULAS` for the selected flows, beside those of `selection.before()`.

    A flow belongs to the period in which it began. A flow is ended (its master status is SUCCESS and its
    result here, or it is FAILED) where its outcome is clear, review or failed.
    """
    earlier = selection.before()
    now = _numbers(columns, selection.of_flows())
    before = _numbers(columns, earlier.of_flows()) if earlier else {}
    return tuple(
        Metric(name, unit, value, n, *before.get(name, ("", None, 0))[1:])
        for name, (unit, value, n) in now.items()
    )


@kept
def _numbers(columns: Columns, selection: Selection) -> dict[str, tuple[str, float | None, int]]:
    """Unit, value and n of each metric."""
    flows = columns.flows
    mask = selected_flows(columns, selection)
    counts = dict(zip(OUTCOMES, _per_outcome(flows.outcome[mask]), strict=True))
    total = sum(counts.values())
    ended = counts[Outcome.CLEAR] + counts[Outcome.REVIEW] + counts[Outcome.FAILED]
    documents = int(flows.documents.sum(where=mask, dtype=np.int64))
    errors = int(flows.document_errors.sum(where=mask, dtype=np.int64))
    times = result_times(flows, mask)
    median, p95 = percentiles(times, 0.5, 0.95)
    return {
        "flows": ("flows", total, total),
        "straight_through_rate": ("share", _share(counts[Outcome.CLEAR], ended), ended),
        "review_rate": ("share", _share(counts[Outcome.REVIEW], ended), ended),
        "failed_rate": ("share", _share(counts[Outcome.FAILED], ended), ended),
        "error_rate": ("share", _share(errors, documents), documents),
        "median_result_ms": ("ms", median, len(times)),
        "p95_result_ms": ("ms", p95, len(times)),
    }


def result_times(flows: Flows, mask: Flags) -> npt.NDArray[np.int64]:
    """From a flow's beginning to its confirmed result, in ms, for each of those flows that has one."""
    return _between(flows.created_at, flows.confirmed_at, mask)


def funnel(columns: Columns, selection: Selection) -> pd.DataFrame:
    """How far the selected flows have come.

    Columns: step, flows, n (all selected), share (flows ÷ n). A stage has ended when we saw its last status,
    be it success or failure. Steps: begun, uploaded, read, compared, ended, result, clear.
    """
    steps = _steps(columns, selected_flows(columns, selection))
    counts = np.array([np.count_nonzero(step) for step in steps.values()])
    n = np.full(len(counts), counts[0])
    return frame_of(step=list(steps), flows=counts, n=n, share=rate(counts, n))


def flows_at_step(columns: Columns, selection: Selection, step: str) -> list[int]:
    """The flow_ids that a step of `funnel` counts, the newest first."""
    found: list[int] = flow_ids(_steps(columns, selected_flows(columns, selection))[step]).tolist()
    return found


def _steps(columns: Columns, mask: Flags) -> dict[str, Flags]:
    flows = columns.flows
    return {
        "begun": mask,
        "uploaded": mask & (flows.upload_ended_at > 0),
        "read": mask & (flows.processing_ended_at > 0),
        "compared": mask & (flows.crosscheck_ended_at > 0),
        "ended": mask & (flows.ended_at > 0),
        "result": mask & flows.has_result,
        "clear": mask & (flows.outcome == OUTCOMES.index(Outcome.CLEAR)),
    }


@kept
def flows_per_outcome(columns: Columns) -> pd.DataFrame:
    """How many flows each outcome has. Columns: outcome, flows; all outcomes, in the order of `Outcome`."""
    counts = _per_outcome(columns.flows.outcome[columns.flows.exists])
    return frame_of(outcome=[str(outcome) for outcome in OUTCOMES], flows=np.array(counts, np.int64))


def flows_per_day(columns: Columns, selection: Selection, step: Step = "day") -> pd.DataFrame:
    """Selected flows by the day (week, month; UTC) in which they began, and their outcome.

    Columns: start_at (ms), outcome, flows. Every day from the first flow's to the last's, and every outcome.
    """
    steps = steps_of_flows(columns, selection, step)
    places = (len(steps) + 1) * len(OUTCOMES)
    at = steps.of_flow * np.int64(len(OUTCOMES)) + columns.flows.outcome
    counts = np.bincount(at, minlength=places)[: len(steps) * len(OUTCOMES)]
    return frame_of(
        start_at=np.repeat(steps.starts, len(OUTCOMES)),
        outcome=[str(outcome) for outcome in OUTCOMES] * len(steps),
        flows=counts,
    )


@kept
def time_per_stage(columns: Columns, selection: Selection) -> pd.DataFrame:
    """How long the selected flows stayed in each stage, as our looks at Atlas saw it.

    Columns: stage, median_ms, p95_ms (None of nothing), n. upload: from the beginning; processing and
    crosscheck: from the end of the stage before; result: from the flow's end to its confirmed result. A stage
    of which we did not see both ends, or the second before the first, is no part of n.
    """
    mask = selected_flows(columns, selection)
    spans = _spans(columns.flows)
    rows = []
    for begin, end in spans.values():
        times = _between(begin, end, mask & (end >= begin))
        rows.append((*percentiles(times, 0.5, 0.95), len(times)))
    medians, p95s, ns = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "stage": pd.Series(list(spans), dtype=object),
            "median_ms": pd.Series(medians, dtype="Int64"),
            "p95_ms": pd.Series(p95s, dtype="Int64"),
            "n": ns,
        }
    )


def flows_in_stage(columns: Columns, selection: Selection, stage: str) -> list[int]:
    """The flow_ids that `time_per_stage` counts for a stage, those that stayed longest first."""
    begin, end = _spans(columns.flows)[stage]
    ids = np.flatnonzero(_known(begin, end, selected_flows(columns, selection) & (end >= begin)))
    longest: list[int] = ids[np.argsort((begin - end)[ids], kind="stable")].tolist()
    return longest


def _spans(flows: Flows) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """When each stage began and ended."""
    return {
        "upload": (flows.created_at, flows.upload_ended_at),
        "processing": (flows.upload_ended_at, flows.processing_ended_at),
        "crosscheck": (flows.processing_ended_at, flows.crosscheck_ended_at),
        "result": (flows.ended_at, flows.confirmed_at),
    }


def _known(begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], mask: Flags) -> Flags:
    return mask & (begin > 0) & (end > 0)


def _between(begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], mask: Flags) -> npt.NDArray[np.int64]:
    # Subtracting everything costs less than picking from both.
    return (end - begin)[_known(begin, end, mask)]


def _per_outcome(outcomes: npt.NDArray[np.uint8]) -> Sequence[int]:
    counts: list[int] = np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()
    return counts


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
