"""Flows by what only SQL can tell (an id, a word, a reason), and the rows of flows that were found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.queries.attention import CASES, times
from atlas_core.books.reading import Books
from atlas_core.books.words import matching, terms_of
from atlas_core.errors import InputError

TEXT_AT_MOST = 100
FOUND_AT_MOST = 50_000
_LAST_CHARACTER = "\U0010ffff"

FlowIds = npt.NDArray[np.int64]

# Prefixes as ranges, for each id its own index; LIKE would read every row, and take % and _ for wildcards.
_WITH_ID = (
    "SELECT flow_id FROM flows WHERE application_id >= :text AND application_id < :text_end",
    "SELECT flow_id FROM flows WHERE flow_uuid >= :text AND flow_uuid < :text_end",
    "SELECT flow_id FROM batches WHERE batch_id >= :text AND batch_id < :text_end",
    "SELECT flow_id FROM files WHERE file_uuid >= :text AND file_uuid < :text_end",
    "SELECT flow_id FROM files WHERE document_id >= :text AND document_id < :text_end",
    "SELECT r.flow_id FROM documents d JOIN results r ON r.result_id = d.result_id"
    " WHERE d.document_id >= :text AND d.document_id < :text_end",
)
_SUMMARY = """
SELECT f.flow_uuid, f.application_id, f.product_type, f.created_at,
       f.upload_status, f.processing_status, f.crosscheck_status, f.master_status, f.outcome,
       f.documents, f.document_errors, f.checks, f.min_similarity, f.review_flags,
       r.version AS result_version, r.confirmed, f.looked_at, f.ended_at, f.trouble
FROM {} LEFT JOIN results r ON r.result_id = f.result_id
"""


def flow_ids_with_id(books: Books, text: str, *, at_most: int | None = FOUND_AT_MOST) -> tuple[FlowIds, bool]:
    """The flow_ids of which some id begins with `text` (application, flow, batch, file or document), and
    whether there are more: of each of the six places that hold ids, `at_most` are read.

    The text counts literally and case by case; beyond 100 characters it is cut.
    """
    text = _readable(text)
    wanted = {"text": text, "text_end": text + _LAST_CHARACTER}
    found = [_listed(books, f"{place} LIMIT :at_most", wanted, at_most) for place in _WITH_ID]
    return np.unique(np.concatenate([ids for ids, _ in found])), any(is_cut for _, is_cut in found)


def flow_ids_with_words(
    books: Books, text: str, *, first: int = 0, last: int = 2**62, at_most: int | None = FOUND_AT_MOST
) -> tuple[FlowIds, bool]:
    """The flow_ids from `first` to `last` whose result has all the words of `text`, and whether there are
    more: the newest `at_most` are read. A text without any word finds nothing."""
    terms = terms_of(_readable(text))
    if not terms:
        return np.empty(0, np.int64), False
    sql = (
        "SELECT rowid AS flow_id FROM words WHERE words MATCH :wanted AND rowid BETWEEN :first AND :last"
        " ORDER BY rowid DESC LIMIT :at_most"
    )
    return _listed(books, sql, {"wanted": matching(terms), "first": first, "last": last}, at_most)


def flow_ids_needing(books: Books, reason: str, *, now: int, overdue_ms: int) -> FlowIds:
    """The flow_ids that need a person for this reason. Raises `InputError` where it is none of `REASONS`."""
    if reason not in CASES:
        raise InputError(f"There is no such reason; it must be one of: {', '.join(CASES)}.")
    sql = f"SELECT DISTINCT flow_id FROM ({CASES[reason]}) WHERE flow_id IS NOT NULL LIMIT :at_most"  # noqa: S608
    return _listed(books, sql, times(now, overdue_ms), None)[0]


def flow_rows(books: Books, flow_ids: Sequence[int]) -> pd.DataFrame:
    """The flows with these flow_ids, in their order; one that is gone is left out.

    Columns: flow_uuid, application_id, product_type, created_at, upload_status, processing_status,
    crosscheck_status, master_status, outcome, documents, document_errors, checks, min_similarity,
    review_flags, result_version, confirmed, looked_at, ended_at, trouble.
    """
    chosen = "json_each(?) chosen CROSS JOIN flows f ON f.flow_id = chosen.value"
    return books.frame(_SUMMARY.format(chosen) + "ORDER BY chosen.key", [json.dumps(list(flow_ids))])


def flows_since(books: Books, created_at: int, *, limit: int = 500) -> pd.DataFrame:
    """The newest flows created at that moment or later, newest first; columns as of `flow_rows`."""
    return books.frame(
        _SUMMARY.format("flows f")
        + "WHERE f.created_at >= ? ORDER BY f.created_at DESC, f.flow_id DESC LIMIT ?",
        [created_at, limit],
    )


def _readable(text: str) -> str:
    return text.strip()[:TEXT_AT_MOST].encode("utf-8", "replace").decode("utf-8")


def _listed(
    books: Books, sql: str, parameters: Mapping[str, object], at_most: int | None
) -> tuple[FlowIds, bool]:
    """The flow_ids of a select with `LIMIT :at_most`, sorted, and whether it was cut.

    SQLite joins them to one text: 300,000 come in 20 ms so, and in 90 ms row by row.
    """
    limit = -1 if at_most is None else at_most + 1
    text = books.rows(f"SELECT group_concat(flow_id) FROM ({sql})", {**parameters, "at_most": limit})[0][0]  # noqa: S608
    found = np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
    is_cut = at_most is not None and len(found) > at_most
    found = found[:at_most] if is_cut else found
    return np.sort(found), is_cut
