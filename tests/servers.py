"""Servers that tests run for real: Atlas's sandbox on a free port."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from atlas_core.sandbox.server import make_server


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`; credentials sandbox/sandbox."""

    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """One of the sandbox's own doors, as JSON."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read())

    def calls(self) -> dict[str, Any]:
        """What was asked of the sandbox so far (see atlas_core/sandbox/counters.py)."""
        return dict(self.ask("/sandbox/calls"))

    def play(self, faults: dict[str, Any]) -> None:
        """Switch these faults on, and all others off (see atlas_core/sandbox/faults.py)."""
        self.ask("/sandbox/faults", "PUT", faults)

    def behave(self) -> None:
        """Switch every fault off."""
        self.ask("/sandbox/faults", "DELETE")


@contextmanager
def running_sandbox(**settings: Any) -> Iterator[RunningSandbox]:
    """A sandbox in a thread of this process; `settings` as for `serve`, with flows of 0.3 s by default."""
    server, bound, url = make_server("127.0.0.1", 0, **{"seconds": 0.3, **settings})
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 10
        while not server.started:
            if time.monotonic() > until or not thread.is_alive():
                raise RuntimeError("the sandbox did not start; its log says why")
            time.sleep(0.005)
        yield RunningSandbox(url)
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()
