"""Keeps the column mirror in step with atlas.db, a moment behind it, in a thread of its own."""

from __future__ import annotations

import logging
import math
import threading
import time
from pathlib import Path

from atlas_core.books.mirror import Mirror
from atlas_core.books.writer import AtlasWriter
from atlas_core.worker.keeper import Keeper

LOOK_SECONDS = 1.0
RETRY_SECONDS = 30.0

_log = logging.getLogger("atlas_core.worker.mirror")


class MirrorKeeper(Keeper):
    """Starts by catching up with what an earlier worker left, or by building the mirror."""

    def __init__(self, writer: AtlasWriter, book: Path) -> None:
        super().__init__("mirror", _log, retry=RETRY_SECONDS, trouble="mirror is behind")
        self._mirror = Mirror(writer, book)
        self._door = threading.Lock()
        self._until = math.inf

    def stop(self, seconds: float) -> None:
        """Takes over what is left, for at most `seconds`; the next start takes over the rest."""
        self._until = time.monotonic() + seconds
        super().stop(seconds)

    def follow(self, anew: bool) -> None:
        """Brings the mirror to the book's state before it returns, built anew where asked. From any thread;
        raises errors of `BookError`."""
        with self._door:
            if anew:
                self._mirror.rebuild()
            else:
                self._mirror.catch_up()

    def _keep(self) -> None:
        super()._keep()
        self._look_whatever_befalls()
        with self._door:
            self._mirror.close()

    def _look(self) -> float:
        with self._door:
            self._mirror.catch_up(self._is_over)
        return LOOK_SECONDS

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until
