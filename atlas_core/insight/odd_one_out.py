"""Where one document disagrees with all others: the cause counted once, and which document it is.

A flow's low cross-checks (below their review thresholds) have one cause where all of them compare the same
document. Where several documents of one type are in a flow, Atlas does not say which one it compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import NO_SCORE, Columns, Flags, UInt32
from atlas_core.insight.frames import frame_of, picked
from atlas_core.insight.selection import Selection, kept, selected_flows
from atlas_core.insight.tally import count_together, low_rows, rows_around
from atlas_core.insight.thresholds import review_limits
from atlas_core.thresholds import Thresholds

Places = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint16]
Limits = npt.NDArray[np.int16]
Sides = tuple[Places, Places]


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
    types, sides = _sides(columns)
    places = low_rows(columns, limits)
    flow = columns.checks.flow[places]
    wanted = _has_neighbour(flow) & selected_flows(columns, selection).take(flow, mode="clip")
    places, flow = places[wanted], flow[wanted]
    starts, counts = _runs(flow)
    first, second = _shared_by_all(columns.checks.kind[places], starts, counts, sides)
    first, second = _told_apart(columns, limits, sides, places[starts], first, second)
    flow_ids = flow[starts].astype(np.int64)
    order = np.argsort(flow_ids, kind="stable")
    flow_ids, counts, first, second = (part[order] for part in (flow_ids, counts, first, second))
    has_one = first >= 0
    flow_ids, counts, first, second = (part[has_one][::-1] for part in (flow_ids, counts, first, second))
    is_pair = second >= 0
    ones = np.where(is_pair, np.minimum(first, second), first)
    others = np.where(is_pair, np.maximum(first, second), len(types))
    (one_of, other_of), flows = count_together(ones, others)
    width = len(types) + 1
    places = np.searchsorted(one_of * width + other_of, ones * width + others)
    checks = np.bincount(places, counts, minlength=len(flows)).astype(np.int64)
    order = np.argsort(-flows, kind="stable")
    frame = frame_of(
        document_type=picked(types, one_of[order]),
        other_document_type=picked([*types, None], other_of[order]),
        flows=flows[order],
        checks=checks[order],
    )
    return OddOnes(frame, len(starts), len(starts) - len(flow_ids), flow_ids, np.argsort(order)[places])


def _has_neighbour(flow: UInt32) -> Flags:
    """Which rows are not the only one of their flow, whose rows lie together."""
    is_same = flow[1:] == flow[:-1]
    has_one = np.zeros(len(flow), np.bool_)
    has_one[1:] = is_same
    has_one[:-1] |= is_same
    return has_one


def _runs(flow: UInt32) -> tuple[Places, Places]:
    """Where each flow's rows begin, and how many they are."""
    starts = np.flatnonzero(np.concatenate([[True], flow[1:] != flow[:-1]])[: len(flow)])
    return starts, np.diff(starts, append=len(flow))


def _shared_by_all(kind: Kinds, starts: Places, counts: Places, sides: Sides) -> tuple[Places, Places]:
    """For each flow, the one or two document types that all its rows compare; -1 for none."""
    of_row = [side[kind] for side in sides]
    shared = []
    for side in of_row:  # what all rows share, the first row has
        candidate = side[starts]
        wanted = np.repeat(candidate, counts)
        in_row = (of_row[0] == wanted) | (of_row[1] == wanted)
        in_all = np.logical_and.reduceat(in_row, starts) if len(starts) else np.zeros(0, np.bool_)
        shared.append(np.where(in_all, candidate, -1))
    first, second = shared
    second = np.where(first == second, -1, second)
    return np.where(first < 0, second, first), np.where(first < 0, -1, second)


def _told_apart(
    columns: Columns, limits: Limits, sides: Sides, places: Places, first: Places, second: Places
) -> tuple[Places, Places]:
    """Settles pairs: a document that agrees with a third one is not the odd one, unless both do.

    `places` is one row of each flow.
    """
    in_doubt = np.flatnonzero(second >= 0)
    at, kind = _passed_rows(columns, places[in_doubt], limits)
    one, other = first[in_doubt][at], second[in_doubt][at]
    first_agrees, second_agrees = (np.zeros(len(in_doubt), np.bool_) for _ in range(2))
    of_row = [side[kind] for side in sides]
    for side, across in (of_row, of_row[::-1]):
        first_agrees[at[(side == one) & (across != other) & (across != side)]] = True
        second_agrees[at[(side == other) & (across != one) & (across != side)]] = True
    first, second = first.copy(), second.copy()
    only_second, only_first = in_doubt[first_agrees & ~second_agrees], in_doubt[second_agrees & ~first_agrees]
    first[only_second] = second[only_second]
    second[only_second] = second[only_first] = -1
    return first, second


def _sides(columns: Columns) -> tuple[list[str], Sides]:
    """The document types that kinds compare, and for each kind the place of its two."""
    kinds = columns.names.kinds
    types = sorted({side for kind in kinds for side in (kind.source_doc, kind.target_doc)})
    place = {document_type: at for at, document_type in enumerate(types)}
    return types, (
        np.array([place[kind.source_doc] for kind in kinds], np.int64),
        np.array([place[kind.target_doc] for kind in kinds], np.int64),
    )


def _passed_rows(columns: Columns, places: Places, limits: Limits) -> tuple[Places, Kinds]:
    """The cross-checks that have a score and are not low, of the flow of each place: whose they are, by its
    number among `places`, and their kind."""
    starts, counts = rows_around(columns, places)
    rows = np.arange(counts.sum()) + np.repeat(starts - (counts.cumsum() - counts), counts)
    kind, score = columns.checks.kind[rows], columns.checks.score[rows]
    wanted = (score < NO_SCORE) & (score >= limits[kind])
    return np.repeat(np.arange(len(places)), counts)[wanted], kind[wanted]
