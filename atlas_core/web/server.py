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
import secrets
import socket
from collections.abc import AsyncIterator, Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_core.settings import Settings, load_settings
from atlas_core.sign_in import SignIn, Way
from atlas_core.web.destinations import CALLBACK, KeepDestination
from atlas_core.web.people import BROWSER_COOKIE
from atlas_core.web.unforeseen import keep_texts_out_of_the_log

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HEALTH = "/_stcore/health"
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
    settings = load_settings()
    return [
        Middleware(
            Guard, allowed=allowed_hosts(settings), policy=content_policy(settings), sign_in=settings.sign_in
        ),
        Middleware(KeepDestination, is_encrypted=settings.sign_in.is_encrypted),
    ]


def secrets_of_sign_in() -> dict[str, dict[str, object]] | None:
    """What Streamlit needs to sign people in at the company's provider; None where it is not asked."""
    sign_in = load_settings().sign_in
    if sign_in.way is not Way.OPENID:
        return None
    return {
        "auth": {
            "redirect_uri": sign_in.ui_url + CALLBACK,
            "cookie_secret": sign_in.cookie_secret,
            "client_id": sign_in.client_id,
            "client_secret": sign_in.client_secret,
            "server_metadata_url": sign_in.provider,
        }
    }


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


def content_policy(settings: Settings) -> str:
    """The Content-Security-Policy: this host alone, of inline scripts only Streamlit's own, and pictures of
    documents from the hosts that the settings name."""
    pictures = [f"https://{'*' * host.startswith('.')}{host}" for host in settings.document_hosts]
    if settings.local_atlas:
        pictures.append(settings.local_atlas)
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
            " ".join(["img-src 'self' data: blob:", *pictures]),
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
    if settings.sign_in.way is not Way.LOCAL:
        names.add(_name_of(urlsplit(settings.sign_in.ui_url).netloc))
    if settings.ui_address in ("0.0.0.0", "::"):  # noqa: S104 -- a comparison, not a bind
        # A name can be made to point here by a stranger's DNS; an address in numbers cannot.
        names |= {"*", socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


class Guard:
    """Turns away strangers and puts the protecting headers on every answer."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str], policy: str, sign_in: SignIn) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._proxy = ip_of(sign_in.proxy) if sign_in.way is Way.PROXY else None
        self._is_encrypted = sign_in.is_encrypted
        self._is_local = sign_in.way is Way.LOCAL
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
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
        if self._proxy is not None and _peer(scope) != self._proxy and scope["path"] != HEALTH:
            # Whoever comes past the proxy could claim to be anybody.
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": "past the proxy"})
            else:
                await PlainTextResponse(
                    "Atlas Desk is reached through the server that signs people in.\n", 403
                )(scope, receive, self._protecting(scope, send))
            return
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
                if self._is_local and is_document and BROWSER_COOKIE not in Request(scope).cookies:
                    headers.append("Set-Cookie", _browser_cookie())
                if self._is_encrypted:
                    _mark_secure(message)
                if is_document or scope["path"].startswith("/media/"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return protect


def _peer(scope: Scope) -> IPv4Address | IPv6Address | None:
    """Who is at the other end of the connection.

    Uvicorn puts what a caller on this machine forwards in its place, with port 0.
    """
    host, port = scope.get("client") or ("", 1)
    return ip_of(host if port else "127.0.0.1")


def ip_of(text: str) -> IPv4Address | IPv6Address | None:
    """An address in numbers; one of this machine in one spelling."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return ipaddress.ip_address("127.0.0.1") if address.is_loopback else address


def _mark_secure(message: Message) -> None:
    """Streamlit's cookies lack it behind a proxy that speaks https for them."""
    message["headers"] = [
        (name, value + b"; Secure")
        if name.lower() == b"set-cookie" and b"secure" not in value.lower().split(b";", 1)[-1]
        else (name, value)
        for name, value in message["headers"]
    ]


def _browser_cookie() -> str:
    """Tells one browser from another until it is closed; says nothing of anybody."""
    return f"{BROWSER_COOKIE}={secrets.token_urlsafe(12)}; Path=/; HttpOnly; SameSite=Strict"


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
