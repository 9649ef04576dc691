"""Servers that tests run for real: Atlas's sandbox, and a lender for it to call back, each on a free port."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from atlas_core.sandbox.server import make_server

Json = Any


def wait_until(happened: Callable[[], object], seconds: float = 10.0) -> None:
    """Come back as soon as `happened` is true; AssertionError if it is not within `seconds`."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, f"did not happen within {seconds} s"
        time.sleep(0.005)


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`; credentials sandbox/sandbox."""

    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Json:
        """One of the sandbox's own doors, as JSON."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read())

    def calls(self) -> dict[str, Json]:
        """What was asked of the sandbox so far (see atlas_core/sandbox/counters.py)."""
        return dict(self.ask("/sandbox/calls"))

    def play(self, faults: dict[str, Json]) -> None:
        """Switch these faults on, and all others off (see atlas_core/sandbox/faults.py)."""
        self.ask("/sandbox/faults", "PUT", faults)

    def behave(self) -> None:
        """Switch every fault off."""
        self.ask("/sandbox/faults", "DELETE")

    def revoke_tokens(self) -> None:
        """Every token made so far is refused from now on."""
        self.ask("/sandbox/tokens", "DELETE")


@contextmanager
def running_sandbox(**settings: Json) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process; `settings` as for `serve`, with flows of 0.3 s by default."""
    server, bound, url = make_server("127.0.0.1", 0, **{"seconds": 0.3, **settings})
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started, "the sandbox did not start; its log says why"
        yield RunningSandbox(url)
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


@dataclass(frozen=True)
class Arrival:
    """One request a lender got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Json:
        return json.loads(self.body)


@dataclass
class Lender:
    """A lender's two doors, `/auth` and `/callback`; `answers` says with which status each path replies."""

    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    def at(self, path: str) -> list[Arrival]:
        """What arrived at one path, oldest first."""
        return [arrival for arrival in self.arrivals if arrival.path.split("?")[0] == path]


@contextmanager
def running_lender() -> Iterator[Lender]:
    """A lender that hands out the token `lender-token` and acknowledges every callback."""
    lender = Lender()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.split("?")[0]
            headers = {name.lower(): value for name, value in self.headers.items()}
            lender.arrivals.append(Arrival(self.command, self.path, headers, body))
            reply = json.dumps({"access_token": "lender-token", "expires_in": 3600}).encode()
            self.send_response(lender.answers.get(path, 200))
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = _reply  # noqa: N815 - the names the library asks for
        do_POST = _reply  # noqa: N815

        def log_message(self, *parts: object) -> None:
            """Quiet: tests look at `arrivals`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    lender.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield lender
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
