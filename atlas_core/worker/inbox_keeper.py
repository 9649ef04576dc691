"""Takes up the callbacks that were kept, a moment after each came, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from atlas_core.books import store
from atlas_core.books.worklist import FlowToWatch, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import AtlasDeskError
from atlas_core.worker.sync import Sync, WatchedFlow
from atlas_core.worker.watcher import Watcher

LOOK_SECONDS = 2.0

_log = logging.getLogger("atlas_core.worker.inbox")


class InboxKeeper:
    """Each kept callback becomes a result; then its flow is looked at as soon as is polite.

    `called` wakes it; it also looks by itself, for an orphan's flow turns up without a call.
    """

    def __init__(
        self, writer: AtlasWriter, book: Path, sync: Sync, watcher: Watcher, called: threading.Event
    ) -> None:
        self._writer, self._book, self._sync, self._watcher = writer, book, sync, watcher
        self._called = called
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="inbox", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether callbacks are still taken up."""
        return self._thread.is_alive()

    def start(self) -> None:
        """From now on callbacks are taken up; those of an earlier worker first."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Finishes the one under way; the others wait for the next start."""
        self._stopping.set()
        self._called.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _keep(self) -> None:
        with Worklist(self._book) as worklist:
            while not self._stopping.is_set():
                self._called.clear()
                try:
                    self._take_up_waiting(worklist)
                except AtlasDeskError as error:
                    _log.error("callbacks wait", extra={"error": type(error).__name__})
                self._called.wait(LOOK_SECONDS)

    def _take_up_waiting(self, worklist: Worklist) -> None:
        while (waiting := worklist.waiting_deliveries()) and not self._stopping.is_set():
            for delivery in waiting:
                if not self._sync.take_up(delivery) or self._watcher.look_soon(delivery.flow_uuid):
                    continue
                flow = worklist.flow(delivery.flow_uuid)
                if flow is not None and (flow.is_doubted or not flow.is_confirmed):
                    watch_again(self._writer, self._watcher, flow)


def watch_again(writer: AtlasWriter, watcher: Watcher, flow: FlowToWatch) -> None:
    """A flow that was left alone is asked about once more."""
    writer.write(store.save_watched, flow.flow_id, True)
    watcher.add(WatchedFlow.of(flow, again=True), is_new=False)
