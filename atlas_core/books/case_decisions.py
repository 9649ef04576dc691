"""Writes to desk.db about what became of cases. Rows are only added: taking one back is another.

A decision belongs to the result (its digest) that was on the screen, and to the thresholds then in force.
"""

from __future__ import annotations

import secrets
from sqlite3 import Connection
from typing import Literal

from atlas_core.access import Action, User, require
from atlas_core.books.claims import REASON_AT_MOST, CaseSeen, require_unmoved, take_claim, tidy_reason
from atlas_core.books.desk import Desk
from atlas_core.books.threshold_sets import InForce
from atlas_core.clock import now_ms
from atlas_core.errors import CaseMoved, InputError
from atlas_core.thresholds import thresholds_as_json

CaseDecision = Literal["accept", "reject", "ask for a new document", "second person"]
DECISIONS: tuple[CaseDecision, ...] = ("accept", "reject", "ask for a new document", "second person")


def decide_case(
    desk: Desk,
    by: User,
    seen: CaseSeen,
    decision: CaseDecision,
    *,
    outcome: str,
    in_force: InForce,
    document: str = "",
    reason: str = "",
    seconds: int | None = None,
    second_share: float = 0.0,
    now: int | None = None,
) -> int:
    """What becomes of a case; returns the decision_id and frees the claim.

    `outcome` is the flow's, under the thresholds in force. A share of first decisions is drawn to be judged
    once more by somebody else. Raises `CaseMoved`, `InputError`, `NotAllowed`.
    """
    moment, reason = now_ms() if now is None else now, tidy_reason(reason)
    if decision == "ask for a new document" and not document.strip():
        raise InputError("Say which document is asked for.")
    detail = {"decision": decision}
    with desk.acting(by, Action.JUDGE, seen.flow_uuid, detail=detail, now=moment) as connection:
        require_unmoved(connection, by, seen, moment)
        decision_id = connection.execute(
            "INSERT INTO case_decisions (flow_uuid, digest, outcome, decision, document, reason, adoption_id,"
            " thresholds, is_second, decided_by, decided_at, seconds)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                seen.flow_uuid,
                seen.digest,
                outcome,
                decision,
                document.strip()[:REASON_AT_MOST],
                reason,
                in_force.adoption_id,
                thresholds_as_json(in_force.thresholds),
                int(seen.is_second),
                by.who,
                moment,
                seconds,
            ],
        ).lastrowid
        connection.execute("DELETE FROM claims WHERE flow_uuid = ?", [seen.flow_uuid])
        connection.execute("DELETE FROM assignments WHERE flow_uuid = ?", [seen.flow_uuid])
        if seen.is_second:
            connection.execute(
                "UPDATE second_looks SET done_at = ? WHERE flow_uuid = ?", [moment, seen.flow_uuid]
            )
        elif decision != "second person" and _is_drawn(second_share):
            connection.execute(
                "INSERT INTO second_looks (flow_uuid, first_by, drawn_at) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [seen.flow_uuid, by.who, moment],
            )
    return int(decision_id or 0)


def undo_decision(desk: Desk, by: User, decision_id: int, now: int | None = None) -> str:
    """Takes one's own decision back, as long as it is the newest on its case; returns the flow_uuid.

    The case is claimed again. Raises `CaseMoved`, `NotAllowed`.
    """
    require(by, Action.JUDGE)
    moment = now_ms() if now is None else now
    flow_uuid = desk.read(_flow_of_decision, decision_id)
    with desk.acting(by, Action.JUDGE, flow_uuid, detail={"decision": "undone"}, now=moment) as connection:
        newest = connection.execute(
            "SELECT decision_id, decided_by, decision, outcome, digest, thresholds, adoption_id, is_second"
            " FROM case_decisions WHERE flow_uuid = ? ORDER BY decision_id DESC LIMIT 1",
            [flow_uuid],
        ).fetchone()
        if newest[0] != decision_id or newest[1] != by.who or newest[2] == "undone":
            raise CaseMoved("This decision cannot be taken back any more: another followed it.")
        take_claim(connection, by, flow_uuid, moment)
        connection.execute(
            "INSERT INTO case_decisions (flow_uuid, digest, outcome, decision, document, reason, adoption_id,"
            " thresholds, undoes, is_second, decided_by, decided_at)"
            " VALUES (?, ?, ?, 'undone', '', '', ?, ?, ?, ?, ?, ?)",
            [flow_uuid, newest[4], newest[3], newest[6], newest[5], decision_id, newest[7], by.who, moment],
        )
        if newest[7]:
            connection.execute("UPDATE second_looks SET done_at = NULL WHERE flow_uuid = ?", [flow_uuid])
        else:
            connection.execute(
                "DELETE FROM second_looks WHERE flow_uuid = ? AND done_at IS NULL", [flow_uuid]
            )
    return flow_uuid


def _flow_of_decision(connection: Connection, decision_id: int) -> str:
    row = connection.execute(
        "SELECT flow_uuid FROM case_decisions WHERE decision_id = ?", [decision_id]
    ).fetchone()
    if row is None:
        raise InputError(f"There is no decision {decision_id}.")
    return str(row[0])


def _is_drawn(share: float) -> bool:
    return secrets.randbelow(1_000_000) < share * 1_000_000
