"""An Atlas that answers exactly what a test scripts, over real sockets, well or badly behaved."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from atlas_core.api.client import AtlasClient

SECRET = "client-secret-do-not-print"
FLOW = "LOS-0f7a1c9e-2b64-4a0e-9b1d-6f0d5c3e8a21"
STATUS = {
    "upload_status": "SUCCESS",
    "processing_status": "SUCCESS",
    "crossheck_status": "COMPLETED",
    "master_status": "SUCCESS",
}
EXTRACTS: dict[str, Any] = {"flow_uuid": FLOW, "ocr_data": [], "cross_checks": []}


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0].removeprefix("/v3/verification/")


Step = Callable[[socket.socket, Asked], bool]
"""Answers one request on its connection; True where the connection may be used again."""


def raw(head: str, body: bytes = b"", *, keep: bool = True) -> Step:
    """These bytes: `head` is the status line and headers, without the blank line."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        connection.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        return keep

    return step


def reply(
    status: int = 200,
    body: object = None,
    *,
    media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Step:
    """A well-formed answer; `body` is bytes, or anything that JSON can hold."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": media_type, "Content-Length": str(len(content)), **(headers or {})}
    return raw(
        f"HTTP/1.1 {status} Scripted\r\n" + "\r\n".join(f"{name}: {value}" for name, value in lines.items()),
        content,
    )


def html(status: int) -> Step:
    """What a gateway or a captive portal says."""
    return reply(status, b"<!doctype html><title>Sign in</title>", media_type="text/html; charset=utf-8")


def zipped(body: bytes) -> Step:
    """A gzip answer."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        content = gzip.compress(body, compresslevel=1)
        return reply(200, content, headers={"Content-Encoding": "gzip"})(connection, asked)

    return step


def silence(seconds: float = 30.0) -> Step:
    """Nothing at all, then the end of the connection."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        _until_gone(connection, seconds)
        return False

    return step


def reset() -> Step:
    """The connection is torn down once the request is read."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return step


def drip(start: bytes, endless: bytes, every: float = 0.02) -> Step:
    """`start` at once, then `endless` again and again, one byte at a time."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        connection.sendall(start)
        with suppress(OSError):
            for number in range(int(10 / every)):
                connection.sendall(endless[number % len(endless) :][:1])
                time.sleep(every)
        return False

    return step


def after(seconds: float, then: Step) -> Step:
    """A slow but good answer."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        time.sleep(seconds)
        return then(connection, asked)

    return step


def only_with(token: str, then: Step) -> Step:
    """`then` for requests with this token; 401 for every other."""
    refused = reply(401, {"error": "Invalid token", "reason": "Signature has expired"})

    def step(connection: socket.socket, asked: Asked) -> bool:
        return (then if asked.headers.get("token") == token else refused)(connection, asked)

    return step


def flood(head: bytes, piece: bytes) -> Step:
    """`head`, then `piece` again and again as fast as the other side takes it."""

    def step(connection: socket.socket, asked: Asked) -> bool:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return step


def _until_gone(connection: socket.socket, seconds: float) -> None:
    connection.settimeout(seconds)
    with suppress(OSError):
        connection.recv(1)


class ScriptedAtlas:
    """Answers each path (`status`, `flow/init`, …) by its script, the last step of which repeats.

    Unscripted, authtoken gives `token-1`, `token-2`, … for an hour and every call succeeds.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._scripts: defaultdict[str, deque[Step]] = defaultdict(deque)
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.asked: list[Asked] = []
        self.tokens_given = 0
        self.connections_made = 0
        self.reads_bodies = True
        self._door = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._door.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def script(self, path: str, *steps: Step) -> None:
        """From now on `path` answers with these steps, one a request."""
        with self._lock:
            self._scripts[path] = deque(steps)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for one path so far, in order."""
        with self._lock:
            return [asked for asked in self.asked if asked.path == path]

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self.connections_made += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError):
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._connections.append(connection)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection.makefile("rb") as incoming:
                    while (asked := _read(incoming, self.reads_bodies)) is not None:
                        if not self._next_step(asked)(connection, asked):
                            break
        finally:
            connection.close()

    def _next_step(self, asked: Asked) -> Step:
        with self._lock:
            self.asked.append(asked)
            script = self._scripts[asked.path]
            if script:
                return script.popleft() if len(script) > 1 else script[0]
            return self._usual(asked)

    def _usual(self, asked: Asked) -> Step:
        match asked.path:
            case "authtoken":
                self.tokens_given += 1
                return reply(201, {"access_token": f"token-{self.tokens_given}", "expires_in": 3600})
            case "flow/init":
                return reply(201, {"flow_uuid": FLOW})
            case "multiupload":
                sent = json.loads(asked.body)["file_urls"]
                return reply(
                    201,
                    [
                        {"batch_id": "BATCH-1", "file_uuid": f"file-{i}", "document_id": file["document_id"]}
                        for i, file in enumerate(sent)
                    ],
                )
            case "status":
                return reply(200, STATUS)
            case "extracts":
                return reply(200, EXTRACTS)
        return reply(404, {"error": "no such path"})


def _read(incoming: Any, reads_body: bool) -> Asked | None:
    line = incoming.readline().decode("latin-1").split()
    if len(line) != 3 or not line[2].startswith("HTTP/"):  # a TLS hello may hold two blanks by chance
        return None
    headers: dict[str, str] = {}
    while (header := incoming.readline().decode("latin-1").strip()) != "":
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", 0))) if reads_body else b""
    target = line[1] if line[1].startswith("/") else "/" + line[1].split("/", 3)[-1]
    return Asked(line[0], target, headers, body)


def quick_client(url: str, **settings: Any) -> AtlasClient:
    """A client with short time-outs: 0.3 s for a read, 0.6 s for a whole exchange."""
    quick = {"connect_seconds": 0.3, "read_seconds": 0.3, "total_seconds": 0.6, "backoff_seconds": 0.01}
    return AtlasClient(url, "client-7", SECRET, **{**quick, **settings})


@contextmanager
def scripted_atlas(*, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[ScriptedAtlas]:
    """A `ScriptedAtlas` on a free port, closed with all its connections at the end."""
    server = ScriptedAtlas(tls=tls, port=port)
    try:
        yield server
    finally:
        server.close()
