"""Brings one flow up to date. Poll and callback both end here: what they brought, what is to be asked next.

A flow's way: looks at its status until the master status is terminal, then GET /extracts, which makes the
result count. Where Atlas says SUCCESS before its cross-checks are complete, the first reading stays
provisional and a later one confirms it. A callback that brings other results than the confirmed ones has them
fetched once more; of a flow that failed, its status is asked again first.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
import zlib
from dataclasses import dataclass, field, replace

from atlas_core.api.client import AtlasClient
from atlas_core.api.payloads import compare_documents, parse_result
from atlas_core.books import attempts, inbox, results, store
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import FlowToWatch, WaitingDelivery
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import (
    AnotherFlow,
    AtlasError,
    BookBusy,
    BookError,
    BookFull,
    Busy,
    CredentialsRefused,
    FlowNotFound,
    PayloadError,
    Refused,
    UnexpectedReply,
    VersionRetired,
)
from atlas_core.models import MASTER_STATUSES, STAGES, Flag, FlagKind, FlowStatus, Result
from atlas_core.worker.gate import CLOSED_SECONDS, Gate

POLITE_SECONDS = 5.1  # Atlas forbids less than 5; measured from the end of the call before
SLOW_SECONDS = 300.0
CHECKS_PATIENCE = 600.0  # SUCCESS, but cross-checks unfinished: how long until it counts as it is
UPLOAD_PATIENCE = 60.0  # no files at Atlas this long after a lost multiupload answer: a person decides
STRANGER_RETRIES = (60.0, 840.0)  # Atlas does not know the flow: ask again after these, then give up
_CADENCE = ((120, 5.0), (600, 10.0), (3600, 30.0))  # age below, seconds between two looks
_UNEVENNESS = 1.2  # each pause is up to this much longer

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class WatchedFlow:
    """A flow under watch. Ages and waits are on the monotonic clock."""

    flow_id: int
    flow_uuid: str
    born: float
    status: FlowStatus
    ended: float | None = None
    upload_unsure_since: float | None = None
    has_result: bool = False
    looked: bool = False
    trouble: bool = False
    failures: int = 0
    strangers: int = 0
    doubts_end: bool = False  # it failed, and somebody has reason to look again: its status too
    asked_at: float = field(default=-math.inf)  # the end of the last call about it

    @classmethod
    def of(cls, flow: FlowToWatch, *, again: bool = False) -> WatchedFlow:
        """The flow as the book knows it; `again`: nobody watched it, and now somebody has reason to look."""

        def moment(at: int | None) -> float | None:
            return None if at is None else time.monotonic() - max(0, now_ms() - at) / 1000

        return cls(
            flow.flow_id,
            flow.flow_uuid,
            moment(flow.created_at) or 0.0,
            flow.status,
            ended=moment(flow.ended_at),
            upload_unsure_since=moment(flow.upload_unsure_since),
            has_result=flow.has_result,
            looked=flow.looked_at is not None,
            trouble=flow.has_trouble,
            doubts_end=flow.status.master == "FAILED" and (again or flow.is_confirmed),
        )


class Sync:
    """What is known of flows, moved forward one answer at a time. Thread-safe for different flows.

    `standards` may be replaced at any moment: results are judged by those that are there when they come.
    """

    def __init__(
        self,
        client: AtlasClient,
        writer: AtlasWriter,
        gate: Gate,
        *,
        standards: Standards,
        poll_seconds: float = 5.0,
        checks_patience: float = CHECKS_PATIENCE,
        upload_patience: float = UPLOAD_PATIENCE,
    ) -> None:
        self._client = client
        self._writer = writer
        self._gate = gate
        self.standards = standards
        self._shortest = max(POLITE_SECONDS, poll_seconds)
        self._checks_patience = checks_patience
        self._upload_patience = upload_patience
        self._unchanged: dict[int, int] = {}
        self._unchanged_lock = threading.Lock()

    # ------------------------------------------------------------------------------------------- asking

    def ask(self, flow: WatchedFlow) -> float | None:
        """One call about a flow; returns the seconds until the next, or None where none is needed."""
        try:
            wait = self._ask_extracts(flow) if self._wants_extracts(flow) else self._ask_status(flow)
        except AtlasError as error:
            self._gate.note(error, flow.flow_uuid)
            wait = self._wait_after(flow, error)
            is_told = isinstance(error, FlowNotFound) or (isinstance(error, Busy) and error.retry_after)
            if wait is None or is_told or self._gate.state == "ok":
                return wait
            return min(wait, CLOSED_SECONDS)  # one flow at a time passes: none need hold back longer
        except (BookBusy, BookFull):
            raise
        except BookError as error:
            return self._slow_down(flow, f"What Atlas answered cannot be kept: {error}")
        self._gate.note(None)
        flow.failures = flow.strangers = 0
        return wait

    def _wants_extracts(self, flow: WatchedFlow) -> bool:
        if not flow.status.is_terminal or flow.doubts_end:
            return False
        return not flow.has_result or self._is_final(flow)

    def _is_final(self, flow: WatchedFlow) -> bool:
        """Whether what GET /extracts brings now is what counts."""
        patient = flow.ended is not None and time.monotonic() - flow.ended < self._checks_patience
        return flow.status.master == "FAILED" or flow.status.crosscheck == "COMPLETED" or not patient

    def _ask_status(self, flow: WatchedFlow) -> float:
        status = self._client.fetch_status(flow.flow_uuid, attempts=1)
        looked_at, before = now_ms(), flow.status.master
        flow.doubts_end = False
        if flow.looked and not flow.trouble and not _shows_news(flow.status, status):
            with self._unchanged_lock:
                self._unchanged[flow.flow_id] = looked_at
        else:
            flow.status = self._writer.write(store.save_look, flow.flow_id, status, looked_at=looked_at)
            flow.looked, flow.trouble = True, False
        if flow.upload_unsure_since is not None:
            self._settle_upload(flow, looked_at)
        if flow.status.is_terminal and (flow.ended is None or flow.status.master != before):
            flow.ended = time.monotonic()
            _log.info("flow ended", extra={"flow": flow.flow_id, "master": flow.status.master})
        return self._shortest if self._wants_extracts(flow) else self._cadence(flow)

    def _settle_upload(self, flow: WatchedFlow, looked_at: int) -> None:
        unsure = time.monotonic() - (flow.upload_unsure_since or 0.0)
        if flow.status.has_uploads:
            self._writer.write(attempts.record_upload_landed, flow.flow_id, now=looked_at)
            flow.upload_unsure_since = None
        elif unsure >= self._upload_patience:
            self._writer.write(attempts.record_upload_unknown, flow.flow_id, now=looked_at)
            flow.upload_unsure_since = math.inf  # said once; files may still turn up

    def _ask_extracts(self, flow: WatchedFlow) -> float | None:
        final = self._is_final(flow)
        result = self._client.fetch_extracts(flow.flow_uuid, attempts=1)
        result = replace(result, flags=(*result.flags, *flow.status.flags))
        if final and flow.status.master == "SUCCESS" and flow.status.crosscheck != "COMPLETED":
            unfinished = Flag(FlagKind.CHECKS_UNFINISHED, "crossheck_status", flow.status.crosscheck or "")
            result = replace(result, flags=(*result.flags, unfinished))
        outcome = self._writer.write(
            results.save_result,
            flow.flow_id,
            self._compared(flow.flow_id, result),
            channel="extracts",
            received_at=now_ms(),
            confirmed=final,
            standards=self.standards,
        )
        flow.has_result = True
        _log.info("result fetched", extra={"flow": flow.flow_id, "outcome": outcome, "final": final})
        return None if final else self._cadence(flow)

    def record_unchanged_looks(self) -> None:
        """Writes down all looks since the last time that showed nothing new, in one job."""
        with self._unchanged_lock:
            looks, self._unchanged = self._unchanged, {}
        if looks:
            rows = [(looked_at, flow_id) for flow_id, looked_at in looks.items()]
            self._writer.write_soon(store.record_looks, rows)

    # ------------------------------------------------------------------------------------------ waiting

    def pace(self, flow: WatchedFlow) -> float:
        """Looks a second that this flow asks for as it is now, on average."""
        return 2.0 / (self._pause(flow) * (1.0 + _UNEVENNESS))

    def _cadence(self, flow: WatchedFlow) -> float:
        """Seconds until the next look: longer with age, and never all flows at the same moment."""
        return self._pause(flow) * random.uniform(1.0, _UNEVENNESS)  # noqa: S311 no secret

    def _pause(self, flow: WatchedFlow) -> float:
        master = flow.status.master
        if master is not None and master not in MASTER_STATUSES:
            return SLOW_SECONDS
        age = time.monotonic() - flow.born
        seconds = next((pause for below, pause in _CADENCE if age < below), SLOW_SECONDS)
        return max(self._shortest, seconds)

    def _wait_after(self, flow: WatchedFlow, error: AtlasError) -> float | None:
        _log.info("ask failed", extra={"flow": flow.flow_id, "error": type(error).__name__})
        if isinstance(error, Refused) and not isinstance(error, Busy | CredentialsRefused | VersionRetired):
            return self._wait_after_refusal(flow, error)
        flow.failures += 1
        if isinstance(error, Busy) and error.retry_after is not None:
            return max(self._cadence(flow), error.retry_after)
        if isinstance(error, AnotherFlow):
            self._writer.write(
                store.record_alarm,
                "answer about another flow",
                str(error),
                raised_at=now_ms(),
                flow_id=flow.flow_id,
            )
        if isinstance(error, UnexpectedReply) and flow.failures >= 3:
            return self._slow_down(flow, str(error))
        return min(self._cadence(flow) * 2.0 ** min(flow.failures - 1, 6), SLOW_SECONDS)

    def _wait_after_refusal(self, flow: WatchedFlow, error: Refused) -> float | None:
        if flow.status.master == "FAILED" and (error.status or 0) < 500:
            self._give_up(flow, f"The flow failed and Atlas has no results for it ({error.came}).", False)
            return None
        if not isinstance(error, FlowNotFound):
            flow.failures += 1
            return self._slow_down(flow, str(error)) if flow.failures >= 3 else self._cadence(flow)
        if flow.strangers < len(STRANGER_RETRIES):
            flow.strangers += 1
            return STRANGER_RETRIES[flow.strangers - 1]
        self._give_up(flow, "Atlas does not know this flow. It is not asked about any more.", True)
        return None

    def _slow_down(self, flow: WatchedFlow, sentence: str) -> float:
        self._writer.write(store.save_trouble, flow.flow_id, sentence)
        flow.trouble = True
        return SLOW_SECONDS * random.uniform(1.0, 1.2)  # noqa: S311 no secret

    def _give_up(self, flow: WatchedFlow, sentence: str, unknown: bool) -> None:
        self._writer.write(store.save_trouble, flow.flow_id, sentence, watched=False, unknown=unknown)

    # ---------------------------------------------------------------------------------------- callbacks

    def take_up(self, delivery: WaitingDelivery) -> bool:
        """One kept callback becomes a provisional result; returns whether its flow is to be looked at.

        One that cannot be taken up becomes a dead letter: the fetch will bring its results.
        """
        try:
            flow_id = self._take_up(delivery)
        except (BookBusy, BookFull):
            raise
        except Exception as error:  # whatever it is, the callbacks behind this one must not wait for it
            _log.error("callback not taken up", extra={"delivery": delivery.delivery_id}, exc_info=error)
            self._writer.write(inbox.bury_delivery, delivery.delivery_id, why_not_taken_up(error))
            return False
        _log.info("callback taken up", extra={"flow": flow_id, "attempt": delivery.attempt_id})
        return flow_id is not None

    def _take_up(self, delivery: WaitingDelivery) -> int | None:
        result = self.read(delivery.body, delivery.flow_id)
        return self._writer.write(
            inbox.take_up_callback, delivery, result, now=now_ms(), standards=self.standards
        )

    def read(self, body: bytes | None, flow_id: int | None) -> Result:
        """A kept body, packed, as a result of this flow. Raises `PayloadError`, also where it is damaged or
        lost."""
        try:
            unpacked = zlib.decompress(body or b"")
        except zlib.error:
            raise PayloadError("its kept content is damaged") from None
        result = parse_result(unpacked)
        return result if flow_id is None else self._compared(flow_id, result)

    def _compared(self, flow_id: int, result: Result) -> Result:
        """The result with flags where its documents are not those that were sent."""
        sent = self._writer.write(store.sent_document_ids, flow_id)
        return replace(result, flags=(*result.flags, *compare_documents(result, sent))) if sent else result


def why_not_taken_up(error: Exception) -> str:
    """The reason of a dead letter: what was wrong and where, never what stood there."""
    if isinstance(error, PayloadError):
        return str(error)
    return f"it could not be taken up ({type(error).__name__})"


def _shows_news(held: FlowStatus, seen: FlowStatus) -> bool:
    return seen.flags != held.flags or any(
        getattr(seen, stage) not in (None, getattr(held, stage)) for stage in STAGES
    )
