"""The demo's reviewers: two invented people who judged the invented history, so that calibration has
something to say. Everything they did is marked as theirs, and their names say that they are the demo's."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby

from atlas_core.access import Role, User
from atlas_core.books.case_decisions import CaseDecision, decide_case, undo_decision
from atlas_core.books.claims import CaseSeen
from atlas_core.books.desk import Desk
from atlas_core.books.queries.lots import CheckToJudge, drawn_or_in_review
from atlas_core.books.queries.threshold_sets import thresholds_now
from atlas_core.books.reading import open_books
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.verdicts import Drawn, JudgedCheck, Verdict, give_verdict
from atlas_core.clock import now_ms
from atlas_core.insight.differences import Kind, compare_values, normal_form
from atlas_core.settings import Settings

LEAD = User("demo lead", "Demo lead", frozenset({Role.LEAD}))
REVIEWERS = (
    User("demo reviewer Asha", "Asha (demo)", frozenset({Role.ANALYST})),
    User("demo reviewer Ravi", "Ravi (demo)", frozenset({Role.ANALYST})),
)
DRAWN = ReviewRules(strong_share=0.16, unclear_share=0.16, second_share=0.05)
"""By these the demo's history is drawn, more than the usual 2 %: else 90 days of it would tell little."""

HOUR_MS = 3_600_000
WAITING_DAYS = 4
"""What came in the last days nobody has judged yet."""
_JUDGED_SHARE = 0.85  # of the earlier cases
_LIKELY_SAME = {
    Kind.SPELLING: 0.97,
    Kind.MISSING_PART: 0.97,
    Kind.DIFFERENT: 0.06,
    Kind.DIFFERENT_PIN_CODE: 0.0,
}
_SLIPS = 0.03
_TAKEN_BACK = 0.02  # of the decisions
_CANNOT_TELL = 0.02


def draw_for_demo(settings: Settings) -> None:
    """Sets the demo's shares, before its history is written."""
    set_review_rules(Desk(settings.desk_book), LEAD, DRAWN)


def plant_verdicts(settings: Settings, rng: random.Random | None = None) -> int:
    """Lets the demo's reviewers judge most of the history, and sets the usual shares again.

    Returns how many cases they judged.
    """
    rng = rng or random.Random()  # noqa: S311 -- invented verdicts
    desk = Desk(settings.desk_book)
    with open_books(settings.atlas_book, settings.desk_book) as books:
        rows = drawn_or_in_review(books)
        in_force = thresholds_now(books, settings.thresholds)
    until = now_ms() - WAITING_DAYS * 24 * HOUR_MS
    judged = 0
    for _, group in groupby(rows, key=lambda row: row.flow_uuid):
        checks = list(group)
        if checks[0].created_at >= until or rng.random() >= _JUDGED_SHARE:
            continue
        _judge_case(desk, rng, checks, in_force)
        judged += 1
        if judged % 50 == 0 and sys.stdout.isatty():
            print(f"\r{judged:,} cases judged by invented reviewers", end="", flush=True)
    set_review_rules(desk, LEAD, ReviewRules())
    print(f"\r{judged:,} cases were judged by the demo's two invented reviewers.", flush=True)
    return judged


def _judge_case(desk: Desk, rng: random.Random, rows: list[CheckToJudge], in_force: InForce) -> None:
    asked = [
        row for row in rows if row.share is not None or in_force.thresholds.is_low(row.name, row.similarity)
    ]
    first, second = rng.sample(REVIEWERS, 2)
    at = (rows[0].confirmed_at or rows[0].created_at) + int(rng.uniform(0.5, 30) * HOUR_MS)
    truth = {row.position: _is_same(rng, row) for row in asked}
    seen = CaseSeen(rows[0].flow_uuid, rows[0].digest)
    found = _verdicts(rng, truth)
    _give(desk, first, seen, asked, found, in_force, at)
    decide = partial(
        decide_case,
        desk,
        outcome=rows[0].outcome,
        in_force=in_force,
        document="Invoice",
        reason="Invented by the demo",
    )
    if rng.random() < _TAKEN_BACK:
        hasty = decide(first, seen, "reject", seconds=4, now=at + 500)
        undo_decision(desk, first, hasty, now=at + 600)
        seen = replace(seen, decision_id=hasty + 1)
    is_twice = rng.random() < DRAWN.second_share
    decision_id = decide(
        first,
        seen,
        _decision(found.values()),
        seconds=rng.randrange(8, 90),
        second_share=float(is_twice),
        now=at + 1_000,
    )
    if is_twice and asked:
        again = replace(seen, decision_id=decision_id, is_second=True)
        at += int(rng.uniform(1, 20) * HOUR_MS)
        found = _verdicts(rng, truth)
        _give(desk, second, again, asked, found, in_force, at)
        decide(second, again, _decision(found.values()), now=at + 1_000)


def _is_same(rng: random.Random, row: CheckToJudge) -> bool:
    kind = compare_values(row.source_value, row.target_value).kind
    likely = _LIKELY_SAME.get(kind, 1.0)
    if row.similarity is not None and row.similarity < 50:
        likely /= 2
    return rng.random() < likely


def _verdicts(rng: random.Random, truth: Mapping[int, bool]) -> dict[int, Verdict]:
    """What one person finds: nearly always the truth."""
    found: dict[int, Verdict] = {}
    for position, is_same in truth.items():
        if rng.random() < _CANNOT_TELL:
            found[position] = "cannot tell"
        else:
            # Equal values nobody takes for different ones; a slip is made in the hard cases.
            slips = not is_same and rng.random() < _SLIPS
            found[position] = "same" if is_same or slips else "different"
    return found


def _decision(found: Iterable[Verdict]) -> CaseDecision:
    verdicts = list(found)
    if "different" in verdicts:
        return "reject" if verdicts.count("different") > 1 else "ask for a new document"
    return "accept"


def _give(
    desk: Desk,
    by: User,
    seen: CaseSeen,
    rows: list[CheckToJudge],
    found: Mapping[int, Verdict],
    in_force: InForce,
    at: int,
) -> None:
    strokes: defaultdict[Verdict, list[JudgedCheck]] = defaultdict(list)
    for row in rows:
        strokes[found[row.position]].append(_judged(row, is_second=seen.is_second))
    for verdict, checks in strokes.items():
        reason = "Invented by the demo"
        give_verdict(desk, by, seen, checks, verdict, reason=reason, adoption_id=in_force.adoption_id, now=at)


def _judged(row: CheckToJudge, *, is_second: bool) -> JudgedCheck:
    drawn: Drawn = "second" if is_second else "queue" if row.share is None else "lot"
    return JudgedCheck(
        row.position,
        row.name,
        row.source_doc,
        row.source_field_name,
        row.target_doc,
        row.target_field_name,
        row.similarity,
        (normal_form(row.source_value), normal_form(row.target_value)),
        drawn,
        1 / (row.share or 1),
        row.share is None,
    )
