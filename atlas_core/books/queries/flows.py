"""Which flows: counted by outcome, running, or found by id, filters and period."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.queries.attention import CASES, times
from atlas_core.books.reading import Books, typed_frame
from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.models import Outcome

TEXT_AT_MOST = 100
PAGE_AT_MOST = 500
_LAST_CHARACTER = "\U0010ffff"

# Prefixes as ranges, for each id its own index; LIKE would read every row, and take % and _ for wildcards.
_WITH_ID = """
f.flow_id IN (
  SELECT flow_id FROM flows WHERE application_id >= :text AND application_id < :text_end
  UNION SELECT flow_id FROM flows WHERE flow_uuid >= :text AND flow_uuid < :text_end
  UNION SELECT flow_id FROM batches WHERE batch_id >= :text AND batch_id < :text_end
  UNION SELECT flow_id FROM files WHERE file_uuid >= :text AND file_uuid < :text_end
  UNION SELECT flow_id FROM files WHERE document_id >= :text AND document_id < :text_end
  UNION SELECT r.flow_id FROM documents d JOIN results r ON r.result_id = d.result_id
        WHERE d.document_id >= :text AND d.document_id < :text_end)
"""

_SUMMARY = """
SELECT f.flow_uuid, f.application_id, f.product_type, f.created_at,
       f.upload_status, f.processing_status, f.crosscheck_status, f.master_status, f.outcome,
       f.documents, f.document_errors, f.checks, f.min_similarity, f.review_flags,
       r.version AS result_version, r.confirmed, f.looked_at, f.ended_at, f.trouble
FROM flows f LEFT JOIN results r ON r.result_id = f.result_id
"""


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """Which flows to find; what is empty does not narrow.

    `text` is the beginning of any id, literally and case by case: application, flow, batch, file or
    document; beyond 100 characters it is cut. `statuses` are master statuses as Atlas spelled them, None
    for flows that have none yet. The period is created_from ≤ created_at < created_to. `attention` is one
    of `REASONS`.
    """

    text: str = ""
    outcomes: tuple[str, ...] = ()
    statuses: tuple[str | None, ...] = ()
    products: tuple[str, ...] = ()
    created_from: int | None = None
    created_to: int | None = None
    attention: str | None = None


@dataclass(frozen=True, slots=True)
class FlowPage:
    """One page of what was found: its rows and how many there are in all pages."""

    frame: pd.DataFrame
    total: int


def flows_per_outcome(
    books: Books, *, created_from: int | None = None, created_to: int | None = None
) -> pd.DataFrame:
    """How many flows each outcome has, of those created in the period (created_from ≤ … < created_to).

    Columns: outcome, flows. Always all outcomes, in the order of `Outcome`.
    """
    counted = {
        row["outcome"]: row["flows"]
        for row in books.rows(
            """
            SELECT outcome, count(*) AS flows FROM flows
            WHERE created_at >= coalesce(?, created_at) AND created_at < coalesce(?, created_at + 1)
            GROUP BY outcome
            """,
            [created_from, created_to],
        )
    }
    return typed_frame(["outcome", "flows"], [(str(outcome), counted.get(outcome, 0)) for outcome in Outcome])


def find_flows(
    books: Books,
    wanted: FlowFilter | None = None,
    page: int = 1,
    per_page: int = 50,
    *,
    now: int | None = None,
    overdue_ms: int = 600_000,
) -> FlowPage:
    """The flows that fit `wanted`, newest first; pages count from 1, and one beyond the last is empty.

    Columns: flow_uuid, application_id, product_type, created_at, upload_status, processing_status,
    crosscheck_status, master_status, outcome, documents, document_errors, checks, min_similarity,
    review_flags, result_version, confirmed, looked_at, ended_at, trouble. `now` and `overdue_ms` matter to
    the attention reasons alone. Raises `InputError` where the reason is none of `REASONS`.
    """
    where, parameters = _conditions(wanted or FlowFilter(), now_ms() if now is None else now, overdue_ms)
    size = min(max(per_page, 1), PAGE_AT_MOST)
    with books.snapshot():
        total = books.rows(f"SELECT count(*) FROM flows f {where}", parameters)[0][0]  # noqa: S608
        frame = books.frame(
            f"{_SUMMARY} {where} ORDER BY f.created_at DESC, f.flow_id DESC LIMIT :size OFFSET :skipped",
            {**parameters, "size": size, "skipped": (max(page, 1) - 1) * size},
        )
    return FlowPage(frame, total)


def _conditions(wanted: FlowFilter, now: int, overdue_ms: int) -> tuple[str, dict[str, object]]:
    """WHERE of constant pieces, and the parameters they name."""
    pieces: list[str] = []
    parameters: dict[str, object] = {}
    text = wanted.text.strip()[:TEXT_AT_MOST].encode("utf-8", "replace").decode("utf-8")
    if text:
        pieces.append(_WITH_ID)
        parameters |= {"text": text, "text_end": text + _LAST_CHARACTER}
    if wanted.outcomes:
        pieces.append("f.outcome IN (SELECT value FROM json_each(:outcomes))")
        parameters["outcomes"] = _listed(wanted.outcomes)
    if wanted.statuses:
        pieces.append("coalesce(f.master_status, '') IN (SELECT value FROM json_each(:statuses))")
        parameters["statuses"] = _listed(status or "" for status in wanted.statuses)
    if wanted.products:
        pieces.append("f.product_type IN (SELECT value FROM json_each(:products))")
        parameters["products"] = _listed(wanted.products)
    if wanted.created_from is not None:
        pieces.append("f.created_at >= :created_from")
        parameters["created_from"] = wanted.created_from
    if wanted.created_to is not None:
        pieces.append("f.created_at < :created_to")
        parameters["created_to"] = wanted.created_to
    if wanted.attention is not None:
        if wanted.attention not in CASES:
            raise InputError(f"There is no such reason; it must be one of: {', '.join(CASES)}.")
        pieces.append(f"f.flow_id IN (SELECT flow_id FROM ({CASES[wanted.attention]}))")  # noqa: S608
        parameters |= times(now, overdue_ms)
    return ("WHERE " + " AND ".join(pieces) if pieces else ""), parameters


def _listed(values: Iterable[str]) -> str:
    return json.dumps(list(values))


def running_flows(books: Books, *, limit: int = 500) -> pd.DataFrame:
    """Flows that are still watched (not ended, or their end not confirmed yet), oldest first.

    Columns: flow_uuid, application_id, product_type, created_at, upload_status, processing_status,
    crosscheck_status, master_status, outcome, looked_at (last answered look), ended_at, trouble, and when
    each stage was first seen in its present status: upload_since, processing_since, crosscheck_since,
    master_since.
    """
    return books.frame(
        """
        SELECT f.flow_uuid, f.application_id, f.product_type, f.created_at,
               f.upload_status, f.processing_status, f.crosscheck_status, f.master_status, f.outcome,
               f.looked_at, f.ended_at, f.trouble,
               (SELECT max(seen_at) FROM status_changes WHERE flow_id = f.flow_id AND stage = 'upload')
                 AS upload_since,
               (SELECT max(seen_at) FROM status_changes WHERE flow_id = f.flow_id AND stage = 'processing')
                 AS processing_since,
               (SELECT max(seen_at) FROM status_changes WHERE flow_id = f.flow_id AND stage = 'crosscheck')
                 AS crosscheck_since,
               (SELECT max(seen_at) FROM status_changes WHERE flow_id = f.flow_id AND stage = 'master')
                 AS master_since
        FROM flows f WHERE f.watched = 1 ORDER BY f.created_at, f.flow_id LIMIT ?
        """,
        [limit],
    )


def running_flows_total(books: Books) -> int:
    """How many flows are still watched: the m of "n of m" beside `running_flows`."""
    return int(books.rows("SELECT count(*) FROM flows WHERE watched = 1")[0][0])


def products(books: Books) -> list[str]:
    """The product types flows have, in alphabetical order."""
    return [row[0] for row in books.rows("SELECT DISTINCT product_type FROM flows ORDER BY product_type")]


def statuses(books: Books) -> list[str | None]:
    """The master statuses flows have, as Atlas spelled them; None, first, where some have none yet."""
    return [row[0] for row in books.rows("SELECT DISTINCT master_status FROM flows ORDER BY master_status")]
