"""What every request of a browser passes: who may connect, what may be loaded, and who may keep it.

Plain ASGI, so that nothing is buffered. No answer is kept by a browser or a proxy, for the pages speak of
people's papers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_core.sign_in import SignIn, Way
from atlas_core.web.downloads import BROWSER_COOKIE, FOLDER, Downloads, is_cookie, new_cookie

HEALTH = "/_stcore/health"
ENDPOINTS = (HEALTH, "/_stcore/host-config", "/_stcore/stream", "/_stcore/upload_file")
"""What the pages need of Streamlit's own addresses; the others do not exist."""
CLOSED = ("/app/", "/component/")
KEPT = "/static/"
"""Scripts and fonts of Streamlit, which hold nothing of ours: a browser may keep them."""

_THIS_MACHINE = ipaddress.ip_address("127.0.0.1")


class Guard:
    """Turns away strangers and puts the protecting headers on every answer.

    Where nobody signs in, only this machine itself may connect; where a proxy signs people in, only that.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str], policy: str, sign_in: SignIn) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._is_local = sign_in.way is Way.LOCAL
        self._proxy = ip_of(sign_in.proxy) if sign_in.way is Way.PROXY else None
        self._is_encrypted = sign_in.is_encrypted
        self._downloads = Downloads()
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }
        if self._is_encrypted:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._refusal(scope) or self._app
            await answer(scope, receive, self._protecting(scope, send))
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        path = scope["path"]
        stranger = self._stranger(scope)
        if stranger:
            return PlainTextResponse(f"{stranger}\n", 403)
        if not self._knows(Headers(scope=scope).get("host", "")):
            return PlainTextResponse(
                "Atlas Desk does not answer to this name. Open it under the address it printed at its start, "
                "or set ATLAS_UI_ADDRESS to the name people use.\n",
                421,
            )
        is_hidden = "/_stcore/" in path and not path.startswith(ENDPOINTS)
        is_foreign = path.startswith(FOLDER) and not self._downloads.may_fetch(_cookie_of(scope), path)
        if is_hidden or is_foreign or path.startswith(CLOSED):
            return PlainTextResponse("Not found\n", 404)
        return None

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        is_ours = self._knows(host) and _same_origin(headers.get("origin"), host)
        if not is_ours or self._stranger(scope) or not scope["path"].startswith(ENDPOINTS):
            await send({"type": "websocket.close", "code": 1008, "reason": "another origin"})
            return
        cookie = _cookie_of(scope)
        if cookie is None:
            await self._app(scope, receive, send)
            return

        async def note(message: Message) -> None:
            self._downloads.note(cookie, message.get("bytes") or b"")
            await send(message)

        self._downloads.connect(cookie)
        try:
            await self._app(scope, receive, note)
        finally:
            self._downloads.disconnect(cookie)

    def _stranger(self, scope: Scope) -> str:
        """Why this connection is refused whatever it asks; empty where it is not."""
        server = scope.get("server")
        if self._is_local and server is not None and ip_of(server[0]) != _THIS_MACHINE:
            return "Nobody signs in, so Atlas Desk answers this machine alone."
        # Whoever comes past the proxy could claim to be anybody.
        if self._proxy is not None and _peer(scope) != self._proxy and scope["path"] != HEALTH:
            return "Atlas Desk is reached through the server that signs people in."
        return ""

    def _knows(self, host: str) -> bool:
        name = name_of(host)
        return name in self._allowed or ("*" in self._allowed and _is_numeric(name))

    def _protecting(self, scope: Scope, send: Send) -> Send:
        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if not scope["path"].startswith(KEPT) or message["status"] != 200:
                    headers["Cache-Control"] = "no-store"
                # Not with the page: a browser that follows a link from elsewhere keeps its strict cookie to
                # itself on that one request, and a new one would take its open tabs' files away.
                if scope["path"] == "/_stcore/host-config" and _cookie_of(scope) is None:
                    cookie = f"{BROWSER_COOKIE}={new_cookie()}; Path=/; HttpOnly; SameSite=Strict"
                    headers.append("Set-Cookie", cookie)
                if self._is_encrypted:
                    _mark_secure(message)
            await send(message)

        return protect


def _cookie_of(scope: Scope) -> str | None:
    """What tells this browser from others; None where it has nothing that we made."""
    value = cookie_parser("; ".join(Headers(scope=scope).getlist("cookie"))).get(BROWSER_COOKIE)
    return value if is_cookie(value) else None


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
    return _THIS_MACHINE if address.is_loopback else address


def _mark_secure(message: Message) -> None:
    """Streamlit's cookies lack it behind a proxy that speaks https for them."""
    message["headers"] = [
        (name, value + b"; Secure")
        if name.lower() == b"set-cookie" and b"secure" not in value.lower().split(b";", 1)[-1]
        else (name, value)
        for name, value in message["headers"]
    ]


def _same_origin(origin: str | None, host: str) -> bool:
    try:
        parts = urlsplit(origin or "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()


def name_of(host: str) -> str:
    """The name in a Host header, without its port; empty where there is none."""
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
