"""Where the bands of similarity begin: for all cross-checks, and for some of them otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from atlas_core.errors import InputError
from atlas_core.models import Band


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Review below `review_below`, strong from `strong_from`: whole numbers 0–100 in that order.

    `per_check` holds (name of the check, review_below, strong_from) for checks that have their own, by name.
    Raises `InputError`.
    """

    review_below: int = 70
    strong_from: int = 90
    per_check: tuple[tuple[str, int, int], ...] = ()

    def __post_init__(self) -> None:
        for name, review_below, strong_from in (
            ("all checks", self.review_below, self.strong_from),
            *self.per_check,
        ):
            if not 0 <= review_below <= strong_from <= 100:
                raise InputError(
                    f"Thresholds of {name}: review below {review_below} and strong from {strong_from} must be"
                    " whole numbers from 0 to 100, the first not above the second."
                )

    def of(self, check: str) -> tuple[int, int]:
        """(review_below, strong_from) of the check with this name."""
        return self._own().get(check, (self.review_below, self.strong_from))

    def with_check(self, check: str, review_below: int, strong_from: int) -> Thresholds:
        """The same, with thresholds of its own for one check."""
        others = [own for own in self.per_check if own[0] != check]
        return replace(self, per_check=tuple(sorted([*others, (check, review_below, strong_from)])))

    def is_low(self, check: str, similarity: float | None) -> bool:
        """Whether a similarity asks for review; none does not."""
        return similarity is not None and similarity < self.of(check)[0]

    def band(self, check: str, similarity: float | None) -> Band:
        """The band of one check's similarity (0–100 or None)."""
        review_below, strong_from = self.of(check)
        if similarity is None:
            return Band.NO_SCORE
        if similarity < review_below:
            return Band.REVIEW
        return Band.STRONG if similarity >= strong_from else Band.UNCLEAR

    def highest_review(self) -> int:
        """A similarity that asks for review in no check."""
        return max((self.review_below, *(own[1] for own in self.per_check)))

    def _own(self) -> Mapping[str, tuple[int, int]]:
        return {name: (review_below, strong_from) for name, review_below, strong_from in self.per_check}


def thresholds_of_table(
    rows: Iterable[tuple[str, object, object]], words_of: Callable[[str], str] = str
) -> Thresholds:
    """Thresholds as somebody filled them in: (check, review_below, strong_from), the first row, without a
    name, for every check that has none of its own.

    Raises `InputError`, which says what is wrong in which row; `words_of` gives a check's name for reading.
    """
    pairs: dict[str, tuple[int, int]] = {}
    for check, review_below, strong_from in rows:
        of, whole = words_of(check) if check else "Every other check", []
        for words, value in (("review below", review_below), ("strong from", strong_from)):
            if not isinstance(value, int | float) or not 0 <= value <= 100 or value != int(value):
                raise InputError(f"{of}: “{words}” must be a whole number from 0 to 100.")
            whole.append(int(value))
        low, high = whole
        if low > high:
            raise InputError(
                f"{of}: review below {low} lies above strong from {high}. Lower the first, or raise the "
                "second."
            )
        pairs[check] = low, high
    made = Thresholds(*pairs.pop(""))
    for check, pair in pairs.items():
        if pair != (made.review_below, made.strong_from):
            made = made.with_check(check, *pair)
    return made


def thresholds_as_json(thresholds: Thresholds) -> str:
    """As the books keep them."""
    return json.dumps(
        {
            "review_below": thresholds.review_below,
            "strong_from": thresholds.strong_from,
            "per_check": [list(own) for own in thresholds.per_check],
        }
    )


def thresholds_of_json(text: str) -> Thresholds:
    """What `thresholds_as_json` wrote."""
    kept = json.loads(text)
    own = tuple((str(name), int(low), int(high)) for name, low, high in kept["per_check"])
    return Thresholds(int(kept["review_below"]), int(kept["strong_from"]), own)
