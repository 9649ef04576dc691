"""What must be so before the first session: where the server listens, what it lets pass, a warm start."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import importlib
import logging
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware

from atlas_core.errors import SettingsError
from atlas_core.settings import Settings, load_settings
from atlas_core.sign_in import Way
from atlas_core.web.destinations import CALLBACK, KeepDestination
from atlas_core.web.guard import Guard, ip_of, name_of
from atlas_core.web.unforeseen import keep_texts_out_of_the_log

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
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
            Guard,
            allowed=allowed_hosts(settings),
            policy=content_policy(document_sources(settings)),
            sign_in=settings.sign_in,
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
    if load_settings().sign_in.way is Way.LOCAL:
        refuse_to_be_reached_by_others()
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
    for listener in _listeners():
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def refuse_to_be_reached_by_others() -> None:
    """Ends the start where the server listens at more than this machine's loopback, for nobody signs in.

    `Guard` holds the same for servers that listen only after their start.
    """
    for listener in _listeners():
        address = listener.getsockname()[0]
        if ip_of(address) != ip_of("127.0.0.1"):
            raise SettingsError(
                f"The pages would listen at {address}, where others can reach them, but nobody signs in. "
                "Set up a sign-in, or let them listen at 127.0.0.1 (ATLAS_UI_ADDRESS)."
            )


def _listeners() -> Iterator[socket.socket]:
    """A copy of every socket at which this process listens."""
    descriptors = Path("/proc/self/fd")
    for entry in list(descriptors.iterdir()) if descriptors.is_dir() else ():
        try:
            copy = os.dup(int(entry.name))
        except OSError:
            continue
        try:
            listener = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            continue
        with listener:
            if listener.family in (socket.AF_INET, socket.AF_INET6) and listener.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                yield listener


def document_sources(settings: Settings) -> list[str]:
    """Where a reader's browser may load documents from: hosts by https, `.name` for all that end so, and an
    Atlas that stands in on this machine."""
    hosts = [f"https://{'*' * host.startswith('.')}{host}" for host in settings.document_hosts]
    return hosts + ([settings.local_atlas] if settings.local_atlas else [])


def content_policy(documents: Sequence[str] = ()) -> str:
    """The Content-Security-Policy: this host alone, and of inline scripts only Streamlit's own.

    Pictures and frames may also come from `documents`, as of `document_sources`.
    """
    sources = "".join(f" {source}" for source in documents)
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
            f"img-src 'self' data: blob:{sources}",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "media-src 'self'",
            "manifest-src 'self'",
            f"frame-src 'self'{sources}",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """The names under which the pages answer; `*` stands for any address written as numbers."""
    names = {*LOOPBACK, settings.ui_address.lower()}
    if settings.sign_in.way is not Way.LOCAL:
        names.add(name_of(urlsplit(settings.sign_in.ui_url).netloc))
    if settings.ui_address in ("0.0.0.0", "::"):  # noqa: S104 -- a comparison, not a bind
        # A name can be made to point here by a stranger's DNS; an address in numbers cannot.
        names |= {"*", socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)
