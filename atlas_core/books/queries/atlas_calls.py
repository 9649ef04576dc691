"""How Atlas answers, how it was, and how old our token is."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from atlas_core.books.atlas_calls import MINUTE_MS, seconds_of
from atlas_core.books.reading import Books


@dataclass(frozen=True, slots=True)
class TokenLife:
    """From when to when the access token that the worker last held lives."""

    fetched_at: int
    ends_at: int


def atlas_calls(books: Books, *, since: int, until: int, step_ms: int | None = None) -> pd.DataFrame:
    """Requests to Atlas that ended from `since` to before `until`.

    Times are exact to the minute for two days, to the hour for 14, and then forgotten.
    Columns: at (the beginning of the step of `step_ms`, a number of whole minutes; without it all are at
    `since`), endpoint ('authtoken', 'flow/init', 'multiupload', 'status', 'extracts'), came ('ok', or the
    error's kind: 'no answer', 'busy', …), seconds (how long, within 5 %), times (how many like it).
    """
    step = (step_ms or 0) // MINUTE_MS
    calls = books.frame(
        """
        SELECT iif(?1, minute / max(?1, 1) * ?1 * 60000, ?2) AS began_at, endpoint, came, bin,
               sum(times) AS times
        FROM atlas_calls WHERE minute >= ?2 / 60000 AND minute < (?3 + 59999) / 60000
        GROUP BY 1, endpoint, came, bin ORDER BY 1, endpoint, came, bin
        """,
        [step, since, until],
    )
    calls["seconds"] = calls.pop("bin").map(seconds_of).astype("float64")
    return calls.astype({"times": "Int64"}).rename(columns={"began_at": "at"})


def atlas_states(books: Books, *, since: int) -> pd.DataFrame:
    """How Atlas was since then, oldest first: the state at `since` and each that followed.

    Columns: state ('ok', 'unreachable', 'failing', 'busy', 'refused', 'retired', or 'not asked' while no
    worker ran), began_at, ended_at (None for the present one), sentence (what brought it).
    """
    return books.frame(
        """
        SELECT state, began_at, ended_at, sentence FROM (
          SELECT state_id, state, began_at, lead(began_at) OVER (ORDER BY state_id) AS ended_at, sentence
          FROM atlas_states)
        WHERE ended_at IS NULL OR ended_at > ? ORDER BY state_id
        """,
        [since],
    )


def token_life(books: Books) -> TokenLife | None:
    """The life of the token that the worker last held; None where it has had none yet."""
    rows = books.rows("SELECT fetched_at, ends_at FROM atlas_token")
    return TokenLife(*rows[0]) if rows else None
