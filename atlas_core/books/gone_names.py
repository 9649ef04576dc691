"""Names that the column mirror still lists though no flow has them any more."""

from __future__ import annotations

from pathlib import Path
from sqlite3 import Connection

from atlas_core.books.columns import open_columns
from atlas_core.errors import BookDamaged, BookMissing


def mirror_has_gone_names(connection: Connection, data_dir: Path) -> bool:
    """Whether the mirror's lists hold a text that no flow of this atlas.db has; they only grow. False where
    there is no sound mirror."""
    try:
        names = open_columns(data_dir).names
    except (BookMissing, BookDamaged):
        return False
    lists = ((names.dealers, "dealer"), (names.qualities, "quality"), (names.reasons, "reason"))
    return any(set(held) - {None, ""} - _standing(connection, what) for held, what in lists)


def _standing(connection: Connection, what: str) -> set[object]:
    selects = {
        "dealer": "SELECT DISTINCT dealer FROM flows",
        "quality": "SELECT DISTINCT quality_flag FROM flows",
        "reason": "SELECT DISTINCT d.error_reason FROM flows f JOIN documents d ON d.result_id = f.result_id",
    }
    return {text for (text,) in connection.execute(selects[what])}
