"""Days, weeks (from Monday) and months, all UTC: which of them each flow began in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Columns, Int64
from atlas_core.insight.selection import Selection, kept, selected_flows

Step = Literal["day", "week", "month"]
DAY_MS = 86_400_000
_NEVER = np.iinfo(np.int32).max
_MONDAY = 3  # day 0 of 1970 was a Thursday


@dataclass(frozen=True, slots=True)
class Steps:
    """The days, weeks or months from the first selected flow's to the last's, also those without one.

    `starts` are milliseconds since 1970, UTC. `of_flow` has, for each flow_id, the place of its step in
    `starts`, or their number where the flow is not selected. Both are read-only.
    """

    starts: Int64
    of_flow: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts)


@kept
def _steps(columns: Columns, selection: Selection, step: Step) -> Steps:
    mask = selected_flows(columns, selection)
    days = columns.flows.day
    first = int(np.where(mask, days, _NEVER).min(initial=_NEVER))
    last = int(np.where(mask, days, -1).max(initial=-1))
    if last < first:
        return Steps(np.empty(0, np.int64), np.zeros(len(days), np.int32))
    starts, places = np.unique(_first_day(np.arange(first, last + 1), step), return_inverse=True)
    of_flow = np.where(mask, places.astype(np.int32).take(days - first, mode="clip"), np.int32(len(starts)))
    starts = starts.astype(np.int64) * DAY_MS
    of_flow.flags.writeable = starts.flags.writeable = False
    return Steps(starts, of_flow)


def steps_of_flows(columns: Columns, selection: Selection, step: Step) -> Steps:
    """Which day, week or month each selected flow began in."""
    return _steps(columns, selection.of_flows(), step)


def _first_day(days: npt.NDArray[Any], step: Step) -> npt.NDArray[Any]:
    """The first day of the step that a day is in; days count from 1970."""
    if step == "week":
        return (days + _MONDAY) // 7 * 7 - _MONDAY
    if step == "month":
        return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days
