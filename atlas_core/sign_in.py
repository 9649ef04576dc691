"""How people are known to the pages, and which roles they have."""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from atlas_core.access import Role
from atlas_core.errors import SettingsError

SECRET_AT_LEAST = 32
GROUP = "group:"
"""Before a name in the file of roles: a group of the sign-in's, not a person."""


class Way(enum.StrEnum):
    """Who tells who somebody is."""

    LOCAL = "local"  # nobody: whoever reaches this machine's own address
    OPENID = "openid"  # the company's OpenID Connect provider
    PROXY = "proxy"  # a reverse proxy that signs people in, by a header


@dataclass(frozen=True, slots=True)
class SignIn:
    """The settings of the sign-in; what the way does not need is empty.

    `ui_url` is the address at which people open the pages, without a slash at its end.
    """

    way: Way
    ui_url: str
    provider: str = ""  # the address of the provider's openid-configuration
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    cookie_secret: str = field(default="", repr=False)
    groups_claim: str = "groups"
    trusts_email: bool = False  # an address is somebody's although the provider does not say that it looked
    proxy: str = ""  # the one address from which the proxy comes
    user_header: str = ""
    groups_header: str = ""

    @property
    def is_encrypted(self) -> bool:
        """Whether people reach the pages by https."""
        return urlsplit(self.ui_url).scheme == "https"


_NEED_A_WAY = (
    "ATLAS_OIDC_CLIENT_ID",
    "ATLAS_OIDC_CLIENT_SECRET",
    "ATLAS_OIDC_GROUPS_CLAIM",
    "ATLAS_OIDC_TRUST_EMAIL",
    "ATLAS_COOKIE_SECRET",
    "ATLAS_PROXY_ADDRESS",
    "ATLAS_PROXY_GROUPS_HEADER",
)
"""Settings that mean a sign-in and do not make one."""
SIGN_IN_NAMES = frozenset({"ATLAS_OIDC_PROVIDER", "ATLAS_PROXY_USER_HEADER", *_NEED_A_WAY})
"""All settings that are read here; which of them depends on the way."""

Text = Callable[[str, str], str]
"""Reads one setting: its name and what holds where it is not set."""


def read_sign_in(text: Text, ui_url: str, ui_address: str) -> SignIn:
    """The sign-in that the settings describe. Raises `SettingsError`."""
    if text("ATLAS_OIDC_PROVIDER", "") and text("ATLAS_PROXY_USER_HEADER", ""):
        raise SettingsError(
            "ATLAS_OIDC_PROVIDER and ATLAS_PROXY_USER_HEADER are both set. People are known in one way: "
            "keep one of them."
        )
    if text("ATLAS_OIDC_PROVIDER", ""):
        return _openid(text, ui_url)
    if text("ATLAS_PROXY_USER_HEADER", ""):
        if text("FORWARDED_ALLOW_IPS", ""):
            raise SettingsError(
                "FORWARDED_ALLOW_IPS is set: it would hide from which address a request really comes, and "
                "with it who may say who somebody is. Remove it."
            )
        proxy = _required(text, "ATLAS_PROXY_ADDRESS", "the address from which the proxy comes")
        try:
            ip_address(proxy)
        except ValueError:
            raise SettingsError(f"ATLAS_PROXY_ADDRESS must be one IP address; it is {proxy!r}.") from None
        return SignIn(
            Way.PROXY,
            ui_url,
            proxy=proxy,
            user_header=text("ATLAS_PROXY_USER_HEADER", ""),
            groups_header=text("ATLAS_PROXY_GROUPS_HEADER", ""),
        )
    half = [name for name in _NEED_A_WAY if text(name, "")]
    if half:
        raise SettingsError(
            f"{', '.join(half)}: set, but neither ATLAS_OIDC_PROVIDER nor ATLAS_PROXY_USER_HEADER is, so "
            "nobody would sign in and everybody could do everything. Set the one that belongs to it, or take "
            "it out."
        )
    if ui_address not in ("localhost", "::1") and not ui_address.startswith("127."):
        raise SettingsError(
            f"ATLAS_UI_ADDRESS is {ui_address}, which others can reach, but nobody signs in. Set up a "
            "sign-in (ATLAS_OIDC_PROVIDER or ATLAS_PROXY_USER_HEADER), or leave the pages at 127.0.0.1."
        )
    return SignIn(Way.LOCAL, ui_url)


def _openid(text: Text, ui_url: str) -> SignIn:
    provider = text("ATLAS_OIDC_PROVIDER", "").rstrip("/")
    for name, address in (("ATLAS_OIDC_PROVIDER", provider), ("ATLAS_UI_URL", ui_url)):
        parts = urlsplit(address)
        is_here = (parts.hostname or "") in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
            raise SettingsError(f"{name} must start with https://, or with http:// on this machine.")
    cookie_secret = _required(text, "ATLAS_COOKIE_SECRET", f"at least {SECRET_AT_LEAST} random characters")
    if len(cookie_secret) < SECRET_AT_LEAST:
        raise SettingsError(
            f"ATLAS_COOKIE_SECRET must have at least {SECRET_AT_LEAST} characters. Make one with: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    known = "/.well-known/openid-configuration"
    return SignIn(
        Way.OPENID,
        ui_url,
        provider=provider if provider.endswith(known) else provider + known,
        client_id=_required(text, "ATLAS_OIDC_CLIENT_ID", "what the provider calls Atlas Desk"),
        client_secret=_required(text, "ATLAS_OIDC_CLIENT_SECRET", "what the provider gave for it"),
        cookie_secret=cookie_secret,
        groups_claim=text("ATLAS_OIDC_GROUPS_CLAIM", "groups"),
        trusts_email=_is_on(text, "ATLAS_OIDC_TRUST_EMAIL"),
    )


def _is_on(text: Text, name: str) -> bool:
    value = text(name, "0")
    if value not in ("0", "1"):
        raise SettingsError(f"{name} must be 0 or 1.")
    return value == "1"


def _required(text: Text, name: str, what: str) -> str:
    value = text(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: {what}. The sign-in needs it.")
    return value


def roles_from(text: str, name: str) -> Mapping[Role, frozenset[str]]:
    """Whom a file of roles names for each role: people in small letters, and groups after `group:`.

    Raises `SettingsError`, whose sentence names the file and the place.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} cannot be read: {error}. Until it can, nobody has a role.") from None
    found: dict[Role, frozenset[str]] = {}
    for word, people in table.items():
        if word not in set(Role):
            raise SettingsError(
                f"{name} names a role that does not exist: {word!r}. There are {', '.join(Role)}."
            )
        if not isinstance(people, list) or not all(isinstance(person, str) for person in people):
            raise SettingsError(
                f'{name}: {word} must be a list of texts, like ["anna@example.com", "group:loan-leads"].'
            )
        found[Role(word)] = frozenset(_folded(person) for person in people)
    return found


def roles_of(named: Mapping[Role, frozenset[str]], who: str, groups: Collection[str]) -> frozenset[Role]:
    """The roles of somebody: by the name that the sign-in vouches for, and by their groups."""
    keys = {GROUP + group.strip() for group in groups}
    if who and not who.startswith(GROUP):
        keys.add(_folded(who))
    return frozenset(role for role, people in named.items() if not people.isdisjoint(keys))


def read_roles(path: Path) -> Mapping[Role, frozenset[str]]:
    """The file of roles as it stands now; where there is none, nobody has a role. Raises `SettingsError`."""
    try:
        return roles_from(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path.name} cannot be read ({type(error).__name__}). Until it can, nobody has a role."
        ) from None


def _folded(person: str) -> str:
    name = person.strip()
    return name if name.startswith(GROUP) else name.casefold()
