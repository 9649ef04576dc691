"""A submission → flow/init → multiupload, never twice.

What is about to be called is committed before the call, in both books. Where Atlas certainly did not act (not
sent, busy, our credentials refused) the attempt waits and goes on; where its answer was lost it is unknown,
and only a person's decision starts it again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from atlas_core.api.client import AtlasClient
from atlas_core.books import attempts, store
from atlas_core.books.call_notes import CallNotes, counted
from atlas_core.books.desk import Desk
from atlas_core.books.worklist import OpenAttempt, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import (
    AtlasDeskError,
    AtlasError,
    BookError,
    Busy,
    CredentialsRefused,
    InputError,
    InsecureConnection,
    NotSent,
    OutcomeUnknown,
)
from atlas_core.links import sending_problem
from atlas_core.models import NO_STATUS, Decision, FlowRequest, Submission
from atlas_core.worker.errands import Errand, Errands
from atlas_core.worker.gate import CLOSED_SECONDS, Gate
from atlas_core.worker.parts import AUTH_PATH, CALLBACK_PATH, hash_of, new_secret
from atlas_core.worker.sync import WatchedFlow
from atlas_core.worker.watcher import Watcher

T = TypeVar("T")

AT_ONCE = 6
LOOK_SECONDS = 0.5
LONGEST_WAIT = 300.0
REPEATABLE = ("init unknown", "upload unknown", "refused")  # attempts a person may start again

_log = logging.getLogger(__name__)


class Courier:
    """Carries new submissions, attempts that wait, and what people decided; `at_once` calls at a time."""

    def __init__(
        self,
        client: AtlasClient,
        writer: AtlasWriter,
        desk: Desk,
        notes: CallNotes,
        watcher: Watcher,
        gate: Gate,
        *,
        receiver_url: str,
        local_atlas: str | None = None,
        file_hosts: Sequence[str] = (),
        at_once: int = AT_ONCE,
    ) -> None:
        """`local_atlas` and `file_hosts` as for `link_problem`."""
        self._client = client
        self._writer = writer
        self._desk = desk
        self._notes = notes
        self._watcher = watcher
        self._gate = gate
        self._receiver_url = receiver_url.rstrip("/")
        self._local_atlas = local_atlas
        self._file_hosts = file_hosts
        self._stopping = threading.Event()
        self._errands = Errands()
        self._last_submission = 0
        self._last_decision = 0
        self._at_once = at_once
        self._threads = [
            threading.Thread(target=self._carry_errands, name=f"courier-{number}", daemon=True)
            for number in range(at_once)
        ]

    @property
    def is_alive(self) -> bool:
        """Whether every thread of it still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self, worklist: Worklist) -> None:
        """Takes up what an earlier worker left. Attempts whose call was under way are never called again."""
        unknown = self._writer.write(attempts.recover_attempts, now=now_ms())
        if unknown:
            _log.warning("flow/init left unknown", extra={"attempts": unknown})
        attempted = worklist.attempted_submissions()
        for submission_id in self._desk.waiting_submissions():
            self._last_submission = submission_id
            if submission_id not in attempted:
                self._errands.put(Errand(submission_id, 1))
        for attempt in worklist.open_attempts():
            errand = Errand(attempt.submission_id, attempt.number)
            if attempt.state == "initialised":
                errand.attempt_id, errand.flow_uuid = attempt.attempt_id, attempt.flow_uuid or ""
            wait = max(0, (attempt.next_try_at or 0) - now_ms()) / 1000
            self._errands.put_later(errand, min(wait, LONGEST_WAIT))
        for thread in self._threads:
            thread.start()

    def gather(self, worklist: Worklist) -> None:
        """Looks once for new submissions, decisions and attempts whose wait is over."""
        for submission_id in self._desk.waiting_submissions(self._last_submission):
            self._last_submission = submission_id
            self._errands.put(Errand(submission_id, 1))
        for decision in self._desk.decisions(self._last_decision):
            self._act_on(decision, worklist)
            self._last_decision = decision.decision_id
        self._errands.put_those_due()

    def stop(self, seconds: float) -> None:
        """Begins nothing more and waits for the calls under way."""
        self._stopping.set()
        self._errands.end(len(self._threads))
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _act_on(self, decision: Decision, worklist: Worklist) -> None:
        """A decision leads to a new attempt, once: it speaks of the newest one or of none."""
        attempt = worklist.attempt(decision.submission_id, decision.attempt_number)
        if attempt is None:
            return
        if attempt.state == "upload unknown" and decision.decision != "send files again":
            self._leave_flow(attempt)
        if decision.decision == "send files again":
            attempt_id = self._writer.write(
                attempts.start_resend,
                attempt.attempt_id,
                auth_part=hash_of(new_secret()),
                callback_part=hash_of(new_secret()),
                now=now_ms(),
            )
            if attempt_id is not None:
                number = attempt.number + 1
                self._errands.put(Errand(attempt.submission_id, number, attempt_id, attempt.flow_uuid or ""))
        elif decision.decision == "start again" and attempt.state in REPEATABLE:
            self._errands.put(Errand(attempt.submission_id, attempt.number + 1))

    def _leave_flow(self, attempt: OpenAttempt) -> None:
        """Nobody waits any more for the flow whose upload is unknown."""
        sentence = "No files are known to have reached this flow; a person decided not to wait for it."
        self._writer.write(store.save_trouble, attempt.flow_id or 0, sentence, watched=False, unknown=True)
        self._watcher.drop(attempt.flow_uuid or "")

    # ----------------------------------------------------------------------------------------- carrying

    def _carry_errands(self) -> None:
        while (errand := self._errands.take()) is not None:
            while (wait := self._gate.wait_seconds(deed=True)) and not self._stopping.wait(min(wait, 1.0)):
                pass
            if self._stopping.is_set():
                return
            try:
                self._carry(errand)
            except Exception as error:  # one errand's trouble must not end the carrying of all others
                known = isinstance(error, AtlasDeskError)
                _log.error(
                    "errand set back",
                    extra={"submission": errand.submission_id, "error": type(error).__name__},
                    exc_info=None if known else error,
                )
                if isinstance(error, BookError):
                    self._errands.put_later(errand, 5.0)

    def _carry(self, errand: Errand) -> None:
        try:
            submission = self._desk.submission(errand.submission_id)
        except InputError as error:
            self._refuse_unsent(errand, str(error))
            return
        if problem := self._link_problem(submission):
            self._refuse_unsent(errand, problem)
            return
        if not errand.flow_uuid:
            self._init(errand, submission)
        if errand.flow_uuid and not self._stopping.is_set():
            self._upload(errand, submission)

    def _init(self, errand: Errand, submission: Submission) -> None:
        auth_part, callback_part = new_secret(), new_secret()
        attempt_id, call = self._start(errand, submission, auth_part, callback_part)
        if attempt_id is None:
            return
        errand.attempt_id = attempt_id
        request = FlowRequest(
            submission.product_type,
            submission.application_id,
            f"{self._receiver_url}{AUTH_PATH}/{auth_part}",
            f"{self._receiver_url}{CALLBACK_PATH}/{callback_part}",
            submission.flow_params,
        )
        try:
            parts = hash_of(auth_part), hash_of(callback_part)
            self._notes.note(submission, errand.number, call, parts=parts, now=now_ms())
            flow_uuid = self._client.init_flow(request)
        except AtlasDeskError as error:
            self._after_failure(errand, error, waits_as="not sent", unknown="init unknown")
            return
        self._gate.note(None, deed=True)
        flow_id = self._keep(attempts.save_init_answer, attempt_id, flow_uuid)
        errand.flow_uuid, errand.tries = flow_uuid, 0
        _log.info("flow initialised", extra={"attempt": attempt_id, "flow": flow_id})

    def _upload(self, errand: Errand, submission: Submission) -> None:
        attempt_id, flow_uuid = errand.attempt_id, errand.flow_uuid
        flow_id, call = self._writer.write(
            counted(attempts.start_upload), attempt_id, submission.files, now=now_ms()
        )
        if flow_id is None:
            return
        flow = WatchedFlow(flow_id, flow_uuid, time.monotonic(), NO_STATUS)
        try:
            self._notes.note(submission, errand.number, call, flow_uuid=flow_uuid, now=now_ms())
            uploaded = self._client.upload_files(flow_uuid, submission.files)
        except OutcomeUnknown as error:
            self._gate.note(error, deed=True)
            _log.warning("upload answer lost", extra={"attempt": attempt_id, "flow": flow_id})
            flow.upload_unsure_since = time.monotonic()
        except AtlasDeskError as error:
            self._after_failure(errand, error, waits_as="initialised", unknown="")
            return
        else:
            self._gate.note(None, deed=True)
            self._keep(attempts.save_upload_answer, attempt_id, uploaded)
            _log.info("files uploaded", extra={"attempt": attempt_id, "flow": flow_id})
        self._watcher.add(flow, is_new=True)

    def _start(
        self, errand: Errand, submission: Submission, auth_part: str, callback_part: str
    ) -> tuple[int | None, int]:
        return self._writer.write(
            counted(attempts.start_attempt),
            errand.submission_id,
            errand.number,
            application_id=submission.application_id,
            product_type=submission.product_type,
            auth_part=hash_of(auth_part),
            callback_part=hash_of(callback_part),
            now=now_ms(),
        )

    # ------------------------------------------------------------------------------------ what went wrong

    def _after_failure(self, errand: Errand, error: AtlasDeskError, *, waits_as: str, unknown: str) -> None:
        """Records what a failed call leaves: an attempt that waits, is unknown, or was refused."""
        attempt_id, reason = errand.attempt_id, str(error)
        if isinstance(error, AtlasError):
            self._gate.note(error, f"submission {errand.submission_id}", deed=True)
        _log.warning("call failed", extra={"attempt": attempt_id, "error": type(error).__name__})
        if isinstance(error, OutcomeUnknown):
            self._keep(attempts.record_attempt, attempt_id, unknown, reason=reason)
        elif isinstance(error, NotSent | Busy | CredentialsRefused | BookError):
            wait = self._wait_after(errand, error)
            next_try_at = now_ms() + round(wait * 1000)
            self._keep(attempts.record_attempt, attempt_id, waits_as, reason=reason, next_try_at=next_try_at)
            self._errands.put_later(errand, wait)
        elif not errand.flow_uuid:
            self._keep(attempts.record_attempt, attempt_id, "refused", reason=reason)
        else:
            self._keep(attempts.record_upload_refused, attempt_id, reason=reason)

    def _link_problem(self, submission: Submission) -> str | None:
        """What would keep Atlas from fetching a document: its link may have run out while it waited."""
        for file in submission.files:
            problem = sending_problem(
                file.file_url, now=now_ms(), local_atlas=self._local_atlas, file_hosts=self._file_hosts
            )
            if problem is not None:
                return f"Document {file.document_id}: {problem} Nothing was sent; submit it again."
        return None

    def _refuse_unsent(self, errand: Errand, reason: str) -> None:
        """The submission cannot be sent any more: its links are gone, have run out or lead where none may."""
        if errand.flow_uuid:
            self._keep(attempts.record_upload_refused, errand.attempt_id, reason=reason)
            return
        application_id, product_type = self._desk.application_of(errand.submission_id)
        nothing = Submission(errand.submission_id, application_id, product_type, {}, (), "", 0)
        attempt_id, _ = self._start(errand, nothing, new_secret(), new_secret())
        if attempt_id is not None:
            self._keep(attempts.record_attempt, attempt_id, "refused", reason=reason)

    def _wait_after(self, errand: Errand, error: AtlasDeskError) -> float:
        errand.tries += 1
        if isinstance(error, Busy) and error.retry_after is not None:
            return error.retry_after
        if isinstance(error, InsecureConnection):
            return LONGEST_WAIT
        # Once the gate is closed it lets one errand try at a time: none of them need hold back longer.
        wait = min(2.0**errand.tries, LONGEST_WAIT if self._gate.state == "ok" else CLOSED_SECONDS)
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 no secret

    def _keep(self, fn: Callable[..., T], attempt_id: int, *args: object, **kwargs: object) -> T:
        """Writes down what Atlas answered, however long the book takes: it cannot be asked for again."""
        while True:
            try:
                return self._writer.write(fn, attempt_id, *args, **kwargs, now=now_ms())
            except BookError as error:
                _log.error(
                    "answer not kept yet", extra={"attempt": attempt_id, "error": type(error).__name__}
                )
                if self._stopping.wait(1.0):
                    raise
