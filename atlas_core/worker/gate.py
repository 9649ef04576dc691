"""Whether Atlas may be asked at all just now: shared by everything that calls it.

Questions (status, extracts) and deeds (flow/init, multiupload) are watched apart, for either may fail alone.
Five failures in a row, or ten among the last twenty calls, close the gate for their kind; a 429 does so at
once. Then one call passes every 30 s, or when Atlas's Retry-After is over, and the first that is answered as
it should be opens the gate. One flow's unreadable answers count once among the last twenty: while others are
answered well, they do not speak against Atlas.

A deed whose answer is lost costs a person a decision. So while Atlas is silent a question finds out whether
it is back, and a deed does only where nobody has anything to ask.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from atlas_core.errors import (
    AtlasError,
    Busy,
    CredentialsRefused,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    Refused,
    UnexpectedReply,
    VersionRetired,
)

FAILURES_IN_A_ROW = 5
FAILURES_OF_LAST = (10, 20)
CLOSED_SECONDS = 30.0
REFUSED_SECONDS = 31.0  # the client asks for no token within 30 s of a refusal
UNASKED_SECONDS = 5.0  # a probe of questions that is due and not taken for so long: nobody asks any


class Gate:
    """Open while Atlas answers; closed as the rules above say, while it refuses our credentials, and for good
    where it has retired this version.

    `on_change(state, sentence)` is called when the state changes, outside the lock that callers wait for:
    'ok', 'unreachable' (no answers), 'failing' (bad ones), 'busy', 'refused' or 'retired'.
    """

    def __init__(
        self, on_change: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._told = "ok"
        self._whole: _Closed | None = None  # by a refusal or a retirement, which is about all calls
        self._questions, self._deeds = _Kind(), _Kind()

    @property
    def state(self) -> str:
        """'ok', 'unreachable', 'failing', 'busy', 'refused' or 'retired'."""
        closed = self._closed
        return closed.state if closed else "ok"

    @property
    def _closed(self) -> _Closed | None:
        return self._whole or self._questions.closed or self._deeds.closed

    def wait_seconds(self, *, deed: bool = False) -> float:
        """0 where the caller may ask Atlas now; else how long until that is worth asking again."""
        if self.state == "ok":
            return 0.0
        with self._lock:
            now, questions = self._clock(), self._questions.closed
            if self._whole is not None:
                return self._whole.wait_seconds(now)
            if deed and questions is not None and questions.state == "unreachable":
                return questions.wait_seconds(now, UNASKED_SECONDS)
            closed = self._deeds.closed if deed else questions
            return closed.wait_seconds(now) if closed else 0.0

    def note(self, error: AtlasError | None, subject: str = "", *, deed: bool = False) -> None:
        """What a call brought: an error, or None where Atlas answered as it should.

        `subject` is the flow or submission it was about.
        """
        with self._lock:
            self._note(error, subject, deed)
            changed = self.state != self._told
        if changed:
            self._tell()

    def _note(self, error: AtlasError | None, subject: str, deed: bool) -> None:
        kind = self._deeds if deed else self._questions
        if self._whole is not None and self._whole.state == "retired":
            return
        if isinstance(error, VersionRetired):
            sentence = f"{error} The worker asks nothing more until it is started again."
            self._whole = _Closed(math.inf, "retired", sentence)
        elif isinstance(error, CredentialsRefused):
            if self._whole is None:
                next_probe = self._clock() + REFUSED_SECONDS
                self._whole = _Closed(next_probe, "refused", str(error), REFUSED_SECONDS)
        elif error is not None and _speaks_against_atlas(error):
            kind.failed(error, subject, self._clock())
        else:
            was_refused, self._whole = self._whole is not None, None
            kind.answered(is_probe=was_refused)
            if deed and self._questions.closed and self._questions.closed.state == "unreachable":
                self._questions.answered(is_probe=was_refused)  # it was silent, and now it is not

    def _tell(self) -> None:
        # Whoever comes here last tells of the newest state, so that the last word told is true.
        with self._telling:
            with self._lock:
                closed = self._closed
                state, sentence = (closed.state, closed.sentence) if closed else ("ok", "")
                changed, self._told = state != self._told, state
            if changed:
                self._on_change(state, sentence)


@dataclass(slots=True)
class _Closed:
    """Why nobody passes, and when the next one may try. A good answer opens only once somebody has tried:
    those still under way when it closed say nothing new."""

    next_probe: float
    state: str = ""
    sentence: str = ""
    pause: float = CLOSED_SECONDS
    tried: bool = False

    def wait_seconds(self, now: float, later: float = 0.0) -> float:
        """0 for the one caller who may try now; `later` for who tries only where nobody else does."""
        left = self.next_probe + later - now
        if left > 0:
            return min(left, 3600.0)
        self.next_probe = now + self.pause
        self.tried = True
        return 0.0


class _Kind:
    """The last calls of one kind: what failed, and whether its gate is closed."""

    def __init__(self) -> None:
        self.closed: _Closed | None = None
        self._recent: deque[object] = deque(maxlen=FAILURES_OF_LAST[1])  # None for a good answer

    def answered(self, *, is_probe: bool = False) -> None:
        if self.closed is not None:
            if not (self.closed.tried or is_probe):
                return
            self.closed = None
            self._recent.clear()
        self._recent.append(None)

    def failed(self, error: AtlasError, subject: str, now: float) -> None:
        self._recent.append((subject,) if isinstance(error, UnexpectedReply | Refused) else object())
        busy = error if isinstance(error, Busy) else None
        asked_to_slow_down = busy is not None and busy.status == 429
        if self.closed is None and not asked_to_slow_down and not self._is_failing():
            return
        closed = self.closed or _Closed(now + CLOSED_SECONDS)
        closed.state = "busy" if busy else "failing" if error.status else "unreachable"
        closed.sentence = str(error)
        if busy and busy.retry_after is not None:
            closed.next_probe = now + max(1.0, busy.retry_after)
        self.closed = closed

    def _is_failing(self) -> bool:
        in_a_row = sum(1 for _ in takewhile(lambda mark: mark is not None, reversed(self._recent)))
        different = len(set(self._recent) - {None})
        return in_a_row >= FAILURES_IN_A_ROW or different >= FAILURES_OF_LAST[0]


def _speaks_against_atlas(error: AtlasError) -> bool:
    if isinstance(error, Refused):
        return isinstance(error, Busy) or (error.status or 0) >= 500
    return isinstance(error, NotSent | NoAnswer | OutcomeUnknown | UnexpectedReply)
