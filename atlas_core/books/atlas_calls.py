"""Writes to atlas.db about how Atlas answers: its calls, its states, and the life of our token.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write`. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from sqlite3 import Connection
from typing import NamedTuple

from atlas_core.books.store import record_state

SHORTEST_SECONDS = 0.001
GROWTH = 1.1  # from one bin to the next: its middle is off by less than 5 %
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
MINUTES_DAYS = 2
ANSWERS_DAYS = 14
NOT_ASKED = "not asked"


class Calls(NamedTuple):
    """Like calls of one minute: `came` is 'ok' or the error's kind."""

    minute: int
    endpoint: str
    came: str
    bin: int
    times: int


def bin_of(seconds: float) -> int:
    """The bin of a time; bin 0 holds all below 1.1 ms."""
    if seconds <= SHORTEST_SECONDS:
        return 0
    return int(math.log(seconds / SHORTEST_SECONDS) / math.log(GROWTH))


def seconds_of(time_bin: int) -> float:
    """The (geometric) middle of a bin."""
    return float(SHORTEST_SECONDS * GROWTH ** (time_bin + 0.5))


def record_calls(connection: Connection, calls: Iterable[Calls], token_life: tuple[int, int] | None) -> None:
    """Adds these to what is counted. `token_life`: from when to when the held token lives, where one is."""
    connection.executemany(
        "INSERT INTO atlas_calls (minute, endpoint, came, bin, times) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET times = times + excluded.times",
        calls,
    )
    if token_life is not None:
        connection.execute("INSERT OR REPLACE INTO atlas_token VALUES (1, ?, ?)", token_life)


def thin_out_answers(connection: Connection, *, now: int) -> None:
    """Keeps calls by the minute for two days, then by the hour, and neither calls nor states after 14 days
    (but the state that lasts)."""
    hour = (now - MINUTES_DAYS * DAY_MS) // (60 * MINUTE_MS) * 60
    connection.execute(
        "INSERT INTO atlas_calls SELECT minute / 60 * 60, endpoint, came, bin, sum(times) FROM atlas_calls"
        " WHERE minute < ? AND minute % 60 <> 0 GROUP BY 1, 2, 3, 4"
        " ON CONFLICT DO UPDATE SET times = times + excluded.times",
        (hour,),
    )
    connection.execute("DELETE FROM atlas_calls WHERE minute < ? AND minute % 60 <> 0", (hour,))
    before = now - ANSWERS_DAYS * DAY_MS
    connection.execute("DELETE FROM atlas_calls WHERE minute < ?", (before // MINUTE_MS,))
    connection.execute(
        "DELETE FROM atlas_states WHERE state_id <"
        " (SELECT max(state_id) FROM atlas_states WHERE began_at < ?)",
        (before,),
    )


def record_atlas(connection: Connection, state: str, sentence: str, *, now: int) -> None:
    """How Atlas is from now on; a state that lasts is one row of the history."""
    record_state(connection, "atlas", state, sentence, now=now)
    _append(connection, state, sentence, now)


def record_start(connection: Connection, *, now: int) -> None:
    """A worker begins: since the last sign of life of the one before, Atlas was not asked."""
    record_stop(connection, now=now)
    record_atlas(connection, "ok", "", now=now)


def record_stop(connection: Connection, *, now: int) -> None:
    """The worker's last sign of life ends what was known of Atlas."""
    row = connection.execute("SELECT seen_at FROM worker_state WHERE name = 'worker'").fetchone()
    if row:
        _append(connection, NOT_ASKED, "", min(int(row[0]), now))


def _append(connection: Connection, state: str, sentence: str, began_at: int) -> None:
    last = connection.execute(
        "SELECT state, began_at FROM atlas_states ORDER BY state_id DESC LIMIT 1"
    ).fetchone() or ("", 0)
    if last[0] != state:
        # A clock that went back, or a kill soon after a change, makes no state end before it began.
        connection.execute(
            "INSERT INTO atlas_states (began_at, state, sentence) VALUES (?, ?, ?)",
            (max(began_at, last[1]), state, sentence),
        )
