"""Rows for exports: everything about some flows, of the results that count."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Row

from atlas_core.books.reading import Books


class What(enum.StrEnum):
    """What an export has a row for each of."""

    FLOWS = "flows"
    DOCUMENTS = "documents"
    FIELDS = "fields"
    CROSS_CHECKS = "cross-checks"


class Kind(enum.Enum):
    """What stands in a column: a text, a number, either (`ANY`), or a time in milliseconds since 1970 UTC."""

    TEXT = enum.auto()
    NUMBER = enum.auto()
    ANY = enum.auto()
    TIME = enum.auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export, and what stands in it."""

    name: str
    kind: Kind = Kind.TEXT


_FLOW = (Column("flow_uuid"), Column("application_id"))
_POSITION = Column("position", Kind.NUMBER)

# Named as in the public views; each select gives its columns in this order.
COLUMNS: dict[What, tuple[Column, ...]] = {
    What.FLOWS: (
        *_FLOW,
        Column("product_type"),
        Column("created_at", Kind.TIME),
        Column("ended_at", Kind.TIME),
        Column("upload_status"),
        Column("processing_status"),
        Column("crossheck_status"),
        Column("master_status"),
        Column("outcome"),
        Column("documents", Kind.NUMBER),
        Column("document_errors", Kind.NUMBER),
        Column("checks", Kind.NUMBER),
        Column("min_similarity", Kind.NUMBER),
        Column("dealer"),
        Column("result_version", Kind.NUMBER),
    ),
    What.DOCUMENTS: (
        *_FLOW,
        _POSITION,
        Column("document_id"),
        Column("document_type"),
        Column("error_code"),
        Column("error_reason"),
    ),
    What.FIELDS: (
        *_FLOW,
        _POSITION,
        Column("document_id"),
        Column("document_type"),
        Column("name"),
        Column("value", Kind.ANY),
        Column("confidence", Kind.NUMBER),
    ),
    What.CROSS_CHECKS: (
        *_FLOW,
        _POSITION,
        Column("name"),
        Column("source_doc"),
        Column("source_field_name"),
        Column("source_value"),
        Column("target_doc"),
        Column("target_field_name"),
        Column("target_value"),
        Column("similarity_score", Kind.NUMBER),
    ),
}
_CHOSEN = "FROM json_each(?) chosen CROSS JOIN flows f ON f.flow_id = chosen.value"
_DOCUMENTS = f"{_CHOSEN} CROSS JOIN documents d ON d.result_id = f.result_id"
_SOURCES: dict[What, str] = {
    What.FLOWS: _CHOSEN,
    What.DOCUMENTS: _DOCUMENTS,
    What.FIELDS: f"{_DOCUMENTS} CROSS JOIN fields v ON v.result_id = d.result_id AND v.position = d.position",
    What.CROSS_CHECKS: f"{_CHOSEN} CROSS JOIN cross_checks c ON c.result_id = f.result_id",
}
_SELECTED: dict[What, str] = {
    What.FLOWS: "f.flow_uuid, f.application_id, f.product_type, f.created_at, f.ended_at, f.upload_status,"
    " f.processing_status, f.crosscheck_status, f.master_status, f.outcome, f.documents, f.document_errors,"
    " f.checks, f.min_similarity, f.dealer,"
    " (SELECT version FROM results r WHERE r.result_id = f.result_id)",
    What.DOCUMENTS: "f.flow_uuid, f.application_id, d.position, d.document_id, d.document_type, d.error_code,"
    " d.error_reason",
    What.FIELDS: "f.flow_uuid, f.application_id, v.position, d.document_id, d.document_type, v.name, v.value,"
    " v.confidence",
    What.CROSS_CHECKS: "f.flow_uuid, f.application_id, c.position, c.name, c.source_doc, c.source_field_name,"
    " c.source_value, c.target_doc, c.target_field_name, c.target_value, c.similarity_score",
}


def export_rows(books: Books, what: What, flow_ids: Sequence[int]) -> list[Row]:
    """Everything of one kind about these flows, flow by flow in the order asked; see `COLUMNS`."""
    return books.rows(f"SELECT {_SELECTED[what]} {_SOURCES[what]}", [json.dumps(list(flow_ids))])


def count_export_rows(books: Books, what: What, flow_ids: Sequence[int]) -> int:
    """How many rows `export_rows` has for these flows."""
    return int(books.rows(f"SELECT count(*) {_SOURCES[what]}", [json.dumps(list(flow_ids))])[0][0])
