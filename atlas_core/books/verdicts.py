"""Writes to desk.db about judgements: is what two documents say the same?

A verdict belongs to the result (its digest) that was on the screen, and to the thresholds then in force.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Literal

from atlas_core.access import Action, User
from atlas_core.books.claims import CaseSeen, require_unmoved, tidy_reason
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError

Verdict = Literal["same", "different", "cannot tell"]
Drawn = Literal["queue", "lot", "second"]
VERDICTS: tuple[Verdict, ...] = ("same", "different", "cannot tell")


@dataclass(frozen=True, slots=True)
class JudgedCheck:
    """One cross-check as it was judged. `values` are its two values in their normal form: only a keyed hash
    of them is kept. `weight` is for how many cross-checks it stands."""

    position: int
    name: str
    source_doc: str
    source_field_name: str
    target_doc: str
    target_field_name: str
    similarity: float | None
    values: tuple[str, str]
    drawn: Drawn
    weight: float
    score_shown: bool


def give_verdict(
    desk: Desk,
    by: User,
    seen: CaseSeen,
    checks: Sequence[JudgedCheck],
    verdict: Verdict,
    *,
    reason: str = "",
    adoption_id: int | None,
    now: int | None = None,
) -> int:
    """One verdict on the cross-checks of one finding; returns the number of the stroke.

    An earlier verdict of the same person on them makes way. Raises `CaseMoved`, `InputError`, `NotAllowed`.
    """
    moment, reason = now_ms() if now is None else now, tidy_reason(reason)
    if seen.digest is None or not checks:
        raise InputError("There is no cross-check to judge in this case.")
    with desk.acting(by, Action.JUDGE, seen.flow_uuid, detail={"verdict": verdict}, now=moment) as connection:
        require_unmoved(connection, by, seen, moment)
        key = pair_key(connection)
        stroke = 1 + int(connection.execute("SELECT coalesce(max(stroke), 0) FROM verdicts").fetchone()[0])
        for check in checks:
            connection.execute(
                "UPDATE verdicts SET undone_at = ? WHERE flow_uuid = ? AND digest = ? AND position = ?"
                " AND judged_by = ? AND undone_at IS NULL",
                [moment, seen.flow_uuid, seen.digest, check.position, by.who],
            )
            connection.execute(
                "INSERT INTO verdicts (stroke, flow_uuid, digest, position, name, source_doc,"
                " source_field_name, target_doc, target_field_name, similarity, pair, verdict, reason, drawn,"
                " weight, score_shown, adoption_id, judged_by, judged_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    stroke,
                    seen.flow_uuid,
                    seen.digest,
                    check.position,
                    check.name,
                    check.source_doc,
                    check.source_field_name,
                    check.target_doc,
                    check.target_field_name,
                    check.similarity,
                    pair_hash(key, *check.values),
                    verdict,
                    reason,
                    check.drawn,
                    check.weight,
                    int(check.score_shown),
                    adoption_id,
                    by.who,
                    moment,
                ],
            )
    return stroke


def undo_verdict(desk: Desk, by: User, flow_uuid: str, now: int | None = None) -> bool:
    """Takes the person's last stroke on a case back; whether there was one."""
    moment = now_ms() if now is None else now
    with desk.acting(by, Action.JUDGE, flow_uuid, detail={"verdict": "undone"}, now=moment) as connection:
        return bool(
            connection.execute(
                "UPDATE verdicts SET undone_at = ?1 WHERE undone_at IS NULL AND stroke ="
                " (SELECT max(stroke) FROM verdicts"
                "  WHERE flow_uuid = ?2 AND judged_by = ?3 AND undone_at IS NULL)",
                [moment, flow_uuid, by.who],
            ).rowcount
        )


def pair_key(connection: Connection, schema: str = "main") -> bytes:
    """The key of the hashes of pairs of values."""
    row = connection.execute(f"SELECT value FROM {schema}.secrets WHERE name = 'pairs'").fetchone()  # noqa: S608
    return bytes.fromhex(row[0])


def pair_hash(key: bytes, source: str, target: str) -> str:
    """What is kept of a pair of values: the same for the same pair, in either order."""
    pair = "\0".join(sorted((source, target)))
    return hmac.new(key, pair.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
