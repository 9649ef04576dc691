"""What an erasure is asked about."""

from __future__ import annotations

from atlas_core.books.reading import Books


def find_case(books: Books, *, application_id: str | None, flow_uuid: str | None) -> str | None:
    """The application_id of a known application, or of a known flow's; None where the books hold neither."""
    if flow_uuid is not None:
        found = books.rows("SELECT application_id FROM flows WHERE flow_uuid = ?", [flow_uuid])
    else:
        found = books.rows(
            "SELECT ?1 FROM flows WHERE application_id = ?1 UNION SELECT ?1 FROM attempts"
            " WHERE application_id = ?1 UNION SELECT ?1 FROM desk.submissions WHERE application_id = ?1",
            [application_id],
        )
    return str(found[0][0]) if found else None
