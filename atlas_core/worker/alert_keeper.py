"""Raises alerts and lets them go as the books say, and tells whoever listens, in a thread of its own.

A webhook that is slow or dead holds up nothing but the next look: what it did not take it is told again, with
pauses that grow.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from atlas_core.api.webhook import Webhook
from atlas_core.books import alerts, queries, store
from atlas_core.books.alerts import Alert
from atlas_core.books.backups import cadence_of
from atlas_core.books.reading import open_books
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, WebhookFailed
from atlas_core.settings import Settings
from atlas_core.worker.alert_rules import Standing, told_in_text, wanted_alerts
from atlas_core.worker.keeper import Keeper

LOOK_SECONDS = 30.0
LONGEST_PAUSE = 900.0
STOP_SECONDS = 1.0

_log = logging.getLogger("atlas_core.worker.alerts")


class AlertKeeper(Keeper):
    """Looks every 30 s, and not at once: what an outage left has as long to be made up for.

    The state `webhook` is off, set (nothing was sent yet), ok or failed.
    """

    def __init__(
        self, writer: AtlasWriter, settings: Settings, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__("alerts", _log, retry=look_seconds, trouble="alerts not kept")
        self._writer, self._settings, self._look_seconds = writer, settings, look_seconds
        self._webhook = (
            Webhook(settings.alert_webhook, proxy=settings.alert_proxy, ca_bundle=settings.ca_bundle)
            if settings.alert_webhook
            else None
        )
        self._failures = 0
        self._tell_from = 0.0  # on the monotonic clock

    def stop(self, seconds: float) -> None:
        """Looks no more. What the webhook has not taken within a second it is told after the next start."""
        super().stop(min(seconds, STOP_SECONDS))

    def _keep(self) -> None:
        if self._webhook is None:
            self._record_webhook("off", "ATLAS_ALERT_WEBHOOK is not set: alerts are shown here alone.")
        else:
            self._record_webhook("set", "Nothing was sent since the worker started.")
        self._wait(self._look_seconds)
        super()._keep()
        if self._webhook is not None:
            self._webhook.close()

    def _look(self) -> float:
        self._settle()
        if self._webhook is not None and time.monotonic() >= self._tell_from:
            self._tell(self._webhook)
        return self._look_seconds

    def _settle(self) -> None:
        now, overdue_ms = now_ms(), round(self._settings.overdue_minutes * 60_000)
        with open_books(self._settings.atlas_book, self._settings.desk_book) as books:
            facts = queries.alert_facts(books, now=now, overdue_ms=overdue_ms)
            raised = frozenset(queries.alerts_per_rule(books))
        wanted = wanted_alerts(facts, replace(self._standing(), raised=raised))
        begun, over = self._writer.write(alerts.settle_alerts, wanted, now=now)
        if begun or over:
            _log.warning("alerts", extra={"raised": begun, "over": over, "lasting": len(wanted)})

    def _standing(self) -> Standing:
        settings = self._settings
        books = (settings.atlas_book, settings.desk_book)
        hours = {book.name: _turn(book) * settings.backup_hours for book in books}
        free = shutil.disk_usage(settings.data_dir).free
        return Standing(settings.alert_failure_percent / 100, hours, free)

    def _tell(self, webhook: Webhook) -> None:
        with open_books(self._settings.atlas_book, self._settings.desk_book) as books:
            raised, ended = queries.untold_alerts(books)
        if raised.empty and ended.empty:
            return
        try:
            webhook.tell(told_in_text(_listed(raised), _listed(ended), self._settings.operations_link))
        except WebhookFailed as error:
            self._failures += 1
            pause = min(self._look_seconds * 2.0**self._failures, LONGEST_PAUSE)
            self._tell_from = time.monotonic() + max(pause, error.retry_after or 0.0)
            _log.warning("webhook failed", extra={"times": self._failures})
            self._record_webhook("failed", f"{error} It is tried again; the alerts are kept until then.")
            return
        ids = [int(one) for one in raised["alert_id"]], [int(one) for one in ended["alert_id"]]
        self._writer.write(alerts.record_told, *ids, now=now_ms())
        self._record_webhook("ok", "")
        self._failures = 0
        _log.info("alerts told", extra={"raised": len(raised), "over": len(ended)})

    def _record_webhook(self, state: str, sentence: str) -> None:
        try:
            self._writer.write(store.record_state, "webhook", state, sentence, now=now_ms())
        except BookError as error:
            _log.error("webhook not recorded", extra={"error": type(error).__name__})


def _turn(book: Path) -> int:
    return cadence_of(book.stem, book.stat().st_size).every


def _listed(frame: pd.DataFrame) -> list[Alert]:
    kept = zip(*(frame[column] for column in ("rule", "subject", "words", "cases")), strict=True)
    return [Alert(rule, subject, words, int(cases)) for rule, subject, words, cases in kept]
