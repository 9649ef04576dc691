"""The Flow API as documented, under /v3/verification, and the sandbox's own doors under /sandbox."""

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
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .applications import SEED
from .counters import Counters
from .faults import Switchboard, UnknownFaultError
from .journeys import Journeys
from .messages import Answer, RefusalError
from .state import Flow, Flows
from .tokens import TokenMint

CLIENT_ID = "sandbox"
CLIENT_SECRET = "sandbox"  # noqa: S105 - a rehearsal's key, printed in the README
_API = "/v3/verification"
_INIT_FIELDS = ("product_type", "application_id", "auth_url", "callback_url")
_URLS = ("auth_url", "callback_url")
_log = logging.getLogger(__name__)


def _missing(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a body in which one of `names` is missing or empty, in Atlas's words."""
    lacking = [name for name in names if not body.get(name)]
    if lacking:
        raise RefusalError(400, f"Missing or empty required parameters: {lacking}")


def _is_web(url: object) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))


class Atlas:
    """The five documented endpoints over one set of flows."""

    def __init__(self, flows: Flows, board: Switchboard, counters: Counters, mint: TokenMint) -> None:
        self.flows = flows
        self.board = board
        self.counters = counters
        self.mint = mint
        self.journeys = Journeys(flows, board, counters)

    async def _answer(
        self,
        endpoint: str,
        work: Callable[[], Awaitable[Answer]],
        *,
        flow: str = "",
        application: str = "",
    ) -> Response:
        """Do the work and answer, with every switched-on fault played on the way."""
        known = self.flows.get(flow)
        switches = self.board.meeting(
            endpoint,
            flow=flow,
            application=application or (known.application_id if known else ""),
            terminal=bool(known and self.flows.terminal(known)),
        )
        answer = Answer()
        if all(switch.done for switch in switches):
            try:
                answer = await work()
            except RefusalError as refusal:
                answer = refusal.answer()
        for switch in switches:
            switch.apply(answer)
        self.counters.note_call(endpoint, answer.wire or answer.status)
        return WireResponse(answer)

    def _check_token(self, request: Request) -> None:
        if not self.mint.knows(request.headers.get("token", "")):
            raise RefusalError(401, "Invalid token")

    async def authtoken(self, request: Request) -> Response:
        """POST /v3/verification/authtoken."""

        async def work() -> Answer:
            given = request.headers.get("client-id"), request.headers.get("client-secret")
            if not all(given):
                raise RefusalError(400, "Missing Client-Id or Client-Secret")
            if given != (CLIENT_ID, CLIENT_SECRET):
                raise RefusalError(401, "Invalid Client-Id or Client-Secret")
            token = {"access_token": self.mint.make(), "expires_in": self.mint.seconds}
            return Answer(status=201, document=token)

        return await self._answer("authtoken", work)

    async def init(self, request: Request) -> Response:
        """POST /v3/verification/flow/init."""
        body = await _json_object(request)
        application = str(body.get("application_id") or "")
        self.counters.note_init(application)

        async def work() -> Answer:
            self._check_token(request)
            _missing(body, _INIT_FIELDS)
            _missing({name: _is_web(body[name]) for name in _URLS}, _URLS)
            flow = self.flows.start({**body, "application_id": application})
            return Answer(status=201, document={"flow_uuid": flow.flow_uuid})

        return await self._answer("init", work, application=application)

    async def multiupload(self, request: Request) -> Response:
        """POST /v3/verification/multiupload."""
        body = await _json_object(request)
        flow_uuid = str(body.get("flow_uuid") or "")
        self.counters.note_upload(flow_uuid)

        async def work() -> Answer:
            self._check_token(request)
            _missing(body, ("flow_uuid", "file_urls"))
            flow = self._known(flow_uuid)
            files = body["file_urls"]
            for file in files if isinstance(files, list) else [{}]:
                _missing(file if isinstance(file, dict) else {}, ("file_url", "document_id"))
            if not await self.journeys.reach_auth(flow):
                raise RefusalError(422, "The configured auth_url could not be reached")
            items = self.flows.add_files(flow, files)
            self.journeys.expect(flow)
            return Answer(status=201, document=items)

        return await self._answer("multiupload", work, flow=flow_uuid)

    async def status(self, request: Request) -> Response:
        """GET /v3/verification/status."""
        return await self._about(request, "status", self.flows.status)

    async def extracts(self, request: Request) -> Response:
        """GET /v3/verification/extracts."""
        return await self._about(request, "extracts", self.flows.results)

    async def _about(
        self, request: Request, endpoint: str, told: Callable[[Flow], dict[str, Any]]
    ) -> Response:
        flow_uuid = request.query_params.get("flow_uuid", "")
        self.counters.note_ask(endpoint, flow_uuid)

        async def work() -> Answer:
            self._check_token(request)
            if not flow_uuid:
                raise RefusalError(400, "Missing required ['flow_uuid'] parameters")
            return Answer(document=told(self._known(flow_uuid)))

        return await self._answer(endpoint, work, flow=flow_uuid)

    def _known(self, flow_uuid: str) -> Flow:
        flow = self.flows.get(flow_uuid)
        if not flow:
            raise RefusalError(409, "Flow not found")
        return flow


async def _json_object(request: Request) -> dict[str, Any]:
    """The request's JSON object; `{}` for anything else, which then lacks everything."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


class WireResponse(Response):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.payload, answer.status, answer.headers, "application/json")


def make_app(
    *,
    base_url: str,
    seconds: float = 10.0,
    seed: str = SEED,
    faults: dict[str, Any] | None = None,
    state: Path | None = None,
    token_seconds: int = 3600,
) -> Starlette:
    """The sandbox as an ASGI application reachable at `base_url`."""
    flows = Flows(seed=seed, seconds=seconds, base_url=base_url, journal=state)
    board, counters = Switchboard(faults), Counters()
    atlas = Atlas(flows, board, counters, TokenMint(seed, token_seconds))

    async def calls(request: Request) -> Response:  # noqa: ARG001
        return JSONResponse(counters.shown())

    async def faults_door(request: Request) -> Response:
        if request.method != "GET":
            try:
                board.replace(await _json_object(request) if request.method == "PUT" else {})
            except UnknownFaultError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(board.shown())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        for flow in flows.undelivered():
            atlas.journeys.expect(flow)
        yield
        atlas.journeys.close()

    return Starlette(
        routes=[
            Route(f"{_API}/authtoken", atlas.authtoken, methods=["POST"]),
            Route(f"{_API}/flow/init", atlas.init, methods=["POST"]),
            Route(f"{_API}/multiupload", atlas.multiupload, methods=["POST"]),
            Route(f"{_API}/status", atlas.status, methods=["GET"]),
            Route(f"{_API}/extracts", atlas.extracts, methods=["GET"]),
            Route("/sandbox/calls", calls, methods=["GET"]),
            Route("/sandbox/faults", faults_door, methods=["GET", "PUT", "DELETE"]),
        ],
        lifespan=lifespan,
    )


def make_server(host: str, port: int, **settings: Any) -> tuple[uvicorn.Server, socket.socket, str]:
    """A server ready to `run(sockets=[socket])`, its bound socket, its address. Port 0 takes a free one."""
    bound = socket.create_server((host, port), backlog=512)
    base_url = f"http://{host}:{bound.getsockname()[1]}"
    config = uvicorn.Config(
        make_app(base_url=base_url, **settings),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
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
