"""What goes from a book when a case is erased, and what stays.

Every field's value, both sides of every cross-check, payloads, reasons, notes, parameters, names of files and
documents, and dealers go. Flows, ids of Atlas, times, statuses, types, codes, confidences, scores and verdict
words stay, so that counts and trends survive. Digests of contents and the hashes of judged pairs go too,
for they would confirm a guess. Others that say nothing take their place, so what was alike still is.

The functions take a connection with `secure_delete`, inside a transaction, to a book of any edition since
the first: backups are erased as well. Doing one again is harmless.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from sqlite3 import Connection

NOTE = "Erased."
"""What stands where somebody's own words stood and something must stand."""

Columns = Iterable[tuple[str, str, str, str]]
"""Columns that go: their table, their name, which rows are the case's, and what takes the value's place."""

# Where the texts of other cases may stand: what of an erased case is found here is theirs too.
_LIVING = (
    ("fields", "value"), ("cross_checks", "source_value"), ("cross_checks", "target_value"),
    ("documents", "error_reason"), ("documents", "document_id"), ("flags", "raw"),
    ("flags", "place"), ("flows", "dealer"), ("results", "dealer"),
    ("flows", "quality_flag"), ("files", "object_name"), ("files", "document_id"), ("flows", "trouble"),
    ("attempts", "reason"), ("submissions", "flow_params"), ("submission_files", "object_name"),
    ("submission_files", "document_id"), ("case_notes", "text"), ("verdicts", "reason"),
    ("case_decisions", "reason"), ("case_decisions", "document"),
)  # fmt: skip

STAYING = (
    ("documents", "document_type"), ("documents", "error_code"), ("documents", "file_uuid"),
    ("documents", "batch_id"), ("fields", "name"), ("cross_checks", "name"),
    ("cross_checks", "source_doc"), ("cross_checks", "source_field_name"),
    ("cross_checks", "target_doc"), ("cross_checks", "target_field_name"),
)  # fmt: skip
"""What stays of a case in atlas.db, and may be the same text as one that goes."""


@dataclass(slots=True)
class Erased:
    """What an erasure touched: rows by their table, and the texts that went (never to be shown)."""

    rows: dict[str, int] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set, repr=False)

    def add(self, other: Erased) -> None:
        """Takes another's into this one."""
        for table, count in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + count
        self.texts |= other.texts


def stands_elsewhere(connection: Connection, text: str) -> bool:
    """Whether a text of an erased case is also one of another case in this book."""
    tables = tables_in(connection)
    return any(
        connection.execute(
            f"SELECT 1 FROM {table} WHERE instr({column}, ?) LIMIT 1",  # noqa: S608 constants
            [text],
        ).fetchone()
        for table, column in (*_LIVING, *STAYING)
        if table in tables
    )


def texts_of(connection: Connection, columns: Columns, parameters: dict[str, str]) -> set[str]:
    tables, texts = tables_in(connection), set()
    for table, column, where, empty in columns:
        if table in tables:
            for (value,) in connection.execute(
                f"SELECT DISTINCT {column} FROM {table} WHERE {where} AND {column} IS NOT {empty}",  # noqa: S608
                parameters,
            ):
                texts.add(str(value))
    return texts - {""}


def clear(
    connection: Connection,
    columns: Columns,
    parameters: dict[str, str],
    erased: Erased,
) -> None:
    tables = tables_in(connection)
    for table, column, where, empty in columns:
        if table in tables:
            count = connection.execute(
                f"UPDATE {table} SET {column} = {empty} WHERE {where} AND {column} IS NOT {empty}",  # noqa: S608
                parameters,
            ).rowcount
            erased.rows[table] = max(erased.rows.get(table, 0), count)


def strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, names of members aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def tables_in(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def has_column(connection: Connection, table: str, column: str) -> bool:
    return bool(
        connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", [table, column]).fetchone()
    )


def nothing(*names: object) -> str:
    """64 digits that say nothing but these names: what takes the place of a hash."""
    return hashlib.sha256(" ".join(map(str, ("erased", *names))).encode()).hexdigest()
