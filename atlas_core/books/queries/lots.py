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
