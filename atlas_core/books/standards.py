"""By what a result is judged as it comes: the thresholds in force, and how many passes are drawn by lot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.books.review_rules import ReviewRules, review_rules
from atlas_core.books.threshold_sets import InForce, thresholds_in_force
from atlas_core.thresholds import Thresholds

_USUAL = InForce(Thresholds())
NO_LOTS = ReviewRules(strong_share=0, unclear_share=0, second_share=0)


@dataclass(frozen=True, slots=True)
class Standards:
    """The thresholds in force and the rules of the lot."""

    in_force: InForce = _USUAL
    rules: ReviewRules = NO_LOTS

    @property
    def thresholds(self) -> Thresholds:
        """Those in force."""
        return self.in_force.thresholds


def standards_now(connection: Connection, settings: Thresholds) -> Standards:
    """What people set in desk.db, or else the thresholds of the settings."""
    return Standards(thresholds_in_force(connection, settings), review_rules(connection))


def count_low(scores: Iterable[tuple[str, float | None]], thresholds: Thresholds) -> int:
    """How many of some cross-checks (name, similarity) ask for review."""
    return sum(thresholds.is_low(name, similarity) for name, similarity in scores)
