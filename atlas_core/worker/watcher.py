"""Which flows are due, and when to look again.

One flow is never asked about twice within five seconds. All together are asked about as often as their own
cadences make on average, and twice a second more: by these two a second the backlog of a start or of an
outage is worked off, so that an Atlas that has just come back meets no crowd.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import random
import threading
import time
from collections.abc import Iterable

from atlas_core.errors import AtlasDeskError
from atlas_core.worker.gate import Gate
from atlas_core.worker.sync import POLITE_SECONDS, SLOW_SECONDS, Sync, WatchedFlow

IN_FLIGHT = 32
FIRST_LOOK_SECONDS = 2.0
SPARE_PER_SECOND = 1.8  # less than two, whichever ten seconds are looked at
_GRAIN_SECONDS = 0.02  # flows due within it are handed out together
_FLUSH_SECONDS = 1.0
_BURST_SECONDS = 0.25  # what was not asked for so long may be made up for at once

_log = logging.getLogger(__name__)


class Watcher:
    """Asks about all flows under watch, each at its own pace, at most `in_flight` at once."""

    def __init__(self, sync: Sync, gate: Gate, *, in_flight: int = IN_FLIGHT) -> None:
        self._sync = sync
        self._gate = gate
        self._limit = in_flight
        self._changed = threading.Condition()
        self._flows: dict[str, WatchedFlow] = {}
        self._asked: dict[str, float] = {}  # flows no longer watched: when they were last asked about
        self._due: dict[str, float] = {}  # the moment that counts; older entries of the heap are stale
        self._heap: list[tuple[float, int, WatchedFlow]] = []
        self._entries = itertools.count()
        self._in_flight: set[str] = set()
        self._soon: set[str] = set()  # wanted while under way
        self._stopping = False
        self._pace = _Pace()
        self._jobs: queue.SimpleQueue[WatchedFlow | None] = queue.SimpleQueue()
        self._started = time.monotonic()
        self._threads = [
            threading.Thread(target=self._hand_out, name="watcher", daemon=True),
            *(
                threading.Thread(target=self._ask_handed_out, name=f"watcher-{number}", daemon=True)
                for number in range(in_flight)
            ),
        ]

    @property
    def is_alive(self) -> bool:
        """Whether every thread of it still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self, flows: Iterable[WatchedFlow]) -> None:
        """Begins with these. None is asked about in the first seconds: a worker before this one may have
        asked a moment ago."""
        flows = list(flows)
        self._started = time.monotonic()
        with self._changed:
            for flow in flows:
                flow.asked_at = self._started
                self._flows[flow.flow_uuid] = flow
            self._measure_pace()
            for flow in flows:
                self._plan(flow, self._started + POLITE_SECONDS + self._pace.spread(len(flows)))
        for thread in self._threads:
            thread.start()

    def add(self, flow: WatchedFlow, *, is_new: bool) -> None:
        """Takes a flow under watch; `is_new`: nobody has ever asked about it."""
        with self._changed:
            known = self._flows.get(flow.flow_uuid)
            if known is not None:
                known.upload_unsure_since = flow.upload_unsure_since
                return
            self._flows[flow.flow_uuid] = flow
            if is_new:
                self._plan(flow, time.monotonic() + FIRST_LOOK_SECONDS)
            else:
                flow.asked_at = self._asked.get(flow.flow_uuid, self._started)
                self._plan(flow, self._earliest(flow))

    def drop(self, flow_uuid: str) -> None:
        """Ends the watch over a flow."""
        with self._changed:
            if self._flows.pop(flow_uuid, None) is not None:
                self._due.pop(flow_uuid, None)

    def look_soon(self, flow_uuid: str) -> bool:
        """Makes a flow due at the earliest permitted moment; False where it is not under watch."""
        with self._changed:
            flow = self._flows.get(flow_uuid)
            if flow is None:
                return False
            flow.doubts_end = flow.status.master == "FAILED"
            if flow_uuid in self._in_flight:
                self._soon.add(flow_uuid)
            else:
                earliest = self._earliest(flow)
                if earliest < self._due[flow_uuid]:
                    self._plan(flow, earliest)
            return True

    def spread(self) -> None:
        """Atlas is back: what is overdue is asked about by and by, not all at once."""
        with self._changed:
            now = time.monotonic()
            self._measure_pace()
            overdue = [flow for uuid, flow in self._flows.items() if self._due.get(uuid, now) < now]
            for flow in overdue:
                if flow.flow_uuid not in self._in_flight:
                    self._plan(flow, max(self._earliest(flow), now + self._pace.spread(len(overdue))))

    def stop(self, seconds: float) -> None:
        """Hands out nothing more and waits for what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        self._sync.record_unchanged_looks()

    # --------------------------------------------------------------------------------------- the plan

    def _earliest(self, flow: WatchedFlow) -> float:
        return max(time.monotonic(), flow.asked_at + POLITE_SECONDS)

    def _plan(self, flow: WatchedFlow, due: float) -> None:
        """Under the lock."""
        self._due[flow.flow_uuid] = due
        heapq.heappush(self._heap, (due, next(self._entries), flow))
        if self._heap[0][0] == due:
            self._changed.notify()

    def _hand_out(self) -> None:
        flush_at = time.monotonic() + _FLUSH_SECONDS
        while True:
            with self._changed:
                if self._stopping:
                    break
                self._changed.wait(min(self._hand_out_due(), _FLUSH_SECONDS))
            if time.monotonic() >= flush_at:
                flush_at = time.monotonic() + _FLUSH_SECONDS
                with self._changed:
                    self._measure_pace()
                self._record_looks()
        for _ in range(self._limit):
            self._jobs.put(None)

    def _hand_out_due(self) -> float:
        """Hands out what is due and may be; returns the seconds until there may be more. Under the lock."""
        while self._heap and len(self._in_flight) < self._limit:
            due, _, flow = self._heap[0]
            if self._due.get(flow.flow_uuid) != due:
                heapq.heappop(self._heap)
                continue
            wait = due - time.monotonic()
            if wait > 0:
                return max(wait, _GRAIN_SECONDS)
            held_up = self._pace.wait_seconds() or self._gate.wait_seconds()
            if held_up:
                return max(held_up, _GRAIN_SECONDS)
            self._pace.take()
            heapq.heappop(self._heap)
            self._in_flight.add(flow.flow_uuid)
            self._jobs.put(flow)
        return _FLUSH_SECONDS

    def _measure_pace(self) -> None:
        """Under the lock."""
        self._pace.set(sum(map(self._sync.pace, self._flows.values())))

    def _record_looks(self) -> None:
        try:
            self._sync.record_unchanged_looks()
        except AtlasDeskError as error:
            _log.error("looks not recorded", extra={"error": type(error).__name__})

    # ------------------------------------------------------------------------------------- the askers

    def _ask_handed_out(self) -> None:
        while (flow := self._jobs.get()) is not None:
            try:
                wait = self._sync.ask(flow)
            except Exception as error:  # one flow's trouble must not end the watch over all others
                known = isinstance(error, AtlasDeskError)
                _log.error("flow set back", extra={"flow": flow.flow_id}, exc_info=None if known else error)
                wait = SLOW_SECONDS / 10 if known else SLOW_SECONDS
            self._take_back(flow, wait)

    def _take_back(self, flow: WatchedFlow, wait: float | None) -> None:
        with self._changed:
            now = flow.asked_at = time.monotonic()
            uuid = flow.flow_uuid
            if len(self._in_flight) == self._limit:
                self._changed.notify()
            self._in_flight.discard(uuid)
            if uuid in self._soon:
                self._soon.discard(uuid)
                wait = POLITE_SECONDS
            if wait is not None and uuid in self._flows:
                self._plan(flow, now + max(wait, POLITE_SECONDS))
                return
            self._flows.pop(uuid, None)
            self._due.pop(uuid, None)
            self._asked[uuid] = now
            if len(self._asked) > 10_000:
                self._asked = {key: at for key, at in self._asked.items() if now - at < 60}


class _Pace:
    """How many looks may begin: what all flows ask for in a second, and the spare ones."""

    def __init__(self) -> None:
        self._rate = SPARE_PER_SECOND
        self._left = 1.0
        self._at = time.monotonic()

    def set(self, normal: float) -> None:
        """`normal`: looks a second that all flows ask for."""
        self._refill()
        self._rate = normal + SPARE_PER_SECOND

    def wait_seconds(self) -> float:
        """How long until the next look may begin; 0 where it may now."""
        self._refill()
        return max(0.0, (1.0 - self._left) / self._rate)

    def take(self) -> None:
        """A look begins."""
        self._left -= 1.0

    def spread(self, flows: int) -> float:
        """A random delay of one among so many, so that together they come at this pace."""
        return random.uniform(0.0, flows / self._rate)  # noqa: S311 no secret

    def _refill(self) -> None:
        now = time.monotonic()
        most = max(1.0, self._rate * _BURST_SECONDS)
        self._left = min(most, self._left + (now - self._at) * self._rate)
        self._at = now
