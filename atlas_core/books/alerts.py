"""Writes to atlas.db about alerts: one row for each case of a rule, from when it was so to when it was over.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

DAY_MS = 24 * 3600 * 1000
KEPT_DAYS = 365
OTHERS = "others"
"""The subject of the one alert that stands for all cases beyond the named ones."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One case that somebody should know of. `subject` tells the cases of one rule apart; `words` hold ids
    and counts, never a value; `cases` is how many it stands for."""

    rule: str
    subject: str
    words: str
    cases: int = 1


def settle_alerts(connection: Connection, wanted: Sequence[Alert], *, now: int) -> tuple[int, int]:
    """From now on exactly these are raised: what is new is raised, what is not among them is over.

    Returns how many were raised and how many are over. One that lasts stays the same row, with its newest
    words.
    """
    lasting = {
        (rule, subject): (alert_id, words, cases)
        for alert_id, rule, subject, words, cases in connection.execute(
            "SELECT alert_id, rule, subject, words, cases FROM alerts WHERE cleared_at IS NULL"
        )
    }
    raised = 0
    for alert in wanted:
        alert_id, *held = lasting.pop((alert.rule, alert.subject), (None,))
        if alert_id is None:
            connection.execute(
                "INSERT INTO alerts (rule, subject, words, cases, raised_at) VALUES (?, ?, ?, ?, ?)",
                (alert.rule, alert.subject, alert.words, alert.cases, now),
            )
            raised += 1
        elif held != [alert.words, alert.cases]:
            connection.execute(
                "UPDATE alerts SET words = ?, cases = ? WHERE alert_id = ?",
                (alert.words, alert.cases, alert_id),
            )
    connection.executemany(
        "UPDATE alerts SET cleared_at = max(?, raised_at) WHERE alert_id = ?",
        [(now, alert_id) for alert_id, *_ in lasting.values()],
    )
    connection.execute("DELETE FROM alerts WHERE cleared_at < ?", (now - KEPT_DAYS * DAY_MS,))
    return raised, len(lasting)


def record_told(connection: Connection, raised: Iterable[int], cleared: Iterable[int], *, now: int) -> None:
    """Whoever listens was told that these alerts were raised, and that those are over."""
    connection.executemany(
        "UPDATE alerts SET told_at = ? WHERE alert_id = ? AND told_at IS NULL",
        [(now, alert_id) for alert_id in raised],
    )
    connection.executemany(
        "UPDATE alerts SET told_cleared_at = ? WHERE alert_id = ?", [(now, alert_id) for alert_id in cleared]
    )
