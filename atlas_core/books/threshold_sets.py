"""Writes to desk.db about thresholds: sets that people draft, and which of them is in force.

A set never changes, and adopting one is a row of its own: what was in force at any moment can be told, and
going back is adopting an earlier set again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.thresholds import Thresholds, thresholds_as_json, thresholds_of_json

NAME_AT_MOST = 80


@dataclass(frozen=True, slots=True)
class InForce:
    """The thresholds that count now. `adoption_id` and `set_id` are None while those of the settings do."""

    thresholds: Thresholds
    adoption_id: int | None = None
    set_id: int | None = None
    name: str = "settings"
    adopted_at: int | None = None


def draft_thresholds(
    desk: Desk,
    by: User,
    name: str,
    thresholds: Thresholds,
    *,
    why: str,
    evidence: Mapping[str, object],
    based_on: int | None = None,
) -> int:
    """Saves a set and returns its set_id; nothing changes by it yet. Raises `NotAllowed` and `InputError`."""
    name, why = " ".join(name.split()), why.strip()
    if not 1 <= len(name) <= NAME_AT_MOST:
        raise InputError(f"A set of thresholds needs a name of 1 to {NAME_AT_MOST} characters.")
    if not why:
        raise InputError("Say why these thresholds: whoever meets them later will ask.")
    with desk.acting(by, Action.DRAFT_THRESHOLDS, name, reason=why) as connection:
        if connection.execute("SELECT 1 FROM threshold_sets WHERE name = ?", [name]).fetchone():
            raise InputError(
                f"There is a set named {name} already, and sets never change. Give another name."
            )
        cursor = connection.execute(
            """
            INSERT INTO threshold_sets (name, thresholds, based_on, why, evidence, drafted_by, drafted_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [name, thresholds_as_json(thresholds), based_on, why, json.dumps(evidence), by.who, now_ms()],
        )
        return int(cursor.lastrowid or 0)


def set_of_settings(desk: Desk, by: User, settings: Thresholds) -> int:
    """The set with the thresholds of the settings, drafted where there is none yet: the way back to what held
    before anything was adopted. Raises `NotAllowed`."""
    name = f"Settings {settings.review_below} and {settings.strong_from}"
    known = desk.read(_set_named, name)
    if known is not None and thresholds_of_json(known[1]) == settings:
        return known[0]
    why = "The thresholds of the settings, as they held before anything was adopted."
    return draft_thresholds(desk, by, name, settings, why=why, evidence={"source": "settings"})


def adopt_thresholds(
    desk: Desk, by: User, set_id: int, *, why: str, seen_adoption: int | None, now: int | None = None
) -> int:
    """Puts a set in force and returns the adoption_id; to roll back, adopt an earlier set.

    `seen_adoption` is the adoption that was in force on the person's screen: where somebody adopted another
    set meanwhile, `InputError` says so. Raises `NotAllowed`.
    """
    why = why.strip()
    if not why:
        raise InputError("Say why: whoever asks later which thresholds held, and why, reads it.")
    with desk.acting(by, Action.ADOPT_THRESHOLDS, f"set {set_id}", reason=why) as connection:
        if not connection.execute("SELECT 1 FROM threshold_sets WHERE set_id = ?", [set_id]).fetchone():
            raise InputError(f"There is no set {set_id} of thresholds.")
        newest = _newest_adoption(connection)
        if (newest[0] if newest else None) != seen_adoption:
            raise InputError(
                "Somebody adopted other thresholds meanwhile. Reload, look again, and decide anew."
            )
        if newest and newest[1] == set_id:
            raise InputError("This set is in force already.")
        cursor = connection.execute(
            "INSERT INTO adoptions (set_id, why, adopted_by, adopted_at) VALUES (?, ?, ?, ?)",
            [set_id, why, by.who, now_ms() if now is None else now],
        )
        return int(cursor.lastrowid or 0)


def thresholds_in_force(connection: Connection, settings: Thresholds, schema: str = "main") -> InForce:
    """What was adopted last, or else the thresholds of the settings."""
    newest = _newest_adoption(connection, schema)
    if newest is None:
        return InForce(settings)
    adoption_id, set_id, name, kept, adopted_at = newest
    return InForce(thresholds_of_json(kept), adoption_id, set_id, name, adopted_at)


def _set_named(connection: Connection, name: str) -> tuple[int, str] | None:
    row = connection.execute(
        "SELECT set_id, thresholds FROM threshold_sets WHERE name = ?", [name]
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else None


def _newest_adoption(connection: Connection, schema: str = "main") -> tuple[int, int, str, str, int] | None:
    row = connection.execute(
        f"""
        SELECT a.adoption_id, a.set_id, s.name, s.thresholds, a.adopted_at
        FROM {schema}.adoptions a JOIN {schema}.threshold_sets s ON s.set_id = a.set_id
        ORDER BY a.adoption_id DESC LIMIT 1
        """  # noqa: S608 a constant
    ).fetchone()
    return tuple(row) if row else None
