"""Who the person of a session is, asked anew at every run, and the screen for whoever is nobody yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from atlas_core.access import Role, User
from atlas_core.books.sign_ins import IDLE_MS, Ended, end_sign_in, see_sign_in
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, BookMissing, NotAllowed, SettingsError
from atlas_core.settings import Settings
from atlas_core.sign_in import Way, read_roles, roles_of
from atlas_core.web import loaders
from atlas_core.web.parts import show_empty
from atlas_core.web.people import local_user
from atlas_core.web.words import markdown_safe

LOOK_EVERY = "20s"
_SEEN_AT = "seen_at"
_ENDED = {
    Ended.SIGNED_OUT: "You have signed out.",
    Ended.IDLE: "Nobody used this page for 15 minutes, so it was closed. Nothing that was saved is lost.",
    Ended.TEN_HOURS: "A sign-in lasts 10 hours at most, and this one is over.",
    Ended.BY_PROVIDER: "Your company's sign-in has run out.",
}


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the sign-in says of somebody, before roles are looked up."""

    who: str
    name: str
    groups: tuple[str, ...]
    sign_in: str  # a hash
    began_at: int
    ends_at: int | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person of a session, or why there is none."""

    user: User | None
    sentence: str = ""


def visitor(*, is_active: bool = True) -> Visitor:
    """Who looks, with the roles they have at this moment. `is_active` false asks without counting as use."""
    settings = loaders.desk_settings()
    way = settings.sign_in.way
    if way is Way.LOCAL:
        return Visitor(local_user())
    claim = _openid_claim(settings) if way is Way.OPENID else _proxy_claim(settings)
    if isinstance(claim, str):
        return Visitor(None, claim)
    found = _known(claim, settings, is_active=is_active)
    if way is Way.PROXY and found.user is not None:
        return _seen_through_proxy(found.user, is_active)
    return found


def _known(claim: _Claim, settings: Settings, *, is_active: bool) -> Visitor:
    """Who that is now: roles and sign-ins are looked up anew. Also outside a session."""
    try:
        named = read_roles(settings.roles_file)
    except SettingsError as error:
        return Visitor(None, str(error))
    roles = roles_of(named, claim.who, claim.groups)
    user = _user(claim, roles)
    if settings.sign_in.way is Way.OPENID:
        try:
            # Somebody without a role does nothing here that a log should keep.
            ended = see_sign_in(
                loaders.desk(),
                claim.sign_in,
                user,
                began_at=claim.began_at,
                ends_at=claim.ends_at,
                is_active=is_active and bool(roles),
            )
        except BookMissing:
            ended = None  # there is nothing to see yet, and the page says so
        except BookError as error:
            return Visitor(None, str(error))
        if ended is not None:
            return Visitor(None, _ENDED[ended])
    return Visitor(user) if roles else Visitor(None, _no_role(user, settings))


def _as_now(claim: _Claim) -> User:
    found = _known(claim, loaders.desk_settings(), is_active=True)
    if found.user is None:
        raise NotAllowed(f"Nothing was done. {found.sentence}")
    return found.user


def require_user() -> User:
    """The person of this session. Every page asks first, before it shows anything, and whatever acts for
    somebody asks again: nobody gets further without a sign-in, where one is set up, and without a role."""
    found = visitor()
    if found.user is None:
        show_sign_in(found.sentence)
        st.stop()
    return found.user


def show_sign_in(sentence: str) -> None:
    """The whole screen of somebody who is not signed in, or no longer."""
    way = loaders.desk_settings().sign_in.way
    show_empty("Sign in", sentence, icon=":material/lock:")
    with st.container(horizontal=True, horizontal_alignment="center"):
        if way is Way.OPENID:
            st.button(
                "Sign in with your company account",
                type="primary",
                icon=":material/login:",
                on_click=st.login,
            )
        elif way is Way.PROXY and _SEEN_AT in st.session_state:
            st.button("Go on", type="primary", on_click=lambda: st.session_state.pop(_SEEN_AT, None))


def show_who(user: User) -> None:
    """Who is signed in, in which role, and the way out."""
    roles = ", ".join(role for role in Role if role in user.roles)
    st.caption(
        f"{markdown_safe(user.name)} · {roles}"
        if user.is_signed_in
        else f"{user.name} · {user.who}, not signed in"
    )
    if loaders.desk_settings().sign_in.way is Way.OPENID:
        st.button("Sign out", icon=":material/logout:", type="tertiary", on_click=_sign_out)


def close_when_over() -> None:
    """Closes a page that is left open when its sign-in ends, where people sign in."""
    if loaders.desk_settings().sign_in.way is not Way.LOCAL:
        _look_whether_over()


@st.fragment(run_every=LOOK_EVERY)
def _look_whether_over() -> None:
    """Runs by itself, and is no use of the page."""
    if visitor(is_active=False).user is None:
        st.rerun()


def _sign_out() -> None:
    settings = loaders.desk_settings()
    claim = _openid_claim(settings)
    if not isinstance(claim, str):
        user = _user(claim, frozenset())
        end_sign_in(loaders.desk(), claim.sign_in, user, Ended.SIGNED_OUT, began_at=claim.began_at)
    st.logout()


def _user(claim: _Claim, roles: frozenset[Role]) -> User:
    return User(
        claim.who,
        claim.name,
        roles,
        is_signed_in=True,
        session=claim.sign_in[:12],
        as_now=partial(_as_now, claim),
    )


def _openid_claim(settings: Settings) -> _Claim | str:
    told: Mapping[str, Any] = st.user.to_dict()
    if not told.get("is_logged_in"):
        return "Atlas Desk shows papers of your customers. Sign in to see them."
    email, subject, began = told.get("email"), told.get("sub"), told.get("iat")
    if not isinstance(subject, str) or not subject or not isinstance(began, int):
        return "Your company's sign-in did not say who you are or since when. Ask whoever runs Atlas Desk."
    # Who may write any address into their own profile is known by what the provider itself calls them.
    is_vouched = settings.sign_in.trusts_email or told.get("email_verified") in (True, "true")
    who = email if isinstance(email, str) and email and is_vouched else subject
    groups = told.get(settings.sign_in.groups_claim) or ()
    ends = told.get("exp")
    parts = [told.get(name) for name in ("iss", "sub", "iat", "nonce", "at_hash", "jti", "sid")]
    return _Claim(
        who=who.casefold(),
        name=str(told.get("name") or who),
        groups=(groups,) if isinstance(groups, str) else tuple(str(group) for group in groups),
        sign_in=hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest(),
        began_at=began * 1000,
        ends_at=ends * 1000 if isinstance(ends, int) else None,
    )


def _proxy_claim(settings: Settings) -> _Claim | str:
    names = st.context.headers.get_all(settings.sign_in.user_header)
    if len(names) != 1 or not names[0].strip():
        return (
            "The server in front of Atlas Desk did not say, or said more than once, who you are. Open the "
            "address that people use, or ask whoever runs Atlas Desk."
        )
    who = names[0].strip()
    listed = (
        st.context.headers.get_all(settings.sign_in.groups_header) if settings.sign_in.groups_header else []
    )
    groups = tuple(group.strip() for text in listed for group in text.split(",") if group.strip())
    session = hashlib.sha256(who.encode()).hexdigest()
    return _Claim(who.casefold(), who, groups, session, 0, None)


def _seen_through_proxy(user: User, is_active: bool) -> Visitor:
    """The proxy keeps the sign-in; here a page that nobody uses is only closed."""
    now = now_ms()
    if now - st.session_state.setdefault(_SEEN_AT, now) >= IDLE_MS:
        return Visitor(None, _ENDED[Ended.IDLE])
    if is_active:
        st.session_state[_SEEN_AT] = now
    return Visitor(user)


def _no_role(user: User, settings: Settings) -> str:
    return (
        f"You are known as {user.who}, but have no role here yet. Ask whoever runs Atlas Desk to add you to "
        f"{settings.roles_file.name}."
    )
