"""Personal numbers and signed addresses, cut before anything is written.

Aadhaar numbers keep their last four digits (`XXXX XXXX 1234`). They are found

- by pattern and check digit, anywhere in a text: twelve digits of any script, written together, in fours
  with any mark between them, or, where no further digits stand beside them, in any grouping by spaces,
  dashes, dots or invisible characters;
- by the name of their field, then whatever the check digit says.

A longer unbroken run of digits (an IMEI of 15, a loan number of 16) is never cut. Of other numbers of
twelve digits one in ten has a right Verhoeff check digit by chance: such a loan number is masked too, for a
leaked number is worse than a hidden one. First digits 0 and 1 are never issued, yet masked like the others.
UUIDs are left whole, and so is an Indian telephone number written with `+91` and a space or dash.

Addresses keep host and object name; their query, fragment, user and password are cut, for any of them may
hold a signature.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import quote

from atlas_core.api.verhoeff import has_check_digit
from atlas_core.links import split_url

HIDDEN = "XXXX XXXX "
"""What stands before the last four digits of a number that was cut."""

_KEPT = 4
_FEWEST_DIGITS = 9  # in a field that is named for the number: a date has 8
_SHORT = 40  # longer texts in such a field are addresses or sentences, not a number read badly
_ROUNDS = 8
_LONGEST_KNOWN = 64  # characters of a key that is remembered

# Spaces, dashes and dots of all kinds, and what cannot be seen: soft hyphen, joiners, direction marks,
# variation selectors, keycaps and the replacement character.
_SEPARATOR = (
    r"[\s.\-\u00ad\u00b7\u034f\u061c\u180e\u200b-\u200f\u2010-\u2015\u2022\u202a-\u202e\u2060-\u206f\u20e3\u2212"
    r"\ufe00-\ufe0f\ufe58\ufe63\ufeff\uff0d\uff0e\ufffd]"
)
_GAP = rf"(?:[\W_]|{_SEPARATOR}{{2,5}})?"
_TWELVE_OR_MORE = re.compile(r"\d(?:[\W_]{0,5}\d){11}")
_RUN = re.compile(rf"\d+(?:{_SEPARATOR}{{1,5}}\d+)*")
_FOURS = re.compile(rf"(?<!\d)(?=(\d{{4}}{_GAP}\d{{4}}{_GAP}\d{{4}})(?!\d))")
_INDIAN_PHONE = re.compile(r"(?<=\+)91[\s.-]{1,5}[6-9]")
_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])", re.IGNORECASE)

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]{1,20}://)[^\s\"'<>\\^`{|}]+", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"(X-(?:Amz|Goog)-(?:Signature|Credential|Security-Token)|Signature|\bsig)=(?!cut\b)[^\s&\"'<>]+",
    re.IGNORECASE,
)

_NAMES_AADHAAR = re.compile(
    r"adha+r|\u0906\u0927\u093e\u0930|(?:^|[^a-z])uid(?:ai)?(?:[^a-z]?(?:no|num|number|value))?$",
    re.IGNORECASE,
)


def is_aadhaar(text: str) -> bool:
    """Whether a whole text, separators aside, is an Aadhaar number that can have been issued."""
    digits = _digits(text)
    return (
        len(digits) == 12
        and digits[0] > 1
        and not any(character.isalpha() for character in text)
        and has_check_digit(digits)
    )


def names_aadhaar(name: str) -> bool:
    """Whether a field of this name holds Aadhaar numbers."""
    return _NAMES_AADHAAR.search(name) is not None


def mask_text(text: str) -> tuple[str, int]:
    """The text without Aadhaar numbers and signatures, and how many were cut.

    Masking a second time changes nothing.
    """
    return _mask_until_stable(text, checked=True)


def mask_aadhaar_value(text: str) -> tuple[str, int]:
    """The value of a field that is named for Aadhaar numbers, and how many were cut.

    The check digit does not matter, and a short value with nine digits or more, a number read badly, keeps
    only its last four.
    """
    masked, cuts = _mask_until_stable(text, checked=False)
    if len(masked) > _SHORT or "://" in masked or _UUID.search(masked):
        return masked, cuts
    places = [place for place, character in enumerate(masked) if character.isdecimal()]
    if len(places) < _FEWEST_DIGITS:
        return masked, cuts
    kept = places[-_KEPT]
    hidden = "".join("X" if character.isalnum() else character for character in masked[:kept])
    return hidden + masked[kept:], cuts + 1


def mask_value(value: object) -> tuple[object, int]:
    """A JSON value without Aadhaar numbers and signatures, and how many were cut.

    Texts, keys and whole numbers are searched, at any depth. A number that has to be masked becomes a text.
    Keys that look alike once masked are all kept, the later ones with a number behind them.
    """
    walk = _Walk()
    return walk.mask(value, named=False), walk.cuts


def keep_renamed(kept: dict[str, object], renamed: list[tuple[str, str, object]]) -> None:
    """Adds (old key, new key, member) to `kept`; a new key that is taken gets a number: `key (2)`.

    In the order of the old keys, for the order in which they came must not show in what is kept.
    """
    numbers: dict[str, int] = {}
    for _, key, member in sorted(renamed, key=lambda entry: entry[0]):
        free = key
        while free in kept:
            numbers[key] = numbers.get(key, 1) + 1
            free = f"{key} ({numbers[key]})"
        kept[free] = member


class _Walk:
    """One walk over one value, counting what it cuts."""

    def __init__(self) -> None:
        self.cuts = 0

    def mask(self, value: object, named: bool) -> object:
        kind = type(value)
        if kind is dict:
            return self.mask_object(value, named)  # type: ignore[arg-type]
        if kind is list:
            return [self.mask(item, named) for item in value]  # type: ignore[attr-defined]
        if isinstance(value, str):
            return self.mask_string(value, named)
        if (kind is float or kind is int) and 1e8 <= abs(value) < 1e19:  # type: ignore[arg-type]
            return self.mask_number(value, named)  # type: ignore[arg-type]
        return value

    def mask_object(self, members: dict[str, object], named: bool) -> dict[str, object]:
        kept: dict[str, object] = {}
        renamed: list[tuple[str, str, object]] = []
        about = "name" in members and _is_name(members["name"])
        for key, member in members.items():
            masked_key, key_named, label = _KNOWN_KEYS.get(key) or _look_at(key)
            if named:
                masked_key = mask_aadhaar_value(key)[0]
            is_named = named or key_named
            if label is not None and not is_named:
                is_named = about or _is_name(members.get(label))
            masked = self.mask(member, is_named)
            if masked_key == key:
                kept[key] = masked
            else:
                renamed.append((key, masked_key, masked))
        if renamed:
            self.cuts += len(renamed)
            keep_renamed(kept, renamed)
        return kept

    def mask_string(self, text: str, named: bool) -> str:
        if len(text) < _FEWEST_DIGITS or not (named or _is_suspect(text)):
            return text
        masked, cuts = mask_aadhaar_value(text) if named else mask_text(text)
        self.cuts += cuts
        return type(text)(masked) if cuts else text

    def mask_number(self, value: int | float, named: bool) -> object:
        text = str(int(value))
        masked, cuts = mask_aadhaar_value(text) if named else mask_text(text)
        self.cuts += cuts
        return masked if cuts else value


class _Key(NamedTuple):
    """What there is to know of a key: itself masked, whether it names Aadhaar numbers, and the key of the
    member beside it that may name them."""

    masked: str
    is_named: bool
    label: str | None


def _look_at(key: str) -> _Key:
    label = f"{key[:-5]}field_name" if key.endswith("value") else None
    seen = _Key(mask_text(key)[0], names_aadhaar(key), label)
    if (
        len(_KNOWN_KEYS) < 1_000
        and len(key) <= _LONGEST_KNOWN
        and key.isidentifier()
        and not any(map(str.isdecimal, key))
    ):
        _KNOWN_KEYS[key] = seen
    return seen


_KNOWN_KEYS: dict[str, _Key] = {}
"""The same few words come in every payload. No key with a digit is remembered."""


def _is_name(value: object) -> bool:
    return isinstance(value, str) and names_aadhaar(value)


def _is_suspect(text: str) -> bool:
    return "://" in text or "=" in text or _may_hold_number(text)


def _may_hold_number(text: str) -> bool:
    # Most texts are ASCII with few digits, and counting those is six times quicker than the search.
    if text.isascii():
        plain = text.encode()
        if len(plain) - len(plain.translate(None, b"0123456789")) < 12:
            return False
    return _TWELVE_OR_MORE.search(text) is not None


def _mask_until_stable(text: str, *, checked: bool) -> tuple[str, int]:
    cuts = 0
    if not _is_suspect(text):
        return text, cuts
    # The four digits kept of one number may form another with what follows them.
    for _ in range(_ROUNDS):
        masked, found = _mask_once(text, checked)
        if masked == text:
            break
        text, cuts = masked, cuts + found
    return text, cuts


def _mask_once(text: str, checked: bool) -> tuple[str, int]:
    cuts = 0
    if "://" in text:
        text, found = _mask_addresses(text)
        cuts += found
    if "=" in text:
        text, found = _SIGNATURE.subn(r"\1=cut", text)
        cuts += found
    if _may_hold_number(text):
        text, found = _mask_numbers(text, checked)
        cuts += found
    return text, cuts


def _mask_addresses(text: str) -> tuple[str, int]:
    cuts = 0

    def shorten(match: re.Match[str]) -> str:
        nonlocal cuts
        address = match.group()
        if not any(mark in address for mark in "?#@;%"):
            return address
        host, name = split_url(address)
        if not name and host == "unreadable address":
            short = host
        else:
            # A number may hide behind percent signs, where the search below would not see it.
            name = _mask_numbers(name, checked=True)[0]
            short = f"{match.group(1)}{host}/{quote(name)}"
        cuts += short != address
        return short

    return _ADDRESS.sub(shorten, text), cuts


def _mask_numbers(text: str, checked: bool) -> tuple[str, int]:
    left_alone = [match.span() for match in _UUID.finditer(text)]
    found: list[tuple[int, int, str]] = []
    spans = [match.span() for match in _RUN.finditer(text)]
    spans += [match.span(1) for match in _FOURS.finditer(text)]
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            continue
        if any(start < stop and begin < end for begin, stop in left_alone):
            continue
        digits = _digits(text[start:end])
        if len(digits) != 12 or (checked and not has_check_digit(digits)):
            continue
        if _INDIAN_PHONE.match(text, start):
            continue
        found.append((start, end, "".join(map(str, digits[-_KEPT:]))))
    if not found:
        return text, 0
    pieces, after = [], 0
    for start, end, last in found:
        pieces += [text[after:start], HIDDEN, last]
        after = end
    return "".join([*pieces, text[after:]]), len(found)


def _digits(text: str) -> list[int]:
    return [unicodedata.decimal(character) for character in text if character.isdecimal()]
