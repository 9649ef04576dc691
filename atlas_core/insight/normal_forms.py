"""A value as words in their normal form: what is left when case, spaces, punctuation and the like are gone.

Two values are the same if and only if their `normal_form`s are equal. Taken away are case, spaces (except
between two numbers), punctuation (except `&`, which reads "and", and a `+` behind a word, "plus"), hidden
characters and compatibility forms of letters (Unicode NFKC). A value that is as a whole one number or day
loses its dress as well, as `whole_numbers` says.

JSON lists, and texts whose every part is a number or code of six and more characters ("IMEI, IMEI"), are
sets: neither the order of their items nor repetition matters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atlas_core.insight.abbreviations import MEANINGS
from atlas_core.insight.whole_numbers import long_number, misread_amount, whole_number

_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # drawn as nothing, though no format characters
_SPACES = "\t\n\v\f\r"
_LINE_ENDS = "\u2028\u2029"  # white space for the comparison, yet nobody sees them


def _is_hidden(character: str) -> bool:
    if character in _FILLERS or "\ufe00" <= character <= "\ufe0f":
        return True
    return unicodedata.category(character) in ("Cf", "Cc", "Cs") and character not in _SPACES


def _class_of(character: str) -> str:
    """`w` part of a word, `h` hidden, `&` and `+` themselves, blank for any other."""
    if character in "&+":
        return character
    if _is_hidden(character):
        return "h"
    if character.isalnum() or unicodedata.category(character).startswith("M"):
        return "w"
    return "w" if any(map(str.isalnum, unicodedata.normalize("NFKC", character))) else " "


class _Classes(dict[int, str]):
    def __missing__(self, code: int) -> str:
        found = self[code] = _class_of(chr(code))
        return found


class _Markers(dict[int, str]):
    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = _is_hidden(character) or character in _LINE_ENDS
        found = self[code] = f"\u2039U+{code:04X}\u203a" if shown else character
        return found


class _Digits(dict[int, str]):
    def __missing__(self, code: int) -> str:
        value = unicodedata.decimal(chr(code), None)
        found = self[code] = chr(code) if value is None else str(value)
        return found


_CLASSES, _MARKERS, _DIGITS = _Classes(), _Markers(), _Digits()

# Joiners are part of how Indic words are written; elsewhere they hide.
_INDIC_JOINERS = re.compile(r"((?<=[\u0900-\u0dff])[\u200c\u200d])")
_WORD = re.compile(r"w[wh]*|&|(?<=[wh])\+(?!w)")
_SIGNS = {"&": "and", "+": "plus"}

MISREAD = "misread"
"""The dress of a number with letters in it that look like digits; its meaning is the number without them."""

_LONGEST_NUMBER = 40
_ID = 6  # fewest characters of a code, and the digits of a pin code
_JSON_ITEM = r'(?:"[^"\\]*"|[\w.+-]+)'
_JSON_LIST = re.compile(rf"\s*\[\s*{_JSON_ITEM}(?:\s*,\s*{_JSON_ITEM})*\s*\]\s*")
_QUOTED_OR_BARE = re.compile(r'"([^"\\]*)"|([\w.+-]+)')
_PART = re.compile(r"[^,;|/]+")
_CODE = re.compile(r"[^\s,;|/]+")


class Word(NamedTuple):
    """A word, number or known phrase of a value, at `start` to `end` of its text.

    `raw` is what a reader sees, `plain` its normal form, `meaning` the plain form of what it is short for.
    `dress` names what a number, day or sign has lost, empty for any other word.
    """

    start: int
    end: int
    raw: str
    plain: str
    meaning: str
    dress: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value's text and its words; those of a set are sorted and each item is there once."""

    text: str
    words: tuple[Word, ...]
    is_set: bool

    @property
    def normal_form(self) -> str:
        return joined([word.plain for word in self.words])


def visible(text: str) -> str:
    """The text with every character that nobody can see as a marker: `\u2039U+200B\u203a`.

    Line breaks, tabs and the joiners of Indic words stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    parts = _INDIC_JOINERS.split(text)
    return "".join(part if place % 2 else part.translate(_MARKERS) for place, part in enumerate(parts))


def without_hidden(text: str) -> str:
    """The text without what is left out of the comparison because nobody sees it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character for character in text if _CLASSES[ord(character)] != "h")


def normal_form(value: str) -> str:
    """What is compared: equal for two values if and only if they are the same."""
    return read(value).normal_form


def joined(plain: Sequence[str]) -> str:
    """Words without the spaces between them, except where two digits would touch."""
    parts: list[str] = []
    for word in plain:
        if parts and parts[-1][-1:].isdigit() and word[:1].isdigit():
            parts.append(" ")
        parts.append(word)
    return "".join(parts)


def read(text: str) -> Reading:
    """A value as its words."""
    classes = text.translate(_CLASSES)
    items = _items_of(text, classes)
    if items is None:
        return Reading(text, tuple(_words_of(text, classes, 0, len(text))), is_set=False)
    by_form: dict[str, list[Word]] = {}
    for start, end in items:
        words = _words_of(text, classes, start, end)
        by_form.setdefault(joined([word.plain for word in words]), words)
    return Reading(text, tuple(word for form in sorted(by_form) for word in by_form[form]), is_set=True)


def _items_of(text: str, classes: str) -> list[tuple[int, int]] | None:
    """Where the items of a set stand; None for a value that is none."""
    if _JSON_LIST.fullmatch(text):
        return [match.span(match.lastindex or 0) for match in _QUOTED_OR_BARE.finditer(text)]
    for pattern in (_PART, _CODE):
        spans: list[tuple[int, int]] = []
        for match in pattern.finditer(text):
            if not _is_id(text, classes, *match.span()):
                break
            spans.append(match.span())
        else:
            if len(spans) > 1:
                return spans
    return None


def _is_id(text: str, classes: str, start: int, end: int) -> bool:
    item = text[start:end].strip()
    if len(item) <= _LONGEST_NUMBER and long_number(item):
        return True
    code = item.isalnum() and len(item) >= _ID and any(map(str.isdigit, item))
    return code and "h" not in classes[start:end]


def _words_of(text: str, classes: str, start: int, end: int) -> list[Word]:
    """The words between two places of a text; one word for what is a number or day as a whole."""
    words = [_word(text[at:to], at, to) for at, to in map(re.Match.span, _WORD.finditer(classes, start, end))]
    if not words:
        return _signs_only(text, classes, start, end)
    whole = _whole_number(text, start, end, words)
    if whole:
        return [whole]
    return _with_meanings(text, _with_pin_code(text, words))


def _word(raw: str, start: int, end: int) -> Word:
    if raw in _SIGNS:
        return Word(start, end, raw, _SIGNS[raw], _SIGNS[raw], "punctuation")
    if raw.isalnum() and raw.isascii():
        plain = raw.lower()
        return Word(start, end, raw, plain, plain)
    raw = _readable(raw)
    plain = _plain(raw)
    return Word(start, end, raw, plain, plain, "digits of another script" if raw.isdecimal() else "")


def _readable(raw: str) -> str:
    return unicodedata.normalize("NFKC", without_hidden(raw))


def _plain(raw: str) -> str:
    return unicodedata.normalize("NFKC", raw.casefold()).translate(_DIGITS)


def _signs_only(text: str, classes: str, start: int, end: int) -> list[Word]:
    """A text without any word is its signs."""
    places = [place for place in range(start, end) if not text[place].isspace() and classes[place] != "h"]
    if not places:
        return []
    plain = _plain(_readable("".join(text[place] for place in places)))
    return [Word(places[0], places[-1] + 1, plain, plain, plain)]


def _whole_number(text: str, start: int, end: int, words: Sequence[Word]) -> Word | None:
    item = text[start:end]
    if end - start > _LONGEST_NUMBER and len(item.strip()) > _LONGEST_NUMBER:
        return None
    raw = _readable(item).strip()
    written = raw.translate(_DIGITS)
    if not any(map(str.isdigit, written)):
        return None
    at, to = start + len(item) - len(item.lstrip()), start + len(item.rstrip())
    if found := whole_number(written):
        plain, dress = found
        return Word(at, to, raw, plain, plain, dress if raw != plain else "")
    if amount := misread_amount(written):
        return Word(at, to, raw, joined([word.plain for word in words]), amount, MISREAD)
    return None


def _with_pin_code(text: str, words: list[Word]) -> list[Word]:
    """A pin code at the end written as two groups of three digits becomes one word."""
    if len(words) < 3:
        return words
    *before, first, last = words
    apart = text[first.end : last.start]
    if not (apart == " " and _three_digits(first) and _three_digits(last)) or first.plain[0] == "0":
        return words
    raw, plain = text[first.start : last.end], first.plain + last.plain
    return [*before, Word(first.start, last.end, raw, plain, plain, "number in groups")]


def _three_digits(word: Word) -> bool:
    return len(word.plain) == 3 and word.plain.isdigit()


def _beginnings(phrase: str) -> set[str]:
    return {phrase, *(phrase[: match.start()] for match in re.finditer("[ /]", phrase))}


_BEGINNINGS = frozenset().union(*map(_beginnings, MEANINGS))


def _with_meanings(text: str, words: list[Word]) -> list[Word]:
    """Each known short form or phrase as one word that knows its meaning; the longest phrase wins."""
    if _BEGINNINGS.isdisjoint(word.plain for word in words):
        return words
    found: list[Word] = []
    taken = 0
    for place, word in enumerate(words):
        if place < taken:
            continue
        taken = place + 1
        if word.plain in _BEGINNINGS:
            taken, meaning = _phrase_at(text, words, place)
            if taken > place + 1:
                raw = text[word.start : words[taken - 1].end]
                plain = joined([part.plain for part in words[place:taken]])
                word = Word(word.start, words[taken - 1].end, raw, plain, meaning)
            elif meaning != word.plain:
                word = word._replace(meaning=meaning)
        found.append(word)
    return found


def _phrase_at(text: str, words: list[Word], place: int) -> tuple[int, str]:
    """Behind which word the longest known phrase ends, and its meaning; a word that is none is itself."""
    phrase = words[place].plain
    best = place + 1, MEANINGS.get(phrase, phrase)
    for further in range(place + 1, len(words)):
        apart = text[words[further - 1].end : words[further].start].strip()
        phrase += ("/" if apart == "/" else " ") + words[further].plain
        if phrase not in _BEGINNINGS:
            break
        if phrase in MEANINGS:
            best = further + 1, MEANINGS[phrase]
    return best
