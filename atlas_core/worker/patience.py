"""uvicorn's HTTP protocol with the limits it lacks: how long a request's head may take, and how many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

READ_SECONDS = 10.0
CONNECTIONS = 500


class PatientProtocol(H11Protocol):
    """Waits `READ_SECONDS` for a request's head, where uvicorn by itself waits for ever.

    Of more than `CONNECTIONS` connections the one that has been idle longest makes room. `on_refusal` is told
    the status and the peer's address of what never became a request: 400 for what is no HTTP, 408 for a head
    that did not come.
    """

    on_refusal: Callable[[int, str], None] = staticmethod(lambda _status, _peer: None)

    _deadline: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._expect_head()
        if len(self.connections) > CONNECTIONS:
            idle = [one for one in self.connections if isinstance(one, PatientProtocol) and one.is_idle]
            min(idle, key=lambda one: one._idle_since, default=self).transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self.is_idle:
            self._expect_head()
        super().data_received(data)
        if self._deadline is not None and not self.is_idle:
            self._deadline.cancel()
            self._deadline = None

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def send_400_response(self, msg: str) -> None:
        self.on_refusal(400, self._peer())
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:  # it has been answered already, or half
            self.transport.close()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(READ_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        if self.conn.trailing_data[0]:  # else it never began to speak, as those who only keep a line open
            self.on_refusal(408, self._peer())
        self.transport.close()

    def _peer(self) -> str:
        return self.client[0] if self.client else ""
