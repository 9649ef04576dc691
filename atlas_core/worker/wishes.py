"""What people ask of the ledger and of flows: deliveries to be read again, flows to be looked at now."""

from __future__ import annotations

import logging

from atlas_core.books import replays
from atlas_core.books.desk import Desk
from atlas_core.books.wishes import WantedReplay, finish_replay, waiting_replays
from atlas_core.books.worklist import DeliveryToReplay, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookBusy, BookFull, PayloadError
from atlas_core.worker.inbox_keeper import look_after_taking_up, watch_again
from atlas_core.worker.sync import Sync, why_not_taken_up
from atlas_core.worker.watcher import Watcher

AT_ONCE = 100  # then new callbacks have their turn

_log = logging.getLogger("atlas_core.worker.wishes")


class Wishes:
    """Over one desk's book. Each wish is fulfilled once; one that a kill cut off goes on where it was."""

    def __init__(self, desk: Desk, writer: AtlasWriter, sync: Sync, watcher: Watcher) -> None:
        self._desk, self._writer, self._sync, self._watcher = desk, writer, sync, watcher

    def look(self, worklist: Worklist) -> None:
        """Makes the flows that people want looked at due, watched or not."""
        for flow_uuid in self._desk.take_wanted_looks():
            self._look_now(worklist, flow_uuid)

    def replay(self, worklist: Worklist) -> bool:
        """Reads wanted deliveries again, a hundred at most; returns whether none is left."""
        left = AT_ONCE
        for wanted in waiting_replays(self._desk):
            done = worklist.replayed(wanted.replay_id)
            open_ids = [delivery_id for delivery_id in wanted.delivery_ids if delivery_id not in done]
            for delivery_id in open_ids[:left]:
                self._replay(worklist, wanted, delivery_id)
            left -= min(left, len(open_ids))
            if not left:
                return False
            finish_replay(self._desk, wanted.replay_id)
            _log.info("replay done", extra={"replay": wanted.replay_id, "count": len(wanted.delivery_ids)})
        return True

    def _replay(self, worklist: Worklist, wanted: WantedReplay, delivery_id: int) -> None:
        delivery = worklist.delivery(delivery_id)
        came = ""
        if delivery is None:
            came = "not there"
        elif delivery.outcome != "dead letter":
            came = "nothing changed"
        elif delivery.body is None:
            came = "not kept"  # unread text cannot be masked; Atlas itself can say the same again
            if delivery.flow_uuid:
                self._look_now(worklist, delivery.flow_uuid)
        if came:
            self._writer.write(replays.record_replay, wanted.replay_id, delivery_id, came, now=now_ms())
        elif delivery is not None:
            self._read_again(worklist, wanted.replay_id, delivery)

    def _read_again(self, worklist: Worklist, replay_id: int, delivery: DeliveryToReplay) -> None:
        try:
            result = self._sync.read(delivery.body, delivery.flow_id)
            self._writer.write(
                replays.take_up_again,
                replay_id,
                delivery,
                result,
                now=now_ms(),
                standards=self._sync.standards,
            )
        except (BookBusy, BookFull):
            raise
        except Exception as error:  # whatever it is, it stays a dead letter and the next one has its turn
            about = {"replay": replay_id, "delivery": delivery.delivery_id}
            foreseen = isinstance(error, PayloadError)
            _log.warning("still unreadable", extra=about, exc_info=None if foreseen else error)
            reason = why_not_taken_up(error)
            self._writer.write(replays.bury_again, replay_id, delivery.delivery_id, reason, now=now_ms())
            return
        if delivery.flow_uuid:
            look_after_taking_up(self._writer, self._watcher, worklist, delivery.flow_uuid)

    def _look_now(self, worklist: Worklist, flow_uuid: str) -> None:
        if self._watcher.look_soon(flow_uuid):
            return
        flow = worklist.flow(flow_uuid)
        if flow is not None:
            watch_again(self._writer, self._watcher, flow)
