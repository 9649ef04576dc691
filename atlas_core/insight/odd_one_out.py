"""Where one document disagrees with all others: the cause counted once, and which document it is.

A flow's low cross-checks (below their review thresholds) have one cause where all of them compare the same
document. Where several documents of one type are in a flow, Atlas does not say which one it compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Columns, Flags
from atlas_core.insight.frames import frame_of
from atlas_core.insight.selection import Selection, kept, selected_flows
from atlas_core.insight.tally import count_together, low_rows, stretches
from atlas_core.insight.thresholds import Thresholds, review_limits

Places = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint16]
Limits = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class OddOnes:
    """Flows with at least two low cross-checks, and the document that all of them share.

    `frame`: columns document_type, other_document_type (None, or the other of two documents where it cannot
    be told which of them it is), flows, checks (low cross-checks in those flows); the most flows first.
    `flows` have two or more low cross-checks; `without_one` of them share no document. `flow_ids` are those
    with one cause, the newest first.
    """

    frame: pd.DataFrame
    flows: int
    without_one: int
    flow_ids: npt.NDArray[np.int64]
    _places: Places

    def flow_ids_of(self, row: int) -> npt.NDArray[np.int64]:
        """The flow_ids behind one row of the frame, the newest first."""
        return np.asarray(self.flow_ids[self._places == row])


@kept
def odd_documents(columns: Columns, selection: Selection, thresholds: Thresholds) -> OddOnes:
    """Which document is the odd one out, in the selected flows.

    It is the one that every low cross-check of the flow compares. Where all of them compare the same two
    documents, it is the one that agrees with no third document while the other does; else it cannot be told.
    Which checks are selected does not matter here: a flow's low cross-checks are looked at together.
    """
    limits = review_limits(columns, thresholds)
    flow, kind = _low_rows(columns, selected_flows(columns, selection), limits)
    starts = np.flatnonzero(np.diff(flow, prepend=-1))
    counts = np.diff(starts, append=len(flow))
    several = np.repeat(counts >= 2, counts)
    flow, kind = flow[several], kind[several]
    starts, counts = np.flatnonzero(np.diff(flow, prepend=-1)), counts[counts >= 2]

    types, sides = _sides(columns)
    # One of the first low check's two documents, or none, is in all of them.
    candidates = sides[kind[starts]] if len(starts) else np.empty((0, 2), np.int64)
    shares = [
        np.logical_and.reduceat((sides[kind] == np.repeat(candidate, counts)[:, None]).any(axis=1), starts)
        if len(starts)
        else np.zeros(0, np.bool_)
        for candidate in candidates.T
    ]
    first = np.where(shares[0], candidates[:, 0], -1)
    second = np.where(shares[1] & (candidates[:, 0] != candidates[:, 1]), candidates[:, 1], -1)
    first, second = np.where(first < 0, second, first), np.where(first < 0, -1, second)
    first, second = _told_apart(columns, limits, flow[starts], first, second)

    has_one = first >= 0
    ids, counts = flow[starts][has_one][::-1], counts[has_one][::-1]
    pair = np.sort(np.stack([first[has_one], second[has_one]], axis=1), axis=1)[::-1]
    pair[pair[:, 0] < 0] = pair[pair[:, 0] < 0][:, ::-1]  # the one document before "no other"
    (ones, others), flows = count_together(pair[:, 0], pair[:, 1] + 1)
    width = int(pair[:, 1].max(initial=-1)) + 2
    places = np.searchsorted(ones * width + others, pair[:, 0] * width + pair[:, 1] + 1)
    checks = np.bincount(places, counts, minlength=len(flows)).astype(np.int64)
    order = np.argsort(-flows, kind="stable")
    frame = frame_of(
        document_type=[types[ones[row]] for row in order],
        other_document_type=[types[others[row] - 1] if others[row] else None for row in order],
        flows=flows[order],
        checks=checks[order],
    )
    return OddOnes(frame, len(starts), len(starts) - len(ids), ids, np.argsort(order)[places])


def _told_apart(
    columns: Columns,
    limits: Limits,
    flow_ids: npt.NDArray[np.int64],
    first: Places,
    second: Places,
) -> tuple[Places, Places]:
    """Settles pairs: a document that agrees with a third one is not the odd one, unless both do."""
    in_doubt = second >= 0
    mask = np.zeros(len(columns.flows), np.bool_)
    mask[flow_ids[in_doubt]] = True
    flow, kind = _passed_rows(columns, mask, limits)
    if not len(flow):
        return first, second
    _, sides = _sides(columns)
    at = np.searchsorted(flow_ids, flow)
    one, other = first[at], second[at]
    first_agrees, second_agrees = (np.zeros(len(flow_ids), np.bool_) for _ in range(2))
    for here, there in ((0, 1), (1, 0)):
        side, across = sides[kind, here], sides[kind, there]
        first_agrees[at[(side == one) & (across != other) & (across != side)]] = True
        second_agrees[at[(side == other) & (across != one) & (across != side)]] = True
    only_second = in_doubt & first_agrees & ~second_agrees
    only_first = in_doubt & second_agrees & ~first_agrees
    return np.where(only_second, second, first), np.where(only_second | only_first, -1, second)


def _sides(columns: Columns) -> tuple[list[str], Places]:
    """The document types that kinds compare, and the two of each kind: shape (kinds, 2)."""
    kinds = columns.names.kinds
    types = sorted({side for kind in kinds for side in (kind.source_doc, kind.target_doc)})
    place = {document_type: at for at, document_type in enumerate(types)}
    return types, np.array(
        [(place[kind.source_doc], place[kind.target_doc]) for kind in kinds], np.int64
    ).reshape(len(kinds), 2)


def _low_rows(columns: Columns, mask: Flags, limits: Limits) -> tuple[Places, Kinds]:
    """Flow and kind of the masked flows' low cross-checks, by flow_id."""
    found = []
    for flow, kind in low_rows(columns, limits):
        wanted = mask[flow]
        found.append((flow[wanted].astype(np.int64), kind[wanted]))
    return _by_flow(found)


def _passed_rows(columns: Columns, mask: Flags, limits: Limits) -> tuple[Places, Kinds]:
    """Flow and kind of the masked flows' cross-checks that have a score and are not low, by flow_id."""
    checks = columns.checks
    found = []
    for rows in stretches(len(checks)):
        picked = np.flatnonzero(mask.take(checks.flow[rows], mode="clip"))
        kind, score = checks.kind[rows][picked], checks.score[rows][picked]
        wanted = (score < NO_SCORE) & (score >= limits[kind])
        found.append((checks.flow[rows][picked[wanted]].astype(np.int64), kind[wanted]))
    return _by_flow(found)


def _by_flow(found: list[tuple[Places, Kinds]]) -> tuple[Places, Kinds]:
    nothing = (np.empty(0, np.int64), np.empty(0, np.uint16))
    flow, kind = (np.concatenate(parts) for parts in zip(nothing, *found, strict=True))
    if (flow[1:] < flow[:-1]).any():
        order = np.argsort(flow, kind="stable")
        flow, kind = flow[order], kind[order]
    return flow, kind
