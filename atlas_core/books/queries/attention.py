"""What needs a person, and why."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from atlas_core.books.queries.reviews import RESULT_DECIDED_ON
from atlas_core.books.reading import Books, typed_frame

CALLBACK_EXPECTED_MS = 10 * 60_000

# An attempt that nothing came after: no later attempt, and no person's decision about it.
_LAST_WORD = """
  NOT EXISTS (SELECT 1 FROM attempts later
              WHERE later.submission_id = a.submission_id AND later.number > a.number)
  AND NOT EXISTS (SELECT 1 FROM desk.decisions d
                  WHERE d.submission_id = a.submission_id AND d.attempt_number = a.number)
"""

# What somebody has set aside, unless it happened again since: kind, subject, and when it happened last.
_NOT_DISMISSED = """
  NOT EXISTS (SELECT 1 FROM desk.dismissals x
              WHERE x.kind = '{}' AND x.subject = CAST({} AS TEXT) AND x.dismissed_at >= {})
"""

# What nobody decided on as it is now, and was not erased. A second look is made apart and decides nothing.
_OPEN = f"""
  f.erased_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM desk.case_decisions d
    WHERE d.decision_id = (SELECT max(latest.decision_id) FROM desk.case_decisions latest
                           WHERE latest.flow_uuid = f.flow_uuid AND latest.is_second = 0)
      AND d.decision NOT IN ('undone', 'second person')
      AND iif(d.digest IS NULL, f.result_id IS NULL, f.result_id = {RESULT_DECIDED_ON}))
"""  # noqa: S608 constants

# What came between the copy that atlas.db was restored from and its recovery is lost, which is not missing.
CALLBACK_WAS_DUE = """
          (a.started_at >=
             coalesce((SELECT CAST(value AS INTEGER) FROM main.book WHERE key = 'recovered_at'), 0)
           OR f.ended_at + :callback_ms <
             (SELECT CAST(value AS INTEGER) FROM main.book WHERE key = 'copied_at'))
"""

# Each selects at least flow_id (NULL where there is no flow) and since. Parameters: those of `times`.
CASES: dict[str, str] = {
    "unknown outcome": f"""
        SELECT flow_id, changed_at AS since FROM attempts a
        WHERE state IN ('init unknown', 'upload unknown') AND {_LAST_WORD}
    """,  # noqa: S608
    "refused": f"""
        SELECT flow_id, changed_at AS since FROM attempts a WHERE state = 'refused' AND {_LAST_WORD}
    """,  # noqa: S608
    "failed": f"SELECT flow_id, created_at AS since FROM flows f WHERE outcome = 'failed' AND {_OPEN}",  # noqa: S608
    # A flow whose files never reached Atlas waits for its attempt, not for Atlas.
    "overdue": """
        SELECT flow_id, created_at AS since FROM flows f
        WHERE outcome IN ('running', 'unknown') AND created_at <= :overdue_before
          AND coalesce(
                (SELECT state FROM attempts a WHERE a.flow_id = f.flow_id ORDER BY number DESC LIMIT 1), '')
              NOT IN ('upload unknown', 'refused', 'not sent')
        UNION ALL
        SELECT flow_id, created_at FROM flows INDEXED BY flows_unfinished
        WHERE outcome = 'review' AND created_at <= :overdue_before
          AND master_status = 'SUCCESS' AND crosscheck_status IN ('NOT_STARTED', 'PENDING')
    """,
    "review": f"SELECT flow_id, created_at AS since FROM flows f WHERE outcome = 'review' AND {_OPEN}",  # noqa: S608
    "not sent": f"""
        SELECT flow_id, changed_at AS since FROM attempts a WHERE state = 'not sent' AND {_LAST_WORD}
    """,  # noqa: S608
    # Only of flows this desk sent: seeded history has no attempts, and nobody was asked to call.
    "callback missing": f"""
        SELECT f.flow_id, f.ended_at AS since FROM attempts a JOIN flows f ON f.flow_id = a.flow_id
        WHERE a.state = 'uploaded' AND f.confirmed_at IS NOT NULL AND f.ended_at <= :callback_before
          AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.flow_id = f.flow_id AND d.channel = 'callback')
          AND NOT EXISTS (
            SELECT 1 FROM deliveries d WHERE d.attempt_id = a.attempt_id AND d.channel = 'callback')
          AND {CALLBACK_WAS_DUE}
          AND {_NOT_DISMISSED.format("callback missing", "f.flow_uuid", "f.ended_at")}
    """,  # noqa: S608
    "dead letter": f"""
        SELECT coalesce(d.flow_id, a.flow_id) AS flow_id, d.received_at AS since, d.delivery_id
        FROM deliveries d LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
        WHERE d.channel || ' ' || d.outcome = 'callback dead letter'
          AND {_NOT_DISMISSED.format("dead letter", "d.delivery_id", "d.last_seen_at")}
    """,  # noqa: S608
    "alarm": f"""
        SELECT coalesce(l.flow_id, a.flow_id) AS flow_id, l.raised_at AS since
        FROM alarms l LEFT JOIN attempts a ON a.attempt_id = l.attempt_id
        WHERE {_NOT_DISMISSED.format("alarm", "l.alarm_id", "l.last_at")}
    """,  # noqa: S608
}

REASONS = tuple(CASES)
"""Why something needs a person, the most pressing first."""


def times(now: int, overdue_ms: int) -> dict[str, int]:
    """The parameters of `CASES`."""
    return {
        "overdue_before": now - overdue_ms,
        "callback_before": now - CALLBACK_EXPECTED_MS,
        "callback_ms": CALLBACK_EXPECTED_MS,
    }


def attention(books: Books, *, now: int, overdue_ms: int, reasons: Collection[str] = REASONS) -> pd.DataFrame:
    """What needs a person, one row for each of these reasons that has cases, in the order of `REASONS`.

    Columns: reason · flows (cases; an attempt whose flow/init was lost or refused counts, though it has no
    flow) · oldest_at (of failed, overdue and review: when the oldest was created; else when its trouble
    began) · flow_uuid (of the oldest; None without a flow). One flow may stand under several reasons.
    """
    parameters = times(now, overdue_ms)
    with books.snapshot():
        rows = [
            (reason, *row)
            for reason, cases in CASES.items()
            if reason in reasons
            for row in books.rows(_counted(cases), parameters)
            if row["flows"]
        ]
    return typed_frame(["reason", "flows", "oldest_at", "flow_uuid"], rows)


def _counted(cases: str) -> str:
    # A bare column beside min() is taken from the row that holds the minimum.
    return f"""
        SELECT c.flows, c.oldest_at, f.flow_uuid
        FROM (SELECT count(*) AS flows, min(since) AS oldest_at, flow_id FROM ({cases})) c
        LEFT JOIN flows f ON f.flow_id = c.flow_id
    """  # noqa: S608


def unknown_outcomes(books: Books) -> pd.DataFrame:
    """Attempts whose answer was lost and about which nobody has decided, oldest first.

    Columns: submission_id, attempt_number, application_id, product_type, state ('init unknown': Atlas may
    have made a flow, nothing was uploaded to it; 'upload unknown': the files may have landed), flow_uuid
    (None without a flow), upload_status (as last seen), started_at, changed_at, reason.
    """
    return books.frame(
        f"""
        SELECT a.submission_id, a.number AS attempt_number, a.application_id, a.product_type, a.state,
               f.flow_uuid, f.upload_status, a.started_at, a.changed_at, a.reason
        FROM attempts a LEFT JOIN flows f ON f.flow_id = a.flow_id
        WHERE a.state IN ('init unknown', 'upload unknown') AND {_LAST_WORD}
        ORDER BY a.changed_at, a.attempt_id
        """  # noqa: S608
    )


def alarms(books: Books, *, limit: int = 50) -> pd.DataFrame:
    """What a person should know of and nobody has set aside, newest first.

    Columns: raised_at, last_at (when it happened last), kind, sentence, flow_uuid, application_id (both None
    where it is about no flow), subject (to dismiss it by).
    """
    return books.frame(
        f"""
        SELECT l.raised_at, l.last_at, l.kind, l.sentence, f.flow_uuid,
               coalesce(f.application_id, a.application_id) AS application_id,
               CAST(l.alarm_id AS TEXT) AS subject
        FROM alarms l
        LEFT JOIN attempts a ON a.attempt_id = l.attempt_id
        LEFT JOIN flows f ON f.flow_id = coalesce(l.flow_id, a.flow_id)
        WHERE {_NOT_DISMISSED.format("alarm", "l.alarm_id", "l.last_at")}
        ORDER BY l.alarm_id DESC LIMIT ?
        """,  # noqa: S608
        [limit],
    )


def missing_callbacks(books: Books, *, now: int, limit: int = 50) -> pd.DataFrame:
    """Flows of ours that ended and were fetched, but about which Atlas never called, newest first.

    Columns: flow_uuid, application_id, ended_at, subject (to dismiss it by).
    """
    return books.frame(
        f"""
        SELECT f.flow_uuid, f.application_id, f.ended_at, f.flow_uuid AS subject
        FROM ({CASES["callback missing"]}) c JOIN flows f ON f.flow_id = c.flow_id
        ORDER BY f.ended_at DESC, f.flow_id DESC LIMIT :limit
        """,  # noqa: S608
        {**times(now, 0), "limit": limit},
    )
