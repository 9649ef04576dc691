"""All about one flow."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.reading import Books, Record
from atlas_core.errors import BookDamaged

PAYLOAD_AT_MOST = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FlowDetail:
    """One flow with one version of its result. Records and frames are empty, never None, where there is
    nothing.

    `version` is the version that the records of the result show (None: no result yet), `newest_version` the
    one that counts. From `erased_at` on there are no values.
    - documents: position, document_id, document_type, error_code, error_reason, file_uuid, batch_id, fields
    - fields: position (of its document), ordinal, name, value (text; None where it was null), shape,
      confidence, confidence_raw
    - cross_checks: position, name, source_doc, source_field_name, source_value, target_doc,
      target_field_name, target_value, similarity, similarity_raw, source_confidence, target_confidence
    - flags: ordinal, kind, place, raw
    - versions, newest first: version, received_at, confirmed, channel, digest, delivery_id, documents,
      document_errors, checks, min_similarity, review_flags

    and what happened to it, as frames:
    - status_changes, in order: stage, status, not_before_at (None: no look before), seen_at
    - deliveries, in order: delivery_id, channel, received_at, last_seen_at, times_seen, digest, size,
      outcome, reason
    - files: position, batch_id, file_uuid, document_id, url_host, object_name
    - attempts: submission_id, attempt_number, state, started_at, changed_at, next_try_at, reason
    - alarms: raised_at, kind, sentence
    """

    flow_uuid: str
    application_id: str
    product_type: str
    created_at: int
    upload_status: str | None
    processing_status: str | None
    crosscheck_status: str | None
    master_status: str | None
    outcome: str
    watched: bool
    looked_at: int | None
    ended_at: int | None
    confirmed_at: int | None
    trouble: str | None
    erased_at: int | None
    version: int | None
    newest_version: int | None
    documents: list[Record]
    fields: list[Record]
    cross_checks: list[Record]
    flags: list[Record]
    versions: list[Record]
    status_changes: pd.DataFrame
    deliveries: pd.DataFrame
    files: pd.DataFrame
    attempts: pd.DataFrame
    alarms: pd.DataFrame


_OF_RESULT = {
    "documents": """
        SELECT d.position, d.document_id, d.document_type, d.error_code, d.error_reason,
               d.file_uuid, d.batch_id,
               (SELECT count(*) FROM fields v WHERE v.result_id = d.result_id AND v.position = d.position)
                 AS fields
        FROM documents d WHERE d.result_id = ? ORDER BY d.position
    """,
    "fields": """
        SELECT position, ordinal, name,
               CASE shape WHEN 'boolean' THEN iif(value, 'true', 'false') ELSE CAST(value AS TEXT) END
                 AS value,
               shape, confidence, confidence_raw
        FROM fields WHERE result_id = ? ORDER BY position, ordinal
    """,
    "cross_checks": """
        SELECT position, name, source_doc, source_field_name, source_value,
               target_doc, target_field_name, target_value, similarity_score AS similarity, similarity_raw,
               source_confidence, target_confidence
        FROM cross_checks WHERE result_id = ? ORDER BY position
    """,
    "flags": "SELECT ordinal, kind, place, raw FROM flags WHERE result_id = ? ORDER BY ordinal",
}

_VERSIONS = """
    SELECT r.version, r.received_at, r.confirmed, d.channel, r.digest, r.delivery_id,
           r.documents, r.document_errors, r.checks, r.min_similarity, r.review_flags
    FROM results r JOIN deliveries d ON d.delivery_id = r.delivery_id
    WHERE r.flow_id = ? ORDER BY r.version DESC
"""

_OF_FLOW = {
    "status_changes": """
        SELECT stage, status, not_before AS not_before_at, seen_at
        FROM status_changes WHERE flow_id = ?
        ORDER BY seen_at, instr('upload processing crosscheck master', stage)
    """,
    "deliveries": """
        SELECT delivery_id, channel, received_at, last_seen_at, times_seen, digest, size, outcome, reason
        FROM deliveries WHERE flow_id = ? ORDER BY delivery_id
    """,
    "files": """
        SELECT position, batch_id, file_uuid, document_id, url_host, object_name
        FROM files WHERE flow_id = ? ORDER BY position
    """,
    "attempts": """
        SELECT submission_id, number AS attempt_number, state, started_at, changed_at, next_try_at, reason
        FROM attempts WHERE flow_id = ? ORDER BY attempt_id
    """,
    "alarms": "SELECT raised_at, kind, sentence FROM alarms WHERE flow_id = ? ORDER BY alarm_id",
}


def flow_detail(
    books: Books, flow_uuid: str, version: int | None = None, *, with_history: bool = True
) -> FlowDetail | None:
    """All about the flow, with the result of that version (None: the newest that counts).

    None where there is no such flow, or no such version of its result. Without its history, which takes half
    of the time, the frames of what happened to it are empty.
    """
    with books.snapshot():
        found = books.rows(
            """
            SELECT f.flow_id, f.flow_uuid, f.application_id, f.product_type, f.created_at,
                   f.upload_status, f.processing_status, f.crosscheck_status, f.master_status, f.outcome,
                   f.watched, f.looked_at, f.ended_at, f.confirmed_at, f.trouble, f.erased_at,
                   f.result_id,
                   r.version AS newest_version
            FROM flows f LEFT JOIN results r ON r.result_id = f.result_id
            WHERE f.flow_uuid = ?
            """,
            [flow_uuid.encode("utf-8", "replace").decode("utf-8")],
        )
        if not found:
            return None
        flow = dict(found[0])
        flow_id, result_id = flow.pop("flow_id"), flow.pop("result_id")
        shown = flow["newest_version"]
        if version is not None:
            chosen = books.rows(
                "SELECT result_id FROM results WHERE flow_id = ? AND version = ?", [flow_id, version]
            )
            if not chosen:
                return None
            result_id, shown = chosen[0]["result_id"], version
        flow |= {"watched": bool(flow["watched"]), "version": shown}
        flow |= {name: books.records(sql, [result_id]) for name, sql in _OF_RESULT.items()}
        flow["versions"] = books.records(_VERSIONS, [flow_id])
        flow |= {
            name: books.frame(sql, [flow_id]) if with_history else pd.DataFrame()
            for name, sql in _OF_FLOW.items()
        }
        return FlowDetail(**flow)


def delivery_payload(books: Books, delivery_id: int) -> str | None:
    """The masked payload of one delivery as JSON text; None where it is not kept.

    A delivery that brought the same once more shows what the first one kept.
    """
    kept = books.rows(
        """
        SELECT coalesce(d.body, e.body) AS body
        FROM deliveries d
        LEFT JOIN deliveries e ON e.flow_id = d.flow_id AND e.digest = d.digest AND e.body IS NOT NULL
        WHERE d.delivery_id = ?
        """,
        [delivery_id],
    )
    if not kept or kept[0]["body"] is None:
        return None
    try:
        unpacked = zlib.decompressobj().decompress(kept[0]["body"], PAYLOAD_AT_MOST)
        return unpacked.decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        raise BookDamaged(
            f"The payload of delivery {delivery_id} cannot be unpacked; fetch the flow again."
        ) from None


def links_kept(books: Books, flow_uuid: str, *, now: int) -> pd.DataFrame:
    """The whole addresses of the flow's documents, while they work: for a reviewer's preview, never for a
    log or an export.

    Columns: document_id, url_host, object_name, file_url, ends_at.
    """
    return books.frame(
        """
        SELECT s.document_id, s.url_host, s.object_name, s.file_url, s.ends_at
        FROM flows f
        JOIN attempts a ON a.flow_id = f.flow_id
        JOIN desk.submission_files s ON s.submission_id = a.submission_id
        WHERE f.flow_uuid = ? AND s.file_url IS NOT NULL AND s.ends_at > ?
        ORDER BY s.position
        """,
        [flow_uuid, now],
    )
