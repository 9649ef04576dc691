"""The rival of the one writer: a pool of threads that take turns at the book, each commit its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from atlas_core.books.book import open_for_writing, transaction
from atlas_core.books.schema import ATLAS

P = ParamSpec("P")
T = TypeVar("T")


class LockedPool:
    """Takes the same jobs as `AtlasWriter`; as durable, and as most receivers are built."""

    def __init__(self, path: Path, threads: int) -> None:
        self._connection = open_for_writing(path, ATLAS.journal)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads)

    def write_soon(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        return self._pool.submit(self._write, fn, *args, **kwargs)

    def write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self.write_soon(fn, *args, **kwargs).result()

    def close(self) -> None:
        self._pool.shutdown()
        self._connection.close()

    def _write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self._lock, transaction(self._connection):
            return fn(self._connection, *args, **kwargs)
