"""What cured an error later: the same application sent again, in another flow.

Which flows an application had is asked of the book, for the newest flows with an error.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Columns
from atlas_core.insight.frames import frame_of
from atlas_core.insight.rates import percentiles
from atlas_core.insight.selection import Selection, error_rows

ASKED_AT_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Cures:
    """What became of the errors of `flows` flows, of all `of_flows` selected ones with an error.

    `frame`, one row for each code and document type (None: not recognised): columns code, document_type,
    documents (with that error), sent_again (in a later flow of the application), cured, median_ms (from the
    flow with the error to the one that cured it; None where none did).
    `by`: columns code, document_type, new_type (read well in the curing flow, and not in the earlier one;
    None where there is none), documents.
    """

    frame: pd.DataFrame
    by: pd.DataFrame
    flows: int
    of_flows: int


def flows_to_ask(columns: Columns, selection: Selection) -> tuple[int, ...]:
    """The newest 5,000 selected flows with an error: `queries.later_flows` tells what came after each."""
    return tuple(_flows_with_error(columns, selection)[-ASKED_AT_MOST:].tolist())


def _flows_with_error(columns: Columns, selection: Selection) -> npt.NDArray[np.intp]:
    has_error = np.zeros(len(columns.flows), np.bool_)
    has_error[columns.documents.flow[error_rows(columns, selection)]] = True
    return np.flatnonzero(has_error)


def cured_codes(columns: Columns, selection: Selection, later: Iterable[tuple[int, int]]) -> Cures:
    """What cured the errors in the flows of `flows_to_ask`; `later` has each beside every later one.

    An error on a document of a type is cured by the first later flow with a document of that type and no
    error on any; one on a document that was not recognised, by the first later flow with documents and
    none of that code.
    """
    rows = error_rows(columns, selection)
    with_error = _flows_with_error(columns, selection)
    asked = with_error[-ASKED_AT_MOST:]
    after: dict[int, list[int]] = defaultdict(list)
    for flow_id, later_id in later:
        after[flow_id].append(later_id)
    documents = _documents_of(columns, {*after, *(one for ids in after.values() for one in ids)})
    begun = columns.flows.created_at
    errors = columns.documents
    seen: Counter[tuple[int, int]] = Counter()
    again: Counter[tuple[int, int]] = Counter()
    waits: dict[tuple[int, int], list[int]] = defaultdict(list)
    by: Counter[tuple[int, int, int]] = Counter()
    if len(asked) < len(with_error):
        rows = rows[errors.flow[rows] >= asked[0]]
    found = (column[rows].tolist() for column in (errors.flow, errors.code, errors.type))
    for flow_id, code, document_type in zip(*found, strict=True):
        error = code, document_type
        seen[error] += 1
        if flow_id not in after:
            continue
        again[error] += 1
        cure = next((one for one in after[flow_id] if _cures(error, documents.get(one, ()))), None)
        if cure is not None:
            waits[error].append(int(begun[cure] - begun[flow_id]))
            for new_type in _read_well(documents[cure]) - _read_well(documents[flow_id]) or {0}:
                by[(*error, new_type)] += 1
    return Cures(
        _frame(columns, seen, again, waits),
        _by_frame(columns, by),
        len(asked),
        len(with_error),
    )


_Documents = Sequence[tuple[int, int]]
"""(type, code) of each document."""


def _documents_of(columns: Columns, flow_ids: set[int]) -> Mapping[int, _Documents]:
    documents = columns.documents
    is_asked = np.zeros(len(columns.flows), np.bool_)
    # A flow may be newer than this version of the columns.
    is_asked[[one for one in flow_ids if one < len(is_asked)]] = True
    rows = np.flatnonzero(is_asked[documents.flow])
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for flow_id, document_type, code in zip(
        documents.flow[rows].tolist(),
        documents.type[rows].tolist(),
        documents.code[rows].tolist(),
        strict=True,
    ):
        found[flow_id].append((document_type, code))
    return found


def _cures(error: tuple[int, int], documents: _Documents) -> bool:
    code, document_type = error
    if document_type:
        codes = [other for one, other in documents if one == document_type]
        return bool(codes) and not any(codes)
    return bool(documents) and all(other != code for _, other in documents)


def _read_well(documents: _Documents) -> set[int]:
    return {document_type for document_type, code in documents if document_type and not code}


def _frame(
    columns: Columns,
    seen: Counter[tuple[int, int]],
    again: Counter[tuple[int, int]],
    waits: Mapping[tuple[int, int], list[int]],
) -> pd.DataFrame:
    errors = [error for error, _ in seen.most_common()]
    cured = [waits.get(error, []) for error in errors]
    frame = frame_of(
        code=[columns.names.codes[code] for code, _ in errors],
        document_type=[columns.names.types[document_type] for _, document_type in errors],
        documents=np.array([seen[error] for error in errors], np.int64),
        sent_again=np.array([again[error] for error in errors], np.int64),
        cured=np.array([len(times) for times in cured], np.int64),
    )
    medians = [percentiles(np.array(times), 0.5)[0] for times in cured]
    return frame.assign(median_ms=pd.Series(medians, dtype="Int64"))


def _by_frame(columns: Columns, by: Counter[tuple[int, int, int]]) -> pd.DataFrame:
    found = by.most_common()
    return frame_of(
        code=[columns.names.codes[code] for (code, _, _), _ in found],
        document_type=[columns.names.types[document_type] for (_, document_type, _), _ in found],
        new_type=[columns.names.types[new_type] for (_, _, new_type), _ in found],
        documents=np.array([count for _, count in found], np.int64),
    )
