"""What can be told from a document's address without opening it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MAX_URL = 8_192

_UNREADABLE = ("unreadable address", "")
_TWELVE_DIGITS = re.compile(r"(?<!\d)\d{4}([-_. ]?)\d{4}([-_. ]?)(\d{4})(?!\d)")
_NUMBERS_ONLY_HOST = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)
_SIGNATURES = frozenset({"x-amz-signature", "x-goog-signature", "signature", "sig"})
_INNER_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine alone."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def split_url(url: str) -> tuple[str, str]:
    """Host (with its port, if one is given) and object name of an address: what may be kept and shown.

    Neither holds a query, a fragment, a user or a password, so never a signature; and of a number of twelve
    digits in the name, as Aadhaar's, only the last four. An address that cannot be taken apart is
    ("unreadable address", "").
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return _UNREADABLE
    if not host:
        return _UNREADABLE
    host = f"[{host}]" if ":" in host else host
    # A parameter section (";jsessionid=…") is no part of the name either.
    name = unquote(parts.path.partition(";")[0]).lstrip("/")
    return (f"{host}:{port}" if port else host), _TWELVE_DIGITS.sub(r"XXXX\1XXXX\2\3", name)


def signature_ends_at(url: str) -> int | None:
    """When a signed address stops working, in milliseconds since 1970 UTC; None where it does not say.

    Reads Amazon's and Google's date and life in seconds, the older `Expires` (seconds since 1970) and
    Azure's `se` (ISO 8601).
    """
    try:
        query = {key.lower(): value for key, value in parse_qsl(urlsplit(url.strip()).query)}
    except ValueError:
        return None
    for family in ("x-amz", "x-goog"):
        if f"{family}-date" in query and f"{family}-expires" in query:
            return _after(query[f"{family}-date"], query[f"{family}-expires"])
    if "expires" in query:
        return _after("19700101T000000Z", query["expires"])
    if "sig" in query and "se" in query:
        return _moment(query["se"])
    return None


def is_signed(url: str) -> bool:
    """Whether the address holds a signature of one of the stores that `signature_ends_at` knows."""
    try:
        query = parse_qsl(urlsplit(url.strip()).query)
    except ValueError:
        return False
    return any(key.lower() in _SIGNATURES for key, _ in query)


def link_problem(text: str, local_atlas: str | None = None, file_hosts: Sequence[str] = ()) -> str | None:
    """Why Atlas must not or cannot be given this address, as a sentence; None where it may.

    Only https to a public host will do, but for `local_atlas`: the one http address of a stand-in on this
    machine. `file_hosts` are the hosts that documents may come from, `.name` for all that end so; without
    any, every host may. Nothing is resolved or fetched.
    """
    if not text:
        return "The document's link is missing."
    if len(text) > MAX_URL:
        return f"The link is longer than {MAX_URL:,} characters."
    if not text.isascii() or any(character <= " " or character in "\\<>\"'`" for character in text):
        return "The link holds a space or another character that links cannot have."
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 -- reading it is the check
    except ValueError:
        return "The link is not a web address."
    if local_atlas and _origin(parts) == _origin(urlsplit(local_atlas)):
        return None
    if parts.scheme != "https":
        return "The link must start with https://."
    if parts.username is not None or parts.password is not None:
        return "The link must not hold a user name or password."
    host = (parts.hostname or "").rstrip(".")
    if not host or ("." not in host and ":" not in host):
        return "The link must name a host that Atlas can reach from outside."
    if not _is_public(host):
        return "The link points inside a private network; Atlas cannot reach it."
    if file_hosts and not _is_among(host, file_hosts):
        return "The link's host is not among those that documents may come from (ATLAS_FILE_HOSTS)."
    return None


def showing_problem(text: str, *, hosts: Sequence[str], local_atlas: str | None = None) -> str | None:
    """Why a reader's browser must not load a document from this address, as a sentence; None where it may:
    from `hosts` (`.name` for all that end so) and from the stand-in on this machine."""
    problem = link_problem(text, local_atlas)
    if problem is not None:
        return problem
    parts = urlsplit(text)
    if (local_atlas and _origin(parts) == _origin(urlsplit(local_atlas))) or (
        parts.port in (None, 443) and _is_among((parts.hostname or "").rstrip("."), hosts)
    ):
        return None
    return (
        "This document's host is not among those that documents may be shown from (ATLAS_DOCUMENT_HOSTS). "
        "Ask whoever runs Atlas Desk."
    )


def sending_problem(
    text: str, *, now: int, local_atlas: str | None = None, file_hosts: Sequence[str] = ()
) -> str | None:
    """As `link_problem`, and where the link has run out by `now`, in milliseconds since 1970."""
    problem = link_problem(text, local_atlas, file_hosts)
    ends_at = signature_ends_at(text) if problem is None else None
    if ends_at is not None and ends_at <= now:
        return "This link has run out; Atlas will not be able to open it. Make a new one."
    return problem


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _is_among(host: str, hosts: Sequence[str]) -> bool:
    host = host.lower()
    return any(host == one or (one[0] == "." and host.endswith(one)) for one in hosts)


def _is_public(host: str) -> bool:
    if host == "localhost" or host.endswith(_INNER_NAMES):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # Decimal, octal and hexadecimal spellings of an address are names to us but addresses to others.
        return not _NUMBERS_ONLY_HOST.fullmatch(host)


def _after(start: str, seconds: str) -> int | None:
    begun = _moment(start)
    if begun is None or not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 11):
        return None
    return begun + int(seconds) * 1000


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
