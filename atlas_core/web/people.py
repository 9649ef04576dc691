"""Who sits at a browser, as long as nobody signs in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace

import streamlit as st

from atlas_core.access import LOCAL, User
from atlas_core.web.downloads import BROWSER_COOKIE

_TOKEN = "browser_token"  # noqa: S105 -- a key of the session's state


def local_user() -> User:
    """The local user at this browser: two browsers are two people, who judge and hold cases apart, and one
    browser stays the same person when its page is loaded again."""
    token = st.context.cookies.get(BROWSER_COOKIE)
    if not isinstance(token, str) or not token:  # a browser that keeps no cookies is anew with each load
        token = str(st.session_state.setdefault(_TOKEN, secrets.token_urlsafe(12)))
    browser = hashlib.sha256(token.encode()).hexdigest()[:12]
    return replace(LOCAL, who=f"{LOCAL.who}-{browser[:4]}", session=browser)
