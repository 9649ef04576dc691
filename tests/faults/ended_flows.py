"""Flows that were sent and have ended, and their Atlas: what a worker needs to be stormed with callbacks."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from atlas_core.books import attempts, store
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.worker.parts import hash_of

_ENDED = {
    "upload_status": "SUCCESS",
    "processing_status": "SUCCESS",
    "crossheck_status": "COMPLETED",
    "master_status": "SUCCESS",
}


def flow_name(number: int) -> str:
    return f"STORM-{number:06d}"


def auth_path(number: int) -> str:
    return f"/atlas/auth/auth-{number}"


def callback_path(number: int) -> str:
    return f"/atlas/callback/callback-{number}"


def make_ended_flows(folder: Path, flows: int) -> None:
    """Books in `folder` in which so many flows were uploaded and are under watch."""
    migrate_atlas(folder / "atlas.db")
    migrate_desk(folder / "desk.db")
    now = now_ms()
    with AtlasWriter(folder / "atlas.db") as writer:

        def make(connection: Any) -> None:
            for number in range(flows):
                attempt_id = attempts.start_attempt(
                    connection,
                    1_000_000 + number,
                    1,
                    application_id=f"APP-{number:06d}",
                    product_type="PROD_CDL",
                    auth_part=hash_of(f"auth-{number}"),
                    callback_part=hash_of(f"callback-{number}"),
                    now=now,
                )
                assert attempt_id is not None
                flow_id = attempts.save_init_answer(connection, attempt_id, flow_name(number), now=now)
                attempts.record_attempt(connection, attempt_id, "uploaded", now=now)
                store.save_watched(connection, flow_id, True)

        writer.write(make)


def written(payload: dict[str, Any]) -> bytes:
    """A payload as a sender writes it."""
    return json.dumps(payload).encode()


def digest_of(payload: dict[str, Any]) -> str:
    """What the book should call a payload without personal numbers, whose flow is no part of its content: a
    reckoning of our own."""
    content = {key: value for key, value in payload.items() if key != "flow_uuid"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def running_ended_atlas(extracts_of: Callable[[int], dict[str, Any]]) -> Iterator[str]:
    """The address of an Atlas at which every flow has ended, with the results that `extracts_of` tells."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(201, {"access_token": "token", "expires_in": 3600})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            name = parse_qs(parts.query)["flow_uuid"][0]
            if not name.startswith("STORM-"):
                self._answer(409, {"error_code": "409", "error_message": "Resource Conflict: Flow not found"})
            elif parts.path.endswith("/status"):
                self._answer(200, _ENDED)
            else:
                self._answer(200, extracts_of(int(name.removeprefix("STORM-"))))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
