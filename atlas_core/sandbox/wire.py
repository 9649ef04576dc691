"""Ill manners on the wire: an answer cut short, dripped, reset, without end.

They write to the connection itself, past the HTTP server, and close it afterwards.
"""

import asyncio
import gzip
import io
import socket
import struct
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .messages import Answer

Options = dict[str, Any]
_MEGABYTE = 1_000_000
_ENOUGH_WAITING = 4 * _MEGABYTE


class OpenProtocol(H11Protocol):
    """HTTP as usual, but a request's state holds its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection for every request that comes over it."""
        super().connection_made(transport)
        # asyncio leaves Nagle on for sockets we bind ourselves: 40 ms more for every answer
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


def _head(answer: Answer, **more: str) -> bytes:
    headers = {"Content-Type": "application/json", **answer.headers, **more, "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _whole(answer: Answer) -> bytes:
    return _head(answer, **{"Content-Length": str(len(answer.payload))})


async def _cut(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    body = answer.payload
    yield _whole(answer) + body[: int(options.get("bytes", len(body) // 2))]


async def _drip(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    head, body = _whole(answer), answer.payload
    if not options.get("headers"):
        yield head
    for byte in (head + body) if options.get("headers") else body:
        await asyncio.sleep(float(options.get("seconds", 0.4)))
        yield bytes([byte])


async def _hang(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    await asyncio.sleep(float(options.get("seconds", 60)))
    yield _whole(answer) + answer.payload


async def _endless(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    yield _head(answer, **{"Transfer-Encoding": "chunked"})
    while True:
        await asyncio.sleep(float(options.get("seconds", 0.01)))
        yield b"400\r\n" + b" " * 1024 + b"\r\n"


async def _big(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    megabytes = int(options.get("megabytes", 200))
    yield _head(answer, **{"Content-Length": str(megabytes * _MEGABYTE + 2)}) + b"["
    for _ in range(megabytes):
        yield b" " * _MEGABYTE
    yield b"]"


async def _bomb(answer: Answer, options: Options) -> AsyncIterator[bytes]:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(int(options.get("megabytes", 200))):
            file.write(b" " * _MEGABYTE)
    body = packed.getvalue()
    yield _head(answer, **{"Content-Length": str(len(body)), "Content-Encoding": "gzip"}) + body


async def _garbage(answer: Answer, options: Options) -> AsyncIterator[bytes]:  # noqa: ARG001
    yield str(options.get("text", "SSH-2.0-not-http\r\n")).encode()


async def _reset(answer: Answer, options: Options) -> AsyncIterator[bytes]:  # noqa: ARG001
    yield b""


_MANNERS: dict[str, Callable[[Answer, Options], AsyncIterator[bytes]]] = {
    "cut": _cut,
    "drip": _drip,
    "hang": _hang,
    "endless": _endless,
    "big": _big,
    "bomb": _bomb,
    "garbage": _garbage,
    "reset": _reset,
}


def _drop_hard(transport: asyncio.Transport) -> None:
    """End a connection with a reset, not a farewell."""
    wire = transport.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class WireResponse(Response):
    """Sends an Answer, in its ill manner if it has one."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.payload, answer.status, answer.headers, "application/json")
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(self._answer.delay)
        if not self._answer.wire:
            await super().__call__(scope, receive, send)
            return
        misbehaving = asyncio.create_task(self._misbehave(scope["state"]["transport"]))
        try:
            while (await receive())["type"] != "http.disconnect":
                pass  # the server believes an answer is still to come, until it sees the connection end
        finally:
            misbehaving.cancel()

    async def _misbehave(self, transport: asyncio.Transport) -> None:
        try:
            async for piece in _MANNERS[self._answer.wire](self._answer, self._answer.options):
                while transport.get_write_buffer_size() > _ENOUGH_WAITING:
                    await asyncio.sleep(0.01)
                transport.write(piece)
        finally:
            if self._answer.wire == "reset":
                _drop_hard(transport)
            else:
                transport.close()
