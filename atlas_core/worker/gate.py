"""Whether Atlas may be asked at all just now: shared by everything that calls it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from atlas_core.errors import (
    AtlasError,
    CredentialsRefused,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    Refused,
    UnexpectedReply,
    VersionRetired,
)

FAILURES_TO_CLOSE = 3
PROBE_SECONDS = {"refused": 31.0, "unreachable": 10.0}


class Gate:
    """Open while Atlas answers; closed while it refuses our credentials, cannot be reached, or has retired
    this version. While it is closed one caller passes now and then, to see whether it may open.

    `on_change(state, sentence)` is called outside any lock, when the state changes: 'ok', 'refused',
    'unreachable' or 'retired'.
    """

    def __init__(self, on_change: Callable[[str, str], None]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = "ok"
        self._failures = 0
        self._last_subject = ""
        self._next_probe = 0.0

    @property
    def state(self) -> str:
        """'ok', 'refused', 'unreachable' or 'retired'."""
        return self._state

    def wait_seconds(self) -> float:
        """0 where the caller may ask Atlas now; else how long until that is worth asking again."""
        if self._state == "ok":
            return 0.0
        with self._lock:
            if self._state == "retired":
                return 3600.0
            now = time.monotonic()
            if self._state != "ok" and now < self._next_probe:
                return self._next_probe - now
            self._next_probe = now + PROBE_SECONDS.get(self._state, 0.0)
            return 0.0

    def note(self, error: AtlasError | None, subject: str = "") -> None:
        """What a call brought: an error, or None where Atlas answered as it should.

        `subject` is the flow or submission it was about: unreadable answers about one subject alone do
        not speak against Atlas.
        """
        if error is None and self._state == "ok" and not self._failures:
            return
        with self._lock:
            before = self._state
            self._state, sentence = self._after(error, subject)
            changed = self._state != before
            if changed and self._state != "ok":
                self._next_probe = time.monotonic() + PROBE_SECONDS.get(self._state, 0.0)
        if changed:
            self._on_change(self._state, sentence)

    def _after(self, error: AtlasError | None, subject: str) -> tuple[str, str]:
        if self._state == "retired":
            return "retired", ""
        if isinstance(error, VersionRetired):
            return "retired", f"{error} The worker asks nothing more until it is started again."
        if isinstance(error, CredentialsRefused):
            return "refused", str(error)
        broken = isinstance(error, Refused) and (error.status or 0) >= 500
        if broken or isinstance(error, NotSent | NoAnswer | OutcomeUnknown | UnexpectedReply):
            alone = isinstance(error, UnexpectedReply | Refused) and subject == self._last_subject
            self._last_subject = subject
            self._failures += not alone
            if self._failures < FAILURES_TO_CLOSE or self._state == "refused":
                return self._state, ""
            return "unreachable", str(error)
        self._failures, self._last_subject = 0, ""
        return "ok", ""
