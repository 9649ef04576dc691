"""What the column mirror does not hold of the rows it finds: ids, values and texts, for a page of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from atlas_core.books.reading import Books, Record

ASKED_AT_MOST = 5_000


def checks_at(books: Books, flow_ids: Sequence[int], ordinals: Sequence[int]) -> list[Record]:
    """The cross-checks at those places (from 0) in the results of those flows, in the order asked.

    Each has flow_uuid, application_id, created_at, position, name, source_doc, source_field_name,
    source_value, source_confidence, target_doc, target_field_name, target_value, target_confidence,
    similarity. A place that a newer result does not have any more is left out.
    """
    return books.records(
        """
        SELECT f.flow_uuid, f.application_id, f.created_at, c.position, c.name,
               c.source_doc, c.source_field_name, c.source_value, c.source_confidence,
               c.target_doc, c.target_field_name, c.target_value, c.target_confidence,
               c.similarity_score AS similarity
        FROM json_each(?) j
        JOIN flows f ON f.flow_id = j.value ->> 0
        JOIN cross_checks c ON c.result_id = f.result_id AND j.value ->> 1 = (
          SELECT count(*) FROM cross_checks WHERE result_id = f.result_id AND position < c.position)
        ORDER BY j.key
        """,
        [_pairs(flow_ids, ordinals)],
    )


def documents_at(books: Books, flow_ids: Sequence[int], ordinals: Sequence[int]) -> pd.DataFrame:
    """The documents at those places (from 0) in the results of those flows, in the order asked.

    Columns: flow_uuid, application_id, product_type, created_at, position, document_id, document_type,
    error_code, error_reason.
    """
    return books.frame(
        """
        SELECT f.flow_uuid, f.application_id, f.product_type, f.created_at, d.position, d.document_id,
               d.document_type, d.error_code, d.error_reason
        FROM json_each(?) j
        JOIN flows f ON f.flow_id = j.value ->> 0
        JOIN documents d ON d.result_id = f.result_id AND j.value ->> 1 = (
          SELECT count(*) FROM documents WHERE result_id = f.result_id AND position < d.position)
        ORDER BY j.key
        """,
        [_pairs(flow_ids, ordinals)],
    )


def flows_with_field(books: Books, flow_ids: Sequence[int], document_type: str, field_name: str) -> list[int]:
    """Those of the flows (the first 5,000) with a document of this type in which the field has a value."""
    return [
        row[0]
        for row in books.rows(
            """
            SELECT DISTINCT f.flow_id
            FROM json_each(?) j
            JOIN flows f ON f.flow_id = j.value
            JOIN documents d ON d.result_id = f.result_id AND d.document_type = ?
            JOIN fields v ON v.result_id = d.result_id AND v.position = d.position AND v.name = ?
            WHERE v.shape NOT IN ('null', 'empty') AND trim(v.value) <> ''
            """,
            [_ids(flow_ids), document_type, field_name],
        )
    ]


def later_flows(books: Books, flow_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Each of the flows (the first 5,000) beside every later one of its application, by flow_id."""
    return [
        (row[0], row[1])
        for row in books.rows(
            """
            SELECT f.flow_id, n.flow_id
            FROM json_each(?) j
            JOIN flows f ON f.flow_id = j.value
            JOIN flows n ON n.application_id = f.application_id AND n.flow_id > f.flow_id
            ORDER BY f.flow_id, n.flow_id
            """,
            [_ids(flow_ids)],
        )
    ]


def _ids(flow_ids: Sequence[int]) -> str:
    return json.dumps([int(flow_id) for flow_id in flow_ids[:ASKED_AT_MOST]])


def _pairs(flow_ids: Sequence[int], ordinals: Sequence[int]) -> str:
    pairs = zip(flow_ids[:ASKED_AT_MOST], ordinals[:ASKED_AT_MOST], strict=True)
    return json.dumps([(int(flow_id), int(ordinal)) for flow_id, ordinal in pairs])
