"""The sandbox's server: the Flow API under /v3/verification, and its own doors under /sandbox.

    GET /sandbox/documents/<application>/<type>.png?<signature>   a picture of a document
    GET /sandbox/calls                                            what was asked and sent (counters.py)
    GET, PUT, DELETE /sandbox/faults                              what to do wrong (faults.py)
    DELETE /sandbox/tokens                                        no token made so far is good any more

The last three answer callers on this machine only.
"""

import ipaddress
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .addresses import PICTURES
from .applications import SEED
from .counters import Counters
from .documents import document_answer
from .endpoints import Atlas
from .faults import Switchboard, UnknownFaultError
from .state import Flows
from .tokens import TokenMint
from .wire import OpenProtocol

_API = "/v3/verification"
_log = logging.getLogger(__name__)
_Door = Callable[[Request], Awaitable[Response]]


def _for_this_machine(door: _Door) -> _Door:
    """The door, closed to callers from elsewhere."""

    async def guarded(request: Request) -> Response:
        caller = request.client.host if request.client else ""
        try:
            near = ipaddress.ip_address(caller).is_loopback
        except ValueError:
            near = False
        return await door(request) if near else JSONResponse({"error": "Only from this machine"}, 403)

    return guarded


def make_app(
    *,
    base_url: str,
    seconds: float = 10.0,
    seed: str = SEED,
    faults: dict[str, Any] | None = None,
    state: Path | None = None,
    token_seconds: int = 3600,
) -> Starlette:
    """The sandbox as an ASGI application at `base_url`; UnknownFaultError for faults it cannot play."""
    flows = Flows(seed=seed, seconds=seconds, base_url=base_url, journal=state)
    board, counters, mint = Switchboard(faults), Counters(), TokenMint(seed, token_seconds)
    atlas = Atlas(flows, board, counters, mint)

    async def calls(request: Request) -> Response:  # noqa: ARG001
        return JSONResponse(counters.shown())

    async def switches(request: Request) -> Response:
        try:
            if request.method == "PUT":
                board.replace(json.loads(await request.body()))
            elif request.method == "DELETE":
                board.replace({})
        except UnknownFaultError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ValueError:
            return JSONResponse({"error": "Faults are a JSON object; this was no JSON."}, 400)
        return JSONResponse(board.shown())

    async def tokens(request: Request) -> Response:  # noqa: ARG001
        mint.revoke_all()
        return JSONResponse({})

    async def picture(request: Request) -> Response:
        return await run_in_threadpool(document_answer, request, seed)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        for flow in flows.undelivered():
            atlas.journeys.expect(flow)
        yield
        atlas.journeys.close()

    app = Starlette(
        routes=[
            Route(f"{_API}/authtoken", atlas.authtoken, methods=["POST"]),
            Route(f"{_API}/flow/init", atlas.init, methods=["POST"]),
            Route(f"{_API}/multiupload", atlas.multiupload, methods=["POST"]),
            Route(f"{_API}/status", atlas.status, methods=["GET"]),
            Route(f"{_API}/extracts", atlas.extracts, methods=["GET"]),
            Route(f"{PICTURES}{{application}}/{{name}}", picture, methods=["GET"]),
            Route("/sandbox/calls", _for_this_machine(calls), methods=["GET"]),
            Route("/sandbox/faults", _for_this_machine(switches), methods=["GET", "PUT", "DELETE"]),
            Route("/sandbox/tokens", _for_this_machine(tokens), methods=["DELETE"]),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def make_server(host: str, port: int, **settings: Any) -> tuple[uvicorn.Server, socket.socket, str]:
    """A server ready to `run(sockets=[socket])`, its bound socket, its address. Port 0 takes a free one."""
    bound = socket.create_server((host, port), backlog=512)
    base_url = f"http://{host}:{bound.getsockname()[1]}"
    config = uvicorn.Config(
        make_app(base_url=base_url, **settings),
        log_level="warning",
        http=OpenProtocol,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config), bound, base_url


def serve(
    *,
    host: str,
    port: int,
    seconds: float = 10.0,
    seed: str = SEED,
    faults: dict[str, Any] | None = None,
    state: Path | None = None,
    token_seconds: int = 3600,
) -> None:
    """Run the sandbox until SIGTERM or SIGINT.

    `seconds` is what a flow takes on average; by the journal `state` a restarted sandbox knows its flows.
    """
    server, bound, base_url = make_server(
        host, port, seconds=seconds, seed=seed, faults=faults, state=state, token_seconds=token_seconds
    )
    # uvicorn ends tidily on these two, then raises them again: that must not become our exit code
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _log.info("the sandbox listens on %s", base_url)
    server.run(sockets=[bound])
