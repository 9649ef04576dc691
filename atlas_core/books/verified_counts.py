"""Whether the mirror's counts say what its rows say; whether those are the book's is asked elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Counts, Names

_CODES = ("product", "kind", "score")


def compare_counts(
    flows: pd.DataFrame, checks: pd.DataFrame, counts: Counts | None, names: Names, some_wait: bool
) -> Iterator[str]:
    """One sentence where counts differ from the rows; none where there are no counts.

    `flows` (by flow_id) and `checks` are columns of the mirror without dead rows. Where `some_wait`, those
    flows are not among them but still counted: then a count may be the larger.
    """
    if counts is None:
        return
    sizes = (len(names.products), len(names.kinds), NO_SCORE + 1)
    in_rows = _keys(_of_rows(flows, checks), sizes).value_counts()
    made = _of_counts(counts)
    told = made["by"].groupby(_keys(made, sizes)).sum()
    keys = in_rows.index.union(told.index)
    there, counted = (side.reindex(keys, fill_value=0).to_numpy() for side in (in_rows, told))
    is_wrong = there > counted if some_wait else there != counted
    if is_wrong.any():
        first = int(is_wrong.argmax())
        day, place = divmod(int(keys[first]), math.prod(sizes))
        product, kind, _ = np.unravel_index(place, sizes)
        where = f"{np.datetime64(day, 'D')}, {names.products[product] or 'none'}, {names.kinds[kind].name}"
        yield (
            f"{int(is_wrong.sum())} of {len(keys)} counts by day differ; {where}: "
            f"{there[first]:,} in the mirror's rows, {counted[first]:,} in its counts"
        )


def _keys(frame: pd.DataFrame, sizes: tuple[int, ...]) -> pd.Series:
    """Day, product, kind and score of each row as one number."""
    codes = [frame[name].to_numpy(np.int64) for name in _CODES]
    places = np.ravel_multi_index(codes, sizes, mode="clip")
    return frame["day"].astype(np.int64) * math.prod(sizes) + places


def _of_rows(flows: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    of_flow = flows.loc[checks["flow"], ["day", "product"]].reset_index(drop=True)
    return pd.concat([of_flow, checks[["kind", "score"]].reset_index(drop=True)], axis=1)


def _of_counts(counts: Counts) -> pd.DataFrame:
    """Columns: day, product, kind, score, by. A count and each of its corrections are rows of their own."""
    begun = np.diff(counts.before.astype(np.int64), axis=0, prepend=0)
    day, product, kind, score = begun.nonzero()
    made = {"day": day - 1 + counts.first_day, "product": product, "kind": kind, "score": score}
    since = {name: getattr(counts.corrections, name) for name in ("day", *_CODES, "by")}
    return pd.concat([pd.DataFrame({**made, "by": begun[begun != 0]}), pd.DataFrame(since)])
