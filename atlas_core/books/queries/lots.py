"""Cross-checks that were drawn to be judged blind."""

from __future__ import annotations

from typing import NamedTuple

from atlas_core.books.reading import Books


class Lot(NamedTuple):
    """One cross-check that was drawn: the one at `position` of that result. `share` is 0–1."""

    lot_id: int
    flow_id: int
    result_id: int
    position: int
    share: float


def lots_since(books: Books, lot_id: int = 0) -> list[Lot]:
    """Every lot after lot `lot_id`, in order."""
    return [
        Lot(*row)
        for row in books.rows(
            "SELECT lot_id, flow_id, result_id, position, share FROM lots WHERE lot_id > ? ORDER BY lot_id",
            [lot_id],
        )
    ]


class CheckToJudge(NamedTuple):
    """A cross-check of the result that counts, and its flow; `share` is that by which it was drawn, or
    None."""

    flow_uuid: str
    digest: str
    created_at: int
    confirmed_at: int | None
    outcome: str
    position: int
    name: str
    source_doc: str
    source_field_name: str
    source_value: str
    target_doc: str
    target_field_name: str
    target_value: str
    similarity: float | None
    share: float | None


def drawn_or_in_review(books: Books) -> list[CheckToJudge]:
    """Every cross-check of flows that need review, or of which some were drawn, in the order in which the
    flows began."""
    return [
        CheckToJudge(*row)
        for row in books.rows(
            """
            SELECT f.flow_uuid, r.digest, f.created_at, f.confirmed_at, f.outcome, c.position, c.name,
                   c.source_doc, c.source_field_name, coalesce(c.source_value, ''),
                   c.target_doc, c.target_field_name, coalesce(c.target_value, ''),
                   c.similarity_score, l.share
            FROM flows f
            JOIN results r ON r.result_id = f.result_id
            JOIN cross_checks c ON c.result_id = f.result_id
            LEFT JOIN lots l ON l.result_id = c.result_id AND l.position = c.position
            WHERE f.outcome = 'review' OR EXISTS (SELECT 1 FROM lots o WHERE o.result_id = f.result_id)
            ORDER BY f.created_at, f.flow_id, c.position
            """
        )
    ]
