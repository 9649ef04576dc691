"""What was submitted, and how far it has come: intentions from the desk, facts from Atlas's book."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.reading import Books

_STATE = """
CASE
  WHEN d.decision = 'leave' THEN 'left'
  WHEN d.decision IS NOT NULL THEN 'waiting'
  WHEN a.state IS NULL OR a.state = 'not sent' THEN 'waiting'
  WHEN a.state = 'init sent' THEN 'sending'
  WHEN a.state = 'initialised' THEN 'initialised'
  WHEN a.state = 'upload sent' THEN 'uploading'
  WHEN a.state = 'refused' THEN 'refused'
  WHEN a.state IN ('init unknown', 'upload unknown') THEN 'unknown'
  WHEN f.watched = 1 THEN 'running'
  WHEN f.ended_at IS NULL THEN 'given up'
  ELSE 'ended'
END
"""

_WITH_LAST_ATTEMPT = """
FROM desk.submissions s
LEFT JOIN attempts a ON a.submission_id = s.submission_id
  AND a.number = (SELECT max(number) FROM attempts WHERE submission_id = s.submission_id)
LEFT JOIN desk.decisions d ON d.submission_id = a.submission_id AND d.attempt_number = a.number
LEFT JOIN flows f ON f.flow_id = a.flow_id
"""


STATES = (
    *("waiting", "sending", "initialised", "uploading", "running"),
    *("ended", "unknown", "refused", "given up", "left"),
)
"""How far a submission can have come; the first five move on by themselves."""

_MOVING = frozenset(STATES[:5])


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """How many submissions of a group are in each state (as `submissions`), in the order of `STATES`."""

    counts: dict[str, int]

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it moves by itself any more."""
        return not _MOVING & self.counts.keys()

    @property
    def needs_person(self) -> int:
        """How many cannot go on without a person: unknown, refused or given up."""
        return sum(self.counts.get(state, 0) for state in ("unknown", "refused", "given up"))


def submissions(
    books: Books, group_id: str | None = None, *, state: str | None = None, limit: int = 50
) -> pd.DataFrame:
    """Submissions, of one group or of all, in one state or in any; newest first.

    Columns: submission_id, application_id, product_type, source, group_id, created_at, documents, state,
    attempt_number, reason (why it waits, was refused or is unknown), next_try_at, flow_uuid, master_status,
    outcome (these None without a flow), ended_at, links_kept.

    state is: waiting (not sent yet, or to be tried again at next_try_at), sending, initialised, uploading,
    running, ended (terminal and confirmed), given up (no longer watched though it never ended), unknown
    (an answer was lost; a person decides), refused, left (a person decided to leave it so).
    """
    return books.frame(
        f"""
        SELECT s.submission_id, s.application_id, s.product_type, s.source, s.group_id, s.created_at,
               (SELECT count(*) FROM desk.submission_files p WHERE p.submission_id = s.submission_id)
                 AS documents,
               {_STATE} AS state,
               a.number AS attempt_number, coalesce(a.reason, f.trouble) AS reason, a.next_try_at,
               f.flow_uuid, f.master_status, f.outcome, f.ended_at,
               NOT EXISTS (SELECT 1 FROM desk.submission_files p
                           WHERE p.submission_id = s.submission_id AND p.file_url IS NULL) AS links_kept
        {_WITH_LAST_ATTEMPT}
        WHERE (:group_id IS NULL OR s.group_id = :group_id) AND (:state IS NULL OR {_STATE} = :state)
        ORDER BY s.submission_id DESC LIMIT :limit
        """,  # noqa: S608
        {"group_id": group_id, "state": state, "limit": limit},
    )


def group_progress(books: Books, group_id: str) -> GroupProgress:
    """How far the submissions of one group have come."""
    counted = books.rows(
        f"""
        SELECT {_STATE} AS state, count(*) AS submissions
        {_WITH_LAST_ATTEMPT}
        WHERE s.group_id = ?
        GROUP BY 1
        """,
        [group_id],
    )
    by_state = {row["state"]: row["submissions"] for row in counted}
    return GroupProgress({state: by_state[state] for state in STATES if state in by_state})


def open_attempts(books: Books, *, limit: int = 500) -> pd.DataFrame:
    """Submissions on their way that have no flow yet, oldest first.

    Columns: submission_id, application_id, product_type, state (as `submissions`), attempt_number,
    created_at, started_at (of the attempt; None before the first), next_try_at, reason.
    """
    return books.frame(
        f"""
        SELECT s.submission_id, s.application_id, s.product_type, {_STATE} AS state,
               a.number AS attempt_number, s.created_at, a.started_at, a.next_try_at, a.reason
        {_WITH_LAST_ATTEMPT}
        WHERE a.flow_id IS NULL AND a.state IS NOT 'refused' AND d.decision IS NOT 'leave'
        ORDER BY s.submission_id LIMIT ?
        """,
        [limit],
    )


def applications_sent(books: Books, application_ids: Iterable[str]) -> dict[str, int]:
    """Which of these applications were submitted or have a flow already, and when last."""
    asked = json.dumps(list(application_ids))
    return {
        row["application_id"]: row["sent_at"]
        for row in books.rows(
            """
            SELECT application_id, max(created_at) AS sent_at FROM (
              SELECT application_id, created_at FROM desk.submissions
              WHERE application_id IN (SELECT value FROM json_each(:asked))
              UNION ALL
              SELECT application_id, created_at FROM flows
              WHERE application_id IN (SELECT value FROM json_each(:asked)))
            GROUP BY application_id
            """,
            {"asked": asked},
        )
    }
