"""One page of many flows, in an order, after a key: the same cost for the first page and the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import NO_SCORE, Columns, Flags

Sort = Literal["newest", "worst", "longest"]
SORTS: tuple[Sort, ...] = ("newest", "worst", "longest")

_SAMPLE = 1 << 14

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Key:
    """A place in an order: after the flow with this value and flow_id, whether or not it is still there."""

    value: int
    flow_id: int

    def __str__(self) -> str:
        return f"{self.value}.{self.flow_id}"


def key_of(text: str) -> Key | None:
    """The key that an address holds; None where it holds none."""
    value, _, flow_id = text.partition(".")
    digits = value.removeprefix("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (digits, flow_id)):
        return None
    return Key(int(value), int(flow_id))


@dataclass(frozen=True, slots=True)
class Page:
    """The flow_ids of one page in their order; `skipped` flows of all `total` come before them.

    `before`, `next` and `last` are the keys after which the neighbouring pages and the last one begin;
    None: there is no such page, or (of `before`) it is the first, which begins after no key.
    """

    flow_ids: list[int]
    skipped: int
    total: int
    before: Key | None
    next: Key | None
    last: Key | None


def page_of(columns: Columns, mask: Flags, sort: Sort, after: Key | None, size: int, *, now: int) -> Page:
    """The first `size` flows of `mask` (one place for each flow_id) after the key; where none comes after
    it any more, the last page.

    Equal values come newest (highest flow_id) first. `now` (milliseconds since 1970, UTC) matters to
    "longest" alone: a flow that has not ended counts up to now.
    """
    ids = np.flatnonzero(mask)
    values = _values(columns, ids, sort, now)
    rest_values, rest_ids, passed = values, ids, []
    if after is not None:
        comes = (values < after.value) | ((values == after.value) & (ids < after.flow_id))
        rest_values, rest_ids = values[comes], ids[comes]
        if len(ids) - len(rest_ids) > size:
            # Backwards, the flow before the page before this one is that page's key.
            passed = _last(values[~comes], ids[~comes], size + 1)
    skipped = len(ids) - len(rest_ids)
    on_last = (len(ids) - 1) % size + 1 if len(ids) else 0
    last = Key(*_last(values, ids, on_last + 1)[0]) if len(ids) > size else None
    if len(ids) and skipped == len(ids):
        return page_of(columns, mask, sort, last, size, now=now)
    shown = _first(rest_values, rest_ids, size)
    is_last = skipped + len(shown) == len(ids)
    return Page(
        flow_ids=[flow_id for _, flow_id in shown],
        skipped=skipped,
        total=len(ids),
        before=Key(*passed[0]) if passed else None,
        next=None if is_last else Key(*shown[-1]),
        last=None if is_last else last,
    )


def _values(columns: Columns, ids: npt.NDArray[np.intp], sort: Sort, now: int) -> Ids:
    """What the flows are ordered by, the greatest first."""
    flows = columns.flows
    if sort == "newest":
        return flows.created_at[ids]
    if sort == "worst":
        return NO_SCORE - flows.min_score[ids].astype(np.int64)
    ended = flows.ended_at[ids]
    return np.where(ended > 0, ended, now) - flows.created_at[ids]


def _first(values: Ids, ids: npt.NDArray[np.intp], size: int) -> list[tuple[int, int]]:
    """The `size` greatest (value, flow_id), the greatest first."""
    places = _candidates(values, size)
    order = np.lexsort((ids[places], values[places]))[::-1][:size]
    return [(int(values[place]), int(ids[place])) for place in places[order]]


def _last(values: Ids, ids: npt.NDArray[np.intp], size: int) -> list[tuple[int, int]]:
    """The `size` least (value, flow_id), the greatest of them first."""
    places = _candidates(-values, size)
    order = np.lexsort((ids[places], values[places]))[:size][::-1]
    return [(int(values[place]), int(ids[place])) for place in places[order]]


def _candidates(values: Ids, size: int) -> npt.NDArray[np.intp]:
    """The places of the `size` greatest values, and of some more.

    The size-th greatest of a sample is never greater than that of all: a single comparison leaves a few
    thousand of a million, where sorting or partitioning them would take ten times as long.
    """
    sample = values[:: max(1, len(values) // _SAMPLE)]
    if len(sample) <= size:
        return np.arange(len(values))
    least = np.partition(sample, len(sample) - size)[len(sample) - size]
    return np.flatnonzero(values >= least)
