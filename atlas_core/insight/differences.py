"""How two values differ, and what kind of difference it is.

This is our own reading, made for the eyes of a reviewer: Atlas neither sends it nor uses it, and its
similarity is not worked out from it. Pages that show it say so with LABEL.

What is normalised away is stated in `normal_forms` (case, spaces, punctuation, hidden characters, the dress
of numbers, sets) and `abbreviations`; the kinds in `Kind`, the limits of fine work in `matching`.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import is_normalized

from rapidfuzz.distance import Hamming, Levenshtein

from atlas_core.insight.abbreviations import LEFT_OUT
from atlas_core.insight.matching import pair_words
from atlas_core.insight.normal_forms import MISREAD, Reading, Word, normal_form, read, visible, without_hidden
from atlas_core.insight.pairing import WEIGHT, Kind, Pairing, heaviest
from atlas_core.insight.whole_numbers import TELEPHONE

__all__ = ["LABEL", "Difference", "Kind", "Mark", "Piece", "compare_values", "normal_form", "visible"]

LABEL = "Marks and kind of difference are worked out by Atlas Desk; Atlas's own judgement is the similarity."

_MOST_NOTES = 12
_ALWAYS_FIRST = ("hidden characters", "letter forms", "case", "spaces", "punctuation", "order")


class Mark(enum.StrEnum):
    """What became of a piece of a value.

    Same and changed are on both sides; missing stands in the source alone, added in the target alone.
    """

    SAME = "same"
    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a value as it came; show it through `visible`."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values side by side: each one's pieces, joined, are the value itself, character for character.

    `notes` are the normalisations that were applied, in words, the first twelve.
    """

    kind: Kind
    source: tuple[Piece, ...]
    target: tuple[Piece, ...]
    notes: tuple[str, ...]


def compare_values(source: str, target: str) -> Difference:
    """How `target` differs from `source`; the other way round it is the same kind.

    Lists and objects come as their JSON text, as in the books. Never raises, whatever the texts.
    """
    if source > target:  # one direction does the work, so both agree
        found = compare_values(target, source)
        return Difference(found.kind, _mirrored(found.target), _mirrored(found.source), found.notes)
    if source == target:
        return Difference(Kind.SAME, _all_same(source), _all_same(target), ())
    left, right = read(source), read(target)
    pairing = pair_words(left.words, right.words)
    notes = _notes(left, right, pairing)
    if left.normal_form == right.normal_form:
        return Difference(Kind.SAME, _all_same(source), _all_same(target), notes or ("spaces",))
    kind = Kind.DIFFERENT_PIN_CODE if _pin_codes_differ(left, right) else _heaviest(pairing)
    return Difference(kind, _pieces(left, pairing, Mark.MISSING), _pieces(right, pairing, Mark.ADDED), notes)


def _all_same(text: str) -> tuple[Piece, ...]:
    return (Piece(text, Mark.SAME),) if text else ()


_MIRRORED = {Mark.MISSING: Mark.ADDED, Mark.ADDED: Mark.MISSING}


def _mirrored(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(Piece(piece.text, _MIRRORED.get(piece.mark, piece.mark)) for piece in pieces)


# ------------------------------------------------------------------------------------------------ the kind


def _heaviest(pairing: Pairing) -> Kind:
    kinds = [pair.kind for pair in pairing.pairs]
    left, right = _weighty(pairing)
    if left and right:
        kinds.append(Kind.DIFFERENT)
    elif left or right:
        kinds.append(Kind.MISSING_PART)
    elif pairing.over_left or pairing.over_right:
        kinds.append(Kind.ABBREVIATION)
    return heaviest(*kinds, Kind.ORDER)


def _weighty(pairing: Pairing) -> tuple[list[int], list[int]]:
    """The left-over words that say something: a title or a `No` does not, unless another is in its place."""

    def says_something(word: Word, gap: int) -> bool:
        return not pairing.pairs or word.meaning not in LEFT_OUT or gap in pairing.changed_gaps

    return (
        [at for at in pairing.over_left if says_something(pairing.left[at], pairing.gap_left(at))],
        [at for at in pairing.over_right if says_something(pairing.right[at], pairing.gap_right(at))],
    )


def _pin_codes_differ(left: Reading, right: Reading) -> bool:
    one, other = _pin_codes(left), _pin_codes(right)
    return bool(one and other) and one.isdisjoint(other)


def _pin_codes(reading: Reading) -> set[str]:
    """Six digits in a text that also has a word: alone they may be an amount or a serial number."""
    if reading.is_set or not any(len(word.plain) > 2 and word.plain.isalpha() for word in reading.words):
        return set()
    return {word.plain for word in reading.words if _is_pin_code(word.plain)}


def _is_pin_code(plain: str) -> bool:
    return len(plain) == 6 and plain.isascii() and plain.isdecimal() and plain[0] != "0"


# ---------------------------------------------------------------------------------------------- the pieces


def _pieces(reading: Reading, pairing: Pairing, alone: Mark) -> tuple[Piece, ...]:
    """The whole text of one side in pieces; `alone` is the mark of what the other side lacks."""
    is_left = alone == Mark.MISSING
    marked: list[tuple[int, int, Mark]] = []
    for pair in pairing.pairs:
        for place in pair.left if is_left else pair.right:
            if WEIGHT[pair.kind] < WEIGHT[Kind.LOOK_ALIKE]:
                marked.append((*_span(reading.words[place]), Mark.SAME))
            else:
                own, other = (pairing.left, pairing.right) if is_left else (pairing.right, pairing.left)
                there = (pair.right if is_left else pair.left)[0]
                marked.extend(_letters(reading.text, own[place], other[there], alone))
    over, gap_of = (
        (pairing.over_left, pairing.gap_left) if is_left else (pairing.over_right, pairing.gap_right)
    )
    for place in over:
        mark = Mark.CHANGED if gap_of(place) in pairing.changed_gaps else alone
        marked.append((*_span(reading.words[place]), mark))
    return tuple(_filled(reading.text, sorted(marked)))


def _span(word: Word) -> tuple[int, int]:
    return word.start, word.end


def _letters(text: str, own: Word, other: Word, alone: Mark) -> Iterator[tuple[int, int, Mark]]:
    """A word of a pair, character by character; commas of an amount and the like do not count."""
    if MISREAD in (own.dress, other.dress) and own.meaning == other.meaning:
        for at in range(own.start, own.end):
            yield at, at + 1, Mark.CHANGED if text[at].isalpha() else Mark.SAME
        return
    places = _places(text, own)
    if not places:
        yield own.start, own.end, Mark.CHANGED
        return
    written = [text[at] for at in places]
    rows = [*map(str.casefold, written)], [*map(str.casefold, other.plain if other.dress else other.raw)]
    by_place = len(rows[0]) == len(rows[1]) and Hamming.distance(*rows) == Levenshtein.distance(*rows)
    for step in (Hamming if by_place else Levenshtein).opcodes(*rows):
        mark = {"equal": Mark.SAME, "replace": Mark.CHANGED}.get(step.tag, alone)
        yield from ((at, at + 1, mark) for at in places[step.src_start : step.src_end])


def _places(text: str, word: Word) -> list[int]:
    """Where the characters stand that are compared: all that is seen, of a dressed number its normal form.

    None at all if the normal form is not simply a part of what is written, as with a date.
    """
    if not word.dress:
        return [at for at in range(word.start, word.end) if without_hidden(text[at])]
    step = -1 if word.dress == TELEPHONE else 1
    wanted = deque(word.plain[::step])
    places = []
    for at in range(word.start, word.end)[::step]:
        if wanted and text[at] == wanted[0]:
            places.append(at)
            wanted.popleft()
    return [] if wanted else sorted(places)


def _filled(text: str, marked: Sequence[tuple[int, int, Mark]]) -> Iterator[Piece]:
    """Marked stretches and what stands between them; between two of one mark it has that mark too."""
    start, at, mark = 0, 0, Mark.SAME
    for begin, end, next_mark in (*marked, (len(text), len(text), Mark.SAME)):
        if next_mark != mark:
            if mark != Mark.SAME:
                yield Piece(text[start:at], mark)
                start = at
            if next_mark != Mark.SAME and begin > start:
                yield Piece(text[start:begin], Mark.SAME)
                start = begin
            mark = next_mark
        at = end
    if start < len(text):
        yield Piece(text[start:], Mark.SAME)


# ----------------------------------------------------------------------------------------------- the notes


def _notes(left: Reading, right: Reading, pairing: Pairing) -> tuple[str, ...]:
    found = dict.fromkeys(_text_notes(left, right))
    found |= dict.fromkeys(note for pair in pairing.pairs for note in pair.notes)
    found |= dict.fromkeys(_gap_notes(left, right, pairing))
    if pairing.pairs:
        changed = pairing.changed_gaps
        out = [pairing.left[at] for at in pairing.over_left if pairing.gap_left(at) not in changed]
        out += [pairing.right[at] for at in pairing.over_right if pairing.gap_right(at) not in changed]
        found |= dict.fromkeys(f"left out: {word.raw}" for word in out if word.meaning in LEFT_OUT)
    ordered = [note for note in _ALWAYS_FIRST if note in found]
    return tuple([*ordered, *(note for note in found if note not in _ALWAYS_FIRST)][:_MOST_NOTES])


def _text_notes(left: Reading, right: Reading) -> Iterator[str]:
    texts = (left.text, right.text)
    hidden = {len(text) - len(without_hidden(text)) for text in texts}
    if len(hidden) > 1 or any(visible(text) != text for text in texts):
        yield "hidden characters"
    if not all(is_normalized("NFKC", text) for text in texts):
        yield "letter forms"


def _gap_notes(left: Reading, right: Reading, pairing: Pairing) -> Iterator[str]:
    """What is between words that are paired side by side on both sides."""
    if left.is_set or right.is_set:
        yield from _set_notes(left, right, pairing)
        return
    ends = (-1, -1)
    for pair in sorted(pairing.pairs):
        if (pair.left[0] - 1, pair.right[0] - 1) == ends:
            yield from _gap_difference(_before(left, pair.left[0]), _before(right, pair.right[0]))
        ends = (pair.left[-1], pair.right[-1])
    if ends == (len(left.words) - 1, len(right.words) - 1):
        yield from _gap_difference(_before(left, len(left.words)), _before(right, len(right.words)))


def _before(reading: Reading, place: int) -> str:
    """What stands between a word and the one before it, or an end of the text."""
    start = reading.words[place - 1].end if place else 0
    return reading.text[start : reading.words[place].start if place < len(reading.words) else None]


def _set_notes(left: Reading, right: Reading, pairing: Pairing) -> Iterator[str]:
    places = sorted(
        (left.words[one].start, right.words[other].start) for (one, *_), (other, *_), *_ in pairing.pairs
    )
    crossed = any(one[1] > other[1] for one, other in pairwise(places))
    gaps = [_outside_words(reading) for reading in (left, right)]
    if crossed or any(
        map(str.isalnum, "".join(gaps))
    ):  # an item that is there twice is no word the second time
        yield "a list is a set"
    yield from _gap_difference(*("".join(sign for sign in gap if not sign.isalnum()) for gap in gaps))


def _outside_words(reading: Reading) -> str:
    stops = [0, *(stop for word in sorted(reading.words) for stop in (word.start, word.end)), None]
    return "".join(reading.text[start:end] for start, end in zip(stops[::2], stops[1::2], strict=True))


def _gap_difference(one: str, other: str) -> Iterator[str]:
    if one == other:
        return
    one, other = without_hidden(one), without_hidden(other)
    if "".join(one.split()) != "".join(other.split()):
        yield "punctuation"
    elif one != other:
        yield "spaces"
