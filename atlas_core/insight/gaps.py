"""Why an expected cross-check did not run: which of its two documents Atlas had no use of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Columns, Kind
from atlas_core.insight.coverage import Expected, settled_flows
from atlas_core.insight.frames import frame_of
from atlas_core.insight.selection import Selection, kept
from atlas_core.insight.tally import SCORE_PLACES, flows_with

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
    settled = settled_flows(columns, selection)
    usual = usual_kinds(columns)
    found: list[Gap] = []
    codes = {product: code for code, product in enumerate(columns.names.products)}
    has_run = {name: _flows_with_name(columns, name) for _, checks in expected for name in checks}
    lacking = {
        (product, check): np.flatnonzero(
            settled & (columns.flows.product == codes[product]) & ~has_run[check]
        )
        for product, checks in expected
        for check in checks
        if product in codes
    }
    sides = _Sides(columns, lacking.values())
    for (product, check), flow_ids in lacking.items():
        kind = usual.get(check)
        reasons = np.full(len(flow_ids), UNKNOWN, object) if kind is None else sides.reasons(flow_ids, kind)
        parts = [(reason, flow_ids[reasons == reason][::-1]) for reason in dict.fromkeys(reasons.tolist())]
        parts.sort(key=lambda part: -len(part[1]))
        found += [Gap(product, check, kind, reason, ids) for reason, ids in parts]
    return tuple(found)


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


def _flows_with_name(columns: Columns, name: str) -> npt.NDArray[np.bool_]:
    wanted = np.array([kind.name == name for kind in columns.names.kinds], np.bool_)
    return flows_with(columns, np.repeat(wanted[:, None], SCORE_PLACES, axis=1))


class _Sides:
    """Some flows' documents: of each type, whether one was read, and the error of one that was not."""

    def __init__(self, columns: Columns, flow_ids: Collection[npt.NDArray[np.intp]]) -> None:
        self._names = columns.names
        self._flows = np.unique(np.concatenate([*flow_ids, np.empty(0, np.intp)]))
        is_asked = np.zeros(len(columns.flows), np.bool_)
        is_asked[self._flows] = True
        documents = columns.documents
        rows = np.flatnonzero(is_asked[documents.flow])
        self._at = np.searchsorted(self._flows, documents.flow[rows])
        self._types, self._codes = documents.type[rows], documents.code[rows]

    def reasons(self, flow_ids: npt.NDArray[np.intp], kind: Kind) -> npt.NDArray[np.object_]:
        at = np.searchsorted(self._flows, flow_ids)
        reasons = np.full(len(flow_ids), READ, object)
        for side in (kind.target_doc, kind.source_doc):  # the source's reason is told before the target's
            read, code = self._of_type(side)
            untyped = self._of_type(None)[1]
            absent = ~read & (code == 0)
            reasons[absent[at]] = ABSENT
            for why in (np.where(absent, untyped, 0), np.where(read, 0, code)):
                texts = np.array(self._names.codes, object)[why[at]]
                reasons[why[at] > 0] = texts[why[at] > 0]
        return reasons

    def _of_type(self, document_type: str | None) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint16]]:
        """For each flow: whether a document of the type has no error, and the code of one that has."""
        types = self._names.types
        code = types.index(document_type) if document_type in types else len(types)
        rows = self._types == code
        read = np.zeros(len(self._flows), np.bool_)
        error = np.zeros(len(self._flows), np.uint16)
        has_error = rows & (self._codes > 0)
        read[self._at[rows & ~has_error]] = True
        error[self._at[has_error]] = self._codes[has_error]
        return read, error
