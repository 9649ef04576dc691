"""Cached reads of what people judged and of the thresholds they chose; see loaders.py."""

from __future__ import annotations

import pandas as pd

from atlas_core.books.queries import (
    links_kept,
    review_work,
    reviews,
    threshold_sets,
)
from atlas_core.books.queries.reviews import judged_checks, judged_twice
from atlas_core.books.queries.threshold_sets import OutcomesMove
from atlas_core.books.reading import Record
from atlas_core.books.review_rules import ReviewRules
from atlas_core.clock import now_ms
from atlas_core.insight.case_view import values_of
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.review_work import PACE_DAYS, agreement_per_check, pace_per_person
from atlas_core.web import loaders


def load_threshold_sets() -> pd.DataFrame:
    return loaders.ask(threshold_sets.threshold_sets)


def load_adoptions() -> pd.DataFrame:
    return loaders.ask(threshold_sets.adoptions)


def load_outcomes_move() -> OutcomesMove:
    return loaders.ask(threshold_sets.outcomes_move)


def load_flows_moved(adoption_id: int) -> tuple[list[int], list[int]]:
    return loaders.ask(threshold_sets.flows_moved, adoption_id)


def load_standing_decisions() -> pd.DataFrame:
    return loaders.ask(threshold_sets.standing_decisions)


def load_decisions_reverted() -> tuple[int, int]:
    return loaders.ask(threshold_sets.decisions_reverted)


def load_judged_checks() -> pd.DataFrame:
    return loaders.ask(judged_checks)


def load_judged_twice() -> pd.DataFrame:
    return loaders.ask(judged_twice)


def load_links(flow_uuid: str) -> pd.DataFrame:
    """The documents' addresses that still work; never cached, for they are secrets."""
    with loaders.reading() as books:
        return links_kept(books, flow_uuid, now=now_ms())


def load_earlier_verdicts(check: Record, dealer: str | None, but_of: str) -> pd.DataFrame:
    """What people found before of the two values of a cross-check, or of the same check at this dealer's."""
    values = values_of(check)
    return loaders.ask(
        reviews.earlier_verdicts, values, name=str(check["name"]), dealer=dealer, but_of=but_of
    )


def load_reviewers() -> list[str]:
    """Everybody who reviewed in the last 30 days."""
    return loaders.ask(review_work.reviewers, since=now_ms() // DAY_MS * DAY_MS - 30 * DAY_MS)


def load_claims() -> pd.DataFrame:
    return loaders.ask(reviews.claims_now, now=loaders.this_second())


def load_assignments() -> pd.DataFrame:
    return loaders.ask(review_work.assignments_now)


def load_pace() -> pd.DataFrame:
    """Who decided how many cases; columns as of `pace_per_person`."""
    now = loaders.this_second()
    return pace_per_person(
        loaders.ask(reviews.decisions_made, decided_from=now - PACE_DAYS * DAY_MS), now=now
    )


def load_agreement() -> pd.DataFrame:
    """How far people agree; columns as of `agreement_per_check`."""
    return agreement_per_check(load_judged_twice())


def load_review_rules() -> ReviewRules:
    return loaders.ask(reviews.rules_now)
