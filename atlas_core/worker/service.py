"""Receiver, watcher, courier and keepers over one pair of books, and how they are."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import ExitStack

from atlas_core.api.client import AtlasClient
from atlas_core.books import atlas_calls, doors, inbox, store
from atlas_core.books.agreement import agree
from atlas_core.books.call_notes import CallNotes
from atlas_core.books.desk import Desk
from atlas_core.books.eraser import Eraser
from atlas_core.books.invented import refuse_invented
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError, BookError
from atlas_core.settings import Settings
from atlas_core.worker.alert_keeper import AlertKeeper
from atlas_core.worker.book_keeper import BookKeeper
from atlas_core.worker.call_tally import CallTally
from atlas_core.worker.callers import Callers
from atlas_core.worker.courier import AT_ONCE, LOOK_SECONDS, Courier
from atlas_core.worker.erasure_keeper import ErasureKeeper
from atlas_core.worker.gate import Gate
from atlas_core.worker.inbox_keeper import InboxKeeper
from atlas_core.worker.inside import WorkerInside
from atlas_core.worker.loop_probe import LoopTest
from atlas_core.worker.mirror_keeper import MirrorKeeper
from atlas_core.worker.receiver import Receiver
from atlas_core.worker.standards_keeper import StandardsKeeper
from atlas_core.worker.sync import CHECKS_PATIENCE, UPLOAD_PATIENCE, Sync, WatchedFlow
from atlas_core.worker.watcher import IN_FLIGHT, Watcher
from atlas_core.worker.wishes import Wishes

HEARTBEAT_SECONDS = 2.0
CALLS_SECONDS = 15.0
UPKEEP_SECONDS = 60.0
STOP_SECONDS = 9.0
STANDSTILL_SECONDS = 60.0
CALLERS_DAYS = 90
DAY_MS = 24 * 3600 * 1000

_log = logging.getLogger("atlas_core.worker")


class Worker:
    """Everything that moves, over one pair of books."""

    def __init__(
        self,
        settings: Settings,
        *,
        checks_patience: float = CHECKS_PATIENCE,
        upload_patience: float = UPLOAD_PATIENCE,
    ) -> None:
        """Opens the books and the port. Raises errors of ours, or `OSError` for the port."""
        self._settings = settings
        migrate_atlas(settings.atlas_book, settings.backup_dir)
        migrate_desk(settings.desk_book, settings.backup_dir)
        if settings.uses_real_atlas:
            refuse_invented(settings.atlas_book, settings.desk_book)
        with ExitStack() as opened:
            self._writer = opened.enter_context(AtlasWriter(settings.atlas_book))
            self._calls = CallTally()
            self._desk = Desk(settings.desk_book)
            agreed = agree(self._writer, settings.atlas_book, settings.desk_book, now=now_ms())
            self._mirror = MirrorKeeper(self._writer, settings.atlas_book)
            eraser = Eraser(
                *(self._writer, settings.atlas_book, settings.desk_book, settings.backup_dir),
                self._mirror.follow,
            )
            eraser.apply_tombstones()
            self._client = opened.enter_context(
                AtlasClient(
                    settings.base_url,
                    settings.client_id,
                    settings.client_secret,
                    proxy=settings.proxy,
                    ca_bundle=settings.ca_bundle,
                    pool=IN_FLIGHT + AT_ONCE,
                    on_call=self._calls.note,
                )
            )
            self._called = threading.Event()
            self.receiver = Receiver(
                self._writer,
                settings.atlas_book,
                Callers.of(settings),
                address=settings.receiver_address,
                port=settings.receiver_port,
                credentials=settings.callback_credentials,
                on_callback=self._called.set,
            )
            self._open = opened.pop_all()
        if agreed.sentence:
            _log.warning("%s", agreed.sentence)
        self._gate = Gate(self._on_gate)
        self._sync = Sync(
            self._client,
            self._writer,
            self._gate,
            standards=Standards(InForce(settings.thresholds)),
            poll_seconds=settings.poll_seconds,
            checks_patience=checks_patience,
            upload_patience=upload_patience,
        )
        self._watcher = Watcher(self._sync, self._gate)
        receiver_url = settings.receiver_url if settings.receiver_port else self.receiver.address
        self._courier = Courier(
            self._client,
            self._writer,
            self._desk,
            CallNotes(settings.desk_book),
            self._watcher,
            self._gate,
            receiver_url=receiver_url,
            local_atlas=settings.local_atlas,
            file_hosts=settings.file_hosts,
        )
        self._erasures = ErasureKeeper(eraser, settings.keep_personal_days)
        self._standards = StandardsKeeper(self._writer, self._desk, settings.thresholds, self._judge_by)
        self._books = BookKeeper(self._writer, settings)
        self._alerts = AlertKeeper(self._writer, settings)
        self._wishes = Wishes(self._desk, self._writer, self._sync, self._watcher)
        self._inbox = InboxKeeper(
            self._writer,
            settings.atlas_book,
            self._sync,
            self._watcher,
            self._called,
            self._wishes.replay,
        )
        self._looked_at = math.inf  # the run loop's last turn, on the monotonic clock
        self._inside = WorkerInside(
            settings,
            self._writer,
            self.receiver,
            self._gate,
            receiver_url=receiver_url,
            threads=self._threads,
        )

    def test_loop(self) -> LoopTest:
        """Whether the address that Atlas is given leads back to this worker, and a sentence about it."""
        return self._inside.test_loop()

    def start(self) -> None:
        """Takes up where an earlier worker ended."""
        settings, now = self._settings, now_ms()
        self._standards.start()
        self._writer.write(atlas_calls.record_start, now=now)
        self._writer.write(store.record_state, "worker", "running", "", now=now)
        self.receiver.start(self._inside)
        with Worklist(settings.atlas_book) as worklist:
            self._courier.start(worklist)
            flows = [WatchedFlow.of(flow) for flow in worklist.watched_flows()]
        self._watcher.start(flows)
        self._inbox.start()
        self._mirror.start()
        self._books.start()
        self._alerts.start()
        self._erasures.start()
        _log.info("worker started", extra={"flows": len(flows)})

    def run(self, stopping: threading.Event, upkeep_seconds: float) -> None:
        """Looks after submissions, wishes and upkeep until `stopping` is set."""
        heartbeat_at = upkeep_at = calls_at = self._looked_at = time.monotonic()
        with Worklist(self._settings.atlas_book) as worklist:
            while not stopping.wait(LOOK_SECONDS):
                self._looked_at = time.monotonic()
                if not self.receiver.is_alive:
                    raise AtlasDeskError("its receiver no longer answers. Start the worker again.")
                try:
                    self._courier.gather(worklist)
                    self._wishes.look(worklist)
                    if time.monotonic() >= heartbeat_at:
                        heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
                        self._writer.write_soon(store.record_state, "worker", "running", "", now=now_ms())
                        self._record_refusals()
                    if time.monotonic() >= calls_at:
                        calls_at = time.monotonic() + CALLS_SECONDS
                        self._record_calls()
                    if time.monotonic() >= upkeep_at:
                        upkeep_at = time.monotonic() + upkeep_seconds
                        self._keep_up(worklist)
                except BookError as error:
                    _log.error("book not ready", extra={"error": type(error).__name__})

    def stop(self) -> None:
        """Takes nothing new, finishes what is under way, and closes the books."""
        until = time.monotonic() + STOP_SECONDS
        stops = [
            threading.Thread(target=self.receiver.stop, daemon=True),
            threading.Thread(target=self._courier.stop, args=(STOP_SECONDS,), daemon=True),
            threading.Thread(target=self._watcher.stop, args=(STOP_SECONDS,), daemon=True),
            threading.Thread(target=self._inbox.stop, args=(STOP_SECONDS,), daemon=True),
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(max(0.0, until - time.monotonic()))
        for keeper in (self._alerts, self._standards, self._erasures, self._mirror, self._books):
            keeper.stop(max(0.5, until - time.monotonic()))
        try:
            self._record_calls()
            self._record_refusals()
            self._writer.write(store.record_state, "worker", "stopped", "", now=now_ms())
            self._writer.write(atlas_calls.record_stop, now=now_ms())
        except BookError as error:
            _log.error("end not recorded", extra={"error": type(error).__name__})
        _log.info("worker stopped")
        self._open.close()

    def _judge_by(self, standards: Standards) -> None:
        self._sync.standards = standards

    def _keep_up(self, worklist: Worklist) -> None:
        now = now_ms()
        self._writer.write(doors.forget_tokens, now=now)
        self._writer.write(doors.forget_callers, before=now - CALLERS_DAYS * DAY_MS)
        self._writer.write(atlas_calls.thin_out_answers, now=now)
        self._writer.write(inbox.record_old_orphans, received_before=now - DAY_MS, now=now)
        forgotten = self._desk.forget_links(worklist.uploaded_since(now - 2 * DAY_MS), now)
        if forgotten:
            _log.info("links forgotten", extra={"links": forgotten})

    def _record_refusals(self) -> None:
        refusals = self.receiver.tally.take()
        if not refusals:
            return
        try:
            self._writer.write(doors.record_refusals, refusals)
        except BookError:
            self.receiver.tally.put_back(refusals)
            raise

    def _threads(self) -> dict[str, bool]:
        return {
            "main loop": time.monotonic() - self._looked_at < STANDSTILL_SECONDS,
            "receiver": self.receiver.is_alive,
            "watcher": self._watcher.is_alive,
            "courier": self._courier.is_alive,
            "inbox": self._inbox.is_alive,
            "mirror keeper": self._mirror.is_alive,
            "book keeper": self._books.is_alive,
            "alert keeper": self._alerts.is_alive,
            "erasure keeper": self._erasures.is_alive,
            "standards keeper": self._standards.is_alive,
        }

    def _on_gate(self, state: str, sentence: str) -> None:
        _log.warning("atlas is %s", state)
        if state == "ok":
            self._watcher.spread()
        self._writer.write_soon(atlas_calls.record_atlas, state, sentence, now=now_ms())

    def _record_calls(self) -> None:
        """How Atlas has answered since the last time, and how old our token is."""
        calls, life, now = self._calls.take(), self._client.token_life, now_ms()
        lives = (now - round(life[0] * 1000), now + round(life[1] * 1000)) if life else None
        try:
            self._writer.write(atlas_calls.record_calls, calls, lives)
        except BookError:
            self._calls.put_back(calls)
            raise
