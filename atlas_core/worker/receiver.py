"""The HTTP door: check, note, answer. Atlas fetches a token here and brings its callbacks.

Nothing is believed before the token is checked, nothing is read before that either, and 2xx is said only
after the commit. What a callback means is `sync`'s business, afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from atlas_core.api.masking import mask_text
from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts, inbox
from atlas_core.books.worklist import Door, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, PayloadError
from atlas_core.models import Result
from atlas_core.worker.parts import AUTH_PATH, CALLBACK_PATH, hash_of, new_secret

MAX_BODY = 5 * 1024 * 1024
READ_SECONDS = 10.0
TOKEN_SECONDS = 600
_LARGE_BODY = 256 * 1024  # parsed beside the event loop, so that others are answered meanwhile
_FORMS = ("multipart/", "application/x-www-form-urlencoded")

_log = logging.getLogger(__name__)


class Receiver:
    """Serves the door on a socket of its own, in its own thread; `address` is where it listens."""

    def __init__(
        self,
        writer: AtlasWriter,
        book: Path,
        *,
        address: str,
        port: int,
        client_id: str = "",
        client_secret: str = "",
        on_callback: Callable[[], None],
    ) -> None:
        """Binds at once; raises `OSError` where the port is taken. `on_callback` must not block."""
        self._writer = writer
        self._book = book
        self._credentials = (
            (hash_of(client_id), hash_of(client_secret)) if client_id and client_secret else None
        )
        self._on_callback = on_callback
        self._worklist: Worklist
        self._socket = socket.create_server((address, port), backlog=512)
        # Accepted connections inherit it; asyncio sets it only on sockets made with proto=IPPROTO_TCP.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(self._socket.getsockname()[1])
        self.address = f"http://{f'[{address}]' if ':' in address else address}:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app(),
                http=PatientProtocol,
                ws="none",
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

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the door is still served."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Takes nothing new, finishes what is under way (at most 8 s) and closes the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(10)
        self._socket.close()

    def _app(self) -> Starlette:
        @asynccontextmanager
        async def reading(_: Starlette) -> AsyncIterator[None]:
            with Worklist(self._book) as self._worklist:
                yield

        app = Starlette(
            routes=[
                Route(AUTH_PATH + "/{part}", self._give_token, methods=["GET", "POST"]),
                Route(CALLBACK_PATH + "/{part}", self._take_callback, methods=["POST"]),
                Route("/healthz", self._healthz, methods=["GET"]),
            ],
            lifespan=reading,
            exception_handlers={BookError: _cannot_keep},
        )
        app.router.redirect_slashes = False
        return app

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def _give_token(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(status_code=405, headers={"Allow": "GET, POST"})
        door = self._worklist.auth_door(hash_of(request.path_params["part"]))
        if door is None:
            return _refusal(404, "There is nothing here.")
        if self._credentials and not self._are_ours(request):
            return _refusal(401, "Client-Id or Client-Secret is wrong.")
        token = new_secret(32)
        await asyncio.wrap_future(
            self._writer.write_soon(
                attempts.save_token,
                hash_of(token),
                door.attempt_id,
                expires_at=now_ms() + TOKEN_SECONDS * 1000,
            )
        )
        return JSONResponse({"access_token": token, "expires_in": TOKEN_SECONDS})

    def _are_ours(self, request: Request) -> bool:
        client_id, client_secret = self._credentials or ("", "")
        right_id = secrets.compare_digest(hash_of(request.headers.get("client-id", "")), client_id)
        right_secret = secrets.compare_digest(
            hash_of(request.headers.get("client-secret", "")), client_secret
        )
        return right_id & right_secret

    async def _take_callback(self, request: Request) -> Response:
        door = self._worklist.callback_door(hash_of(request.path_params["part"]))
        if door is None:
            return _refusal(404, "There is nothing here.")
        token = _token_of(request)
        if token is None or not self._worklist.has_live_token(hash_of(token), now_ms()):
            return _refusal(401, "The token is missing, wrong or has expired. Fetch one at the auth_url.")
        wrong = _wrong_form(request)
        if wrong:
            return wrong
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await _read_body(request)
        except TimeoutError:
            return _refusal(408, f"The body did not arrive within {READ_SECONDS:g} seconds.", close=True)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _too_large()
        try:
            if len(body) > _LARGE_BODY:
                result = await asyncio.to_thread(parse_result, body)
            else:
                result = parse_result(body)
        except PayloadError as error:
            await self._bury(door, body, error)
            return _refusal(400, "The body cannot be read as results.")
        await self._keep(door, result)
        return JSONResponse({"ok": True})

    async def _keep(self, door: Door, result: Result) -> None:
        ours = mask_text(door.application_id)[0]
        outcome = await asyncio.wrap_future(
            self._writer.write_soon(
                inbox.save_callback,
                door.attempt_id,
                result,
                other_application=result.application_id not in (None, ours),
                received_at=now_ms(),
            )
        )
        _log.info("callback kept", extra={"attempt": door.attempt_id, "outcome": outcome})
        self._on_callback()

    async def _bury(self, door: Door, body: bytes, error: PayloadError) -> None:
        await asyncio.wrap_future(
            self._writer.write_soon(
                inbox.record_dead_letter,
                door.attempt_id,
                digest=hashlib.sha256(body).hexdigest(),
                size=len(body),
                reason=str(error),
                received_at=now_ms(),
            )
        )
        _log.warning("callback unreadable", extra={"attempt": door.attempt_id, "size": len(body)})


def _token_of(request: Request) -> bytes | None:
    """The one token a callback brings, in `Token` or as a bearer; None for none, several or an odd one."""
    given = [
        value
        for name, value in request.headers.raw
        if name == b"token" or (name == b"authorization" and value[:7].lower() == b"bearer ")
    ]
    if len(given) != 1:
        return None
    token = given[0][7:] if given[0][:7].lower() == b"bearer " else given[0]
    return token.strip() if 0 < len(token) <= 200 else None


def _wrong_form(request: Request) -> Response | None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY:
        return _too_large()
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        return _refusal(415, "Send the body without Content-Encoding.", close=True)
    if request.headers.get("content-type", "").strip().lower().startswith(_FORMS):
        return _refusal(415, "Send the results as JSON, not as a form.", close=True)
    return None


async def _read_body(request: Request) -> bytes | None:
    """The whole body; None where it is larger than `MAX_BODY`."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> Response:
    return _refusal(413, f"The body is larger than {MAX_BODY // 2**20} MB.", close=True)


def _refusal(status: int, sentence: str, *, close: bool = False) -> Response:
    return JSONResponse({"error": sentence}, status, headers={"Connection": "close"} if close else None)


async def _cannot_keep(_: Request, error: Exception) -> Response:
    _log.error("callback could not be kept", extra={"reason": type(error).__name__})
    return JSONResponse(
        {"error": "This cannot be kept just now. Send it again later."}, 503, headers={"Retry-After": "30"}
    )


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for the rest of a request's head."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        super().data_received(data)
        if self._deadline is not None and self.cycle is not None and not self.cycle.response_complete:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(READ_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
