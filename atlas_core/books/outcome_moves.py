"""Writes to atlas.db when other thresholds come into force: each flow's outcome follows, some at a time.

Which thresholds all outcomes follow stands in the book, and how far a move has come too: killed anywhere, it
goes on where it was. Meanwhile new results are judged by the new thresholds at once.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.books.threshold_sets import InForce
from atlas_core.models import Outcome, outcome_of
from atlas_core.thresholds import Thresholds, thresholds_as_json, thresholds_of_json

FLOWS_AT_ONCE = 2_000

_KEY = "thresholds"


@dataclass(frozen=True, slots=True)
class Followed:
    """The thresholds that outcomes follow, and the flow_id up to which a move to them has come (None: all
    do)."""

    adoption_id: int | None
    thresholds: Thresholds
    through: int | None


def followed(connection: Connection) -> Followed | None:
    """What outcomes follow now; None in a book that was never told."""
    row = connection.execute("SELECT value FROM book WHERE key = ?", (_KEY,)).fetchone()
    if row is None:
        return None
    kept = json.loads(row[0])
    return Followed(kept["adoption_id"], thresholds_of_json(json.dumps(kept["thresholds"])), kept["through"])


def move_outcomes(connection: Connection, in_force: InForce, *, now: int) -> bool:
    """One step towards outcomes that follow the thresholds in force; whether all do after it."""
    held = followed(connection)
    goal = (in_force.adoption_id, in_force.thresholds)
    if held is None or (held.adoption_id, held.thresholds) != goal:
        if held is None and not connection.execute("SELECT 1 FROM flows LIMIT 1").fetchone():
            _note(connection, in_force, None)
            return True
        if held is not None and held.through is None and held.thresholds == in_force.thresholds:
            _note(connection, in_force, None)  # the same thresholds under another name
            return True
        held = Followed(*goal, through=0)
    if held.through is None:
        return True
    last = _judge_some(connection, in_force, held.through, now)
    _note(connection, in_force, last)
    return last is None


def _judge_some(connection: Connection, in_force: InForce, after: int, now: int) -> int | None:
    """Judges the next flows anew; returns the last one's flow_id, None where they were the last of all."""
    flows = connection.execute(
        "SELECT flow_id, result_id, master_status, outcome, low_checks, document_errors, review_flags"
        " FROM flows WHERE flow_id > ? ORDER BY flow_id LIMIT ?",
        (after, FLOWS_AT_ONCE),
    ).fetchall()
    if not flows:
        return None
    first, last = flows[0][0], flows[-1][0]
    low = Counter(
        flow_id
        for flow_id, name, similarity in connection.execute(
            "SELECT f.flow_id, c.name, c.similarity_score FROM flows f"
            " CROSS JOIN cross_checks c ON c.result_id = f.result_id"
            " WHERE f.flow_id BETWEEN ? AND ? AND c.similarity_score < ?",
            (first, last, in_force.thresholds.highest_review()),
        )
        if in_force.thresholds.is_low(name, similarity)
    )
    moved, changed = [], []
    for flow_id, result_id, master, before, low_checks, document_errors, review_flags in flows:
        after_it = before
        if before in (Outcome.CLEAR, Outcome.REVIEW):
            after_it = outcome_of(
                master,
                has_result=result_id is not None,
                document_errors=document_errors or 0,
                low_checks=low[flow_id],
                review_flags=review_flags,
            )
        if (low[flow_id], after_it) != (low_checks, before):
            moved.append((low[flow_id], str(after_it), flow_id))
        if after_it != before:
            changed.append((flow_id, in_force.adoption_id, before, str(after_it), now))
    connection.executemany("UPDATE flows SET low_checks = ?, outcome = ? WHERE flow_id = ?", moved)
    connection.executemany(
        "INSERT INTO outcome_changes (flow_id, adoption_id, before, after, changed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        changed,
    )
    return int(last)


def _note(connection: Connection, in_force: InForce, through: int | None) -> None:
    kept = {
        "adoption_id": in_force.adoption_id,
        "thresholds": json.loads(thresholds_as_json(in_force.thresholds)),
        "through": through,
    }
    connection.execute("INSERT OR REPLACE INTO book VALUES (?, ?)", (_KEY, json.dumps(kept)))
