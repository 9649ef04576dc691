"""Connections that know their exchange: when it must end, and whether anything of it was sent.

`requests` has a time-out for each read, so a server that sends one byte now and then holds a call for
ever, in the headers as in the body. Here every read and every write is given what is left of the whole
call, at the socket, so nothing above it needs to know.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from contextvars import ContextVar
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_PIECE = 64 * 1024


class Exchange:
    """One request and its answer: its deadline, and what is known of what happened on the wire.

    `sent` is true unless our own connection says that nothing was: what we do not know counts as sent.
    """

    __slots__ = ("answered", "deadline", "fresh", "read_seconds", "reused", "sent", "was_stale")

    def __init__(self, deadline: float, read_seconds: float, *, fresh: bool) -> None:
        self.deadline = deadline  # on the monotonic clock
        self.read_seconds = read_seconds
        self.fresh = fresh
        self.sent = True
        self.reused = False
        self.answered = False
        self.was_stale = False  # a kept connection had died before

    @property
    def is_over(self) -> bool:
        """Whether the whole call has used up its time."""
        return time.monotonic() >= self.deadline

    def allow(self, sock: socket.socket) -> None:
        """Let the next read or write last until the deadline at most; TimeoutError once it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(min(left, self.read_seconds))


EXCHANGE: ContextVar[Exchange] = ContextVar("atlas exchange")


class _Incoming(io.RawIOBase):
    """The bytes of one answer, each read of them under the exchange's deadline."""

    def __init__(self, raw: Any, sock: socket.socket, exchange: Exchange) -> None:
        self._raw = raw
        self._sock = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._exchange.allow(self._sock)
        count: int | None = self._raw.readinto(buffer)
        if count:
            self._exchange.answered = True
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # The raw file of the socket stays underneath: it is what keeps a closing connection open until read.
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Incoming(raw, sock, EXCHANGE.get()))


class _PlainConnection(HTTPConnection):
    response_class = _Answer
    _connecting = False

    @property
    def is_connected(self) -> bool:
        # Asked by the pool before a kept connection is used again.
        return not EXCHANGE.get().fresh and super().is_connected

    def connect(self) -> None:
        EXCHANGE.get().reused = False
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        exchange = EXCHANGE.get()
        if self.sock is None:
            self.connect()
        if not self._connecting:  # then it is a proxy's CONNECT, and Atlas has seen nothing yet
            exchange.sent = True
        for start in range(0, len(data), _PIECE):
            exchange.allow(self.sock)
            super().send(data if len(data) <= _PIECE else memoryview(data)[start : start + _PIECE])


class _SecureConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS = {"http": _PlainPool, "https": _SecurePool}
"""For a urllib3 PoolManager: pools whose connections read `EXCHANGE`."""
