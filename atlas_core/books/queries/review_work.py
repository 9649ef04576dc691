"""Who is at which case, and how much each person did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.reading import Books


@dataclass(frozen=True, slots=True)
class CasePlace:
    """Which flow a case is, under both its ids; `dealer` as its result names it, None where it does not."""

    flow_id: int
    flow_uuid: str
    dealer: str | None


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What one person decided since a moment: `cases`, and the decision made last (None: none) with its
    flow. What was taken back does not count."""

    cases: int
    last_decision: int | None
    last_flow: str | None


def case_place(books: Books, *, flow_id: int | None = None, flow_uuid: str | None = None) -> CasePlace | None:
    """The case under one of its ids; None where there is no such flow."""
    found = books.rows(
        "SELECT flow_id, flow_uuid, dealer FROM flows WHERE flow_id = ?1 OR flow_uuid = ?2",
        [flow_id, flow_uuid],
    )
    return CasePlace(*found[0]) if found else None


def result_version(books: Books, flow_uuid: str) -> tuple[int | None, str] | None:
    """The version of the flow's result that counts (None: no result yet) and its outcome; None where there is
    no such flow."""
    found = books.rows(
        "SELECT r.version, f.outcome FROM flows f LEFT JOIN results r ON r.result_id = f.result_id"
        " WHERE f.flow_uuid = ?",
        [flow_uuid],
    )
    return (found[0][0], found[0][1]) if found else None


def own_work(books: Books, who: str, *, decided_from: int) -> OwnWork:
    """What one person decided since a moment."""
    row = books.rows(
        """
        SELECT count(*) AS cases, max(decision_id) AS last_decision, flow_uuid AS last_flow
        FROM desk.case_decisions d
        WHERE decided_by = ? AND decided_at >= ? AND decision <> 'undone'
          AND NOT EXISTS (SELECT 1 FROM desk.case_decisions u
                          WHERE u.flow_uuid = d.flow_uuid AND u.undoes = d.decision_id)
        """,
        [who, decided_from],
    )[0]
    return OwnWork(row["cases"], row["last_decision"], row["last_flow"])


def newest_claim(books: Books, who: str, *, now: int) -> str | None:
    """The flow that a person claimed last and still holds; None where there is none."""
    found = books.rows(
        "SELECT flow_uuid FROM desk.claims WHERE who = ? AND ends_at > ? ORDER BY claimed_at DESC LIMIT 1",
        [who, now],
    )
    return found[0][0] if found else None


def reviewers(books: Books, *, since: int) -> list[str]:
    """Everybody who decided, judged or held a case since a moment, by name."""
    rows = books.rows(
        """
        SELECT decided_by FROM desk.case_decisions WHERE decided_at >= ?1
        UNION SELECT judged_by FROM desk.verdicts WHERE judged_at >= ?1
        UNION SELECT who FROM desk.claims UNION SELECT who FROM desk.assignments ORDER BY 1
        """,
        [since],
    )
    return [row[0] for row in rows]


def assignments_now(books: Books) -> pd.DataFrame:
    """Who is assigned how many cases. Columns: who, cases, assigned_at (of the oldest)."""
    return books.frame(
        "SELECT who, count(*) AS cases, min(assigned_at) AS assigned_at FROM desk.assignments"
        " GROUP BY who ORDER BY cases DESC, who"
    )


def flow_uuids_of(books: Books, flow_ids: Sequence[int]) -> list[str]:
    """The flows with these flow_ids, in their order."""
    rows = books.rows(
        "SELECT f.flow_uuid FROM json_each(?) j JOIN flows f ON f.flow_id = j.value ORDER BY j.key",
        [json.dumps([int(flow_id) for flow_id in flow_ids])],
    )
    return [row[0] for row in rows]
