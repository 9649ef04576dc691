"""A `requests.Session` for one Atlas: no redirects, no cookies, nothing from the environment."""

from __future__ import annotations

import ssl
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from atlas_core.api.sockets import EXCHANGE, POOLS
from atlas_core.errors import SettingsError


def make_session(base_url: str, *, proxy: str | None, ca_bundle: Path | None, pool: int) -> requests.Session:
    """A session that can reach `base_url` alone. Raises SettingsError for an unreadable `ca_bundle`."""
    session = QuietSession()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.adapters.clear()
    session.mount(base_url, AtlasAdapter(base_url, proxy, ca_bundle, pool))
    return session


class QuietSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where it may not follow, a session reads a redirect's body whole to plan a step."""


class AtlasAdapter(HTTPAdapter):
    """One pool, for one Atlas, with its certificate authorities read once."""

    def __init__(self, base_url: str, proxy: str | None, ca_bundle: Path | None, pool: int) -> None:
        tls: dict[str, Any] = {}
        if base_url.startswith("https"):
            tls["ssl_context"] = _tls_context(ca_bundle)
        super().__init__(pool_maxsize=pool, max_retries=0)
        manager = self.proxy_manager_for(proxy, **tls) if proxy else self.poolmanager
        manager.pool_classes_by_scheme = POOLS
        self._pool = manager.connection_from_url(base_url, tls)
        self._is_forwarded = bool(proxy) and not tls

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> Any:
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing to add: the pool's context demands a certificate and holds the authorities."""

    def request_url(self, request: requests.PreparedRequest, *_args: Any) -> str:
        return str(request.url) if self._is_forwarded else request.path_url

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        exchange = EXCHANGE.get()
        exchange.sent = False
        exchange.reused = True  # until the connection has to connect
        return super().send(*args, **kwargs)

    def close(self) -> None:
        self._pool.close()
        super().close()


def _tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_bundle or DEFAULT_CA_BUNDLE_PATH))
    except (OSError, ssl.SSLError):
        raise SettingsError("ATLAS_CA_BUNDLE must be a readable file of certificates (PEM).") from None
