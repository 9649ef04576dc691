"""How the bands of each check move from week to week, and where a change is more than chance."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from atlas_core.books.columns import Columns, Int64
from atlas_core.insight.frames import frame_of
from atlas_core.insight.groups import TOGETHER, top_groups
from atlas_core.insight.periods import Step, steps_of_flows
from atlas_core.insight.rates import changed, rate, wilson_interval
from atlas_core.insight.score_counts import count_scores
from atlas_core.insight.selection import Selection, kept, selected_flows, selected_kinds
from atlas_core.insight.tally import SCORE_PLACES
from atlas_core.insight.thresholds import BANDS, SCORES, cut
from atlas_core.thresholds import Thresholds

Trait = Literal["document_type", "product", "quality", "dealer"]


class _Series(NamedTuple):
    """One line of the chart: two groups may share a name, never a place."""

    check: str
    place: int
    group: str | None


@kept
def bands_per_week(
    columns: Columns,
    selection: Selection,
    thresholds: Thresholds,
    step: Step = "week",
    by: Trait | None = None,
    at_most: int = 8,
) -> pd.DataFrame:
    """The share of each check's similarities under its two thresholds, week by week (day, month; UTC).

    Columns: check, group (the product, PAN quality flag, dealer or document type, None where there is none,
    or always None without `by`), start_at (ms), n (with a score), review and below_strong (checks under the
    thresholds), and for both the share of n (`…_share`, 0–1), its 95 % Wilson interval (`…_low`, `…_high`),
    and whether it changed from the week before (`…_changed`) in a way that matters: by two percentage points
    or more, and by more than chance, although all weeks of all rows are looked at (`rates.changed`).

    By document type, a check counts for the type on either side. By dealer or product, the `at_most` with the
    most flows have a group each, and the rest one together: "all others". A check or group without a score
    has no rows; of the others every week is there.
    """
    steps = steps_of_flows(columns, selection, step)
    groups = TOGETHER
    if by is not None and by != "document_type":
        groups = top_groups(columns, by, selected_flows(columns, selection), at_most)
    wanted = np.flatnonzero(selected_kinds(columns, selection))
    kinds = [columns.names.kinds[place] for place in wanted]
    bands = cut(thresholds, [kind.name for kind in kinds])
    left_out = len(kinds) * len(BANDS)
    cells = np.full((len(columns.names.kinds), SCORE_PLACES), left_out, np.int64)
    cells[wanted, :SCORES] = np.arange(len(kinds))[:, None] * len(BANDS) + bands
    counts = count_scores(columns, selection, cells, left_out, steps, groups)
    counts = counts.reshape(len(groups.names), len(steps), len(kinds), len(BANDS))

    series: dict[_Series, Int64] = {}
    for at, kind in enumerate(kinds):
        sides = dict.fromkeys((kind.source_doc, kind.target_doc)) if by == "document_type" else None
        for place, name in enumerate(groups.names):
            for group in sides or (name,):
                key = _Series(kind.name, place, group)
                series[key] = series.get(key, 0) + counts[place, :, at]
    return _frame(steps.starts, {key: bands for key, bands in series.items() if bands[:, :3].any()})


def _frame(starts: Int64, series: dict[_Series, Int64]) -> pd.DataFrame:
    keys = sorted(series, key=lambda key: (key.check, key.place, key.group or ""))
    weeks = len(starts)
    counts = np.array([series[key] for key in keys], np.int64).reshape(len(keys), weeks, len(BANDS))
    review = counts[:, :, 0]
    below_strong = review + counts[:, :, 1]
    n = below_strong + counts[:, :, 2]
    columns: dict[str, Any] = {}
    for name, part in (("review", review), ("below_strong", below_strong)):
        low, high = wilson_interval(part, n)
        columns[name] = part.ravel()
        columns[f"{name}_share"] = rate(part, n).ravel()
        columns[f"{name}_low"], columns[f"{name}_high"] = low.ravel(), high.ravel()
        columns[f"{name}_changed"] = changed(part, n).ravel()
    return frame_of(
        check=[key.check for key in keys for _ in range(weeks)],
        group=[key.group for key in keys for _ in range(weeks)],
        start_at=np.tile(starts, len(keys)),
        n=n.ravel(),
        **columns,
    )
