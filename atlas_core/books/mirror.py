"""The column mirror's writer: brings it to what atlas.db says, change by change or from nothing.

Triggers put each changed flow into the table mirror_queue in the transaction that changes it. A step takes
the oldest changes and, in this order: writes the new rows behind those that count; lets the flows' earlier
rows die; writes the flows' own rows; corrects the counts; makes all of it durable; publishes a version; and
takes the changes from the queue, noting in the book which version holds them. Killed anywhere, the same
changes are still in the queue, and the first step of the next start takes them over again without trusting
any earlier work on them. A mirror that does not belong to the book (none, another edition, a restored book)
is built anew.

Only the holder of `AtlasWriter` writes: the worker, or a command while no worker runs. One thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import Connection

from atlas_core.books.book import filing, open_for_reading, snapshot, speaking_of
from atlas_core.books.column_head import NONE, mirror_folder, read_head, sweep
from atlas_core.books.mirror_tables import MirrorTables
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookDamaged, BookMissing

CHANGES_AT_ONCE = 5_000
FLOWS_AT_ONCE = 20_000


class Mirror:
    """The mirror beside one book, for the thread that writes it."""

    def __init__(self, writer: AtlasWriter, book: Path) -> None:
        self._writer, self._book = writer, book
        self._folder = mirror_folder(book.parent)
        self._tables: MirrorTables | None = None
        self._noted = NONE

    def catch_up(self, is_stopping: Callable[[], bool] = lambda: False) -> int:
        """Takes over every change there is, or builds the mirror where it is not the book's.

        Returns the number of flows taken over. Leaves off between two steps once `is_stopping` says so.
        Raises errors of `BookError`: then the next call begins again at what was published.
        """
        with self._at_work() as connection:
            if self._tables is None:
                self._tables = self._reopen(connection)
            if self._tables is None:
                return self._build(connection, is_stopping)
            taken = 0
            while not is_stopping() and (step := self._step(connection, self._tables)):
                taken += step
            return taken

    def rebuild(self) -> int:
        """Builds the mirror from nothing; the one before serves until then. Returns the number of flows."""
        self.close()
        with self._at_work() as connection:
            return self._build(connection, lambda: False)

    def close(self) -> None:
        """Gives the files back."""
        if self._tables is not None:
            self._tables.close()
        self._tables = None

    @contextmanager
    def _at_work(self) -> Iterator[Connection]:
        try:
            with (
                filing(self._folder),
                speaking_of(self._book),
                closing(open_for_reading(self._book)) as connection,
            ):
                yield connection
        except BaseException:
            self.close()  # what was left half done in them must not be published
            raise

    def _reopen(self, connection: Connection) -> MirrorTables | None:
        """The tables of the published version where it is this book's: the version that the book has noted,
        or the one that followed it when a kill came before the note. Then its changes are still in the
        queue; in the queue of a restored book they are not."""
        self._noted = noted_version(connection)
        try:
            head = read_head(self._folder)
            is_ours = head.version == self._noted or (
                head.follows == self._noted and _last_change(connection) >= head.through
            )
            if not is_ours:
                return None
            tables = MirrorTables.open(self._folder, head)
        except (BookMissing, BookDamaged, FileNotFoundError):
            return None
        sweep(self._folder, head)
        return tables

    def _step(self, connection: Connection, tables: MirrorTables) -> int:
        changes = connection.execute(
            "SELECT change_id, flow_id FROM mirror_queue ORDER BY change_id LIMIT ?", (CHANGES_AT_ONCE,)
        ).fetchall()
        if not changes:
            return 0
        flow_ids = sorted({flow_id for _, flow_id in changes})
        with snapshot(connection):
            tables.take_over(connection, flow_ids)
        self._publish(tables, follows=self._noted, through=changes[-1][0])
        return len(flow_ids)

    def _build(self, connection: Connection, is_stopping: Callable[[], bool]) -> int:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        # Changes from here on stay in the queue, for a flow may be read before or after its change.
        through = _last_change(connection)
        self._tables = tables = MirrorTables.create(self._folder, self._newest_version(connection))
        built = 0
        for flow_ids in _all_flows(connection):
            if is_stopping():
                self.close()
                return 0
            with snapshot(connection):
                tables.add(connection, flow_ids)
            built += len(flow_ids)
        self._publish(tables, follows=NONE, through=through)
        return built

    def _publish(self, tables: MirrorTables, *, follows: int, through: int) -> None:
        head = tables.publish(follows=follows, through=through)
        self._writer.write(_forget_changes, through, head.version)
        self._noted, tables.is_settled = head.version, True
        sweep(self._folder, head)

    def _newest_version(self, connection: Connection) -> int:
        try:
            published = read_head(self._folder).version
        except (BookMissing, BookDamaged):
            published = 0
        return max(published, noted_version(connection))


def noted_version(connection: Connection) -> int:
    """The version of the mirror that holds all changes taken from the queue; 0 where there is none."""
    row = connection.execute("SELECT value FROM book WHERE key = 'mirror'").fetchone()
    return int(row[0]) if row else 0


def _last_change(connection: Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(change_id), 0) FROM mirror_queue").fetchone()[0])


def _all_flows(connection: Connection) -> Iterator[Sequence[int]]:
    """Every flow_id, ascending, thousands at a time."""
    last = 0
    while rows := connection.execute(
        "SELECT flow_id FROM flows WHERE flow_id > ? ORDER BY flow_id LIMIT ?", (last, FLOWS_AT_ONCE)
    ).fetchall():
        yield [flow_id for (flow_id,) in rows]
        last = rows[-1][0]


def _forget_changes(connection: Connection, through: int, version: int) -> None:
    connection.execute("DELETE FROM mirror_queue WHERE change_id <= ?", (through,))
    connection.execute("INSERT OR REPLACE INTO book VALUES ('mirror', ?)", (str(version),))
