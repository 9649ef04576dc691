"""Writes to desk.db about how cases come to be judged: blind shares, second looks, hidden scores."""

from __future__ import annotations

from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError

_COLUMNS = "strong_share, unclear_share, second_share, scores_hidden"


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """How cases come to be judged. Shares are 0–1: of strong and of unclear passes that are judged blind, and
    of decided cases that are judged twice. `scores_hidden`: in the whole queue."""

    strong_share: float = 0.02
    unclear_share: float = 0.02
    second_share: float = 0.02
    scores_hidden: bool = False


def set_review_rules(desk: Desk, by: User, rules: ReviewRules) -> None:
    """Puts other rules in force. Raises `InputError` where a share is not from 0 to 1, `NotAllowed`."""
    shares = (rules.strong_share, rules.unclear_share, rules.second_share)
    if not all(0 <= share <= 1 for share in shares):
        raise InputError("Shares are from 0 % to 100 %.")
    with desk.acting(by, Action.SET_SAMPLING, detail={"shares": list(shares)}) as connection:
        connection.execute(
            f"INSERT INTO review_rules ({_COLUMNS}, set_by, set_at) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            [*shares, int(rules.scores_hidden), by.who, now_ms()],
        )


def review_rules(connection: Connection, schema: str = "main") -> ReviewRules:
    """The rules in force."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM {schema}.review_rules ORDER BY rules_id DESC LIMIT 1"  # noqa: S608
    ).fetchone()
    return ReviewRules(row[0], row[1], row[2], bool(row[3])) if row else ReviewRules()
