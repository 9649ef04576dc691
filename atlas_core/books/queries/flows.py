"""Flows counted by outcome, and those that run."""

from __future__ import annotations

import pandas as pd

from atlas_core.books.reading import Books, typed_frame
from atlas_core.models import Outcome


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
        FROM flows f INDEXED BY flows_watched WHERE f.watched = 1 ORDER BY f.created_at, f.flow_id LIMIT ?
        """,
        [limit],
    )


def running_flows_total(books: Books) -> int:
    """How many flows are still watched: the m of "n of m" beside `running_flows`."""
    return int(books.rows("SELECT count(*) FROM flows WHERE watched = 1")[0][0])
