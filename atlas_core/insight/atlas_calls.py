"""Measures of how Atlas answers, from the frames of `queries.atlas_calls` and `queries.atlas_states`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def answer_measures(calls: pd.DataFrame, by: Sequence[str] = ("endpoint",)) -> pd.DataFrame:
    """One row for each group of calls, by `endpoint`, by `at`, or by both.

    Columns, besides those of `by`: calls, ok (those answered as they should be), success_rate (0–1),
    median_seconds and p95_seconds (of the good answers, within 5 %; missing where there is none).
    """
    keys = list(by)
    calls = calls.assign(good=calls["times"].where(calls["came"] == "ok", 0)).sort_values([*keys, "seconds"])
    groups = calls.groupby(keys, sort=True)
    measures = groups.agg(calls=("times", "sum"), ok=("good", "sum"))
    measures["success_rate"] = (measures["ok"] / measures["calls"]).astype("float64")
    upto, total = groups["good"].cumsum(), groups["good"].transform("sum")
    for percent, name in ((50, "median_seconds"), (95, "p95_seconds")):
        reached = calls[(upto * 100 >= total * percent) & (calls["good"] > 0)]
        measures[name] = reached.groupby(keys)["seconds"].first()
    return measures.astype({"calls": "Int64", "ok": "Int64"}).reset_index()


def state_began_at(states: pd.DataFrame) -> int | None:
    """Since when Atlas has been as it is now; None where nobody has asked it yet."""
    return None if states.empty else int(states["began_at"].iloc[-1])


def asked_since(states: pd.DataFrame) -> int | None:
    """Since when somebody has asked Atlas without a pause, which is when the present worker began; None where
    that was before the first of these states, or nobody asks."""
    pauses = np.flatnonzero(states["state"] == "not asked")
    if not len(pauses) or pauses[-1] + 1 == len(states):
        return None
    return int(states["began_at"].iloc[pauses[-1] + 1])
