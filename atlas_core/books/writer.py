"""The one writer of atlas.db: whoever waits at the same moment shares one commit."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from atlas_core.books.book import BUSY_SECONDS, lock_writer, open_for_writing, require_file, speaking_of
from atlas_core.books.schema import ATLAS, require_edition
from atlas_core.errors import BookError

P = ParamSpec("P")
T = TypeVar("T")

_SHARED_AT_MOST = 200
_PATIENCE_MS = 200


class CommitTimes:
    """How long commits took since the start: how many stayed within each limit (the last has none)."""

    LIMITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds

    def __init__(self) -> None:
        self.counts = [0] * (len(self.LIMITS) + 1)
        self.seconds = 0.0
        self.jobs = 0

    def note(self, seconds: float, jobs: int) -> None:
        """One commit, shared by so many jobs. The writer's thread alone notes."""
        self.counts[bisect_left(self.LIMITS, seconds)] += 1
        self.seconds += seconds
        self.jobs += jobs


class _Job:
    """One call waiting for its commit. Its future is answered after the commit, never before."""

    __slots__ = ("answer", "call", "error", "future")

    def __init__(self, call: Callable[[sqlite3.Connection], Any]) -> None:
        self.call = call
        self.future: Future[Any] = Future()
        self.answer: Any = None
        self.error: BaseException | None = None

    def settle(self, failure: BookError | None) -> None:
        error = failure or self.error
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.answer)


class _Alone(_Job):
    """What cannot be done within a commit, such as emptying the log."""


class AtlasWriter:
    """Writes atlas.db from one thread over one connection; every other process or thread only reads it.

    Jobs are functions of books/store.py taking the connection first. Those that wait at the same moment
    share one BEGIN IMMEDIATE … COMMIT, each within its own savepoint, so that one that fails undoes only
    itself. An answer or an error reaches its caller after the commit: what was answered is on disk.
    """

    def __init__(self, path: Path) -> None:
        """Takes the right to write. Raises `BookBusy` where another writer has it, `BookMissing`,
        `BookNewer`, `BookDamaged`; the book must have been migrated."""
        require_file(path)
        self._path = path
        self._lock = lock_writer(path)
        try:
            self._connection = open_for_writing(path, ATLAS.journal)
            require_edition(self._connection, path, ATLAS)
        except BaseException:
            os.close(self._lock)
            raise
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self.commit_times = CommitTimes()
        self._thread = threading.Thread(target=self._write_until_closed, name="atlas-writer", daemon=True)
        self._thread.start()

    def write(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `fn(connection, *args, **kwargs)` and returns its answer once it is committed.

        Raises what `fn` raised, or a `BookError` where the commit failed: then nothing of it was written.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a job of the writer must use its own connection, not wait for the writer")
        return self.write_soon(fn, *args, **kwargs).result()

    def write_soon(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """As `write`, without waiting: the future is done after the commit."""
        job = _Job(lambda connection: fn(connection, *args, **kwargs))
        self._put(job)
        return job.future

    def _put(self, job: _Job) -> None:
        with self._door:
            if self._closed:
                raise BookError(f"{self._path.name} is closed: the worker is stopping. Start it again.")
            self._jobs.put(job)

    def shrink_log(self) -> bool:
        """Empties the write-ahead log, where nobody reads an earlier state of the book; returns whether it is
        empty. Waits a moment for readers; meanwhile nobody's job is written."""
        return self.do_alone(_empty_log)

    def do_alone(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `write`, outside of any transaction."""
        job = _Alone(lambda connection: fn(connection, *args, **kwargs))
        self._put(job)
        answer: T = job.future.result()
        return answer

    @property
    def waiting(self) -> int:
        """How many jobs wait for their commit."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Writes what is waiting, closes the book and gives up the right to write. May be called twice."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        # Who closes a book last empties its log, but a page that keeps it open may not write.
        with suppress(sqlite3.Error):
            _empty_log(self._connection)
        self._connection.close()
        os.close(self._lock)

    def __enter__(self) -> AtlasWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            waiting = [self._jobs.get()]
            while len(waiting) < _SHARED_AT_MOST and not self._jobs.empty():
                waiting.append(self._jobs.get())
            closing = waiting[-1] is None
            jobs = [job for job in waiting if job is not None and job.future.set_running_or_notify_cancel()]
            together = [job for job in jobs if not isinstance(job, _Alone)]
            if together:
                self._commit_together(together)
            for job in jobs:
                if isinstance(job, _Alone):
                    self._do_alone(job)

    def _do_alone(self, job: _Job) -> None:
        try:
            with speaking_of(self._path):
                job.answer = job.call(self._connection)
        except BaseException as error:
            job.error = error
        job.settle(None)

    def _commit_together(self, jobs: list[_Job]) -> None:
        failure: BookError | None = None
        try:
            with speaking_of(self._path):
                self._connection.execute("BEGIN IMMEDIATE")
                begun = time.perf_counter()
                for job in jobs:
                    self._run(job)
                self._connection.execute("COMMIT")
                self.commit_times.note(time.perf_counter() - begun, len(jobs))
        except BaseException as error:
            failure = self._failure(error)
        for job in jobs:
            job.settle(failure)

    def _failure(self, error: BaseException) -> BookError:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            error.add_note("undoing it failed too; the next BEGIN will say why")
        if isinstance(error, BookError):
            return error
        return BookError(f"{self._path.name}: a job ended the commit it shared; nothing of it was written.")

    def _run(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            with speaking_of(self._path):
                job.answer = job.call(self._connection)
        except BaseException as error:
            if not self._connection.in_transaction:
                raise  # a full disk undid the whole transaction, and with it everybody's job
            self._connection.execute("ROLLBACK TO job")
            job.error = error
        self._connection.execute("RELEASE job")


def _empty_log(connection: sqlite3.Connection) -> bool:
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
    return not busy
