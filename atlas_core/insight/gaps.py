"""Why an expected cross-check did not run: which of its two documents Atlas had no use of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Columns, Flags, Kind
from atlas_core.insight.coverage import IN_WORD, Expected, name_bits, settled_flows
from atlas_core.insight.frames import frame_of
from atlas_core.insight.selection import Selection, kept
from atlas_core.insight.tally import flow_bits

ABSENT = "document absent"
READ = "both documents read"
EMPTY = "field empty"
UNKNOWN = "unknown"

_NEWEST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """The flows of one product that lack one expected check for one reason.

    `reason` is the error code of the document that the check needs (INVALID_DOC), or of a document without a
    type where the one it needs is absent (UNRECOGNISED); `ABSENT`; or `READ`: then it may be a field that is
    empty, which `split_read` tells. `UNKNOWN` where the check never ran for anyone: then `kind`, what the
    check usually compares, is None. `flow_ids`: newest first.
    """

    product: str
    check: str
    kind: Kind | None
    reason: str
    flow_ids: npt.NDArray[np.intp]


@kept
def gaps(columns: Columns, selection: Selection, expected: Expected) -> tuple[Gap, ...]:
    """Why the selected flows lack checks expected of their products; the most flows first, in each check."""
    lacking = _lacking(columns, selection, expected)
    usual = usual_kinds(columns)
    documents = _Documents(columns, [flow_ids for _, _, flow_ids in lacking])
    found: list[Gap] = []
    for product, check, flow_ids in lacking:
        kind = usual.get(check)
        parts = {UNKNOWN: flow_ids} if kind is None else documents.reasons(flow_ids, kind)
        ordered = sorted(parts.items(), key=lambda part: -len(part[1]))
        found += [Gap(product, check, kind, reason, ids[::-1]) for reason, ids in ordered if len(ids)]
    return tuple(found)


def _lacking(
    columns: Columns, selection: Selection, expected: Expected
) -> list[tuple[str, str, npt.NDArray[np.intp]]]:
    """Product, check, and the flow_ids (ascending) of that product that lack it."""
    settled = settled_flows(columns, selection)
    names = sorted({name for _, checks in expected for name in checks})
    codes = {product: code for code, product in enumerate(columns.names.products)}
    found = []
    for first in range(0, len(names), IN_WORD):
        some = names[first : first + IN_WORD]
        has_run = flow_bits(columns, name_bits(columns, some), settled)
        asked = np.zeros(len(columns.names.products) + 1, np.int64)
        for product, checks in expected:
            if product in codes:
                asked[codes[product]] = sum(1 << some.index(check) for check in checks if check in some)
        lacks = asked.take(columns.flows.product, mode="clip") & ~has_run
        lacking = np.flatnonzero((lacks != 0) & settled)
        products, lacks = columns.flows.product[lacking], lacks[lacking]
        for product, checks in expected:
            if product in codes:
                is_theirs = products == codes[product]
                flow_ids, bits = lacking[is_theirs], lacks[is_theirs]
                for check in checks:
                    if check in some:
                        found.append((product, check, flow_ids[bits >> some.index(check) & 1 == 1]))
    return found


def flows_per_gap(found: Collection[Gap]) -> pd.DataFrame:
    """The same as a frame. Columns: product, check, reason, flows."""
    return frame_of(
        product=[gap.product for gap in found],
        check=[gap.check for gap in found],
        reason=[gap.reason for gap in found],
        flows=np.array([len(gap.flow_ids) for gap in found], np.int64),
    )


def split_read(
    flow_ids: npt.NDArray[np.intp], with_source: Collection[int], with_target: Collection[int]
) -> dict[str, list[int]]:
    """Flows of a gap whose documents were both read: is one of the two fields empty, or is it not known why?

    `with_source` and `with_target` are the flows whose field has a value (`queries.flows_with_field`).
    Returns the flow_ids of `EMPTY` and of `UNKNOWN`.
    """
    both = set(with_source) & set(with_target)
    ids = flow_ids.tolist()
    return {EMPTY: [one for one in ids if one not in both], UNKNOWN: [one for one in ids if one in both]}


@kept
def usual_kinds(columns: Columns) -> dict[str, Kind]:
    """What each check compares in most of the newest million cross-checks, by its name."""
    kinds = columns.names.kinds
    counts = np.bincount(columns.checks.kind[-_NEWEST_ROWS:], minlength=len(kinds))
    often = np.argsort(counts[: len(kinds)], kind="stable")
    return {kinds[place].name: kinds[place] for place in often.tolist()}


class _Documents:
    """The documents of some flows: of each type, whether one was read, and the error of one that was not."""

    def __init__(self, columns: Columns, flow_ids: Collection[npt.NDArray[np.intp]]) -> None:
        self._names = columns.names
        is_asked = np.zeros(len(columns.flows), np.bool_)
        for some in flow_ids:
            is_asked[some] = True
        flows = np.flatnonzero(is_asked)
        self._count = len(flows)
        self._place = np.zeros(len(columns.flows), np.int32)
        self._place[flows] = np.arange(len(flows))
        rows = np.flatnonzero(is_asked.take(columns.documents.flow, mode="clip"))
        self._at = self._place[columns.documents.flow[rows]]
        self._types, self._codes = columns.documents.type[rows], columns.documents.code[rows]
        self._known: dict[int, tuple[Flags, npt.NDArray[np.int32]]] = {}

    def reasons(self, flow_ids: npt.NDArray[np.intp], kind: Kind) -> dict[str, npt.NDArray[np.intp]]:
        """The flows by why they lack a check that compares this; the source's reason before the target's."""
        at = self._place[flow_ids]
        why = np.zeros(len(flow_ids), np.int32)  # the place of an error code; 0: read, -1: absent
        untyped = self._of_type(0)[1][at]
        for side in (kind.source_doc, kind.target_doc):
            read, error = (known[at] for known in self._of_type(self._code_of(side)))
            absent = np.where(untyped > 0, untyped, -1)
            here = np.where(read, 0, np.where(error > 0, error, absent))
            # That a document was not to be read says more than that another is absent.
            why = np.where((why == 0) | ((why < 0) & (here > 0)), here, why)
        texts = {0: READ, -1: ABSENT}
        return {
            texts.get(place) or str(self._names.codes[place]): flow_ids[why == place]
            for place in np.unique(why).tolist()
        }

    def _code_of(self, document_type: str) -> int:
        types = self._names.types
        return types.index(document_type) if document_type in types else len(types)

    def _of_type(self, code: int) -> tuple[Flags, npt.NDArray[np.int32]]:
        """For each flow: whether a document of the type has no error, and the code of one that has."""
        if code not in self._known:
            rows = np.flatnonzero(self._types == code)
            flows, errors = self._at[rows], self._codes[rows]
            read, error = np.zeros(self._count, np.bool_), np.zeros(self._count, np.int32)
            read[flows[errors == 0]] = True
            error[flows[errors > 0]] = errors[errors > 0]
            self._known[code] = read, error
        return self._known[code]
