"""The five documented endpoints of the Flow API, over one set of flows."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from .counters import Counters
from .faults import Switchboard
from .journeys import Journeys
from .messages import Answer, RefusalError
from .state import Flow, Flows
from .tokens import TokenMint
from .wire import WireResponse

CLIENT_ID = "sandbox"
CLIENT_SECRET = "sandbox"  # noqa: S105 - a rehearsal's key, printed in the README
_INIT_FIELDS = ("product_type", "application_id", "auth_url", "callback_url")
_URLS = ("auth_url", "callback_url")


def _missing(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a body in which one of `names` is missing or empty, in Atlas's words."""
    lacking = [name for name in names if not body.get(name)]
    if lacking:
        raise RefusalError(400, f"Missing or empty required parameters: {lacking}")


def _is_web(url: object) -> bool:
    """True for an http(s) address that has a host and, where it names one, a port."""
    try:
        place = urlsplit(url) if isinstance(url, str) else urlsplit("")
        return place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        return False


def _check_file(file: object) -> None:
    """Refuse an entry of `file_urls` that is not an address and an id."""
    entry = file if isinstance(file, dict) else {}
    named = isinstance(entry.get("document_id"), str) and entry["document_id"]
    _missing({"file_url": _is_web(entry.get("file_url")), "document_id": named}, ("file_url", "document_id"))


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
        work: Callable[[set[str]], Awaitable[Answer]],
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
                answer = await work({switch.play for switch in switches})
            except RefusalError as refusal:
                answer = refusal.answer()
        answer.about = known.told() if known else {}
        for switch in switches:
            switch.apply(endpoint, answer)
        self.counters.note_call(endpoint, answer.wire or answer.status)
        return WireResponse(answer)

    def _check_token(self, request: Request) -> None:
        if not self.mint.knows(request.headers.get("token", "")):
            raise RefusalError(401, "Invalid token")

    async def authtoken(self, request: Request) -> Response:
        """POST /v3/verification/authtoken."""

        async def work(plays: set[str]) -> Answer:  # noqa: ARG001
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

        async def work(plays: set[str]) -> Answer:
            self._check_token(request)
            _missing(body, _INIT_FIELDS)
            _missing({name: _is_web(body[name]) for name in _URLS}, _URLS)
            prefix = "LOS-" if "los_ids" in plays else ""
            flow = self.flows.start({**body, "application_id": application}, prefix)
            if "callback_first" in plays:
                await self.journeys.attempt(flow)
            return Answer(status=201, document={"flow_uuid": flow.flow_uuid})

        return await self._answer("init", work, application=application)

    async def multiupload(self, request: Request) -> Response:
        """POST /v3/verification/multiupload."""
        body = await _json_object(request)
        flow_uuid = str(body.get("flow_uuid") or "")
        self.counters.note_upload(flow_uuid)

        async def work(plays: set[str]) -> Answer:
            self._check_token(request)
            _missing(body, ("flow_uuid", "file_urls"))
            flow = self._known(flow_uuid)
            files = body["file_urls"]
            for file in files if isinstance(files, list) else [{}]:
                _check_file(file)
            if "skip_auth" not in plays and not await self.journeys.reach_auth(flow):
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

        async def work(plays: set[str]) -> Answer:  # noqa: ARG001
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
