"""Takes up the callbacks that were kept, a moment after each came, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from atlas_core.books import store
from atlas_core.books.worklist import FlowToWatch, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.worker.keeper import Keeper
from atlas_core.worker.sync import Sync, WatchedFlow
from atlas_core.worker.watcher import Watcher

LOOK_SECONDS = 2.0

_log = logging.getLogger("atlas_core.worker.inbox")


class InboxKeeper(Keeper):
    """Each kept callback becomes a result; then its flow is looked at as soon as is polite.

    `called` wakes it; it also looks by itself, for an orphan's flow turns up without a call.
    """

    def __init__(
        self,
        writer: AtlasWriter,
        book: Path,
        sync: Sync,
        watcher: Watcher,
        called: threading.Event,
        replay: Callable[[Worklist], bool],
    ) -> None:
        """`replay` reads again what people want read again; it returns whether none is left."""
        super().__init__("inbox", _log, retry=LOOK_SECONDS, trouble="callbacks wait")
        self._writer, self._book, self._sync, self._watcher = writer, book, sync, watcher
        self._called = called
        self._replay = replay

    def stop(self, seconds: float) -> None:
        """Finishes the one under way; the others wait for the next start."""
        self._stopping.set()
        self._called.set()
        super().stop(seconds)

    def _keep(self) -> None:
        with Worklist(self._book) as self._worklist:
            super()._keep()

    def _wait(self, seconds: float) -> None:
        if not self._stopping.is_set():  # who stops it calls after that
            self._called.wait(seconds)

    def _look(self) -> float:
        self._called.clear()
        self._take_up_waiting(self._worklist)
        return LOOK_SECONDS if self._replay(self._worklist) else 0.0

    def _take_up_waiting(self, worklist: Worklist) -> None:
        while (waiting := worklist.waiting_deliveries()) and not self._stopping.is_set():
            for delivery in waiting:
                if self._sync.take_up(delivery):
                    look_after_taking_up(self._writer, self._watcher, worklist, delivery.flow_uuid)


def look_after_taking_up(writer: AtlasWriter, watcher: Watcher, worklist: Worklist, flow_uuid: str) -> None:
    """A flow whose callback was taken up is asked about as soon as is polite, unless it is certain."""
    if watcher.look_soon(flow_uuid):
        return
    flow = worklist.flow(flow_uuid)
    if flow is not None and (flow.is_doubted or not flow.is_confirmed):
        watch_again(writer, watcher, flow)


def watch_again(writer: AtlasWriter, watcher: Watcher, flow: FlowToWatch) -> None:
    """A flow that was left alone is asked about once more."""
    writer.write(store.save_watched, flow.flow_id, True)
    watcher.add(WatchedFlow.of(flow, again=True), is_new=False)
