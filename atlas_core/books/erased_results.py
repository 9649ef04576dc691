"""What is still kept of results for an erased flow: scores, types, codes and confidences, but no values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from sqlite3 import Connection

from atlas_core.books.traits import QUALITIES
from atlas_core.models import CrossCheck, Document, Field, Flag, Result

NEWEST_ERASURE = "(SELECT coalesce(max(erased_at), 0) FROM flows WHERE erased_at IS NOT NULL)"
"""Pages follow `flows.erased_at` from the newest that they know: what is erased later must not stand before
it, though it was asked for earlier."""


def is_erased(connection: Connection, flow_id: int) -> bool:
    """Whether the flow was erased."""
    row = connection.execute(
        "SELECT erased_at IS NOT NULL FROM flows WHERE flow_id = ?", (flow_id,)
    ).fetchone()
    return bool(row and row[0])


def without_values(result: Result) -> Result:
    """The result without anything that a document says. Its digest and its payload are those of what is left,
    so that they confirm no guess."""
    documents = None if result.documents is None else tuple(_document(one) for one in result.documents)
    checks = None if result.cross_checks is None else tuple(_check(one) for one in result.cross_checks)
    left = {
        "ocr_data": None if documents is None else [asdict(one) for one in documents],
        "cross_checks": None if checks is None else [asdict(one) for one in checks],
    }
    canonical = json.dumps(left, sort_keys=True, separators=(",", ":")).encode()
    return replace(
        result,
        documents=documents,
        cross_checks=checks,
        flags=tuple(Flag(flag.kind, "") for flag in result.flags),
        canonical=canonical,
        digest=hashlib.sha256(canonical).hexdigest(),
    )


def _document(document: Document) -> Document:
    fields = tuple(_field(document.document_type, field) for field in document.fields)
    return replace(document, document_id="", error_reason="", fields=fields)


def _field(document_type: str | None, field: Field) -> Field:
    is_quality = document_type == "PAN" and field.name == "document_quality_flag" and field.value in QUALITIES
    return replace(field, value=field.value if is_quality else None, confidence_raw=None)


def _check(check: CrossCheck) -> CrossCheck:
    return replace(check, source_value="", target_value="", similarity_raw=None)
