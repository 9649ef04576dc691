"""A second, independent reading of Atlas's contract, as unlike the sandbox as the contract allows.

It answers as its pages can also be read: `LOS-` flow ids, a single object for an upload, `batch_id` and
`file_uuid` inside the items, auth_url asked by GET, the callback's token as a bearer, envelope A, bare
fields. What a flow is given follows from its number, so that one run meets every reading.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIX = "/v3/verification"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class OtherFlow:
    number: int
    flow_uuid: str
    request: dict[str, Any]
    created: float
    uploads: list[list[dict[str, str]]] = field(default_factory=list)
    uploaded_at: float | None = None
    asked: list[float] = field(default_factory=list)
    acknowledged: int | None = None


class OtherAtlas:
    """All flows and counters of one server; `seconds` is how long a flow takes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.flows: dict[str, OtherFlow] = {}
        self.tokens: set[str] = set()
        self.lock = threading.Lock()
        self.url = ""

    def status(self, flow: OtherFlow) -> dict[str, str]:
        age = 0.0 if flow.uploaded_at is None else (time.monotonic() - flow.uploaded_at) / self.seconds
        if flow.uploaded_at is None:
            words = ("NOT_STARTED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED")
        elif age < 0.3:
            words = ("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS")
        elif age < 0.7:
            words = ("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS")
        elif age < 1.0:
            words = ("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS")
        elif flow.number % 7 == 6:
            words = ("SUCCESS", "FAILED", "NOT_STARTED", "FAILED")
        else:
            words = ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
        names = ("upload_status", "processing_status", "crossheck_status", "master_status")
        return dict(zip(names, words, strict=True))

    def extracts(self, flow: OtherFlow) -> dict[str, Any]:
        items = []
        for position, file in enumerate(file for batch in flow.uploads for file in batch):
            item: dict[str, Any] = {
                "document_id": file["document_id"],
                "error_code": "",
                "error_reason": "",
                "data": {
                    "document_type": "INVOICE" if position == 0 else "RATION_CARD",
                    "customer_name": {"value": f"Invented {flow.number}", "confidence_score": 0.91},
                    "imei_number": {"value": ["350000000000000"], "confidence_score": 0.0},
                    "total_invoice_amount": {"value": 24999, "confidence_score": 0.8},
                    "remark": "a bare reading",
                },
            }
            if flow.number % 2:
                item |= {"batch_id": "BATCH-1", "file_uuid": f"file-{flow.number}-{position}"}
            if flow.number % 5 == 4 and position == 1:
                item |= {"data": {}, "error_code": "UNRECOGNISED", "error_reason": "document not in list"}
            items.append(item)
        check = {
            "name": "CUSTOMER_NAME",
            "source_doc": "DELIVERY_ORDER",
            "source_field_name": "customer_name",
            "source_value": f"Invented {flow.number}",
            "target_doc": "INVOICE",
            "target_field_name": "customer_name",
            "target_value": f"Invented {flow.number}",
            "similarity_score": 60 if flow.number % 3 == 2 else 90,
        }
        payload: dict[str, Any] = {"ocr_data": items, "cross_checks": [check]}
        if flow.number % 2:
            payload["flow_uuid"] = flow.flow_uuid
        return payload

    def upload(self, flow: OtherFlow, files: list[dict[str, str]]) -> object:
        flow.uploads.append(files)
        flow.uploaded_at = time.monotonic()
        threading.Thread(target=self.call_back, args=(flow,), daemon=True).start()
        batch_id = f"BATCH-{flow.number:05d}-OTHER-20261123120000"
        if flow.number % 4 == 3:
            return {"batch_id": batch_id}
        return [
            {"batch_id": batch_id, "document_id": file["document_id"], "file_uuid": str(uuid.uuid4())}
            for file in files
        ]

    def call_back(self, flow: OtherFlow) -> None:
        time.sleep(self.seconds * 1.02)
        method = "GET" if flow.number % 2 else "POST"
        auth = urllib.request.Request(
            flow.request["auth_url"], method=method, data=b"{}" if method == "POST" else None
        )
        auth.add_header("Content-Type", "application/json")
        with DIRECT.open(auth, timeout=10) as answer:
            token = json.load(answer)["access_token"]
        body = json.dumps(self.extracts(flow)).encode()
        call = urllib.request.Request(flow.request["callback_url"], data=body, method="POST")
        call.add_header("Content-Type", "application/json")
        call.add_header(*(("Authorization", f"Bearer {token}") if flow.number % 2 else ("Token", token)))
        with DIRECT.open(call, timeout=10) as answer:
            flow.acknowledged = answer.status


def _handler(atlas: OtherAtlas) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, status: int, message: str) -> None:
            self.answer(status, {"error_code": str(status), "error_message": message})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = self.path.removeprefix(PREFIX)
            if call == "/authtoken":
                if (self.headers["Client-Id"], self.headers["Client-Secret"]) != ("other", "quiet"):
                    return self.refuse(401, "Authentication Error: Invalid client_id or client_secret")
                token = uuid.uuid4().hex
                atlas.tokens.add(token)
                return self.answer(201, {"access_token": token, "expires_in": 3600, "refresh_token": "x"})
            if self.headers.get("Token") not in atlas.tokens:
                return self.refuse(401, "Authentication Error: Invalid token")
            value = json.loads(body)
            if call == "/flow/init":
                with atlas.lock:
                    number = len(atlas.flows)
                    name = f"LOS-{uuid.uuid4()}" if number % 2 else str(uuid.uuid4())
                    atlas.flows[name] = OtherFlow(number, name, value, time.monotonic())
                return self.answer(201, {"flow_uuid": name})
            if call == "/multiupload" and value["flow_uuid"] in atlas.flows:
                return self.answer(201, atlas.upload(atlas.flows[value["flow_uuid"]], value["file_urls"]))
            return self.refuse(409, "Resource Conflict: Flow not found")

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers.get("Token") not in atlas.tokens:
                return self.refuse(401, "Authentication Error: Invalid token")
            flow = atlas.flows.get(parse_qs(parts.query).get("flow_uuid", [""])[0])
            if flow is None:
                return self.refuse(409, "Resource Conflict: Flow not found")
            flow.asked.append(time.monotonic())
            return self.answer(200, getattr(atlas, parts.path.removeprefix(f"{PREFIX}/"))(flow))

    return Handler


@contextmanager
def running_other_atlas(seconds: float = 3.0) -> Iterator[OtherAtlas]:
    """An `OtherAtlas` served on a free port, with credentials other/quiet."""
    atlas = OtherAtlas(seconds)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(atlas))
    server.daemon_threads = True
    atlas.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield atlas
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
