"""The audit log in desk.db: who did what, when, to which case and why. Never a value.

Each row holds the hash of the row before it and of itself, so that a row that was changed, put in or taken
out breaks the chain from there on. Whoever can write the file could make a whole new chain, though: the hash
of the last row, noted elsewhere (the worker logs it), shows that too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.access import Action, User
from atlas_core.clock import now_ms

BEGINNING = "0" * 64
"""What the first row has for the hash of the one before."""

_TRIGGERS = ("audit_is_kept", "audit_stays")
_COLUMNS = "entry_id, acted_at, who, roles, session, action, subject, reason, detail, previous"


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What was found: `entries` rows, the hash of the last (`head`), and where it is broken, or None.

    `broken_at` is the first entry_id that does not follow from the one before, `sentence` says what of it.
    """

    entries: int
    head: str
    broken_at: int | None = None
    sentence: str = ""


def record_audit(
    connection: Connection,
    by: User,
    action: Action,
    subject: str = "",
    *,
    reason: str = "",
    detail: Mapping[str, object] | None = None,
    now: int | None = None,
) -> int:
    """Adds a row within the caller's transaction and returns its entry_id."""
    row = connection.execute("SELECT entry_id, hash FROM audit ORDER BY entry_id DESC LIMIT 1").fetchone()
    entry_id, previous = (row[0] + 1, row[1]) if row else (1, BEGINNING)
    entry = (
        entry_id,
        now_ms() if now is None else now,
        by.who,
        ", ".join(sorted(by.roles)),
        by.session,
        str(action),
        subject,
        reason,
        json.dumps(dict(detail or {}), sort_keys=True, allow_nan=False),
        previous,
    )
    connection.execute(
        f"INSERT INTO audit ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (*entry, _hash_of(entry)),
    )
    return int(entry_id)


def audit_lines(connection: Connection) -> Iterator[str]:
    """The whole log with its hashes, a line of JSON for each entry, the oldest first."""
    names = [*_COLUMNS.split(", "), "hash"]
    for row in connection.execute(f"SELECT {_COLUMNS}, hash FROM audit ORDER BY entry_id"):  # noqa: S608
        yield json.dumps(dict(zip(names, row, strict=True)))


def verify_audit(connection: Connection, head: str | None = None) -> AuditCheck:
    """Reads the whole chain. `head`: a hash noted earlier, which it must still hold."""
    entries, previous, has_head = 0, BEGINNING, head in (None, BEGINNING)
    for *entry, kept in connection.execute(f"SELECT {_COLUMNS}, hash FROM audit ORDER BY entry_id"):  # noqa: S608
        entries += 1
        problem = ""
        if entry[0] != entries:
            problem = f"entry {entries} is missing"
        elif entry[-1] != previous:
            problem = f"entry {entries} does not follow the one before it"
        elif kept != _hash_of(tuple(entry)):
            problem = f"entry {entries} was changed"
        if problem:
            return AuditCheck(entries - 1, previous, entries, f"{problem}.")
        previous, has_head = kept, has_head or kept == head
    if not has_head:
        return AuditCheck(
            entries,
            previous,
            entries + 1,
            "the hash noted earlier is not in it: its end was cut off, or all of it was written anew.",
        )
    kept_by = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit'"
        )
    }
    if not kept_by.issuperset(_TRIGGERS):
        return AuditCheck(
            entries, previous, entries + 1, "what keeps rows from being changed was taken out of the book."
        )
    return AuditCheck(entries, previous)


def _hash_of(entry: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(entry, separators=(",", ":")).encode()).hexdigest()
