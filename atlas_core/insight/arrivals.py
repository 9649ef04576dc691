"""Measures of what arrives: callback or fetch first, how late the other, and where a dead letter is wrong."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from atlas_core.insight.periods import DAY_MS

FIRSTS = ("callback", "fetch", "unreadable", "no callback")
"""What brought a flow's results first; the last two are fetches without a callback that could be used."""

_PLACE = re.compile(r"(?P<problem>.*) \(at (?P<place>[^()]+)\)", re.DOTALL)


def first_arrivals_per_day(arrivals: pd.DataFrame, *, since: int, until: int) -> pd.DataFrame:
    """How many flows each way came first in, for each UTC day from `since` to before `until`.

    `arrivals` is the frame of `queries.first_arrivals`. Columns: day_at, first, flows, n (of the day), share
    (0-1, missing on a day without flows). Days without flows are there, too.
    """
    days = np.arange(since // DAY_MS * DAY_MS, until, DAY_MS)
    whole = pd.MultiIndex.from_product([days, FIRSTS], names=["day_at", "first"])
    counts = arrivals.groupby(["day_at", "first"])["flows"].sum().astype("int64")
    frame = counts.reindex(whole, fill_value=0).reset_index(name="flows")
    frame["n"] = frame.groupby("day_at")["flows"].transform("sum")
    frame["share"] = frame["flows"] / frame["n"].where(frame["n"] > 0)
    return frame


def first_arrivals_in_all(arrivals: pd.DataFrame) -> pd.DataFrame:
    """The same over all days, and how much later the other way came.

    Columns: first (in the order of `FIRSTS`), flows, share (0-1, missing without flows), n_late (of those the
    other way came for), median_late_ms and p95_late_ms (whole tenths of a second; missing where n_late is 0).
    """
    total = int(arrivals["flows"].sum())
    rows = []
    for first in FIRSTS:
        of_first = arrivals[arrivals["first"] == first]
        late = of_first[of_first["late_ms"].notna()].sort_values("late_ms")
        flows, n_late = int(of_first["flows"].sum()), int(late["flows"].sum())
        share = flows / total if total else None
        rows.append((first, flows, share, n_late, _reached(late, 0.5), _reached(late, 0.95)))
    columns = ["first", "flows", "share", "n_late", "median_late_ms", "p95_late_ms"]
    return pd.DataFrame(rows, columns=columns).astype({"median_late_ms": "Int64", "p95_late_ms": "Int64"})


def _reached(late: pd.DataFrame, share: float) -> int | None:
    """The least lateness that at least this share of the flows does not exceed."""
    if late.empty:
        return None
    upto = late["flows"].cumsum().to_numpy(np.float64)
    place = int(np.searchsorted(upto, share * upto[-1] - 1e-9))
    return int(late["late_ms"].iloc[place])


def problem_and_place(reason: str | None) -> tuple[str, str]:
    """A dead letter's reason as what is wrong and where in the payload; no place where it names none."""
    found = _PLACE.fullmatch(reason or "")
    return (found["problem"], found["place"]) if found else (reason or "", "")
