"""Writes to atlas.db about the lot: which passing cross-checks somebody is to judge without seeing the score.

Without it nobody could know how often a strong similarity is wrong, for people only see what is not strong.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from sqlite3 import Connection

from atlas_core.books.standards import Standards
from atlas_core.models import Band, CrossCheck

_FINE = 1_000_000


def draw_lots(
    connection: Connection,
    flow_id: int,
    result_id: int,
    checks: Iterable[CrossCheck],
    standards: Standards,
    *,
    now: int,
) -> int:
    """Draws among the cross-checks of a result that has just come to count; returns how many were drawn."""
    rules = standards.rules
    shares = {Band.STRONG: rules.strong_share, Band.UNCLEAR: rules.unclear_share}
    drawn = []
    for check in checks:
        share = shares.get(standards.thresholds.band(check.name, check.similarity), 0.0)
        if secrets.randbelow(_FINE) < share * _FINE:
            drawn.append((flow_id, result_id, check.position, share, now))
    connection.executemany(
        "INSERT INTO lots (flow_id, result_id, position, share, drawn_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        drawn,
    )
    return len(drawn)
