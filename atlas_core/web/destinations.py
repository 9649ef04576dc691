"""Where somebody was when they went to sign in: they come back there, and not to the start."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "atlas_desk_destination"
LOGIN, CALLBACK = "/auth/login", "/oauth2callback"
KEPT_SECONDS = 600
_LONGEST = 1500


class KeepDestination:
    """Notes the page from which somebody goes to sign in, and leads there when they return.

    Only a path of this very server is ever led to. `is_encrypted`: whether people come by https.
    """

    def __init__(self, app: ASGIApp, *, is_encrypted: bool) -> None:
        self._app = app
        self._secure = "; Secure" if is_encrypted else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in (LOGIN, CALLBACK):
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start" and 300 <= message["status"] < 400:
                headers = MutableHeaders(scope=message)
                if scope["path"] == LOGIN:
                    headers.append(
                        "Set-Cookie", self._cookie(_page_of(asked.get("referer", "")), KEPT_SECONDS)
                    )
                else:
                    headers["location"] = _noted(asked.get("cookie", "")) or headers["location"]
                    headers.append("Set-Cookie", self._cookie("/", 0))
            await send(message)

        await self._app(scope, receive, keep)

    def _cookie(self, page: str, seconds: int) -> str:
        kept = f"{COOKIE}={quote(page, safe='')}; Path=/; Max-Age={seconds}"
        return f"{kept}; HttpOnly; SameSite=Lax{self._secure}"


def _page_of(referer: str) -> str:
    try:
        parts = urlsplit(referer)
    except ValueError:
        return "/"
    page = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return page if _is_of_this_server(page) else "/"


def _noted(cookie: str) -> str | None:
    try:
        kept = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return None
    page = unquote(kept.value) if kept else ""
    return page if _is_of_this_server(page) else None


def _is_of_this_server(page: str) -> bool:
    """Whether no browser would take it for the address of another server, or of another line."""
    is_plain = page.isascii() and page.isprintable() and "\\" not in page and len(page) < _LONGEST
    return is_plain and page.startswith("/") and not page.startswith("//")
