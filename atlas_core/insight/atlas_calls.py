"""Measures of how Atlas answers, from the frame of `queries.atlas_calls`."""

from __future__ import annotations

from collections.abc import Sequence

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
