"""Characters that a camera takes for each other: digits for letters, and letters of other alphabets."""

from __future__ import annotations

_DIGIT_FOR = frozenset(map(frozenset, ("0o", "1i", "1l", "5s", "8b", "2z", "6g")))
_LATIN = dict(
    zip(
        "АВЕКМНОРСТХаеорсухіјѕІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "ABEKMHOPCTXaeopcyxijsIJSABEZHIKMNOPTYXo",
        strict=True,
    )
)


def look_alikes(one: str, other: str) -> list[tuple[str, str]]:
    """Each pair of characters taken for each other; empty unless this explains every difference but case.

    A small `l` is an `I` only by its shape: beside a capital `I`, or in a word of capitals.
    """
    if len(one) != len(other):
        return []
    taken: dict[tuple[str, str], None] = {}
    for here, there in zip(one, other, strict=True):
        if here.casefold() == there.casefold():
            continue
        left, right = _LATIN.get(here, here), _LATIN.get(there, there)
        both = frozenset((left.casefold(), right.casefold()))
        by_shape = {left, right} == {"I", "l"} or (
            both == {"i", "l"} and _is_capital_but_for_l(one if left == "l" else other)
        )
        if len(both) == 2 and both not in _DIGIT_FOR and not by_shape:
            return []
        named = sorted((_named(here), _named(there)))
        taken.setdefault((named[0], named[1]))
    return list(taken)


def _is_capital_but_for_l(word: str) -> bool:
    others = word.replace("l", "")
    return len(others) > 1 and others.isupper()


def _named(character: str) -> str:
    return f"{character} (U+{ord(character):04X})" if character in _LATIN else character
