"""What the worker tells programs on its own machine: whether it is ready, its numbers, and its loop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path

from atlas_core.api.loop import call_ourselves
from atlas_core.books import queries, store
from atlas_core.books.reading import open_books
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, LoopBroken
from atlas_core.settings import Settings
from atlas_core.worker.alert_rules import RULES
from atlas_core.worker.gate import Gate
from atlas_core.worker.loop_probe import LoopProbe, LoopTest
from atlas_core.worker.metrics import Histogram, Metric, counter, exposition, gauge
from atlas_core.worker.receiver import Receiver

COMMIT_PATIENCE = 5.0  # seconds
_GATE_STATES = ("ok", "unreachable", "failing", "busy", "refused", "retired")
_PROCESS = Path("/proc/self")

_log = logging.getLogger(__name__)


class WorkerInside:
    """Over the parts of one worker. `threads` tells of each of its threads whether it still runs."""

    def __init__(
        self,
        settings: Settings,
        writer: AtlasWriter,
        receiver: Receiver,
        gate: Gate,
        *,
        receiver_url: str,
        threads: Callable[[], Mapping[str, bool]],
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._receiver = receiver
        self._gate = gate
        self._receiver_url = receiver_url.rstrip("/")
        self._threads = threads
        self._started_at = time.time()
        self._testing = threading.Lock()

    def trouble(self) -> str:
        """Why the worker is not ready; empty where it is. Commits something to find out."""
        ended = [name for name, is_alive in self._threads().items() if not is_alive]
        if ended:
            return f"The worker's {ended[0]} does not run."
        try:
            self._writer.write_soon(store.require_room).result(COMMIT_PATIENCE)
        except TookTooLong:
            return f"The book took nothing for {COMMIT_PATIENCE:g} s."
        except BookError as error:
            return str(error)
        return ""

    def test_loop(self) -> LoopTest:
        """Calls the worker's own doors at the address that Atlas is given; whether it came back, in words."""
        if not self._testing.acquire(blocking=False):
            return LoopTest(False, "Another test is under way. Ask again in half a minute.")
        probe = self._receiver.doors.probe = LoopProbe()
        begun = time.monotonic()
        try:
            call_ourselves(
                self._receiver_url,
                probe.auth_path,
                probe.callback_path,
                ca_bundle=self._settings.ca_bundle,
            )
        except LoopBroken as error:
            _log.warning("loop broken")
            return LoopTest(False, str(error), probe.reached)
        finally:
            self._receiver.doors.probe = None
            self._testing.release()
        if not probe.arrived:
            sentence = (
                f"Atlas cannot reach us at {self._receiver_url}: another server answers there as we would."
            )
            return LoopTest(False, sentence, probe.reached)
        took = time.monotonic() - begun
        note = ""
        if probe.through is not None:
            note = (
                f" They came through {probe.through}, which ATLAS_RECEIVER_PROXY does not name: all callers"
                " count as that one address."
            )
        sentence = f"a token and a callback came in through {self._receiver_url} in {took:.1f} s.{note}"
        return LoopTest(True, sentence, probe.reached)

    def metrics(self) -> str:
        """All numbers. No large table is read for them. Raises errors of `BookError`."""
        return exposition([*self._of_the_book(), *self._since_the_start(), *self._of_the_process()])

    def _of_the_book(self) -> Iterator[Metric]:
        now, overdue_ms = now_ms(), int(self._settings.overdue_minutes * 60_000)
        with open_books(self._settings.atlas_book, self._settings.desk_book) as books:
            kinds = queries.arrivals_per_outcome(books)
            work = queries.workload(books)
            alerts = queries.alerts_per_rule(books)
            late = queries.attention(books, now=now, overdue_ms=overdue_ms, reasons=("overdue",))
        yield Metric(
            "atlas_desk_deliveries",
            "gauge",
            "Deliveries in the book, by how they came and what became of them.",
            [
                ({"channel": channel, "outcome": outcome}, deliveries)
                for channel, outcome, deliveries in kinds.itertuples(index=False)
            ],
        )
        yield gauge(
            "atlas_desk_callbacks_waiting", "Callbacks kept and not yet taken up.", work.callbacks_waiting
        )
        yield gauge("atlas_desk_flows_watched", "Flows the worker asks about.", work.flows_watched)
        overdue = int(late["flows"].sum())
        yield gauge("atlas_desk_flows_overdue", "Flows that run longer than ATLAS_OVERDUE_MINUTES.", overdue)
        yield Metric(
            "atlas_desk_alerts",
            "gauge",
            "Cases that are alerted now, by their rule.",
            [({"rule": rule}, alerts.get(rule, 0)) for rule in RULES],
        )
        yield gauge("atlas_desk_mirror_behind", "Flows the column mirror is behind with.", work.mirror_behind)

    def _since_the_start(self) -> Iterator[Metric | Histogram]:
        tally, commits = self._receiver.tally, self._writer.commit_times
        yield Metric(
            "atlas_desk_refusals_total",
            "counter",
            "Calls refused, by door and status.",
            [
                ({"door": door, "status": str(status)}, times)
                for (door, status), times in sorted(tally.refusals().items())
            ],
        )
        yield counter("atlas_desk_tokens_total", "Tokens given at the auth address.", tally.tokens)
        yield gauge("atlas_desk_writer_queue", "Jobs that wait for their commit.", self._writer.waiting)
        yield counter("atlas_desk_writer_jobs_total", "Jobs committed.", commits.jobs)
        yield Histogram(
            "atlas_desk_commit_seconds",
            "How long commits took.",
            commits.LIMITS,
            list(commits.counts),
            commits.seconds,
        )
        yield Metric(
            "atlas_desk_atlas_state",
            "gauge",
            f"1 for how Atlas is: {', '.join(_GATE_STATES)}.",
            [({"state": state}, float(state == self._gate.state)) for state in _GATE_STATES],
        )

    def _of_the_process(self) -> Iterator[Metric]:
        yield gauge("process_start_time_seconds", "When the worker began, since 1970.", self._started_at)
        if _PROCESS.exists():
            pages = int((_PROCESS / "statm").read_text().split()[1])
            yield gauge("process_resident_memory_bytes", "Memory in use.", pages * os.sysconf("SC_PAGE_SIZE"))
            yield gauge(
                "process_open_fds", "Open files and connections.", len(list((_PROCESS / "fd").iterdir()))
            )
