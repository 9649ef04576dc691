"""Both books as one read-only view; the questions themselves are in queries.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import pandas as pd

from atlas_core.books.book import (
    address_of,
    open_for_reading,
    require_file,
    snapshot,
    speaking_of,
    undo_interrupted_write,
)
from atlas_core.books.schema import ATLAS, DESK, require_edition

P = ParamSpec("P")
T = TypeVar("T")

_WHOLE = frozenset(
    {
        "alert_id",
        "attempt_number",
        "attempts",
        "calls",
        "cases",
        "checks",
        "deliveries",
        "delivery_id",
        "document_errors",
    }
    | {"documents", "fields", "flows", "http_status", "ordinal", "position", "result_version"}
    | {"not_kept", "not_there", "nothing_changed", "replay_id", "still_unreadable", "taken_up"}
    | {"review_flags", "size", "submission_id", "times", "times_seen", "version"}
)
_SCORES = frozenset({"confidence", "min_similarity", "similarity"})
_YES_OR_NO = frozenset({"confirmed", "is_kept", "links_kept"})

_Type = Literal["Int64", "float64", "boolean", "object"]
Parameters = Sequence[object] | Mapping[str, object]
Record = dict[str, Any]
"""One row by the names of its columns."""


class Books:
    """Both books, for one thread at a time. Each question sees the newest committed state."""

    def __init__(self, connection: sqlite3.Connection, atlas: Path) -> None:
        self._connection = connection
        self._atlas = atlas

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """The rows of one select. Raises errors of `BookError` only."""
        with speaking_of(self._atlas):
            return self._connection.execute(sql, parameters).fetchall()

    def records(self, sql: str, parameters: Parameters = ()) -> list[Record]:
        """The rows of one select, each by the names of its columns: for few rows, which a frame makes slow.
        Yes or no is a bool."""
        found = [dict(row) for row in self.rows(sql, parameters)]
        for name in _YES_OR_NO.intersection(found[0] if found else ()):
            for record in found:
                record[name] = None if record[name] is None else bool(record[name])
        return found

    def frame(self, sql: str, parameters: Parameters = ()) -> pd.DataFrame:
        """The rows of one select as a `typed_frame`."""
        with speaking_of(self._atlas):
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            return typed_frame(names, cursor.fetchall())

    def read(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a function of the books' own answers over this connection."""
        with speaking_of(self._atlas):
            return fn(self._connection, *args, **kwargs)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Inside it, all questions see the state of one moment. Keep it short: the desk waits for it."""
        with speaking_of(self._atlas), snapshot(self._connection):
            yield


def typed_frame(names: Sequence[str], rows: Sequence[Iterable[object]]) -> pd.DataFrame:
    """A frame whose columns' types follow their names, so that an empty one has the types of a full one:
    whole numbers and times (`…_at`, `…_since`) are Int64, scores float64, yes or no boolean, and the rest
    objects as they were kept."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pd.DataFrame(
        {name: pd.Series(column, dtype=_type_of(name)) for name, column in zip(names, columns, strict=True)}
    )


def _type_of(column: str) -> _Type:
    if column.endswith(("_at", "_since")) or column in _WHOLE:
        return "Int64"
    if column in _SCORES:
        return "float64"
    return "boolean" if column in _YES_OR_NO else "object"


@contextmanager
def open_books(atlas: Path, desk: Path) -> Iterator[Books]:
    """Opens both books read-only. Raises `BookMissing`, `BookNewer`, `BookDamaged`, `BookBusy`."""
    with closing(connect_books(atlas, desk)) as connection:
        yield Books(connection, atlas)


def connect_books(atlas: Path, desk: Path) -> sqlite3.Connection:
    """A connection that reads both books, for one thread at a time. Raises what `open_books` raises."""
    require_file(desk)
    connection = open_for_reading(atlas)
    try:
        connection.row_factory = sqlite3.Row
        require_edition(connection, atlas, ATLAS)
        undo_interrupted_write(desk)
        with speaking_of(desk):
            connection.execute("ATTACH DATABASE ? AS desk", [address_of(desk, "ro")])
            require_edition(connection, desk, DESK, schema="desk")
    except BaseException:
        connection.close()
        raise
    return connection
