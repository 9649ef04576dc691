"""What the address asks of calibration: limits, people, and the thresholds that follow from them."""

from __future__ import annotations

from collections.abc import Sequence

from atlas_core.books.columns import Columns
from atlas_core.insight.advice import Advice, Fitted, Limits, advice_on, fit_capacity, judged_within
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from atlas_core.web import judged_loaders
from atlas_core.web.numbers_asked import number_asked
from atlas_core.web.what_if_parts import MINUTES, USUAL_MINUTES

WRONG, NEEDLESS, PEOPLE, DAY = "wrong", "needless", "people", "day"
PERCENT = (0.1, 99.0)
PEOPLE_WITHIN, DAY_WITHIN, MINUTES_WITHIN = (0.0, 1000.0), (1.0, 1440.0), (0.5, 240.0)
USUAL_DAY = 60.0  # minutes


def narrowed_for_verdicts(selection: Selection) -> Selection:
    """The selection as far as verdicts can follow it: by check, product and day."""
    return Selection(
        created_from=selection.created_from,
        created_to=selection.created_to,
        products=selection.products,
        checks=selection.checks,
    )


def limits_asked() -> Limits:
    """What the lead will bear, from the address."""
    usual = Limits()
    return Limits(
        number_asked(WRONG, usual.wrong_accepts * 100, PERCENT) / 100,
        number_asked(NEEDLESS, usual.needless_reviews * 100, PERCENT) / 100,
    )


def load_advice(columns: Columns, selection: Selection, thresholds: Thresholds) -> tuple[Advice, ...]:
    """What the verdicts say, within the limits of the address."""
    judged = judged_within(judged_loaders.load_judged_checks(), selection)
    return advice_on(columns, narrowed_for_verdicts(selection), judged, thresholds, limits_asked())


def load_fitted(
    columns: Columns, selection: Selection, advice: Sequence[Advice], thresholds: Thresholds
) -> Fitted | None:
    """The thresholds that fit the people of the address; None where it names nobody."""
    people = number_asked(PEOPLE, 0, PEOPLE_WITHIN)
    if not people:
        return None
    return fit_capacity(
        columns,
        narrowed_for_verdicts(selection),
        advice,
        thresholds,
        people=people,
        minutes_a_day=number_asked(DAY, USUAL_DAY, DAY_WITHIN),
        minutes=number_asked(MINUTES, USUAL_MINUTES, MINUTES_WITHIN),
    )
