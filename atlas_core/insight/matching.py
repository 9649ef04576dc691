"""Which words of two values belong together, and what stands between the two of a pair.

First the words of one meaning that stand in one order, then such words elsewhere, then what is left over,
from the harmless to the serious: joined words, initials, look-alikes, spellings, numbers.

Fine work has limits, so that a value of 64 kB costs no more than a glance: values of more than MOST_WORDS
words are compared as bags (no place, no order), and letters are only compared while at most MOST_LEFT_OVER
words of a value are left and in words of at most LONGEST_WORD characters.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise

from rapidfuzz.distance import OSA, Indel

from atlas_core.insight.abbreviations import CARE_OF, KIN, RENAMED
from atlas_core.insight.look_alikes import look_alikes
from atlas_core.insight.normal_forms import MISREAD, Word, joined, visible
from atlas_core.insight.pairing import WEIGHT, Kind, Pair, Pairing

MOST_WORDS = 1_000
MOST_LEFT_OVER = 40
LONGEST_WORD = 200
_LONGEST_RUN = 4  # words that one word may be written apart in, and initials that may stand together
_LONG_IN_NOTE = 30


def pair_words(left: Sequence[Word], right: Sequence[Word]) -> Pairing:
    """The words of two values in pairs, as far as they belong together."""
    found = Pairing(left, right)
    if max(len(left), len(right)) > MOST_WORDS:
        _pair_as_bags(found)
    else:
        found.anchor(_in_order(found, lambda words, place, _: _with_label(words, place)))
        found.anchor(_in_order(found, lambda words, place, gap: (words[place].meaning, gap)))
        _pair_moved(found)
        if found.over_left and found.over_right:
            _pair_left_over(found)
    found.settle()
    return found


def _pair_left_over(found: Pairing) -> None:
    if max(len(found.over_left), len(found.over_right)) > MOST_LEFT_OVER:
        return
    _pair_runs(found)
    _pair_relations(found)
    _pair_initials(found)
    _pair_letters(found)


def _with_label(words: Sequence[Word], place: int) -> tuple[str, str]:
    """A word's meaning; for a short number also the word before, so that Flat 12 is not Sector 12."""
    word = words[place]
    return word.meaning, words[place - 1].meaning if place and _is_short_number(word) else ""


def _in_order(found: Pairing, key: Callable[[Sequence[Word], int, int], Hashable]) -> list[Pair]:
    """The longest row of left-over words that both sides have in one order; `key` says what is equal."""
    numbers: dict[Hashable, int] = {}
    sides = (
        (found.left, found.over_left, found.gap_left),
        (found.right, found.over_right, found.gap_right),
    )
    rows = [
        [numbers.setdefault(key(words, place, gap_of(place)), len(numbers)) for place in over]
        for words, over, gap_of in sides
    ]
    return [
        _of_one_meaning(
            found, found.over_left[step.src_start + more], found.over_right[step.dest_start + more]
        )
        for step in Indel.opcodes(*rows)
        if step.tag == "equal"
        for more in range(step.src_end - step.src_start)
    ]


def _anywhere(found: Pairing) -> list[Pair]:
    """Left-over words of one meaning, wherever they stand."""
    places: dict[str, deque[int]] = defaultdict(deque)
    for place in found.over_right:
        places[found.right[place].meaning].append(place)
    return [
        _of_one_meaning(found, place, places[meaning].popleft())
        for place in found.over_left
        if places.get(meaning := found.left[place].meaning)
    ]


def _pair_as_bags(found: Pairing) -> None:
    pairs = _anywhere(found)
    if all(one.right < other.right for one, other in pairwise(pairs)):
        found.pairs += pairs
        found.drop((pair.left[0] for pair in pairs), (pair.right[0] for pair in pairs))
    else:
        found.move(pairs)


def _pair_moved(found: Pairing) -> None:
    """Words of one meaning elsewhere. A short number only moves with its neighbour: 12 is not any 12."""
    found.move(
        [
            pair
            for pair in _anywhere(found)
            if not _is_short_number(found.left[pair.left[0]])
            or _with_neighbour(found, pair.left[0], pair.right[0])
        ]
    )


def _is_short_number(word: Word) -> bool:
    return len(word.plain) < 6 and _has_digit(word)


def _with_neighbour(found: Pairing, one: int, other: int) -> bool:
    left, right = found.left, found.right
    if one and other and left[one - 1].meaning == right[other - 1].meaning:
        return True
    one, other = one + 1, other + 1
    return one < len(left) and other < len(right) and left[one].meaning == right[other].meaning


def _of_one_meaning(found: Pairing, one: int, other: int) -> Pair:
    left, right = found.left[one], found.right[other]
    if left.plain != right.plain and MISREAD in (left.dress, right.dress):
        notes = (_equation("look-alike: ", left.raw, right.raw),)
        return Pair((one,), (other,), Kind.LOOK_ALIKE, notes)
    if left.plain != right.plain:
        return Pair((one,), (other,), Kind.ABBREVIATION, (_short_form(left, right),))
    if left.raw == right.raw:
        return Pair((one,), (other,), Kind.SAME)
    undressed = tuple(filter(None, (left.dress, right.dress)))
    return Pair((one,), (other,), Kind.SAME, undressed or ("case",))


def _short_form(one: Word, other: Word) -> str:
    short, long = sorted((one, other), key=lambda word: (len(word.plain), word.plain, word.raw))
    if one.meaning in KIN or one.meaning == CARE_OF:
        return _equation("", short.raw, long.raw)
    return _equation("other name: " if one.meaning in RENAMED else "abbreviation: ", short.raw, long.raw)


def _equation(name: str, one: str, other: str) -> str:
    """A note of two writings: `abbreviation: Rd = Road`."""
    return f"{name}{_for_note(one)} = {_for_note(other)}"


def _for_note(raw: str) -> str:
    shown = visible(" ".join(raw.split()))
    return shown if len(shown) <= _LONG_IN_NOTE else shown[:_LONG_IN_NOTE] + "…"


def _runs(places: Sequence[int]) -> Iterable[tuple[int, ...]]:
    """Two to four left-over words that stand side by side."""
    for start in range(len(places)):
        for length in range(2, _LONGEST_RUN + 1):
            run = tuple(places[start : start + length])
            if len(run) < length or run[-1] - run[0] != length - 1:
                break
            yield run


def _pair_runs(found: Pairing) -> None:
    """One word against several: written apart (K7Plus), or by their first letters (MG = Mahatma Gandhi)."""
    for swapped in (False, True):
        words, others = (found.right, found.left) if swapped else (found.left, found.right)
        over, other_over = (
            (found.over_right, found.over_left) if swapped else (found.over_left, found.over_right)
        )
        runs: dict[str, list[tuple[tuple[int, ...], bool]]] = {}
        for run in _runs(other_over):
            runs.setdefault(joined([others[place].plain for place in run]), []).append((run, True))
            if found.pairs and all(_is_full_word(others[place].plain) for place in run):
                runs.setdefault("".join(others[place].plain[0] for place in run), []).append((run, False))
        free = set(other_over)
        for place in over:
            for run, apart in runs.get(words[place].plain, ()):
                if not free.issuperset(run):
                    continue
                free.difference_update(run)
                left, right = (run, (place,)) if swapped else ((place,), run)
                long = " ".join(others[at].raw for at in run)
                if apart:
                    found.join(left, right, Kind.SAME, "spaces")
                else:
                    found.join(
                        left, right, Kind.ABBREVIATION, _equation("initials: ", words[place].raw, long)
                    )
                break


def _is_full_word(plain: str) -> bool:
    return len(plain) > 1 and plain.isalpha()


def _pair_relations(found: Pairing) -> None:
    """C/O against S/O, D/O, W/O or H/O in its place."""
    for one in list(found.over_left):
        for other in found.over_right:
            meanings = {found.left[one].meaning, found.right[other].meaning}
            if CARE_OF in meanings and meanings & KIN and found.same_gap(one, other):
                short, long = sorted((found.left[one].raw, found.right[other].raw))
                found.join((one,), (other,), Kind.ABBREVIATION, _equation("", short, long))
                break


def _pair_initials(found: Pairing) -> None:
    """A single letter and a word that begins with it, if anything else agrees."""
    if not found.pairs:
        return
    for one in list(found.over_left):
        here = [other for other in found.over_right if _is_initial(found.left[one], found.right[other])]
        if here:
            other = min(here, key=lambda place: (not found.same_gap(one, place), place))
            short, long = sorted((found.left[one].raw, found.right[other].raw), key=len)
            found.join((one,), (other,), Kind.ABBREVIATION, _equation("initials: ", short, long))


def _is_initial(one: Word, other: Word) -> bool:
    short, long = sorted((one.plain, other.plain), key=len)
    return len(short) == 1 < len(long) and short.isalpha() and long.isalpha() and long.startswith(short)


def _pair_letters(found: Pairing) -> None:
    """Words that differ by some characters, the nearest first."""
    candidates = []
    for one in found.over_left:
        for other in found.over_right:
            same_gap = found.same_gap(one, other)
            near = _nearness(found.left[one], found.right[other], same_gap)
            if near:
                kind, apart, notes = near
                candidates.append(((WEIGHT[kind], apart, not same_gap, one, other), kind, notes))
    candidates.sort(key=lambda candidate: candidate[0])
    free_left, free_right = set(found.over_left), set(found.over_right)
    for (*_, one, other), kind, notes in candidates:
        if one in free_left and other in free_right:
            free_left.remove(one)
            free_right.remove(other)
            found.join((one,), (other,), kind, *notes)


def _nearness(one: Word, other: Word, same_gap: bool) -> tuple[Kind, int, tuple[str, ...]] | None:
    short, long = sorted((len(one.plain), len(other.plain)))
    if long > LONGEST_WORD or not (same_gap or short >= 4):
        return None
    taken = look_alikes(one.raw, other.raw)
    if taken:
        return Kind.LOOK_ALIKE, len(taken), tuple(_equation("look-alike: ", *pair) for pair in taken)
    numbers = _has_digit(one) or _has_digit(other)
    most = long // 2 if numbers else (long + 1) // 4
    if long - short > most or (numbers and not same_gap):
        return None
    apart = OSA.distance(one.plain, other.plain, score_cutoff=most)
    if not 0 < apart <= most:
        return None
    return (Kind.DIFFERENT if numbers else Kind.SPELLING), apart, ()


def _has_digit(word: Word) -> bool:
    """Whether a word is a number, or a code with one in it."""
    return any(map(str.isdigit, word.plain))
