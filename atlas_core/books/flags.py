"""Writes to atlas.db about flags: what is odd about a version of a flow's results.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. None commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from atlas_core.models import REVIEW_FLAGS, Flag, FlagKind


def save_flags(connection: Connection, result_id: int, flags: Sequence[Flag]) -> None:
    """The flags of a new version."""
    connection.executemany(
        "INSERT INTO flags (result_id, ordinal, kind, place, raw) VALUES (?, ?, ?, ?, ?)",
        [(result_id, ordinal, flag.kind, flag.place, flag.raw) for ordinal, flag in enumerate(flags)],
    )


def replace_flags(connection: Connection, result_id: int, flags: Sequence[Flag]) -> None:
    """The flags of a version, in place of those it had."""
    connection.execute("DELETE FROM flags WHERE result_id = ?", (result_id,))
    save_flags(connection, result_id, flags)
    connection.execute(
        "UPDATE results SET review_flags = ? WHERE result_id = ?", (count_review_flags(flags), result_id)
    )


def flags_of(connection: Connection, result_id: int) -> list[Flag]:
    """The flags of a version, in their order."""
    rows = connection.execute(
        "SELECT kind, place, raw FROM flags WHERE result_id = ? ORDER BY ordinal", (result_id,)
    )
    return [Flag(FlagKind(kind), place, raw) for kind, place, raw in rows]


def count_review_flags(flags: Iterable[Flag]) -> int:
    """How many of these ask for a person."""
    return sum(1 for flag in flags if flag.kind in REVIEW_FLAGS)
