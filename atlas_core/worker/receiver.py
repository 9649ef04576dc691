"""The receiver: serves the doors for Atlas, and what this machine may ask, on a port of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from atlas_core.setting_values import Address
from atlas_core.worker.callers import Callers, neighbourhood, read_address
from atlas_core.worker.calls import TurnedAway, require_method
from atlas_core.worker.door_tally import DoorTally
from atlas_core.worker.doors import Doors
from atlas_core.worker.loop_probe import LoopTest
from atlas_core.worker.patience import PatientProtocol

_INSIDE = {b"/readyz": ("GET", "HEAD"), b"/metrics": ("GET",), b"/selftest": ("POST",)}
_METRICS_TYPE = "text/plain; version=0.0.4"


class Inside(Protocol):
    """What the worker tells programs on its own machine. Asked in any thread; may block."""

    def trouble(self) -> str:
        """Why the worker is not ready; empty where it is."""

    def metrics(self) -> str:
        """Its numbers, as Prometheus reads them."""

    def test_loop(self) -> LoopTest:
        """Whether its public address leads back to it, and a sentence about that."""


class Receiver:
    """Serves on a socket of its own, in its own thread; `address` is where it listens."""

    def __init__(
        self,
        writer: AtlasWriter,
        book: Path,
        callers: Callers,
        *,
        address: str,
        port: int,
        credentials: Sequence[tuple[str, str]] = (),
        on_callback: Callable[[], None],
    ) -> None:
        """Binds at once; raises `OSError` where the port is taken. `on_callback` must not block."""
        self.tally = DoorTally()
        self.doors = Doors(
            writer,
            book,
            callers,
            self.tally,
            credentials=credentials,
            on_callback=on_callback,
        )
        self._callers = callers
        self._inside: Inside | None = None
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family, backlog=512)
        # Accepted connections inherit it; asyncio sets it only on sockets made with proto=IPPROTO_TCP.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(self._socket.getsockname()[1])
        self.address = f"http://{f'[{address}]' if ':' in address else address}:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._serve,
                interface="asgi3",
                http=type("Patient", (PatientProtocol,), {"on_refusal": staticmethod(self._note_refusal)}),
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=10,
                timeout_graceful_shutdown=8,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="receiver", daemon=True
        )

    def start(self, inside: Inside | None = None) -> None:
        """Begins to answer; without `inside` there is nothing for this machine but /healthz."""
        self._inside = inside
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the doors are still served."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Takes nothing new, finishes what is under way (at most 8 s) and closes the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(10)
        self._socket.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # the start
        self.doors.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()  # the end
        self.doors.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, request: Request) -> Response:
        """What is asked is told by the path as it came over the wire: a decoded one could be another."""
        path = request.scope["raw_path"]
        try:
            if not self._callers.calls_us(request.scope):
                raise TurnedAway(400, "The Host header names none of the receiver's names.")
            if path == b"/healthz":
                require_method(request, "GET", "HEAD")
                return JSONResponse({"ok": True})
            if path in _INSIDE and self._inside is not None and self._callers.is_here(request.scope):
                require_method(request, *_INSIDE[path])
                return await asyncio.to_thread(_told, path, self._inside)
        except TurnedAway as away:
            self._count(away.status, self._callers.address_of(request.scope))
            return away.response()
        return await self.doors.answer(request)

    def _note_refusal(self, status: int, peer: str) -> None:
        self._count(status, read_address(peer))

    def _count(self, status: int, address: Address | None) -> None:
        self.tally.refused("other", status, neighbourhood(address), at=now_ms())


def _told(path: bytes, inside: Inside) -> Response:
    if path == b"/readyz":
        trouble = inside.trouble()
        return JSONResponse({"ok": not trouble, "trouble": trouble}, 503 if trouble else 200)
    if path == b"/selftest":
        return JSONResponse(asdict(inside.test_loop()))
    try:
        return PlainTextResponse(inside.metrics(), media_type=_METRICS_TYPE)
    except BookError as error:
        return PlainTextResponse(f"{error}\n", 503)
