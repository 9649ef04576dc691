"""What other thresholds would change: cross-checks between bands, and flows between outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import OUTCOMES, Columns, Flags
from atlas_core.insight.distributions import ScoreTable, checks_per_score
from atlas_core.insight.frames import frame_of
from atlas_core.insight.selection import Selection, flow_ids, kept, selected_flows
from atlas_core.insight.tally import low_rows
from atlas_core.insight.thresholds import BANDS, cut, review_limits
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds

_CLEAR, _REVIEW = OUTCOMES.index(Outcome.CLEAR), OUTCOMES.index(Outcome.REVIEW)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The difference between the thresholds as they are (before) and as they would be (after).

    `moved`: columns check, from_band, to_band, checks: selected cross-checks that change their band, of the
    `checks` selected ones that have a score.
    `flows`: selected flows that ended and have a result: those that a threshold may move. `review_before`
    and `review_after` of them need review. `to_review` and `to_clear` are the flow_ids whose outcome
    changes, the newest first. `days`: from the first selected flow's day to the last's, both counted, UTC.
    """

    moved: pd.DataFrame
    checks: int
    flows: int
    review_before: int
    review_after: int
    to_review: npt.NDArray[np.intp]
    to_clear: npt.NDArray[np.intp]
    days: int

    @property
    def changed(self) -> npt.NDArray[np.intp]:
        """The flow_ids whose outcome changes, the newest first."""
        return np.sort(np.concatenate([self.to_review, self.to_clear]))[::-1]

    def flows_per_change(self) -> pd.DataFrame:
        """Columns: from_outcome, to_outcome, flows. Both directions, also without a flow."""
        review, clear = str(Outcome.REVIEW), str(Outcome.CLEAR)
        return frame_of(
            from_outcome=[clear, review],
            to_outcome=[review, clear],
            flows=np.array([len(self.to_review), len(self.to_clear)]),
        )

    def review_flows_per_day(self) -> tuple[float, float]:
        """Flows that need review ÷ days, before and after; NaN without a day."""
        if not self.days:
            return float("nan"), float("nan")
        return self.review_before / self.days, self.review_after / self.days

    def review_minutes_per_day(self, minutes_per_flow: float) -> tuple[float, float]:
        """The same as minutes of work, at so many minutes for each flow."""
        before, after = self.review_flows_per_day()
        return before * minutes_per_flow, after * minutes_per_flow


@kept
def what_if(columns: Columns, selection: Selection, before: Thresholds, after: Thresholds) -> WhatIf:
    """What changes, from one set of thresholds to another.

    A flow that ended with SUCCESS and has a result needs review when any of its cross-checks is below that
    check's review threshold, or any document has an error, or its result has a flag that asks for review.
    Which checks are selected narrows `moved` alone: a flow's outcome follows from all of them. `moved`
    counts scored cross-checks; one without a score has no band to leave.
    """
    flows = columns.flows
    can_move = selected_flows(columns, selection) & ((flows.outcome == _CLEAR) | (flows.outcome == _REVIEW))
    asked, asks = (can_move & asking_flows(columns, thresholds) for thresholds in (before, after))
    days, table = flows.day[can_move], checks_per_score(columns, selection)
    return WhatIf(
        moved=_moved_checks(table, before, after),
        checks=table.scored,
        flows=len(days),
        review_before=int(np.count_nonzero(asked)),
        review_after=int(np.count_nonzero(asks)),
        to_review=flow_ids(asks & ~asked),
        to_clear=flow_ids(asked & ~asks),
        days=int(days.max()) - int(days.min()) + 1 if len(days) else 0,
    )


def asking_flows(columns: Columns, thresholds: Thresholds) -> Flags:
    """Which flows, of those that ended with a result, need review under these thresholds: one place for each
    flow_id."""
    flows = columns.flows
    return (flows.document_errors > 0) | (flows.review_flags > 0) | flows_below(columns, thresholds)


@kept
def flows_below(columns: Columns, thresholds: Thresholds) -> Flags:
    """Which flows have a cross-check below its review threshold: one place for each flow_id."""
    if not thresholds.per_check:  # each flow's lowest score is known
        return columns.flows.min_score < thresholds.review_below
    is_below = np.zeros(len(columns.flows), np.bool_)
    is_below[columns.checks.flow[low_rows(columns, review_limits(columns, thresholds))]] = True
    return is_below


def _moved_checks(table: ScoreTable, before: Thresholds, after: Thresholds) -> pd.DataFrame:
    was, is_now = cut(before, table.checks), cut(after, table.checks)
    rows = []
    for check, counts, old, new in zip(table.checks, table.counts, was, is_now, strict=True):
        for from_band in range(len(BANDS)):
            for to_band in range(len(BANDS)):
                checks = int(counts[(old == from_band) & (new == to_band)].sum())
                if from_band != to_band and checks:
                    rows.append((check, str(BANDS[from_band]), str(BANDS[to_band]), checks))
    names, from_bands, to_bands, counts_moved = zip(*rows, strict=True) if rows else ((),) * 4
    return frame_of(
        check=names, from_band=from_bands, to_band=to_bands, checks=np.array(counts_moved, np.int64)
    )
