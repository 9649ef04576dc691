"""How the work of review goes: who decides how much, and how far people agree."""

from __future__ import annotations

import pandas as pd

from atlas_core.insight.agreement import agreement
from atlas_core.insight.periods import DAY_MS

PACE_DAYS = 7


def pace_per_person(decisions: pd.DataFrame, *, now: int) -> pd.DataFrame:
    """Who decided how many cases, from the rows of `decisions_made` of the last 7 days, the busiest first.

    Columns: who, day (cases in 24 hours), week, seconds (the median from the screen to the decision; None),
    last_at.
    """
    rows = []
    for who, own in decisions.groupby("decided_by"):
        seconds = own["seconds"].dropna()
        rows.append(
            (
                who,
                int((own["decided_at"] >= now - DAY_MS).sum()),
                len(own),
                float(seconds.median()) if len(seconds) else None,
                int(own["decided_at"].max()),
            )
        )
    rows.sort(key=lambda row: (-row[2], row[0]))
    return pd.DataFrame(rows, columns=["who", "day", "week", "seconds", "last_at"])


def agreement_per_check(judged: pd.DataFrame) -> pd.DataFrame:
    """How far two people agree, from the rows of `judged_twice`: a row for each check, most judged first.

    Columns: name, n, share (judged alike, 0–1), kappa, low, high (its 95 % interval); as of `Agreement`.
    """
    rows = []
    for name, pairs in judged.groupby("name"):
        found = agreement(pairs["first"].tolist(), pairs["second"].tolist())
        rows.append((name, found.n, found.share, found.kappa, found.low, found.high))
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["name", "n", "share", "kappa", "low", "high"])
