"""A receiver's doors for tests, over real HTTP and a real book, without the rest of the worker."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas_core.books import attempts, doors
from atlas_core.books.schema import migrate_atlas
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.settings import load_settings
from atlas_core.worker.callers import Callers
from atlas_core.worker.parts import hash_of
from atlas_core.worker.receiver import Receiver
from tests.workers import rows

RESULTS = {"flow_uuid": "flow-0001", "ocr_data": [], "cross_checks": []}
CALLBACK = b"/atlas/callback/callback-part"
BODY = json.dumps(RESULTS).encode()
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Door:
    """A receiver with one attempt behind `auth-part` and `callback-part`, and its book."""

    book: Path
    writer: AtlasWriter
    receiver: Receiver
    called: threading.Event
    address: str = "127.0.0.1"

    @property
    def port(self) -> int:
        return self.receiver.port

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        with closing(http.client.HTTPConnection(self.address, self.port, timeout=15)) as connection:
            connection.putrequest(method, path, skip_accept_encoding=True)
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in {"Content-Length": str(len(body)), **given}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()

    def raw(self, *parts: bytes, seconds: float = 15.0) -> bytes:
        """What comes back for bytes as they are, until the receiver closes or says nothing for a while."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            for part in parts:
                connection.sendall(part)
            return read_all(connection)

    def token(self) -> str:
        return str(json.loads(self.ask("POST", "/atlas/auth/auth-part")[2])["access_token"])

    def call(self, results: Any, token: str, path: str = "/atlas/callback/callback-part") -> int:
        body = results if isinstance(results, bytes) else json.dumps(results).encode()
        return self.ask("POST", path, body, Token=token)[0]

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return rows(self.book, sql, *parameters)

    def deliveries(self) -> list[tuple[Any, ...]]:
        return rows(self.book, "SELECT outcome, times_seen, reason FROM deliveries ORDER BY delivery_id")


@contextmanager
def open_door(
    folder: Path,
    *,
    client_id: str = "",
    client_secret: str = "",
    former: tuple[str, str] | None = None,
    address: str = "127.0.0.1",
    **settings: str,
) -> Iterator[Door]:
    """The door of a receiver with these settings (`ATLAS_…`) and credentials."""
    book = folder / "atlas.db"
    migrate_atlas(book)
    callers = Callers.of(load_settings(settings, folder / "no.env"))
    with AtlasWriter(book) as writer:
        called = threading.Event()
        receiver = Receiver(
            writer,
            book,
            callers,
            address=address,
            port=0,
            credentials=[pair for pair in ((client_id, client_secret), former) if pair and all(pair)],
            on_callback=called.set,
        )
        for number, part in ((1, ""), (2, "other-")):
            attempt_id = writer.write(
                attempts.start_attempt,
                number,
                1,
                application_id=f"APP-{number}",
                product_type="PROD_CDL",
                auth_part=hash_of(f"{part}auth-part"),
                callback_part=hash_of(f"{part}callback-part"),
                now=now_ms(),
            )
            assert attempt_id is not None
            writer.write(attempts.save_init_answer, attempt_id, f"flow-000{number}", now=now_ms())
        receiver.start()
        door = Door(book, writer, receiver, called, address)
        try:
            while True:
                try:
                    door.ask("GET", "/healthz")
                    break
                except ConnectionError:
                    time.sleep(0.01)
            yield door
        finally:
            receiver.stop()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other end closes, or until it says nothing for the socket's time-out."""
    whole = b""
    try:
        while part := connection.recv(65_536):
            whole += part
    except (TimeoutError, ConnectionResetError):
        pass
    return whole


def request(*lines: bytes, body: bytes = b"", host: bytes = b"localhost") -> bytes:
    """A callback as it stands on the wire; no Host line where `host` is empty."""
    head = [b"POST " + CALLBACK + b" HTTP/1.1", *([b"Host: " + host] if host else []), *lines]
    return b"\r\n".join([*head, b"Connection: close", b"", body])


def status_of(answer: bytes) -> int:
    """The status of an answer as it stands on the wire."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def refusals(door: Door) -> dict[tuple[str, int, str], int]:
    """What was counted: door, status and caller."""
    door.writer.write(doors.record_refusals, door.receiver.tally.take())
    found = door.rows("SELECT door, status, caller, sum(times) FROM refusals GROUP BY 1, 2, 3")
    return {(name, status, caller): times for name, status, caller, times in found}
