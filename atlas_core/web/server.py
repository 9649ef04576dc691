"""What surrounds every session: who may connect, what the browser may load, a warm start.

Plain ASGI, so that nothing is buffered. A document is never kept by a browser or a proxy, since it
speaks of people's papers.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import importlib
import ipaddress
import logging
import os
import re
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_core.settings import Settings, load_settings
from atlas_core.web.unforeseen import keep_texts_out_of_the_log

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HIDDEN = ("/_stcore/metrics", "/_stcore/agent")
WARM = (
    "pandas",
    "pyarrow",
    "streamlit.elements.arrow",
    "streamlit.elements.plotly_chart",
    "atlas_core.web.frame",
    "atlas_core.web.distribution_parts",
    "atlas_core.web.error_parts",
    "atlas_core.web.today_parts",
)

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def close_the_pages_door() -> None:
    """Calls `st.navigation` once, before any session.

    Until some session has called it, Streamlit would run a file of `pages/` for a deep link without
    running app.py first, and so without its sign-in.
    """
    log = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        st.navigation([st.Page(lambda: None, url_path="start")])
    finally:
        log.setLevel(level)


def middleware() -> list[Middleware]:
    """What every request passes, outermost first."""
    return [Middleware(Guard, allowed=allowed_hosts(load_settings()), policy=content_policy())]


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Makes the first visit as quick as the next ones, and keeps up what sessions leave behind."""
    answer_without_delay()
    keep_texts_out_of_the_log()
    await asyncio.to_thread(_warm_up)
    from atlas_core.web.upkeep import keep_up  # only now: what it needs takes longest to import

    upkeep = asyncio.create_task(keep_up())
    try:
        yield
    finally:
        upkeep.cancel()


def _warm_up() -> None:
    for name in WARM:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def answer_without_delay() -> None:
    """Turns Nagle's algorithm off for the listening sockets; accepted ones inherit it on Linux.

    The server binds its socket in a way that leaves it on, which costs 40 ms an answer.
    """
    descriptors = Path("/proc/self/fd")
    for entry in list(descriptors.iterdir()) if descriptors.is_dir() else ():
        with contextlib.suppress(OSError):
            copy = os.dup(int(entry.name))
            try:
                listener = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with listener:
                if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and listener.family in (
                    socket.AF_INET,
                    socket.AF_INET6,
                ):
                    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def content_policy() -> str:
    """The Content-Security-Policy: this host alone, and of inline scripts only Streamlit's own."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval' {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "media-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """The names under which the pages answer; `*` stands for any address written as numbers."""
    names = {*LOOPBACK, settings.ui_address.lower()}
    if settings.ui_address in ("0.0.0.0", "::"):  # noqa: S104 -- a comparison, not a bind
        # A name can be made to point here by a stranger's DNS; an address in numbers cannot.
        names |= {"*", socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


class Guard:
    """Turns away strangers and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str], policy: str) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if scope["type"] == "websocket":
            if self._knows(host) and _same_origin(headers.get("origin"), host):
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "another origin"})
            return
        answer = self._app
        if not self._knows(host):
            answer = PlainTextResponse(
                "Atlas Desk does not answer to this name. Open it under the address it printed at its start, "
                "or set ATLAS_UI_ADDRESS to the name people use.\n",
                421,
            )
        elif any(part in scope["path"] for part in HIDDEN):
            answer = PlainTextResponse("Not found\n", 404)
        await answer(scope, receive, self._protecting(scope, send))

    def _knows(self, host: str) -> bool:
        name = _name_of(host)
        return name in self._allowed or ("*" in self._allowed and _is_numeric(name))

    def _protecting(self, scope: Scope, send: Send) -> Send:
        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                is_document = headers.get("content-type", "").startswith("text/html")
                if is_document or scope["path"].startswith("/media/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return protect


def _same_origin(origin: str | None, host: str) -> bool:
    try:
        parts = urlsplit(origin or "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_numeric(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
