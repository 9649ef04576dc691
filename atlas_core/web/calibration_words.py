"""What verdicts say, in words: a number of them never stands without its interval."""

from __future__ import annotations

import math
from typing import Literal

from atlas_core.insight.advice import Advice, Cost, Limits, advised_pair, recommended_pair
from atlas_core.insight.agreement import Agreement
from atlas_core.insight.calibration import Recommendation
from atlas_core.insight.charts import percent
from atlas_core.insight.rates import wilson_interval
from atlas_core.web.words import count_of

Side = Literal["strong", "review"]


def recommended(found: Recommendation) -> str:
    """A recommended threshold with its interval, or what is missing for one."""
    if found.threshold is not None:
        low = "?" if found.low is None else str(min(found.low, 100))
        high = "?" if found.high is None else str(min(found.high, 100))
        return f"{min(found.threshold, 100)} ({low} to {high})"
    if found.needed is not None:
        return f"{count_of(found.needed, 'more verdict')} needed"
    return "none keeps the limit"


def as_advised(one: Advice, in_force: tuple[int, int]) -> str:
    """The two thresholds that "As advised" uses, (review, strong) being in force: `review 72, strong 90
    (now)`."""
    pair = advised_pair(one, in_force)
    if pair == in_force:
        return f"as now: review {pair[0]}, strong {pair[1]}"
    places = zip(("review", "strong"), pair, in_force, strict=True)
    return ", ".join(f"{name} {to}" + " (now)" * (to == now) for name, to, now in places)


def where_they_cross(one: Advice, in_force: tuple[int, int], limits: Limits) -> str:
    """Why "As advised" uses others than the two thresholds advised; empty where it uses these."""
    review, strong = recommended_pair(one, in_force)
    if review <= strong:
        return ""
    meet = advised_pair(one, in_force)[0]
    if one.strong.threshold is None:
        return (
            f"review below {review} would lie above strong, for which nothing is advised yet. As advised, "
            f"review goes no higher than {meet}."
        )
    if one.review.threshold is None:
        return (
            f"strong from {strong} would lie below review, for which nothing is advised yet. As advised, "
            f"strong goes no lower than {meet}."
        )
    words = f"strong from {strong} and review below {review} cross. As advised, both are {meet}"
    words += ", as review is now" if meet == in_force[0] else ", nearest to where review is now"
    words += ", and nothing is left unclear."
    is_kept = (
        one.accepts.high[meet] <= limits.wrong_accepts and one.reviews.high[meet] <= limits.needless_reviews
    )
    return f"{words} Both limits hold there." if is_kept else words


def recommended_in_full(one: Advice, side: Side, limit: float) -> str:
    """The same as sentences: what was asked, and what the verdicts answer."""
    found = one.strong if side == "strong" else one.review
    what = (
        f"at most {limit * 100:g}% of what is strong is wrong"
        if side == "strong"
        else f"at most {limit * 100:g}% of what asks for a person is the same after all"
    )
    if found.threshold is None and found.needed is not None:
        return (
            f"Too few verdicts to say where {what}: about {count_of(found.needed, 'more verdict')} needed"
            + (", drawn by lot." if side == "strong" else ".")
        )
    if found.threshold is None:
        return f"No threshold is known at which {what}."
    threshold = min(found.threshold, 100)
    words = f"{'Strong from' if side == 'strong' else 'Review below'} {threshold}: "
    words += "the lowest" if side == "strong" else "the highest"
    words += f" threshold at which {what}, even by the unfavourable end of the 95% interval."
    if side == "strong" and found.low is not None and found.low < threshold:
        words += f" With every cross-check judged it would lie between {found.low} and {threshold}."
    if side == "review" and found.high is not None and min(found.high, 100) > threshold:
        words += (
            f" With every cross-check judged it would lie between {threshold} and {min(found.high, 100)}."
        )
    return words


def share_between(share: float, low: float, high: float) -> str:
    """`96.0% (93.1% to 98.2%)`; without a middle where some of it was never judged."""
    if math.isnan(low) or math.isnan(high):
        return "not known"
    if math.isnan(share):
        return f"{percent(low)} to {percent(high)}"
    return f"{percent(share)} ({percent(low)} to {percent(high)})"


def wrong_a_day(cost: Cost) -> str:
    """How many cross-checks a day pass although their values differ."""
    if cost.wrong_low is None or cost.wrong_high is None:
        return "not known: no verdicts"
    span = f"{cost.wrong_low:.1f} to {cost.wrong_high:.1f}"
    return span if cost.wrong_per_day is None else f"{cost.wrong_per_day:.1f} ({span})"


def agreement_in_words(found: Agreement | None) -> str:
    """Cohen's kappa with n and its interval; where the cases are too few or too alike for one, the share
    judged alike with its own."""
    if found is None or found.share is None:
        return "none judged twice"
    if found.kappa is not None and found.low is not None and found.high is not None:
        return f"κ {found.kappa:.2f} ({found.low:.2f} to {found.high:.2f}), n = {found.n}"
    low, high = wilson_interval(found.share * found.n, found.n)
    return f"{share_between(found.share, float(low), float(high))} alike, n = {found.n}"
