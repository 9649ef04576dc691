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

Values = npt.NDArray[np.int64] | npt.NDArray[np.int16]


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
    values, total = _values(columns, sort, now), int(np.count_nonzero(mask))
    comes, skipped = mask, 0
    passed: list[Key] = []
    if after is not None:
        # An equal value comes later where its flow_id is lower.
        rest = mask & (values < after.value)
        rest[: after.flow_id] |= mask[: after.flow_id] & (values[: after.flow_id] == after.value)
        comes, skipped = rest, total - int(np.count_nonzero(rest))
        if skipped > size:
            # Backwards, the flow before the page before this one is that page's key.
            passed = _last(values, mask & ~comes, size + 1)
    last = _last(values, mask, (total - 1) % size + 2)[0] if total > size else None
    if total and skipped == total:
        return page_of(columns, mask, sort, last, size, now=now)
    shown = _first(values, comes, size)
    is_last = skipped + len(shown) == total
    return Page(
        flow_ids=[key.flow_id for key in shown],
        skipped=skipped,
        total=total,
        before=passed[0] if passed else None,
        next=None if is_last else shown[-1],
        last=None if is_last else last,
    )


def _values(columns: Columns, sort: Sort, now: int) -> Values:
    """What all flows are ordered by, the greatest first; one place for each flow_id."""
    flows = columns.flows
    if sort == "newest":
        return flows.created_at
    if sort == "worst":
        return np.subtract(NO_SCORE, flows.min_score, dtype=np.int16)
    return np.where(flows.ended_at > 0, flows.ended_at, now) - flows.created_at


def _first(values: Values, among: Flags, size: int) -> list[Key]:
    """The `size` greatest (value, flow_id) of some flows, the greatest first."""
    flow_ids = _candidates(values, among, size, greatest=True)
    order = np.lexsort((flow_ids, values[flow_ids]))[::-1][:size]
    return [Key(int(values[flow_id]), int(flow_id)) for flow_id in flow_ids[order]]


def _last(values: Values, among: Flags, size: int) -> list[Key]:
    """The `size` least (value, flow_id) of some flows, the greatest of them first."""
    flow_ids = _candidates(values, among, size, greatest=False)
    order = np.lexsort((flow_ids, values[flow_ids]))[:size][::-1]
    return [Key(int(values[flow_id]), int(flow_id)) for flow_id in flow_ids[order]]


def _candidates(values: Values, among: Flags, size: int, *, greatest: bool) -> npt.NDArray[np.intp]:
    """The flow_ids of the `size` greatest (or least) values of some flows, and of some more.

    The size-th greatest of a sample is never greater than that of all: a single comparison leaves a few
    thousand of a million, where sorting or partitioning them would take ten times as long.
    """
    step = max(1, len(values) // _SAMPLE)
    sample = values[::step][among[::step]]
    if len(sample) <= size:
        return np.flatnonzero(among)
    nth = len(sample) - size if greatest else size - 1
    end = np.partition(sample, nth)[nth]
    return np.flatnonzero((values >= end if greatest else values <= end) & among)
