"""The kinds of difference, and the book-keeping of which words of two values belong together."""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from atlas_core.insight.normal_forms import Word


class Kind(enum.StrEnum):
    """What kind of difference it is, from the lightest to the heaviest; the heaviest found counts.

    - same: the normal forms are equal
    - order: the same words in another order
    - abbreviation: the same, written shorter: short forms, initials, a title or a `No` left out
    - look-alike: digits taken for letters (0 for O) or letters of another alphabet explain all the rest
    - spelling: words a letter or two apart (one in three to six letters, two in seven to ten, and so on)
    - missing part: all that one value says stands in the other, which says more
    - different: both say something that the other does not, or a number or code differs
    - different pin code: both carry pin codes and have none in common
    """

    SAME = "same"
    ORDER = "order"
    ABBREVIATION = "abbreviation"
    LOOK_ALIKE = "look-alike"
    SPELLING = "spelling"
    MISSING_PART = "missing part"
    DIFFERENT = "different"
    DIFFERENT_PIN_CODE = "different pin code"


WEIGHT = {kind: weight for weight, kind in enumerate(Kind)}


def heaviest(*kinds: Kind) -> Kind:
    """The one that counts among several."""
    return max(kinds, key=WEIGHT.__getitem__)


class Pair(NamedTuple):
    """Words that belong together, by their places, and what kind of difference is between them.

    `DIFFERENT` stands for numbers near enough to show digit by digit.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    kind: Kind
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Pairing:
    """Two values' words, the pairs found, and the places left over on either side."""

    left: Sequence[Word]
    right: Sequence[Word]
    pairs: list[Pair] = field(default_factory=list)
    over_left: list[int] = field(init=False)
    over_right: list[int] = field(init=False)
    changed_gaps: frozenset[int] = frozenset()
    """Where, once all pairs are found, both sides have words that the other lacks."""
    _anchors_left: list[int] = field(default_factory=list)
    _anchors_right: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.over_left, self.over_right = [*range(len(self.left))], [*range(len(self.right))]

    def gap_left(self, place: int) -> int:
        """Between which anchors a left-hand word stands."""
        return bisect_left(self._anchors_left, place)

    def gap_right(self, place: int) -> int:
        return bisect_left(self._anchors_right, place)

    def same_gap(self, one: int, other: int) -> bool:
        return self.gap_left(one) == self.gap_right(other)

    def anchor(self, pairs: Sequence[Pair]) -> None:
        """Add pairs that stand in one order on both sides, among themselves and with earlier anchors."""
        self.pairs += pairs
        self._anchors_left = sorted([*self._anchors_left, *(pair.left[0] for pair in pairs)])
        self._anchors_right = sorted([*self._anchors_right, *(pair.right[0] for pair in pairs)])
        self.drop(self._anchors_left, self._anchors_right)

    def join(self, left: Sequence[int], right: Sequence[int], kind: Kind, *notes: str) -> None:
        """Take words out of what is left over; out of their place is out of order."""
        if not self.same_gap(left[0], right[0]):
            kind = heaviest(kind, Kind.ORDER)
            notes = (*notes, "order")
        self.pairs.append(Pair(tuple(left), tuple(right), kind, notes))
        self.drop(left, right)

    def move(self, pairs: Sequence[Pair]) -> None:
        """Add pairs that stand out of order."""
        for pair in pairs:
            kind = heaviest(pair.kind, Kind.ORDER)
            self.pairs.append(Pair(pair.left, pair.right, kind, (*pair.notes, "order")))
        self.drop((pair.left[0] for pair in pairs), (pair.right[0] for pair in pairs))

    def settle(self) -> None:
        """See what the words left over stand for, now that all pairs are found."""
        self.changed_gaps = frozenset(map(self.gap_left, self.over_left)).intersection(
            map(self.gap_right, self.over_right)
        )

    def drop(self, left: Iterable[int], right: Iterable[int]) -> None:
        gone_left, gone_right = set(left), set(right)
        self.over_left = [place for place in self.over_left if place not in gone_left]
        self.over_right = [place for place in self.over_right if place not in gone_right]
