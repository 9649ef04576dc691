"""Atlas's own calls: to auth_url for a token, then to callback_url with the results."""

import asyncio
import http.client
import json
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from .counters import Counters
from .faults import Switchboard
from .messages import Message, Outgoing
from .state import Flow, Flows

_log = logging.getLogger(__name__)
_SECONDS = 5.0
_ATTEMPTS = 5
_READ_CAP = 65_536


def _send(request: Outgoing) -> tuple[int, bytes]:
    """One request over a fresh connection, no redirects: status and the first 64 kB, or 0 and none.

    The address was checked at flow/init: http(s), with a host.
    """
    place = urlsplit(request.url)
    host = place.hostname or ""
    connection: http.client.HTTPConnection
    if place.scheme == "https":
        trusted = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, place.port, timeout=_SECONDS, context=trusted)
    else:
        connection = http.client.HTTPConnection(host, place.port, timeout=_SECONDS)
    target = place.path + (f"?{place.query}" if place.query else "")
    try:
        body = None if request.method == "GET" else request.payload
        connection.request(request.method, target or "/", body=body, headers=request.headers)
        response = connection.getresponse()
        return response.status, response.read(_READ_CAP)
    except (OSError, http.client.HTTPException, ValueError):
        return 0, b""
    finally:
        connection.close()


def _acknowledged(status: int) -> bool:
    return 200 <= status < 300


class Journeys:
    """Brings every finished flow's results to its callback_url, again and again until acknowledged."""

    def __init__(self, flows: Flows, board: Switchboard, counters: Counters) -> None:
        self._flows = flows
        self._board = board
        self._counters = counters
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="sandbox-out")
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause = min(1.0, max(0.05, flows.seconds / 10))
        self._held: list[tuple[Flow, Outgoing]] = []

    def close(self) -> None:
        """Stop every journey under way."""
        for task in self._tasks:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def expect(self, flow: Flow) -> None:
        """Deliver this flow's results once it is terminal."""
        task = asyncio.get_running_loop().create_task(self._deliver(flow, flow.begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reach_auth(self, flow: Flow) -> bool:
        """True if the flow's auth_url answers 2xx."""
        status, _ = await self._authenticate(flow)
        return _acknowledged(status)

    async def _out(self, request: Outgoing) -> tuple[int, bytes]:
        await asyncio.sleep(request.delay)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _send, request)

    def _play(self, endpoint: str, flow: Flow, message: Message) -> None:
        for switch in self._board.meeting(
            endpoint,
            flow=flow.flow_uuid,
            application=flow.application_id,
            terminal=self._flows.terminal(flow),
        ):
            switch.apply(endpoint, message)

    async def _authenticate(self, flow: Flow) -> tuple[int, str]:
        request = Outgoing(document={}, url=flow.auth_url, headers={"Content-Type": "application/json"})
        self._play("auth", flow, request)
        status, body = await self._out(request)
        self._counters.note_call("auth", status)
        try:
            token = json.loads(body).get("access_token", "")
        except (ValueError, AttributeError):
            token = ""
        return status, token if isinstance(token, str) else ""

    async def _deliver(self, flow: Flow, begun: float) -> None:
        await asyncio.sleep(self._flows.remaining(flow))
        for attempt in range(_ATTEMPTS):
            if flow.begun != begun:
                return
            if await self.attempt(flow):
                self._flows.mark_delivered(flow)
                return
            await asyncio.sleep(self._pause * 2**attempt)
        _log.warning("callback of flow %s was not acknowledged", flow.flow_uuid)

    async def attempt(self, flow: Flow) -> bool:
        """Bring the flow's results as they are now, once; True if acknowledged, or dropped by a fault."""
        status, token = await self._authenticate(flow)
        if not (_acknowledged(status) and token.isascii() and token.isprintable()):
            self._counters.note_callback(flow.flow_uuid, auth=status, status=None)
            return False
        request = Outgoing(
            document=self._flows.results(flow),
            url=flow.callback_url,
            headers={"Content-Type": "application/json", "Token": token},
            about=flow.told(),
        )
        self._play("callback", flow, request)
        if request.hold:
            self._held.append((flow, request))
            return True
        answers = await self._bring(flow, request)
        while self._held:
            await self._bring(*self._held.pop())
        return not answers or any(_acknowledged(status) for status in answers)

    async def _bring(self, flow: Flow, request: Outgoing) -> list[int]:
        """Send a callback as often as it says, then its followers; the answers to the first."""
        copies = [self._out(request) for _ in range(request.copies)]
        sent = await asyncio.gather(*copies) if request.together else [await copy for copy in copies]
        for status, _ in sent:
            self._counters.note_callback(flow.flow_uuid, auth=200, status=status)
        for follower in request.followers:
            await self._bring(flow, follower)
        return [status for status, _ in sent]
