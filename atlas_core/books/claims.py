"""Writes to desk.db about who has a case: claims, assignments, notes.

A case is a flow that asks for a person. Whoever works on it has claimed it; nobody else gets it meanwhile.
Each write about a case checks, in its own transaction, that it is still what the person saw; else it raises
`CaseMoved` and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User, require
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import CaseMoved, InputError

CLAIM_MS = 15 * 60_000
REASON_AT_MOST = 500
NOTE_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """What was on the screen: the flow, the digest of its result (None without one), the newest decision on
    it (0: none), and whether it is judged for the second time, apart from the first."""

    flow_uuid: str
    digest: str | None
    decision_id: int = 0
    is_second: bool = False


def claim_case(desk: Desk, by: User, flow_uuid: str, now: int | None = None) -> int:
    """The case is the person's until the returned moment; claiming it again prolongs it.

    Raises `CaseMoved` where somebody else has it, `NotAllowed`.
    """
    require(by, Action.JUDGE)
    moment = now_ms() if now is None else now
    with desk.writing() as connection:
        take_claim(connection, by, flow_uuid, moment)
    return moment + CLAIM_MS


def release_case(desk: Desk, by: User, flow_uuid: str) -> None:
    """Gives a case back undecided; somebody else's claim stays."""
    with desk.writing() as connection:
        connection.execute("DELETE FROM claims WHERE flow_uuid = ? AND who = ?", [flow_uuid, by.who])


def assign_cases(desk: Desk, by: User, flow_uuids: Sequence[str], who: str | None) -> None:
    """Gives cases to somebody, or back to everybody (None). Raises `NotAllowed`."""
    with desk.acting(by, Action.ASSIGN, who or "", detail={"cases": len(flow_uuids)}) as connection:
        connection.executemany(
            "DELETE FROM assignments WHERE flow_uuid = ?", [(flow_uuid,) for flow_uuid in flow_uuids]
        )
        if who is not None:
            now = now_ms()
            connection.executemany(
                "INSERT INTO assignments (flow_uuid, who, assigned_by, assigned_at) VALUES (?, ?, ?, ?)",
                [(flow_uuid, who, by.who, now) for flow_uuid in flow_uuids],
            )


def note_case(desk: Desk, by: User, flow_uuid: str, text: str) -> None:
    """Keeps a note beside a case. Raises `InputError`, `NotAllowed`."""
    text = text.strip()
    if not 1 <= len(text) <= NOTE_AT_MOST:
        raise InputError(f"A note has 1 to {NOTE_AT_MOST:,} characters.")
    with desk.acting(by, Action.JUDGE, flow_uuid, detail={"note": True}) as connection:
        connection.execute(
            "INSERT INTO case_notes (flow_uuid, text, noted_by, noted_at) VALUES (?, ?, ?, ?)",
            [flow_uuid, text, by.who, now_ms()],
        )


def take_claim(connection: Connection, by: User, flow_uuid: str, moment: int) -> None:
    """Claims a case within the caller's transaction; raises `CaseMoved` where somebody else has it."""
    row = connection.execute(
        "INSERT INTO claims (flow_uuid, who, claimed_at, ends_at) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (flow_uuid) DO UPDATE SET who = ?2, ends_at = ?4,"
        "   claimed_at = iif(who = ?2, claimed_at, ?3)"
        " WHERE who = ?2 OR ends_at <= ?3 RETURNING who",
        [flow_uuid, by.who, moment, moment + CLAIM_MS],
    ).fetchone()
    if row is None:
        other = connection.execute("SELECT who FROM claims WHERE flow_uuid = ?", [flow_uuid]).fetchone()
        raise CaseMoved(f"{other[0]} is working on this case. Take the next one.")


def require_unmoved(connection: Connection, by: User, seen: CaseSeen, moment: int) -> None:
    """That nobody decided the case since it was seen, and that it is the person's to decide."""
    newest = connection.execute(
        "SELECT decision_id, decided_by, decision FROM case_decisions WHERE flow_uuid = ?"
        " ORDER BY decision_id DESC LIMIT 1",
        [seen.flow_uuid],
    ).fetchone()
    if (newest[0] if newest else 0) != seen.decision_id:
        who = "You have" if newest[1] == by.who else f"{newest[1]} has"
        raise CaseMoved(
            f"{who} decided this case meanwhile ({newest[2]}). Nothing of yours was kept; take the next one."
        )
    take_claim(connection, by, seen.flow_uuid, moment)


def tidy_reason(text: str) -> str:
    """A reason as it is kept. Raises `InputError` where it is too long."""
    text = " ".join(text.split())
    if len(text) > REASON_AT_MOST:
        raise InputError(f"A reason has at most {REASON_AT_MOST} characters.")
    return text
