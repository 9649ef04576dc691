"""Sets of thresholds in words."""

from __future__ import annotations

from collections.abc import Mapping

from atlas_core.insight import theme
from atlas_core.thresholds import Thresholds
from atlas_core.web.words import count_of

SOURCES = {
    "settings": "The thresholds of the settings",
    "advice": "Advice of the verdicts",
    "capacity": "Fit for the people there are",
    "tried": "Tried under What if",
    "now": "Those in force",
}
"""From what a set may be begun."""


def movable_in_words(flows: int) -> str:
    """How many flows a threshold may move: failed ones, which have ended too, are not among them."""
    return count_of(flows, "flow that is clear or in review", "flows that are clear or in review")


def pair_in_words(thresholds: Thresholds) -> str:
    """`Review below 70, strong from 90. Otherwise: Customer name 60 and 85.`"""
    words = f"Review below {thresholds.review_below}, strong from {thresholds.strong_from}."
    if thresholds.per_check:
        owns = ", ".join(
            f"{theme.words_of_code(name)} {review_below} and {strong_from}"
            for name, review_below, strong_from in thresholds.per_check
        )
        words += f" Otherwise: {owns}."
    return words


def evidence_in_words(evidence: Mapping[str, object]) -> str:
    """What was kept beside a set, as of when it was drafted; empty where nothing was."""
    words = []
    source = str(evidence.get("source", ""))
    if source:
        words.append(SOURCES.get(source, source))
    verdicts = evidence.get("verdicts")
    if isinstance(verdicts, Mapping):
        given = sum(number for number in verdicts.values() if isinstance(number, int))
        words.append(f"{count_of(given, 'verdict')} on {count_of(len(verdicts), 'check')}")
    for name, label in (("wrong_accepts", "wrong accepts"), ("needless_reviews", "needless reviews")):
        limit = evidence.get(name)
        if isinstance(limit, int | float):
            words.append(f"at most {limit * 100:g}% {label}")
    flows, to_review, to_clear = (evidence.get(name) for name in ("flows", "to_review", "to_clear"))
    if isinstance(flows, int) and isinstance(to_review, int) and isinstance(to_clear, int):
        words.append(
            f"of {movable_in_words(flows)} {to_review:,} clear to review and {to_clear:,} review to clear"
        )
    return "; ".join(words)
