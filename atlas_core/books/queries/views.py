"""Saved views: filters under a name."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_core.books.reading import Books


@dataclass(frozen=True, slots=True)
class SavedView:
    """An address of Results under a name. `is_own`: of whoever asked; others' are shared ones."""

    view_id: int
    name: str
    address: str
    is_shared: bool
    is_own: bool


def saved_views(books: Books, owner: str) -> list[SavedView]:
    """The owner's views, and what others share, each by name."""
    return [
        SavedView(row["view_id"], row["name"], row["address"], bool(row["is_shared"]), bool(row["is_own"]))
        for row in books.rows(
            """
            SELECT view_id, name, address, is_shared, owner = :owner AS is_own FROM desk.saved_views
            WHERE owner = :owner OR is_shared ORDER BY is_own DESC, name, view_id
            """,
            {"owner": owner},
        )
    ]
