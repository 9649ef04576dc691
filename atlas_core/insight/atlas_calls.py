"""Measures of how Atlas answers, from the frame of `queries.atlas_calls`."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def answer_measures(calls: pd.DataFrame, by: Sequence[str] = ("endpoint",)) -> pd.DataFrame:
    """One row for each group of calls, by `endpoint`, by `at`, or by both.

    Columns, besides those of `by`: calls, ok (those answered as they should be), success_rate (0–1),
    median_seconds and p95_seconds (of the good answers, within 5 %; missing where there is none).
    """
    rows = [
        (*key, *_measures(group)) for key, group in calls.groupby(list(by), sort=True) if group["times"].sum()
    ]
    names = [*by, "calls", "ok", "success_rate", "median_seconds", "p95_seconds"]
    types = {"calls": "Int64", "ok": "Int64"} | dict.fromkeys(names[-3:], "float64")
    return pd.DataFrame(rows, columns=names).astype(types)


def _measures(calls: pd.DataFrame) -> tuple[int, int, float, float, float]:
    total = int(calls["times"].sum())
    good = calls[calls["came"] == "ok"].sort_values("seconds")
    upto = good["times"].cumsum()
    count = int(good["times"].sum())

    def percentile(percent: int) -> float:
        if not count:
            return float("nan")
        return float(good["seconds"].iloc[int((upto * 100 < count * percent).sum())])

    return total, count, count / total, percentile(50), percentile(95)
