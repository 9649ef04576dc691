"""Texts that want to be more than text, and books that hold them wherever the outside world can put one."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from atlas_core.books import store
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import CrossCheck, Document, Field, FlowStatus, Result
from tests.made_books import DONE, MINUTE, MadeBooks, add_flow, submit
from tests.mirrored import follow

ICON, COLOURED = "skull", "OWNED"
WHOLE_FLOW = "LOS-hostile-whole"


def hostile_texts(canary: str) -> tuple[str, ...]:
    """Twenty of them; whatever they could load lies at `canary`."""
    return (
        f"<img src={canary}/a onerror=alert(1)>",
        f"<script src={canary}/b></script>",
        f"<svg/onload=fetch('{canary}/c')>",
        f"![x]({canary}/d.png)",
        f"[click me]({canary}/e)",
        "[click me](javascript:alert(2))",
        f"<{canary}/f>",
        f"{canary}/g plain.link",
        f"[ref][1]\n\n[1]: {canary}/h",
        r"$\href{javascript:alert(3)}{x}$ $$\frac{1}{2}$$",
        f":material/{ICON}: :red-background[{COLOURED}]",
        f":blue-badge[{COLOURED}] :small[{COLOURED}] :skull:",
        "# Heading\n- list\n> quote\n`code`",
        f"</div></main><iframe src='{canary}/i'></iframe>",
        "\u202egnp.exe\u202c \u2066x\u2069\u200b\ufeff",
        "a\x07b\x1b[31mc\x7f\u0085d",
        f'=HYPERLINK("{canary}/j","x")',
        "@SUM(1+1)*cmd|' /C calc'!A0",
        f"<a href='{canary}/k'>shop</a><b>bold</b><br>",
        f'";}}</style><style>@import "{canary}/l"</style>%{{x}}{{{{7*7}}}}',
    )


@dataclass
class Canary:
    """A server nobody must ask; `asked` holds what was."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def listening_canary() -> Iterator[Canary]:
    """A canary on this machine, under a name that is not the pages' own."""
    canary = Canary()

    class Listener(BaseHTTPRequestHandler):
        def _hear(self) -> None:
            canary.asked.append(f"{self.command} {self.path}")
            self.send_response(204)
            self.end_headers()

        do_GET = do_POST = do_HEAD = do_OPTIONS = _hear  # noqa: N815 - the names the library asks for

        def log_message(self, *parts: object) -> None:
            """Quiet: tests look at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.daemon_threads = True
    canary.url = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def fill_with_hostile_texts(books: MadeBooks, texts: tuple[str, ...]) -> None:
    """A flow for each text, under the text as its application, and one flow that holds all of them."""
    now = now_ms()
    with AtlasWriter(books.atlas) as writer:
        for number, text in enumerate(texts):
            running = number % 4 == 3
            add_flow(
                writer,
                f"LOS-hostile-{number:02d}",
                application_id=text[:64],
                product_type=text,
                created_at=now - (number + 1) * 15 * MINUTE,
                status=FlowStatus("SUCCESS", text, text, text) if running else DONE,
                result=None if running else _result(f"LOS-hostile-{number:02d}", (text,)),
            )
        add_flow(
            writer,
            WHOLE_FLOW,
            application_id="LOAN-WHOLE",
            created_at=now - MINUTE,
            result=_result(WHOLE_FLOW, texts),
            by_callback=True,
        )
        follow(writer, books.atlas)
        writer.write(store.record_state, "worker", texts[3], texts[0], now=now - 20 * MINUTE)
        writer.write(store.record_state, "atlas", texts[5], texts[3], now=now)
    for text in texts:
        submit(books, application_id=text[:64], now=now)


def _result(flow_uuid: str, texts: tuple[str, ...]) -> Result:
    documents = tuple(
        Document(
            position,
            text,
            text if position % 2 else "DELIVERY_ORDER",
            "" if position % 3 == 2 else text,
            "" if position % 3 == 2 else text,
            (Field("dealer_name", text, "text", 0.9), Field(text, text, "text", 0.4)),
        )
        for position, text in enumerate(texts)
    )
    checks = tuple(
        CrossCheck(
            position, text, text, text, text, text, text, f"{text} else", 12.0 if position % 2 else 95.0
        )
        for position, text in enumerate(texts)
    )
    canonical = json.dumps({"flow_uuid": flow_uuid, "texts": texts}).encode()
    return Result(
        flow_uuid=flow_uuid,
        application_id=None,
        documents=documents,
        cross_checks=checks,
        flags=(),
        canonical=canonical,
        digest=hashlib.sha256(canonical).hexdigest(),
        size=len(canonical),
    )
