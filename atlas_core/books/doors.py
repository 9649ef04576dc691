"""Writes to atlas.db about the receiver's doors: tokens given out, and what was refused.

Every function takes the writer's connection first and runs inside one transaction, through
`AtlasWriter.write` or `write_soon`. Tokens arrive here as sha256 in hex, never whole. Times are
milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

LIVE_TOKENS = 10_000
CALLERS_AN_HOUR = 100
OTHERS = "others"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Refusal:
    """So many calls from one address that were refused alike within one hour."""

    door: str  # "auth", "callback" or "other"
    status: int
    caller: str
    times: int
    last_at: int


def save_token(
    connection: Connection, token_hash: str, attempt_id: int, *, caller: str, expires_at: int, now: int
) -> None:
    """A token the receiver is about to give out, and that somebody called for it.

    At most `LIVE_TOKENS` are kept. Beyond them a token takes the place of its own attempt's oldest, so that
    nobody who calls without end puts out the tokens of others; or of the oldest of all.
    """
    connection.execute(
        "INSERT INTO auth_calls (attempt_id, minute, called_at, last_at, caller) VALUES (?1, ?2, ?3, ?3, ?4)"
        " ON CONFLICT (attempt_id, minute) DO UPDATE SET times = times + 1, last_at = excluded.last_at",
        (attempt_id, now // MINUTE_MS, now, caller),
    )
    if _is_full(connection) and not forget_tokens(connection, now=now):
        connection.execute(
            "DELETE FROM receiver_tokens WHERE token_hash = (SELECT token_hash FROM receiver_tokens"
            " ORDER BY attempt_id = ? DESC, expires_at LIMIT 1)",
            (attempt_id,),
        )
    connection.execute(
        "INSERT INTO receiver_tokens (token_hash, attempt_id, expires_at) VALUES (?, ?, ?)",
        (token_hash, attempt_id, expires_at),
    )


def _is_full(connection: Connection) -> bool:
    count: int = connection.execute("SELECT count(*) FROM receiver_tokens").fetchone()[0]
    return count >= LIVE_TOKENS


def forget_tokens(connection: Connection, *, now: int) -> int:
    """Removes the tokens that have expired; returns how many."""
    return connection.execute("DELETE FROM receiver_tokens WHERE expires_at <= ?", (now,)).rowcount


def record_refusals(connection: Connection, refusals: Iterable[Refusal]) -> None:
    """Adds to the counts of the hours in which these were refused.

    Of each hour a hundred addresses are kept; whoever comes after them is one of the others.
    """
    known: dict[int, set[str]] = {}
    for refusal in refusals:
        hour = refusal.last_at // HOUR_MS
        if hour not in known:
            rows = connection.execute("SELECT DISTINCT caller FROM refusals WHERE hour = ?", (hour,))
            known[hour] = {caller for (caller,) in rows} - {OTHERS}
        caller = refusal.caller
        if caller not in known[hour] and len(known[hour]) >= CALLERS_AN_HOUR:
            caller = OTHERS
        elif caller != OTHERS:
            known[hour].add(caller)
        connection.execute(
            "INSERT INTO refusals (hour, door, status, caller, times, last_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (hour, door, status, caller) DO UPDATE SET times = times + excluded.times,"
            " last_at = max(last_at, excluded.last_at)",
            (hour, refusal.door, refusal.status, caller, refusal.times, refusal.last_at),
        )


def forget_callers(connection: Connection, *, before: int) -> int:
    """Removes who called before that moment, whether let in or refused; returns how many rows."""
    calls = connection.execute("DELETE FROM auth_calls WHERE called_at < ?", (before,)).rowcount
    return calls + connection.execute("DELETE FROM refusals WHERE last_at < ?", (before,)).rowcount
