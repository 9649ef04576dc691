"""A TCP proxy that spoils what passes through it, as networks do; its fault can be changed at any time.

latency      answers come later by `seconds`
bandwidth    answers come at `size` bytes a second
slice        answers come in pieces of `size` bytes, `seconds` apart
limit        after `size` bytes of answers the connection ends
reset        the connection is torn down when the answer comes (or the request, where `seen` is false)
black hole   no answer comes, and the connection stays open (the request arrives, unless `seen` is false)
slow close   the end of the connection comes later by `seconds`
down         nobody listens
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

_PIECE = 65_536


@dataclass(frozen=True)
class Fault:
    """One fault by its name above; `seen`: whether the server still gets the request."""

    name: str = "none"
    seconds: float = 0.0
    size: int = 0
    seen: bool = True


class FaultProxy:
    """Listens on a free port of this machine and passes every connection on to its port `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._fault = Fault()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self.connections = 0
        self._door: socket.socket | None = None
        self.port = self._open(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        """Holds at once, also for connections that are open; `down` ends those."""
        was_down, self._fault = self._fault.name == "down", fault
        if fault.name == "down":
            self._shut()
        elif was_down:
            self._open(self.port)

    def close(self) -> None:
        self._closed.set()
        self._shut()

    def _open(self, port: int) -> int:
        self._door = socket.create_server(("127.0.0.1", port), backlog=512)
        self._start(self._accept, self._door)
        return int(self._door.getsockname()[1])

    def _shut(self) -> None:
        door, self._door = self._door, None
        with self._lock:
            waiting = [*self._sockets, *([door] if door else [])]
        for one in waiting:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if door:
            door.close()

    @staticmethod
    def _start(work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                self.connections += 1
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._target)) as server:
            with self._lock:
                self._sockets |= {client, server}
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            gone = threading.Event()
            self._start(self._pass_requests, client, server, gone)
            try:
                self._pass_answers(client, server)
                if self._fault.name == "black hole":
                    gone.wait()  # not even the end of the connection comes
            finally:
                with self._lock:
                    self._sockets -= {client, server}
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)  # the thread that waits for requests would keep it open

    def _pass_requests(self, client: socket.socket, server: socket.socket, gone: threading.Event) -> None:
        with suppress(OSError), ExitStack() as ending:
            ending.callback(gone.set)
            while asked := client.recv(_PIECE):
                fault = self._fault
                if fault.name == "reset" and not fault.seen:
                    _tear_down(client)
                    break
                if not (fault.name == "black hole" and not fault.seen):
                    server.sendall(asked)
            server.shutdown(socket.SHUT_RDWR)

    def _pass_answers(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        while answer := server.recv(_PIECE):
            fault = self._fault
            if fault.name == "black hole":
                continue
            if fault.name == "reset":
                _tear_down(client)
                return
            if fault.name == "latency":
                self._closed.wait(fault.seconds)
            if fault.name == "limit":
                answer = answer[: max(0, fault.size - passed)]
            if fault.name in ("slice", "bandwidth"):
                self._drip(client, answer, fault)
            else:
                client.sendall(answer)
            passed += len(answer)
            if fault.name == "limit" and passed >= fault.size:
                return
        if self._fault.name == "slow close":
            self._closed.wait(self._fault.seconds)

    def _drip(self, client: socket.socket, answer: bytes, fault: Fault) -> None:
        size, pause = (
            (fault.size, fault.seconds) if fault.name == "slice" else (max(1, fault.size // 20), 0.05)
        )
        for start in range(0, len(answer), size):
            client.sendall(answer[start : start + size])
            if self._closed.wait(pause):
                return


def _tear_down(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(
        socket.SHUT_RD
    )  # wakes the thread that waits for requests: the reset goes out at once
    connection.close()


@contextmanager
def fault_proxy(target: int) -> Iterator[FaultProxy]:
    """A `FaultProxy` that passes everything, until its fault is set; closed at the end of the block."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
