"""Facets: for each way to narrow flows, the values there are and how many flows have each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import OUTCOMES, Columns, Flags
from atlas_core.insight.selection import among
from atlas_core.insight.tally import stretches
from atlas_core.insight.thresholds import review_limits
from atlas_core.thresholds import Thresholds

Places = npt.NDArray[np.intp]
Bits = npt.NDArray[np.uint8]
Facet = Literal["outcome", "status", "product", "type", "code", "check", "dealer"]
FACETS: tuple[Facet, ...] = ("outcome", "status", "product", "type", "code", "check", "dealer")

_FEW_VALUES = 12
_FEW_FLOWS = 8  # one in so many: they are picked before they are counted
_VALUES_HELD = 64
"""Types, codes and checks beyond the first so many take part as filters, but are not counted."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many flows have each value, the most first; `uncounted` values are not among them."""

    values: tuple[tuple[str | None, int], ...]
    uncounted: int = 0


def facet_counts(columns: Columns, facet: Facet, mask: Flags, *, thresholds: Thresholds) -> Counts:
    """The values of a facet among the flows of `mask`. A flow counts once for each value that it has.

    None is "none given": a flow without a master status, a document without a type. Dealers, codes and
    checks that are absent are no value.
    """
    if facet in _HELD:
        texts = _HELD[facet].texts(columns)
        held = _sets.counts(columns, facet, mask, thresholds)
        # The sets may know values already that this version does not, and never hold all of very many.
        return _by_count(list(zip(texts, held, strict=False)), max(0, len(texts) - _VALUES_HELD))
    codes, texts = single_valued(columns, facet)
    counts = _count(codes, mask, len(texts))
    if facet == "dealer":
        counts[0] = 0
    return _by_count(list(zip(texts, counts, strict=True)))


def single_valued(columns: Columns, facet: Facet) -> tuple[npt.NDArray[Any], Sequence[str | None]]:
    """The code of each flow for a facet of which a flow has one value, and the codes' texts."""
    flows, names = columns.flows, columns.names
    if facet == "outcome":
        return flows.outcome, tuple(str(outcome) for outcome in OUTCOMES)
    if facet == "status":
        return flows.master, names.masters
    if facet == "product":
        return flows.product, names.products
    return flows.dealer, names.dealers


def flows_having(
    columns: Columns, facet: Facet, wanted: Sequence[str | None], *, thresholds: Thresholds
) -> Flags:
    """Which flows have one of the wanted values; one place for each flow_id."""
    if facet not in _HELD:
        codes, texts = single_valued(columns, facet)
        return among(codes, texts, wanted)
    texts = _HELD[facet].texts(columns)
    places = [place for place, text in enumerate(texts) if text in wanted]
    if all(place < _VALUES_HELD for place in places):
        return _sets.having(columns, facet, places, thresholds)
    rows, values = _HELD[facet].rows(columns, slice(None), thresholds)
    mask = np.zeros(len(columns.flows), np.bool_)
    mask[rows[np.isin(values, places) & (rows < len(mask))]] = True
    mask[:1] = False
    return mask


def _count(codes: npt.NDArray[Any], mask: Flags, values: int) -> list[int]:
    """How often each code below `values` stands where the mask is true."""
    if values <= _FEW_VALUES:
        return [int(np.count_nonzero((codes == code) & mask)) for code in range(values)]
    if np.count_nonzero(mask) * _FEW_FLOWS < len(mask):
        few: list[int] = np.bincount(codes[mask], minlength=values)[:values].tolist()
        return few
    # Two places for each code, in the mask and out of it: to pick a random half first takes three times as
    # long.
    counts = np.zeros(2 * values, np.int64)
    for rows in stretches(len(codes)):
        at = codes[rows].astype(np.int64)
        at *= 2
        at += mask[rows]
        counts += np.bincount(at, minlength=len(counts))[: len(counts)]
    inside: list[int] = counts[1::2].tolist()
    return inside


def _by_count(counts: Sequence[tuple[str | None, int]], uncounted: int = 0) -> Counts:
    present = [(text, count) for text, count in counts if count]
    return Counts(tuple(sorted(present, key=lambda pair: (-pair[1], pair[0] or ""))), uncounted)


@dataclass(frozen=True, slots=True)
class _Side:
    """Where a facet of which a flow may have several values is found in the mirror."""

    texts: Callable[[Columns], Sequence[str | None]]
    rows: Callable[[Columns, slice | Places, Thresholds], tuple[npt.NDArray[Any], npt.NDArray[Any]]]
    """Of some rows: the flow_ids and the places in `texts`."""


def _check_names(columns: Columns) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kind.name for kind in columns.names.kinds))


def _types(
    columns: Columns, rows: slice | Places, _thresholds: Thresholds
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return columns.documents.flow[rows], columns.documents.type[rows]


def _codes(
    columns: Columns, rows: slice | Places, _thresholds: Thresholds
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    flows, codes = columns.documents.flow[rows], columns.documents.code[rows]
    wrong = codes > 0
    return flows[wrong], codes[wrong]


def _low_checks(
    columns: Columns, rows: slice | Places, thresholds: Thresholds
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    checks = columns.checks
    # A kind that came after this version's names is none that this version counts.
    limit_of = np.append(review_limits(columns, thresholds), np.int16(0))
    low = checks.score[rows] < limit_of.take(checks.kind[rows], mode="clip")
    places = {name: place for place, name in enumerate(_check_names(columns))}
    name_of = np.array([*(places[kind.name] for kind in columns.names.kinds), _VALUES_HELD], np.int64)
    return checks.flow[rows][low], name_of.take(checks.kind[rows][low], mode="clip")


_HELD: dict[Facet, _Side] = {
    "type": _Side(lambda columns: columns.names.types, _types),
    "code": _Side(lambda columns: columns.names.codes, _codes),
    "check": _Side(_check_names, _low_checks),
}


class _Sets:
    """Which types, codes and low checks each flow has: for each value a row of bits, eight flows a byte.

    Counting a value is one AND over an eighth of what booleans would take. A result's rows never change, so
    from one version of the mirror to the next only the flows with another result are looked up.
    """

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._source: object = None  # the mapped file: another one may hold another book
        self._thresholds: Thresholds | None = None
        self._whole: Columns | None = None  # the version of which every flow is held
        self._results = np.empty(0, np.uint32)
        self._rows = {"documents": 0, "checks": 0}
        self._sets: dict[Facet, Bits] = {}

    def counts(self, columns: Columns, facet: Facet, mask: Flags, thresholds: Thresholds) -> list[int]:
        """How many flows of the mask have each of the facet's first values."""
        with self._door:
            self._follow(columns, thresholds)
            held = self._sets[facet]
            wanted = _bits(mask, held.shape[1]).view(np.uint64)
            return [int(np.bitwise_count(row & wanted).sum()) for row in held.view(np.uint64)]

    def having(self, columns: Columns, facet: Facet, places: Sequence[int], thresholds: Thresholds) -> Flags:
        """Which flows have one of these values."""
        with self._door:
            self._follow(columns, thresholds)
            either = np.bitwise_or.reduce(self._sets[facet][list(places)], axis=0)
            return np.unpackbits(either, count=len(columns.flows), bitorder="little").view(np.bool_)

    def _follow(self, columns: Columns, thresholds: Thresholds) -> None:
        if self._whole is columns and self._thresholds == thresholds:
            return
        self._whole = None
        flows, size = columns.flows, len(columns.flows)
        source = flows.result if flows.result.base is None else flows.result.base
        if self._source is not source or self._thresholds != thresholds:
            self._source, self._thresholds = source, thresholds
            self._results = np.empty(0, np.uint32)
            self._sets = {facet: np.empty((0, 0), np.uint8) for facet in _HELD}
            self._rows = dict.fromkeys(self._rows, 0)
        self._make_room(columns)
        results = flows.result.copy()
        changed = self._results[:size] != results
        changed[:1] = False
        flow_ids = np.flatnonzero(changed)
        if not len(flow_ids):
            self._whole = columns
            return
        whole = np.ones(len(flow_ids), np.bool_)
        tables: tuple[tuple[str, tuple[Facet, ...], npt.NDArray[Any], npt.NDArray[Any]], ...] = (
            ("documents", ("type", "code"), columns.documents.flow, flows.documents),
            ("checks", ("check",), columns.checks.flow, flows.checks),
        )
        for table, facets, flow, counted in tables:
            rows = _rows_of(changed, flow, int(counted[flow_ids].sum(dtype=np.int64)), self._rows[table])
            self._rows[table] = len(flow)
            there = np.bincount(flow[rows], minlength=size)[:size][flow_ids]
            whole &= there == counted[flow_ids]
            for facet in facets:
                held = self._sets[facet]
                held &= ~_bits(changed, held.shape[1])
                found, values = _HELD[facet].rows(columns, rows, thresholds)
                known = values < len(held)
                found, values = found[known], values[known].astype(np.int64)
                bit = np.uint8(1) << (found & 7).astype(np.uint8)
                np.bitwise_or.at(held.reshape(-1), values * held.shape[1] + (found >> 3), bit)
        # A flow that is being replaced just now may lack rows: it is looked up again.
        self._results[flow_ids] = np.where(whole, results[flow_ids], 0)

    def _make_room(self, columns: Columns) -> None:
        size = len(columns.flows)
        if len(self._results) < size:
            room = (size + size // 8) // 64 * 64 + 64  # whole words of bits
            self._results = np.concatenate((self._results, np.zeros(room - len(self._results), np.uint32)))
        for facet, side in _HELD.items():
            held = self._sets[facet]
            shape = (min(len(side.texts(columns)), _VALUES_HELD), len(self._results) // 8)
            if held.shape[0] < shape[0] or held.shape[1] < shape[1]:
                larger = np.zeros((max(shape[0], held.shape[0]), shape[1]), np.uint8)
                larger[: held.shape[0], : held.shape[1]] = held
                self._sets[facet] = larger


def _bits(mask: Flags, size: int) -> Bits:
    """A mask as so many bytes of bits."""
    bits = np.zeros(size, np.uint8)
    bits[: (len(mask) + 7) // 8] = np.packbits(mask, bitorder="little")
    return bits


def _rows_of(changed: Flags, flow: npt.NDArray[Any], expected: int, since: int) -> Places:
    """The rows of the changed flows: at the end, where new ones are written, or else anywhere."""
    rows = since + np.flatnonzero(changed.take(flow[since:], mode="clip"))
    if len(rows) != expected and since:
        rows = np.flatnonzero(changed.take(flow, mode="clip"))
    return rows


_sets = _Sets()
