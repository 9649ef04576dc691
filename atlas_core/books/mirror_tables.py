"""The mirror's tables in their writer's hands: flows added, taken over anew, and published as a version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from atlas_core.books.column_files import (
    TABLES,
    Array,
    CountsExtent,
    Extent,
    TableFile,
    append_names,
    create_names,
    map_counts,
)
from atlas_core.books.column_head import Head, write_head
from atlas_core.books.columns import DEAD, parse_names
from atlas_core.books.mirror_counts import MOST_CORRECTIONS, Noted, make_counts, stretches
from atlas_core.books.mirror_rows import Coder, read_checks, read_documents, read_erased, read_flows
from atlas_core.clock import now_ms

DEAD_SHARE = 0.2


class MirrorTables:
    """The tables, names and counts, between one published version and the next. Raises `OSError`."""

    def __init__(
        self,
        folder: Path,
        version: int,
        tables: dict[str, TableFile],
        names: Extent,
        counts: CountsExtent | None,
    ) -> None:
        self.is_settled = False  # False: a killed step may have worked on the flows that come first now
        self._folder, self._version, self._tables, self._names = folder, version, tables, names
        self._counts, self._noted = counts, Noted()
        self._coder = Coder(parse_names((folder / names.file).read_bytes()[: names.count]))
        self._dead = {
            table: int(np.count_nonzero(tables[table].columns["flow"][: tables[table].count] == 0))
            for table in ("checks", "documents")
        }

    @classmethod
    def create(cls, folder: Path, version: int) -> MirrorTables:
        """Empty ones, to be published after that version."""
        tables = {table: TableFile.create(folder, table) for table in TABLES}
        return cls(folder, version, tables, create_names(folder), None)

    @classmethod
    def open(cls, folder: Path, head: Head) -> MirrorTables:
        """Those of a published version. What a killed writer left behind it is written over.

        Raises `FileNotFoundError`, and `BookDamaged` where a file is too short.
        """
        if head.counts:
            map_counts(folder / head.counts.file, head.counts.shape)
        tables = {table: TableFile(folder, table, extent) for table, extent in head.tables().items()}
        return cls(folder, head.version, tables, head.names, head.counts)

    def close(self) -> None:
        """Gives the files back."""
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

        held = {name: self._tables["flows"].columns[name][all_ids] for name in ("result", "day", "product")}
        is_new = all_ids >= self._tables["flows"].count
        had_result = (held["result"] > 0) & ~is_new
        # The counts tell a row by its flow's day and product: with these it moves, be it otherwise the same.
        moved = np.any([held[name] != columns[name] for name in held], axis=0) | is_new
        # An erased result has other rows under its old number.
        moved |= np.isin(all_ids, read_erased(connection, flow_ids))
        if not self.is_settled:
            moved[:] = had_result[:] = True
        again = all_ids[moved & (columns["result"] > 0)].tolist()
        earlier = all_ids[moved & had_result]
        first_check = self._append("checks", read_checks(connection, again, self._coder))
        first_document = self._append("documents", read_documents(connection, again, self._coder))
        dying = self._rows_of("checks", earlier, first_check)
        self._note(dying, -1)
        self._let_die("checks", dying)
        self._let_die("documents", self._rows_of("documents", earlier, first_document))
        self._tables["flows"].put(all_ids, columns)
        self._note(slice(first_check, self._tables["checks"].count), 1)

    def publish(self, *, follows: int, through: int) -> Head:
        """Makes all that was written durable, and count; see `Head`."""
        for name in ("checks", "documents"):
            table = self._tables[name]
            if self._dead[name] > DEAD_SHARE * table.count:
                self._rewrite(name, table.capacity)
        self._keep_counts()
        lines = self._coder.take_added()
        if lines:
            self._names = append_names(self._folder, self._names, lines)
        for table in self._tables.values():
            table.sync()
        extents = {name: table.extent for name, table in self._tables.items()}
        self._version = max(self._version + 1, now_ms())
        head = Head(self._version, follows, through, **extents, names=self._names, counts=self._counts)
        write_head(self._folder, head)
        return head

    def _append(self, name: str, columns: dict[str, Array]) -> int:
        """Adds rows and returns the place of the first of them."""
        self._make_room(name, self._tables[name].count + len(columns["flow"]))
        first = self._tables[name].count
        self._tables[name].append(columns)
        return first

    def _rows_of(self, name: str, flow_ids: Array, before: int) -> Array:
        """The places of these flows' rows among the first `before`."""
        if not len(flow_ids):
            return np.empty(0, np.intp)
        flows = self._tables[name].columns["flow"][:before]
        is_wanted = np.zeros(max(self._tables["flows"].count, int(flow_ids[-1]) + 1), np.bool_)
        is_wanted[flow_ids] = True
        found = [np.empty(0, np.intp)]
        for rows in stretches(before):
            found.append(np.flatnonzero(is_wanted.take(flows[rows], mode="clip")) + rows.start)
        return np.concatenate(found)

    def _let_die(self, name: str, places: Array) -> None:
        table = self._tables[name]
        if name == "checks":
            table.put(places, {"score": np.full(len(places), DEAD, np.uint8)})
        table.put(places, {"flow": np.zeros(len(places), np.uint32)})
        self._dead[name] += len(places)

    def _note(self, rows: Array | slice, by: int) -> None:
        self._noted.note(self._tables["flows"], self._tables["checks"], rows, by)

    def _keep_counts(self) -> None:
        """Corrects the counts by what was noted, or makes them anew."""
        table, noted = self._tables["corrections"], self._noted.take()
        if self.is_settled and table.count + len(noted["by"]) <= MOST_CORRECTIONS:
            if len(noted["by"]):
                table.append(noted)
            return
        self._counts = make_counts(self._folder, self._tables["flows"], self._tables["checks"])
        if table.count:
            self._tables["corrections"] = table.rewritten(slice(0), 0)

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
