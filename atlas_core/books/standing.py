"""How the two books stand to each other: which desk atlas.db knows, who is a copy, who counts more calls."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_core.books.reading import Books


@dataclass(frozen=True, slots=True)
class Standing:
    """How the two books stand to each other. `copied_at` of a book is milliseconds since 1970 UTC, 0 where it
    is no copy."""

    desk_id: str
    known_desk: str | None
    atlas_copied_at: int
    desk_copied_at: int
    atlas_calls: int
    desk_calls: int
    has_submissions: bool
    has_notes: bool

    @property
    def is_foreign(self) -> bool:
        """Whether atlas.db belongs to another desk.db. A new desk may take the place of a lost one, and so
        may a copy from before desks had an id."""
        is_new = not self.has_notes and (not self.has_submissions or self.desk_copied_at > 0)
        return self.known_desk not in (None, self.desk_id) and not is_new

    @property
    def is_behind(self) -> bool:
        """Whether atlas.db may lack calls that were made."""
        is_new = self.known_desk is None and self.desk_copied_at > 0
        return self.atlas_copied_at > 0 or self.desk_calls > self.atlas_calls or is_new

    @property
    def notes_are_partial(self) -> bool:
        """Whether the desk, too, may lack calls that were made."""
        return self.desk_copied_at > 0

    @property
    def desk_lacks_notes(self) -> bool:
        """Whether atlas.db may know of calls that the desk does not."""
        return (
            self.notes_are_partial or self.atlas_calls != self.desk_calls or self.known_desk != self.desk_id
        )


def read_standing(books: Books) -> Standing:
    """How the open books stand to each other."""
    atlas, own = (
        {row["key"]: row["value"] for row in books.rows(f"SELECT key, value FROM {schema}.book")}  # noqa: S608
        for schema in ("main", "desk")
    )
    atlas_copied_at, desk_copied_at = (
        int(books.rows(f"PRAGMA {schema}.user_version")[0][0]) * 60_000 for schema in ("main", "desk")
    )
    has_submissions, has_notes = (
        bool(books.rows(f"SELECT 1 FROM desk.{table} LIMIT 1"))  # noqa: S608
        for table in ("submissions", "call_notes")
    )
    return Standing(
        own["id"],
        atlas.get("desk"),
        atlas_copied_at,
        desk_copied_at,
        int(atlas.get("calls", 0)),
        int(own.get("calls", 0)),
        has_submissions,
        has_notes,
    )
