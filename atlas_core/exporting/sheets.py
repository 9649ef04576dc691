"""Rows → a file, written as they come: CSV, XLSX or Parquet."""

from __future__ import annotations

import csv
import enum
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from atlas_core.books.queries import Column, Kind
from atlas_core.exporting.cells import Value, csv_cell, sheet_number, sheet_text, time_text

ROWS_OF_A_SHEET = 1_048_576
_ROWS_OF_A_GROUP = 50_000

Row = Sequence[Value]


class Format(enum.StrEnum):
    """What kind of file."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


class Sheet(Protocol):
    """A file that takes rows. `cut_cells` counts the texts that did not fit into a cell."""

    cut_cells: int

    def add(self, rows: Iterable[Row]) -> None:
        """Writes rows behind those before."""

    def close(self) -> None:
        """Makes the file whole. Raises `OSError`, as `add` does."""


def open_sheet(path: Path, kind: Format, title: str, columns: Sequence[Column]) -> Sheet:
    """A new file that only its owner may read. `title` names an XLSX's sheet."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if kind is Format.CSV:
        return _Csv(path, columns)
    if kind is Format.XLSX:
        return _Xlsx(path, title, columns)
    return _Parquet(path, columns)


class _Csv:
    """UTF-8 with a mark at its beginning, by which spreadsheets know it, and lines that end in CR LF."""

    cut_cells = 0

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._times = _places(columns, Kind.TIME)
        self._writer.writerow([column.name for column in columns])

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            cells = [csv_cell(value) for value in row]
            for place in self._times:
                cells[place] = _time(row[place])
            self._writer.writerow(cells)

    def close(self) -> None:
        self._file.close()


class _Xlsx:
    """Texts in cells of the format "text", so that nothing turns into a formula when somebody edits it. What
    does not fit into one sheet goes on in the next."""

    def __init__(self, path: Path, title: str, columns: Sequence[Column]) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.cut_cells = 0
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.use_zip64()
        self._text = self._book.add_format({"num_format": "@"})
        self._heading = self._book.add_format({"bold": True})
        self._title, self._columns = title, columns
        self._times = frozenset(_places(columns, Kind.TIME))
        self._sheets = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheets += 1
        name = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.write_string(0, place, column.name, self._heading)
        self._row = 1

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if self._row == ROWS_OF_A_SHEET:
                self._begin_sheet()
            for place, value in enumerate(row):
                self._put(place, _time(value) if place in self._times else value)
            self._row += 1

    def _put(self, place: int, value: Value) -> None:
        if isinstance(value, int | float):
            number = sheet_number(value)
            if not isinstance(number, str):
                self._sheet.write_number(self._row, place, number)
                return
            value = number
        if value:
            text, is_cut = sheet_text(value)
            self.cut_cells += is_cut
            self._sheet.write_string(self._row, place, text, self._text)

    def close(self) -> None:
        try:
            self._book.close()
        except XlsxWriterException as error:
            raise OSError(str(error)) from error


class _Parquet:
    """Typed columns: texts, doubles, and times in milliseconds UTC. A field's value is always a text."""

    cut_cells = 0

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        types = {
            Kind.TEXT: pa.string(),
            Kind.ANY: pa.string(),
            Kind.NUMBER: pa.float64(),
            Kind.TIME: pa.timestamp("ms", tz="UTC"),
        }
        self._schema = pa.schema([(column.name, types[column.kind]) for column in columns])
        self._texts = _places(columns, Kind.ANY)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[Row] = []

    def add(self, rows: Iterable[Row]) -> None:
        self._waiting += rows
        if len(self._waiting) >= _ROWS_OF_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = [list(column) for column in zip(*self._waiting, strict=True)]
        for place in self._texts:
            columns[place] = [None if value is None else str(value) for value in columns[place]]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._waiting.clear()

    def close(self) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()


def _places(columns: Sequence[Column], kind: Kind) -> list[int]:
    return [place for place, column in enumerate(columns) if column.kind is kind]


def _time(value: Value) -> str | None:
    return time_text(value) if isinstance(value, int) else None
