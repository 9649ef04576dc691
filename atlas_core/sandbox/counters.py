"""What was asked of the sandbox and what it sent: for tests that prove politeness and exactly-once."""

import time
from collections import Counter, defaultdict
from typing import Any


class Counters:
    """Counts since the start. Times are seconds of a monotonic clock, comparable with each other only."""

    def __init__(self) -> None:
        self._calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._asks: defaultdict[str, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._inits: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()
        self._callbacks: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def note_call(self, endpoint: str, status: int | str) -> None:
        """One call at an endpoint, answered with `status` (0: no answer came from the other side)."""
        self._calls[endpoint][str(status)] += 1

    def note_ask(self, endpoint: str, flow_uuid: str) -> None:
        """One status or extracts question about a flow, known or not."""
        self._asks[flow_uuid][endpoint].append(time.monotonic())

    def note_init(self, application_id: str) -> None:
        """One flow/init that arrived for an application, whatever became of it."""
        self._inits[application_id] += 1

    def note_upload(self, flow_uuid: str) -> None:
        """One multiupload that arrived for a flow, whatever became of it."""
        self._uploads[flow_uuid] += 1

    def note_callback(self, flow_uuid: str, *, auth: int, status: int | None) -> None:
        """One try to deliver: what auth_url answered, and callback_url (None: not called, 0: no answer)."""
        sent = {"at": time.monotonic(), "auth": auth, "status": status}
        self._callbacks[flow_uuid].append(sent)

    def shown(self) -> dict[str, Any]:
        """Everything counted, as `GET /sandbox/calls` gives it."""
        return {
            "calls": self._calls,
            "asks": self._asks,
            "inits": self._inits,
            "uploads": self._uploads,
            "callbacks": self._callbacks,
        }
