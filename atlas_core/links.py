"""What can be told from a document's address without opening it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

_UNREADABLE = ("unreadable address", "")
_TWELVE_DIGITS = re.compile(r"(?<!\d)\d{4}([-_. ]?)\d{4}([-_. ]?)(\d{4})(?!\d)")


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
