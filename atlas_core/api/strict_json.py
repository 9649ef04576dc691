"""JSON from a stranger, read strictly; and JSON of ours in its one canonical form.

Python's reader takes UTF-16, NaN, repeated keys, half surrogate pairs and any depth without a word. Here each
is refused or noted with its place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Any

from atlas_core.api.masking import keep_renamed, mask_text
from atlas_core.errors import PayloadError
from atlas_core.models import Flag, FlagKind

MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 4_300  # Python's own limit
MAX_VALUE_BYTES = 64 * 1024
_ROOM = 256

Path = tuple[str | int, ...]

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ODD_ESCAPES = re.compile(
    rb"\\[bfru]"
)  # each may stand for a control character, the last for half a pair too
_STRING = rb'"(?:[^"\\]++|\\.)*+"?'
_STRING_OR_BRACKET = re.compile(_STRING + rb"|[\[\]{}]", re.DOTALL)
_STRING_OR_ENDLESS = re.compile(_STRING + rb"|[0-9]{%d,}" % (MAX_INTEGER_DIGITS + 1), re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class NotANumber(str):
    """NaN, Infinity or a number beyond the largest float: the text that came."""

    __slots__ = ()


class _TooLarge(str):
    __slots__ = ()


class _Endless(Exception):
    """A number that is too long to be read at all."""


class _Repeating(dict[str, object]):
    """An object some of whose keys came more than once; the last of each stands."""

    repeated: tuple[str, ...] = ()


def parse_json(body: bytes) -> tuple[object, tuple[Flag, ...]]:
    """The JSON value of a body in UTF-8, with or without a byte order mark; and what was odd about it.

    Control characters are taken out, half surrogate pairs replaced by U+FFFD, integers beyond 64 bits given
    as text, numbers that are none as `NotANumber`; of a repeated key the last value stands. Each is flagged.
    Raises `PayloadError`; its text never quotes the body.
    """
    text = _decode(body)
    _check_depth(body)
    reader = _Reader()
    try:
        value = reader.decoder.decode(text)
    except json.JSONDecodeError as error:
        raise PayloadError(f"this is not JSON: {error.msg}", _byte_at(error.pos, text, body)) from None
    except _Endless:
        problem = f"a number has more than {MAX_INTEGER_DIGITS:,} digits"
        numbers = (match for match in _STRING_OR_ENDLESS.finditer(body) if match[0][:1] != b'"')
        raise PayloadError(problem, f"byte {next(numbers).start()}") from None
    if not reader.is_odd and not _ODD_ESCAPES.search(body):
        return value, ()
    flags: list[Flag] = []
    return _mend(value, (), flags), tuple(flags)


def canonical_json(value: object) -> str:
    """The one spelling of a JSON value: keys sorted, no spaces, nothing escaped that need not be."""
    return _CANONICAL.encode(value)


def cut_text(text: str) -> str:
    """The text, or of one beyond 64 kB what fits together with the whole text's size and sha256.

    The text must be masked already: half of a number left before the cut could not be found any more.
    """
    if len(text) * 4 <= MAX_VALUE_BYTES:
        return text
    whole = text.encode()
    if len(whole) <= MAX_VALUE_BYTES:
        return text
    # In pairs, so that no part of the digest can look like a personal number.
    note = f" [cut: {len(whole)} bytes in all, sha256 {hashlib.sha256(whole).digest().hex(':')}]"
    head = whole[: MAX_VALUE_BYTES - len(note) - _ROOM].decode(errors="ignore")
    # What is left of a long number may look like a personal one now.
    return mask_text(head)[0] + note


def cut_values(value: object) -> tuple[object, tuple[Flag, ...]]:
    """A masked JSON value whose texts and keys have at most 64 kB each, and a flag for each one cut."""
    flags: list[Flag] = []
    return _cut(value, (), flags), tuple(flags)


def place_of(path: Path) -> str:
    """A path as people write it, `cross_checks[3].similarity_score`, without personal numbers."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part[:80]}" for part in path)
    return mask_text("".join(parts).removeprefix("."))[0][:300]


class _Reader:
    """A JSON decoder that remembers whether anything odd went through it."""

    def __init__(self) -> None:
        self.is_odd = False
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self.read_object,
            parse_float=self.read_float,
            parse_int=self.read_int,
            parse_constant=self.read_constant,
        )

    def read_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        self.is_odd = True
        odd = _Repeating(members)
        times = Counter(key for key, _ in pairs)
        odd.repeated = tuple(key for key in members if times[key] > 1)
        return odd

    def read_float(self, text: str) -> float | NotANumber:
        value = float(text)
        return value if abs(value) != float("inf") else self.read_constant(text)

    def read_int(self, text: str) -> int | _TooLarge:
        if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
            raise _Endless
        value = int(text)
        if -(2**63) <= value < 2**63:
            return value
        self.is_odd = True
        return _TooLarge(text)

    def read_constant(self, text: str) -> NotANumber:
        self.is_odd = True
        return NotANumber(text)


def _decode(body: bytes) -> str:
    if not body.strip():
        raise PayloadError("the body is empty", "byte 0")
    if b"\x00" in body[:4] or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise PayloadError("the body is UTF-16 or UTF-32, JSON must be UTF-8", "byte 0")
    try:
        text = body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise PayloadError("the body is not UTF-8", f"byte {error.start}") from None
    if text.lstrip()[:1] == "<":
        raise PayloadError("this is HTML or XML, not JSON: a proxy may have answered", "byte 0")
    return text


def _check_depth(body: bytes) -> None:
    """Refuses what is nested too deeply before the recursive parser sees it."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(plain.split(b'"')[::2]).translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        problem = f"brackets do not match, or are nested deeper than {MAX_DEPTH} levels"
        raise PayloadError(problem, f"byte {_wrong_bracket(body)}")


def _wrong_bracket(body: bytes) -> int:
    """Where the first bracket stands that closes another or opens one level too many; or the end."""
    open_ones = bytearray()
    for match in _STRING_OR_BRACKET.finditer(body):
        bracket = match[0]
        if bracket in b"[{":
            open_ones += bracket
            if len(open_ones) > MAX_DEPTH:
                return match.start()
        elif bracket in b"]}" and (not open_ones or open_ones.pop() != bracket[0] - 2):
            return match.start()
    return len(body)


def _byte_at(position: int, text: str, body: bytes) -> str:
    mark = len(body) - len(text.encode())
    return f"byte {mark + len(text[:position].encode())}"


def _mend(value: object, path: Path, flags: list[Flag]) -> object:
    if isinstance(value, NotANumber):
        flags.append(Flag(FlagKind.NOT_A_NUMBER, place_of(path), mask_text(value)[0][:200]))
        return value
    if isinstance(value, _TooLarge):
        flags.append(Flag(FlagKind.NUMBER_TOO_LARGE, place_of(path), f"{len(value.lstrip('-'))} digits"))
        return str(value)
    if isinstance(value, str):
        return _mend_text(value, path, flags)
    if isinstance(value, list):
        return [_mend(item, (*path, place), flags) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if isinstance(value, _Repeating):
        flags.extend(Flag(FlagKind.KEY_REPEATED, place_of((*path, key))) for key in value.repeated)
    mended: dict[str, object] = {}
    renamed: list[tuple[str, str, object]] = []
    for key, member in value.items():
        whole_key = _mend_text(key, path, flags)
        whole = _mend(member, (*path, whole_key), flags)
        if whole_key == key:
            mended[key] = whole
        else:
            renamed.append((key, whole_key, whole))
    keep_renamed(mended, renamed)
    return mended


def _mend_text(text: str, path: Path, flags: list[Flag]) -> str:
    for kind, odd, instead in (
        (FlagKind.BROKEN_TEXT, _SURROGATES, "\ufffd"),
        (FlagKind.CONTROL_CHARACTERS, _CONTROLS, ""),
    ):
        found = odd.findall(text)
        if found:
            flags.append(Flag(kind, place_of(path), code_points(found)))
            text = odd.sub(instead, text)
    return text


def code_points(characters: list[str]) -> str:
    """Characters that cannot be shown, by their code points, each once: `U+200B, U+202E`."""
    return ", ".join(f"U+{ord(character):04X}" for character in sorted(set(characters)))[:200]


def _cut(value: object, path: Path, flags: list[Flag]) -> object:
    if isinstance(value, str):
        return _cut_noted(value, path, flags)
    if isinstance(value, list):
        return [_cut(item, (*path, place), flags) for place, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _cut_noted(key, path, flags): _cut(member, (*path, key), flags) for key, member in value.items()
        }
    return value


def _cut_noted(text: str, path: Path, flags: list[Flag]) -> str:
    short = cut_text(text)
    if short is not text:
        flags.append(Flag(FlagKind.VALUE_CUT, place_of(path), short[-100:]))
        return short
    return text
