"""Writes to atlas.db about results: what a delivery brings, and the version that counts.

The rules, by which any order of news ends alike:

- Versions are only added, and the newest counts. What says the same as it (one digest) adds none.
- A callback adds a provisional version until we have fetched ourselves. Then it adds none: a reading that is
  not confirmed yet makes it 'contradicted', a confirmed one 'late'.
- What we fetch adds a version. Fetched after the flow's end it is confirmed, and judges the callbacks so far:
  whichever said the same were right, and the one that had counted until now was not.
- Flags are those of the reading that confirmed a version, and what we know of it ourselves: that it differs
  from a callback or from confirmed results, or that Atlas told of two ends.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. None commits. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from atlas_core.books.deliveries import OF_AN_ERASED_FLOW, payload_holder, record_delivery
from atlas_core.books.erased_results import is_erased, without_values
from atlas_core.books.flags import count_review_flags, flags_of, replace_flags, save_flags
from atlas_core.books.lots import draw_lots
from atlas_core.books.standards import Standards, count_low
from atlas_core.books.store import record_alarm
from atlas_core.books.traits import dealer_of, lowest_confidences, quality_flag_of
from atlas_core.models import Flag, FlagKind, Result, outcome_of
from atlas_core.thresholds import Thresholds

# Flags that compare what Atlas said with what it had said: they belong to the version, not to its payload.
_OUR_FLAGS = (
    FlagKind.CHANGED_AFTER_CONFIRMATION,
    FlagKind.CALLBACK_DIFFERED,
    FlagKind.STATUS_CONTRADICTED,
)


def save_result(
    connection: Connection,
    flow_id: int,
    result: Result,
    *,
    channel: str,
    received_at: int,
    confirmed: bool,
    standards: Standards,
    delivery_id: int | None = None,
    attempt_id: int | None = None,
) -> str:
    """One arrival of a flow's results; returns what became of the delivery.

    `channel` is 'callback' or 'extracts'; `confirmed` tells of extracts fetched after the flow's end.
    `delivery_id` is the ledger's row where the receiver has written it already. Content that is new
    becomes the version that counts, except a callback's after we fetched: that is 'late' or
    'contradicted'. Extracts that differ from a callback outvote it. Of a flow that ended well, cross-checks
    that pass are drawn by lot when its result is confirmed. Of an erased flow no value is kept, and once its
    result was confirmed nothing at all.
    """
    if erased := is_erased(connection, flow_id):
        result = without_values(result)
    row = connection.execute(
        "SELECT f.master_status, f.confirmed_at, r.result_id, r.version, r.digest, r.confirmed,"
        " EXISTS (SELECT 1 FROM deliveries d WHERE d.channel = 'extracts' AND d.flow_id = f.flow_id"
        " AND d.digest = r.digest),"
        " EXISTS (SELECT 1 FROM alarms a WHERE a.flow_id = f.flow_id AND a.kind = ?)"
        " FROM flows f LEFT JOIN results r ON r.result_id = f.result_id WHERE f.flow_id = ?",
        (FlagKind.STATUS_CONTRADICTED, flow_id),
    ).fetchone()
    master, confirmed_at, result_id, version, digest, was_confirmed, was_fetched, is_contradicted = row
    same = digest == result.digest
    fetched = channel == "extracts"

    if erased and confirmed_at is not None:
        _let_pass(connection, flow_id, delivery_id)
        return "late"
    if fetched and not confirmed:
        outcome = "provisional"
    elif same:
        outcome = "confirms"
    elif fetched:
        outcome = "confirmed"
    elif confirmed_at is not None:
        outcome = "late"
    else:
        outcome = "contradicted" if was_fetched else "provisional"
    if delivery_id is None:
        delivery_id = record_delivery(
            connection,
            result,
            flow_id=flow_id,
            attempt_id=attempt_id,
            channel=channel,
            received_at=received_at,
            outcome=outcome,
        )
    else:
        connection.execute("UPDATE deliveries SET outcome = ? WHERE delivery_id = ?", (outcome, delivery_id))
    if not same and outcome in ("late", "contradicted"):
        return outcome

    if not same:
        flags = list(result.flags)
        if is_contradicted:
            flags.append(Flag(FlagKind.STATUS_CONTRADICTED, "master_status"))
        if fetched and confirmed_at is not None:
            flags.append(Flag(FlagKind.CHANGED_AFTER_CONFIRMATION, "", f"version {version}"))
        elif fetched and result_id is not None and not was_fetched and not erased:
            flags.append(Flag(FlagKind.CALLBACK_DIFFERED, "", f"version {version}"))
            sentence = "A callback brought other results than Atlas itself shows; the fetched ones count."
            record_alarm(
                connection, "callback contradicted", sentence, raised_at=received_at, flow_id=flow_id
            )
        result_id = _save_version(
            connection,
            flow_id,
            result,
            flags,
            version=(version or 0) + 1,
            delivery_id=payload_holder(connection, flow_id, result.digest) or delivery_id,
            received_at=received_at,
            confirmed=confirmed,
        )
    elif fetched and confirmed and not was_confirmed:
        _confirm_version(connection, result_id, result.flags)
    if fetched and confirmed:
        _judge_callbacks(connection, flow_id, result.digest)

    _settle_flow(
        connection,
        flow_id,
        result_id,
        master=master,
        confirmed_at=received_at if fetched and confirmed else None,
        thresholds=standards.thresholds,
    )
    if fetched and confirmed and master == "SUCCESS" and not (same and was_confirmed):
        draw_lots(connection, flow_id, result_id, result.cross_checks or (), standards, now=received_at)
    return outcome


def _let_pass(connection: Connection, flow_id: int, delivery_id: int | None) -> None:
    """Nothing of an arrival is kept, and nobody asks about the flow any more."""
    connection.execute("UPDATE flows SET watched = 0 WHERE flow_id = ?", (flow_id,))
    connection.execute(
        "UPDATE deliveries SET outcome = 'late', reason = ?, body = NULL WHERE delivery_id = ?",
        (OF_AN_ERASED_FLOW, delivery_id),
    )


def _save_version(
    connection: Connection,
    flow_id: int,
    result: Result,
    flags: Sequence[Flag],
    *,
    version: int,
    delivery_id: int,
    received_at: int,
    confirmed: bool,
) -> int:
    documents, checks = result.documents, result.cross_checks
    scores = [check.similarity for check in checks or () if check.similarity is not None]
    result_id = connection.execute(
        "INSERT INTO results (flow_id, version, delivery_id, digest, received_at, confirmed, documents,"
        " document_errors, checks, min_similarity, review_flags, dealer, quality_flag)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            flow_id,
            version,
            delivery_id,
            result.digest,
            received_at,
            int(confirmed),
            None if documents is None else len(documents),
            None if documents is None else sum(1 for document in documents if document.error_code),
            None if checks is None else len(checks),
            min(scores, default=None),
            count_review_flags(flags),
            dealer_of(documents or ()),
            quality_flag_of(documents or ()),
        ),
    ).lastrowid
    connection.executemany(
        "INSERT INTO documents (result_id, position, document_id, document_type, error_code, error_reason,"
        " file_uuid, batch_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                result_id,
                document.position,
                document.document_id,
                document.document_type,
                document.error_code,
                document.error_reason,
                document.file_uuid,
                document.batch_id,
            )
            for document in documents or ()
        ],
    )
    connection.executemany(
        "INSERT INTO fields (result_id, position, ordinal, name, value, shape, confidence, confidence_raw)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                result_id,
                document.position,
                ordinal,
                field.name,
                field.value,
                field.shape,
                field.confidence,
                field.confidence_raw,
            )
            for document in documents or ()
            for ordinal, field in enumerate(document.fields)
        ],
    )
    confidences = lowest_confidences(documents or (), checks or ())
    connection.executemany(
        "INSERT INTO cross_checks (result_id, position, name, source_doc, source_field_name, source_value,"
        " source_confidence, target_doc, target_field_name, target_value, target_confidence,"
        " similarity_score, similarity_raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                result_id,
                check.position,
                check.name,
                check.source_doc,
                check.source_field_name,
                check.source_value,
                confidences.get((check.source_doc, check.source_field_name)),
                check.target_doc,
                check.target_field_name,
                check.target_value,
                confidences.get((check.target_doc, check.target_field_name)),
                check.similarity,
                check.similarity_raw,
            )
            for check in checks or ()
        ],
    )
    save_flags(connection, int(result_id or 0), flags)
    return int(result_id or 0)


def _confirm_version(connection: Connection, result_id: int, flags: Sequence[Flag]) -> None:
    """A provisional version becomes a confirmed one, with the flags of the reading that confirms it."""
    ours = (flag for flag in flags_of(connection, result_id) if flag.kind in _OUR_FLAGS)
    replace_flags(connection, result_id, [*flags, *ours])
    connection.execute("UPDATE results SET confirmed = 1 WHERE result_id = ?", (result_id,))


def _judge_callbacks(connection: Connection, flow_id: int, digest: str) -> None:
    connection.execute(
        "UPDATE deliveries SET outcome = iif(digest = ?1, 'confirmed', 'contradicted')"
        " WHERE flow_id = ?2 AND channel = 'callback' AND (outcome = 'provisional'"
        "  OR (digest = ?1 AND outcome IN ('contradicted', 'late')))",
        (digest, flow_id),
    )


def _settle_flow(
    connection: Connection,
    flow_id: int,
    result_id: int,
    *,
    master: str | None,
    confirmed_at: int | None,
    thresholds: Thresholds,
) -> None:
    """Copies the version that counts onto its flow, and decides the flow's outcome."""
    *counts, document_errors, min_similarity, review_flags, dealer, quality_flag = connection.execute(
        "SELECT documents, checks, document_errors, min_similarity, review_flags, dealer, quality_flag"
        " FROM results WHERE result_id = ?",
        (result_id,),
    ).fetchone()
    scores = connection.execute(
        "SELECT name, similarity_score FROM cross_checks WHERE result_id = ?", (result_id,)
    )
    low_checks = count_low(scores, thresholds)
    outcome = outcome_of(
        master,
        has_result=True,
        document_errors=document_errors or 0,
        low_checks=low_checks,
        review_flags=review_flags,
    )
    connection.execute(
        "UPDATE flows SET result_id = ?1, documents = ?2, checks = ?3, document_errors = ?4,"
        " min_similarity = ?5, review_flags = ?6, dealer = ?7, quality_flag = ?8, outcome = ?9,"
        " confirmed_at = coalesce(confirmed_at, max(?10, coalesce(ended_at, created_at))),"
        " watched = iif(?10 IS NULL, watched, 0),"
        " trouble = iif(?10 IS NULL, trouble, NULL), low_checks = ?11 WHERE flow_id = ?12",
        (
            result_id,
            *counts,
            document_errors,
            min_similarity,
            review_flags,
            dealer,
            quality_flag,
            outcome,
            confirmed_at,
            low_checks,
            flow_id,
        ),
    )
