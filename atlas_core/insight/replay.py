"""Past decisions under other thresholds: which cases would not have come to a person, and which would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Columns
from atlas_core.insight.what_if import asking_flows
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of decided cases, were other thresholds in force when they came; flow_ids, newest first.

    `decided` decisions were replayed; `not_replayed` were made on a result that does not count any more, or
    on none. `passed_accepted`, `passed_stopped`: a person looked, and the case would have passed without
    one; the person accepted it, or stopped it: rejected it or asked for a new document. `asked_accepted`,
    `asked_stopped`: the case had passed and was only judged because it was drawn, and a person would have
    been asked.
    """

    decided: int
    not_replayed: int
    passed_accepted: Ids
    passed_stopped: Ids
    asked_accepted: Ids
    asked_stopped: Ids

    @property
    def differing(self) -> int:
        """How many decided cases would have gone another way."""
        return sum(
            len(ids)
            for ids in (self.passed_accepted, self.passed_stopped, self.asked_accepted, self.asked_stopped)
        )


def replay(columns: Columns, decisions: pd.DataFrame, thresholds: Thresholds) -> Replay:
    """`decisions`: columns flow_id, result_id, decision, outcome (when it was decided)."""
    flow_ids = decisions["flow_id"].to_numpy(np.int64)
    is_known = flow_ids < len(columns.flows)
    on_result = decisions["result_id"].to_numpy(np.int64)
    counts = np.zeros(len(flow_ids), np.bool_)
    counts[is_known] = columns.flows.result[flow_ids[is_known]] == on_result[is_known]
    counts &= on_result > 0
    rows, ids = decisions[counts], flow_ids[counts]
    asks = asking_flows(columns, thresholds)[ids]
    was_asked = (rows["outcome"] == Outcome.REVIEW).to_numpy(np.bool_)
    had_passed = (rows["outcome"] == Outcome.CLEAR).to_numpy(np.bool_)
    is_accepted = (rows["decision"] == "accept").to_numpy(np.bool_)

    def picked(mask: npt.NDArray[np.bool_]) -> Ids:
        return np.sort(ids[mask])[::-1]

    return Replay(
        decided=len(ids),
        not_replayed=len(flow_ids) - len(ids),
        passed_accepted=picked(was_asked & ~asks & is_accepted),
        passed_stopped=picked(was_asked & ~asks & ~is_accepted),
        asked_accepted=picked(had_passed & asks & is_accepted),
        asked_stopped=picked(had_passed & asks & ~is_accepted),
    )
