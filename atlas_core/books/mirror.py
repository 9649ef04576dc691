"""The column mirror's writer: brings it to what atlas.db says, change by change or from nothing.

Triggers put each changed flow into the table mirror_queue in the transaction that changes it. A step takes
the oldest changes and, in this order: writes the new rows behind those that count; lets the flows' earlier
rows die; writes the flows' own rows; makes all of it durable; publishes a version; and takes the changes
from the queue, noting in the book which version holds them. Killed anywhere, the same changes are still in
the queue, and the first step of the next start takes them over again without trusting any earlier work on
them. A mirror that does not belong to the book (none, another edition, a restored book) is built anew.

Only the holder of `AtlasWriter` writes: the worker, or a command while no worker runs. One thread at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from atlas_core.books.book import filing, open_for_reading, speaking_of
from atlas_core.books.column_files import (
    TABLES,
    Array,
    Extent,
    Head,
    TableFile,
    mirror_folder,
    next_file,
    read_head,
    sweep,
    write_head,
    write_whole,
)
from atlas_core.books.columns import DEAD, Names, parse_names
from atlas_core.books.mirror_rows import Coder, read_checks, read_documents, read_flows
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookDamaged, BookMissing

CHANGES_AT_ONCE = 5_000
FLOWS_AT_ONCE = 20_000
DEAD_SHARE = 0.2


class Mirror:
    """The mirror beside one book, for the thread that writes it."""

    def __init__(self, writer: AtlasWriter, book: Path) -> None:
        self._writer, self._book = writer, book
        self._folder = mirror_folder(book.parent)
        self._files: _Files | None = None

    def catch_up(self, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Takes over every change there is, or builds the mirror where it does not fit the book.

        Returns the number of flows taken over. Leaves off between two steps once `is_stopping` says so.
        Raises errors of `BookError`: then the next call begins again at what was published.
        """
        try:
            with filing(self._folder), closing(open_for_reading(self._book)) as connection:
                if self._files is None:
                    self._files = _reopen(self._folder, noted_version(connection, self._book))
                if self._files is None:
                    return self._build(connection, is_stopping)
                taken = 0
                while not is_stopping():
                    step = self._step(connection, self._files)
                    if not step:
                        break
                    taken += step
                return taken
        except BaseException:
            self._forget_files()
            raise

    def rebuild(self) -> int:
        """Builds the mirror from nothing; the one before serves until then. Returns the number of flows."""
        self._forget_files()
        with filing(self._folder), closing(open_for_reading(self._book)) as connection:
            return self._build(connection, lambda: False)

    def close(self) -> None:
        """Gives the files back."""
        self._forget_files()

    # ---------------------------------------------------------------------------------------- steps

    def _step(self, connection: Connection, files: _Files) -> int:
        with speaking_of(self._book):
            changes = connection.execute(
                "SELECT change_id, flow_id FROM mirror_queue ORDER BY change_id LIMIT ?", (CHANGES_AT_ONCE,)
            ).fetchall()
            if not changes:
                return 0
            flow_ids = sorted({flow_id for _, flow_id in changes})
            connection.execute("BEGIN")
            try:
                files.take_over(connection, flow_ids)
            finally:
                connection.execute("COMMIT")
        self._publish(files, changes[-1][0])
        return len(flow_ids)

    def _build(self, connection: Connection, is_stopping: Callable[[], bool]) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        noted = noted_version(connection, self._book)
        files = _Files.create(self._folder, noted)
        built, last = 0, 0
        with speaking_of(self._book):
            through = connection.execute("SELECT coalesce(max(change_id), 0) FROM mirror_queue").fetchone()[0]
            while flow_ids := [
                flow_id
                for (flow_id,) in connection.execute(
                    "SELECT flow_id FROM flows WHERE flow_id > ? ORDER BY flow_id LIMIT ?",
                    (last, FLOWS_AT_ONCE),
                )
            ]:
                if is_stopping():
                    files.close()
                    return 0
                connection.execute("BEGIN")
                try:
                    files.add(connection, flow_ids)
                finally:
                    connection.execute("COMMIT")
                built, last = built + len(flow_ids), flow_ids[-1]
        self._files = files
        self._publish(files, through)
        return built

    def _publish(self, files: _Files, through: int) -> None:
        head = files.publish()
        self._writer.write(_forget_changes, through, head.version)
        files.noted, files.is_settled = head.version, True
        sweep(self._folder, head)

    def _forget_files(self) -> None:
        if self._files is not None:
            self._files.close()
        self._files = None


def _forget_changes(connection: Connection, through: int, version: int) -> None:
    connection.execute("DELETE FROM mirror_queue WHERE change_id <= ?", (through,))
    connection.execute("INSERT OR REPLACE INTO book VALUES ('mirror', ?)", (str(version),))


def noted_version(connection: Connection, book: Path) -> int:
    """The version of the mirror that holds all changes taken from the queue; 0 where there is none."""
    with speaking_of(book):
        row = connection.execute("SELECT value FROM book WHERE key = 'mirror'").fetchone()
    return int(row[0]) if row else 0


def _reopen(folder: Path, noted: int) -> _Files | None:
    """The files of the published version, where they are the book's: the version it noted, or the next."""
    try:
        head = read_head(folder)
        if noted not in (head.version, head.follows):
            return None
        files = _Files.open(folder, head, noted)
    except (BookMissing, BookDamaged, FileNotFoundError):
        return None
    sweep(folder, head)
    return files


class _Files:
    """The three tables and the names, between one published version and the next."""

    def __init__(
        self, folder: Path, version: int, tables: dict[str, TableFile], names: Names, names_extent: Extent
    ) -> None:
        self.noted = version  # the version that the book has noted
        self.is_settled = False  # False: a killed step may have worked on the oldest changes of the queue
        self._version = version
        self._folder = folder
        self._tables = tables
        self._coder = Coder(names)
        self._names = names_extent
        self._dead = {
            table: int(np.count_nonzero(tables[table].columns["flow"][: tables[table].count] == 0))
            for table in ("checks", "documents")
        }

    @classmethod
    def create(cls, folder: Path, noted: int) -> _Files:
        tables = {table: TableFile.create(folder, table) for table in TABLES}
        names = next_file(folder, "names")
        (folder / names).touch(mode=0o600, exist_ok=False)
        return cls(folder, noted, tables, parse_names(b""), Extent(names, 0, 0))

    @classmethod
    def open(cls, folder: Path, head: Head, noted: int) -> _Files:
        tables = {table: TableFile(folder, table, extent) for table, extent in head.tables().items()}
        lines = (folder / head.names.file).read_bytes()[: head.names.count]
        files = cls(folder, noted, tables, parse_names(lines), head.names)
        files._version = head.version
        return files

    def close(self) -> None:
        for table in self._tables.values():
            table.close()

    def add(self, connection: Connection, flow_ids: Sequence[int]) -> None:
        """Flows that the tables do not hold."""
        self._append("checks", read_checks(connection, flow_ids, self._coder))
        self._append("documents", read_documents(connection, flow_ids, self._coder))
        flows = read_flows(connection, flow_ids, self._coder)
        self._make_room("flows", int(flow_ids[-1]) + 1)
        self._tables["flows"].put(flows.flow_ids, flows.columns)

    def take_over(self, connection: Connection, flow_ids: Sequence[int]) -> None:
        """Flows as the book has them now: new, changed, or gone."""
        flows = read_flows(connection, flow_ids, self._coder)
        all_ids = np.array(flow_ids, np.int64)
        columns = {name: np.zeros(len(all_ids), kind) for name, kind in TABLES["flows"].items()}
        found = np.searchsorted(all_ids, flows.flow_ids)
        for name, values in flows.columns.items():
            columns[name][found] = values
        self._make_room("flows", int(all_ids[-1]) + 1)

        held = self._tables["flows"].columns["result"][all_ids]
        held[all_ids >= self._tables["flows"].count] = 0
        moved = (held != columns["result"]) | (not self.is_settled)
        again = all_ids[moved & (columns["result"] > 0)].tolist()
        earlier = all_ids[moved & ((held > 0) | (not self.is_settled))]
        first_check = self._append("checks", read_checks(connection, again, self._coder))
        first_document = self._append("documents", read_documents(connection, again, self._coder))
        self._let_die("checks", earlier, first_check)
        self._let_die("documents", earlier, first_document)
        self._tables["flows"].put(all_ids, columns)

    def publish(self) -> Head:
        """Makes all that was written durable, and count."""
        for name in ("checks", "documents"):
            table = self._tables[name]
            if self._dead[name] > DEAD_SHARE * table.count:
                self._rewrite(name, table.capacity)
        self._write_names(self._coder.take_added())
        for table in self._tables.values():
            table.sync()
        extents = {name: table.extent for name, table in self._tables.items()}
        self._version = max(self._version + 1, now_ms())
        head = Head(self._version, self.noted, **extents, names=self._names)
        write_head(self._folder, head)
        return head

    def _write_names(self, lines: bytes) -> None:
        if lines:
            descriptor = os.open(self._folder / self._names.file, os.O_WRONLY | os.O_CLOEXEC)
            try:
                write_whole(descriptor, lines, self._names.count)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._names = Extent(self._names.file, 0, self._names.count + len(lines))

    def _append(self, name: str, columns: dict[str, Array]) -> int:
        """Adds rows and returns the place of the first of them."""
        self._make_room(name, self._tables[name].count + len(columns["flow"]))
        first = self._tables[name].count
        self._tables[name].append(columns)
        return first

    def _let_die(self, name: str, flow_ids: Array, before: int) -> None:
        """Marks these flows' rows among the first `before`."""
        if not len(flow_ids):
            return
        table = self._tables[name]
        flows = table.columns["flow"][:before]
        is_gone = np.zeros(max(self._tables["flows"].count, int(flow_ids[-1]) + 1), np.bool_)
        is_gone[flow_ids] = True
        places = np.flatnonzero(is_gone[flows])
        if name == "checks":
            table.put(places, {"score": np.full(len(places), DEAD, np.uint8)})
        table.put(places, {"flow": np.zeros(len(places), np.uint32)})
        self._dead[name] += len(places)

    def _make_room(self, name: str, places: int) -> None:
        table = self._tables[name]
        if places > table.capacity:
            self._rewrite(name, 2 * places)

    def _rewrite(self, name: str, least_capacity: int) -> None:
        table = self._tables[name]
        flows = None if name == "flows" else table.columns["flow"][: table.count]
        keep = slice(None) if flows is None else np.flatnonzero(flows)
        self._tables[name] = table.rewritten(keep, least_capacity)
        self._dead[name] = 0
