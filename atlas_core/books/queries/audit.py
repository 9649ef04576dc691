"""The audit log as people read it."""

from __future__ import annotations

import pandas as pd

from atlas_core.books.reading import Books

_NARROWING = {
    "who": "who = :who",
    "action": "action = :action",
    "subject": "subject = :subject",
    "before_id": "entry_id < :before_id",
}

# From each value to the next by the index: DISTINCT reads every entry.
_WORDS = {
    "who": """
        WITH RECURSIVE words (word) AS (
          SELECT min(who) FROM desk.audit
          UNION ALL
          SELECT (SELECT min(who) FROM desk.audit WHERE who > word) FROM words WHERE word IS NOT NULL
        )
        SELECT word FROM words WHERE word IS NOT NULL
        """,
    "action": """
        WITH RECURSIVE words (word) AS (
          SELECT min(action) FROM desk.audit
          UNION ALL
          SELECT (SELECT min(action) FROM desk.audit WHERE action > word) FROM words WHERE word IS NOT NULL
        )
        SELECT word FROM words WHERE word IS NOT NULL
        """,
}


def audit_entries(
    books: Books,
    *,
    who: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> pd.DataFrame:
    """The newest entries with an entry_id below `before_id` that fit, newest first; None does not narrow.

    Columns: entry_id, acted_at, who, roles, action, subject, reason, detail (JSON).
    """
    asked = {"who": who, "action": action, "subject": subject, "before_id": before_id}
    # Only what narrows stands in the question: an index serves it then, at millions of entries.
    narrowing = [_NARROWING[name] for name, value in asked.items() if value is not None] or ["true"]
    return books.frame(
        f"""
        SELECT entry_id, acted_at, who, roles, action, subject, reason, detail FROM desk.audit
        WHERE {" AND ".join(narrowing)} ORDER BY entry_id DESC LIMIT :limit
        """,  # noqa: S608 constants
        {**asked, "limit": limit},
    )


def audit_words(books: Books, column: str) -> list[str]:
    """The different values of `who` or `action` that the log holds, in their order."""
    return [row[0] for row in books.rows(_WORDS[column])]
