"""Keeps the column mirror in step with atlas.db, a moment behind it, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from atlas_core.books.mirror import Mirror
from atlas_core.books.writer import AtlasWriter

LOOK_SECONDS = 1.0
RETRY_SECONDS = 30.0

_log = logging.getLogger("atlas_core.worker.mirror")


class MirrorKeeper:
    """Starts by catching up with what an earlier worker left, or by building the mirror."""

    def __init__(self, writer: AtlasWriter, book: Path) -> None:
        self._mirror = Mirror(writer, book)
        self._door = threading.Lock()
        self._stopping = threading.Event()
        self._until = 0.0
        self._thread = threading.Thread(target=self._keep, name="mirror", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the mirror is still kept."""
        return self._thread.is_alive()

    def start(self) -> None:
        """From now on the mirror follows."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Takes over what is left, for at most `seconds`; the next start takes over the rest."""
        self._until = time.monotonic() + seconds
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def follow(self, anew: bool) -> None:
        """Brings the mirror to the book's state before it returns, built anew where asked. From any thread;
        raises errors of `BookError`."""
        with self._door:
            if anew:
                self._mirror.rebuild()
            else:
                self._mirror.catch_up()

    def _keep(self) -> None:
        pause = self._look(self._stopping.is_set)
        while not self._stopping.wait(pause):
            pause = self._look(self._stopping.is_set)
        self._look(lambda: time.monotonic() >= self._until)
        with self._door:
            self._mirror.close()

    def _look(self, is_stopping: Callable[[], bool]) -> float:
        """Returns the seconds until the next look."""
        try:
            with self._door:
                self._mirror.catch_up(is_stopping)
        except Exception:  # whatever troubles the mirror must not end its keeping: the book is the truth
            _log.error("mirror is behind", exc_info=True)
            return RETRY_SECONDS
        return LOOK_SECONDS
