"""Filter ⇄ address: the same words in the page's address, a saved view and the command line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlencode

from atlas_core.errors import InputError
from atlas_core.insight.finding import FlowFilter

FIND, WORDS, REASON, SINCE, UNTIL = "find", "words", "reason", "since", "until"
SORT, AFTER = "sort", "after"
NONE = "none given"
"""How an address asks for flows that have no status yet, or documents without a type."""

_DAY_MS = 86_400_000
_VALUES_AT_MOST = 50
_LENGTH_AT_MOST = 300
# A facet's name in the address, and in the filter.
_LISTS = {
    "outcome": "outcomes",
    "status": "statuses",
    "product": "products",
    "type": "types",
    "code": "codes",
    "check": "checks",
    "dealer": "dealers",
}
_MAY_LACK = ("status", "type")
NAMES = frozenset({FIND, WORDS, REASON, SINCE, UNTIL, *_LISTS})
"""What in an address tells which flows; `sort` and `after` tell how they are shown."""


def filter_of(address: Mapping[str, Sequence[str]]) -> FlowFilter:
    """The filter in an address's parameters; those of another meaning are passed over.

    `since` and `until` are days of UTC, both included, or moments in milliseconds since 1970. Raises
    `InputError` where one of them is neither.
    """
    lists = {
        field: tuple(
            None if text == NONE and name in _MAY_LACK else text[:_LENGTH_AT_MOST]
            for text in list(dict.fromkeys(address.get(name, ())))[:_VALUES_AT_MOST]
            if text
        )
        for name, field in _LISTS.items()
    }
    return FlowFilter(
        text=_one(address, FIND)[:_LENGTH_AT_MOST].strip(),
        words=_one(address, WORDS)[:_LENGTH_AT_MOST].strip(),
        created_from=_moment(SINCE, _one(address, SINCE)),
        created_to=_moment(UNTIL, _one(address, UNTIL), ends=True),
        attention=_one(address, REASON) or None,
        **lists,  # type: ignore[arg-type]  # those that may hold None are the filter's that may
    )


def address_of(wanted: FlowFilter) -> dict[str, list[str]]:
    """The parameters that `filter_of` reads as this filter."""
    address = {
        name: [NONE if text is None else text for text in getattr(wanted, field)]
        for name, field in _LISTS.items()
    }
    address[FIND], address[WORDS] = [wanted.text], [wanted.words]
    address[REASON] = [wanted.attention or ""]
    address[SINCE] = ["" if wanted.created_from is None else _day(wanted.created_from, 0)]
    address[UNTIL] = ["" if wanted.created_to is None else _day(wanted.created_to, _DAY_MS)]
    return {name: texts for name, texts in address.items() if texts and texts != [""]}


def address_text(wanted: FlowFilter) -> str:
    """The filter as the query of an address, without its question mark."""
    return urlencode(address_of(wanted), doseq=True)


def read_address(text: str) -> FlowFilter:
    """The filter in a copied link, or in the query of one. Raises `InputError`."""
    link, mark, query = text.strip().partition("?")
    query = query if mark or "://" in link else link
    try:
        address = parse_qs(query, max_num_fields=200)
    except ValueError:
        raise InputError("The filter has too many parts to be an address of Results.") from None
    unknown = sorted(set(address) - NAMES - {SORT, AFTER})
    if unknown or (query and not address):
        what = ", ".join(unknown) or query
        raise InputError(f"The filter is not an address of Results: it says {what!r}. Copy it from the page.")
    return filter_of(address)


def day_of(at: int) -> str:
    """The UTC day of a moment in milliseconds, as an address has it."""
    return dt.datetime.fromtimestamp(at / 1000, tz=dt.UTC).date().isoformat()


def moment_of(text: str | None, *, ends: bool = False) -> int | None:
    """The moment, in milliseconds, at which a UTC day of the address begins (or `ends`), or that it names
    itself; None where it is neither."""
    if text and text.isascii() and text.isdigit() and 9 <= len(text) < 15:
        return int(text)
    try:
        day = dt.datetime.strptime(text or "", "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1000 + _DAY_MS * ends


def _one(address: Mapping[str, Sequence[str]], name: str) -> str:
    texts = address.get(name, ())
    return texts[-1] if texts else ""


def _moment(name: str, text: str, *, ends: bool = False) -> int | None:
    if not text:
        return None
    moment = moment_of(text, ends=ends)
    if moment is None:
        raise InputError(f"'{name}' in the address must be a day like 2026-11-23; it is {text!r}.")
    return moment


def _day(moment: int, day_ms: int) -> str:
    if moment % _DAY_MS or moment < day_ms:
        return str(moment)
    return day_of(moment - day_ms)
