"""The rows of a submission in desk.db: checked, numbered, and with their links for as long as these serve."""

from __future__ import annotations

import json
import sqlite3

from atlas_core.errors import InputError
from atlas_core.links import signature_ends_at, split_url
from atlas_core.models import SubmissionToSave

LINKS_KEPT_MS = 24 * 3_600_000


def checked_parameters(submission: SubmissionToSave) -> str:
    """The flow_params as JSON text. Raises `InputError` where the submission cannot be kept."""
    if not 1 <= len(submission.application_id) <= 64:
        raise InputError("application_id must have 1 to 64 characters.")
    if not submission.files:
        raise InputError("A submission needs at least one document.")
    try:
        return json.dumps(submission.flow_params, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise InputError("flow_params must be JSON: texts, numbers, lists and objects only.") from None


def insert_submission(
    connection: sqlite3.Connection,
    submission: SubmissionToSave,
    params: str,
    source: str,
    group_id: str | None,
    created_at: int,
) -> int:
    """Adds one within the caller's transaction and returns its submission_id."""
    # From the clock, not from 1: beside an older atlas.db a new or restored desk must not give a number
    # again that has an attempt there, for that would pass as already sent.
    submission_id = connection.execute(
        """
        INSERT INTO submissions
          (submission_id, application_id, product_type, flow_params, source, group_id, created_at)
        SELECT max(coalesce(max(submission_id), 0) + 1, ?6), ?1, ?2, ?3, ?4, ?5, ?6 FROM submissions
        RETURNING submission_id
        """,
        [submission.application_id, submission.product_type, params, source, group_id, created_at],
    ).fetchone()[0]
    latest = created_at + LINKS_KEPT_MS
    connection.executemany(
        """
        INSERT INTO submission_files
          (submission_id, position, document_id, url_host, object_name, file_url, ends_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (
                submission_id,
                position,
                file.document_id,
                *split_url(file.file_url),
                file.file_url,
                min(signature_ends_at(file.file_url) or latest, latest),
            )
            for position, file in enumerate(submission.files)
        ],
    )
    return int(submission_id)
