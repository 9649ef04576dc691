"""Which books hold invented history: the demo's and `seed`'s. They carry a mark; those that are older than
the mark are known by what they hold. Such books are never to meet the real Atlas."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from atlas_core.books.book import (
    open_for_reading,
    open_for_writing,
    speaking_of,
    transaction,
    undo_interrupted_write,
)
from atlas_core.books.schema import DESK
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import SettingsError

_LOOKED_AT = 1000
"""How many of the oldest rows are looked at: the demo's history is written first."""
# What tells invented history, by the table it stands in. Real documents never lie on this machine.
_SIGNS = {
    "book": "SELECT 1 FROM book WHERE key = 'invented'",
    "files": f"""
        SELECT 1 FROM (SELECT url_host FROM files ORDER BY flow_id, position LIMIT {_LOOKED_AT})
        WHERE url_host LIKE '127.0.0.1:%'
    """,  # noqa: S608
    "submissions": f"""
        SELECT 1 FROM (SELECT source FROM submissions ORDER BY submission_id LIMIT {_LOOKED_AT})
        WHERE source = 'demo'
    """,  # noqa: S608
}
_HELD = {table: f"SELECT 1 FROM {table}" for table in ("flows", "attempts", "submissions")}  # noqa: S608


def hold_invented(atlas: Path, desk: Path) -> bool:
    """Whether one of the two books, of any edition, holds invented history; a book that is not there or is
    empty holds none. Raises `BookDamaged`, `BookBusy`."""
    return any(_finds(book, _SIGNS) for book in (atlas, desk))


def refuse_invented(atlas: Path, desk: Path) -> None:
    """Before the real Atlas is called. Raises `SettingsError` where the books hold invented history."""
    if hold_invented(atlas, desk):
        raise SettingsError(
            f"{atlas.parent} holds the invented flows of the demo, which must not mix with real ones. Set "
            "ATLAS_DATA_DIR to a folder of its own; or, if nothing there is real, delete what make run made "
            "in it: atlas.db*, desk.db*, mirror, exports and backups."
        )


def refuse_others(atlas: Path, desk: Path) -> None:
    """Before anything is invented. Raises `SettingsError` where the books hold flows or submissions that are
    not known to be invented."""
    if any(_finds(book, _HELD) for book in (atlas, desk)) and not hold_invented(atlas, desk):
        raise SettingsError(
            f"{atlas.parent} holds flows or submissions that the demo did not make, and invented ones must "
            "not mix with them. Set ATLAS_DATA_DIR to another folder."
        )


def mark_invented(writer: AtlasWriter, desk: Path) -> None:
    """Marks both books, before anything invented is written to them."""
    writer.write(_mark)
    with (
        closing(open_for_writing(desk, DESK.journal)) as connection,
        speaking_of(desk),
        transaction(connection),
    ):
        _mark(connection)


def _mark(connection: Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO book VALUES ('invented', 'yes')")


def _finds(book: Path, questions: dict[str, str]) -> bool:
    if not book.exists() or not book.stat().st_size:
        return False
    undo_interrupted_write(book)
    with closing(open_for_reading(book)) as connection, speaking_of(book):
        return any(
            connection.execute(f"{questions[table]} LIMIT 1").fetchone()
            for table in _tables(connection)
            if table in questions
        )


def _tables(connection: Connection) -> Iterable[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return [name for (name,) in rows]
