"""Books whose cross-checks people have judged, through the same functions as on the Review page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from atlas_core.access import Role, User
from atlas_core.books.case_decisions import CaseDecision, decide_case
from atlas_core.books.claims import CaseSeen, release_case
from atlas_core.books.desk import Desk
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.verdicts import Drawn, JudgedCheck, Verdict, give_verdict
from atlas_core.clock import now_ms
from atlas_core.thresholds import Thresholds
from tests.made_columns import DAY, MadeBook, MadeCheck, MadeFlow, made_book

ANNA = User("anna@lender.example", "Anna", frozenset({Role.ANALYST}))
RAVI = User("ravi@lender.example", "Ravi", frozenset({Role.ANALYST}))
NAME, DEALER = "CUSTOMER_NAME", "DEALER_NAME"
IN_FORCE = InForce(Thresholds())


def flows_of(scores: Sequence[float], *, each: int) -> list[MadeFlow]:
    """One flow for each score, with so many cross-checks of the name at that score, and one of the dealer."""
    return [
        MadeFlow(
            created_at=now_ms() - (10 + number % 20) * DAY,
            application=f"LOAN-{number}",
            checks=(*[MadeCheck(NAME, score)] * each, MadeCheck(DEALER, 95, field="dealer_name")),
        )
        for number, score in enumerate(scores, 1)
    ]


PLENTY = flows_of([40] * 8 + [60] * 8 + [75] * 8 + [95] * 16, each=20)
"""Below 60 the names differ, from there on they are the same, though 60 to 69 ask for a person."""


def judge(
    book: MadeBook,
    *,
    by: User = ANNA,
    drawn: Drawn | None = None,
    decision: CaseDecision | None = None,
    of_flows: int = 10_000,
    dealers: bool = False,
) -> None:
    """Lets somebody judge every name (and dealer) of the first flows: different below 60, else the same."""
    desk = Desk(book.folder / "desk.db")
    rows = book.rows(
        "SELECT f.flow_uuid, r.digest, f.outcome, c.position, c.name, c.similarity_score"
        " FROM flows f JOIN results r ON r.result_id = f.result_id"
        " JOIN cross_checks c ON c.result_id = r.result_id WHERE f.flow_id <= ?"
        " ORDER BY f.flow_id, c.position",
        (of_flows,),
    )
    for (flow_uuid, digest, outcome), group in groupby(rows, key=lambda row: row[:3]):
        seen = CaseSeen(str(flow_uuid), str(digest), is_second=drawn == "second")
        checks = [
            JudgedCheck(int(str(position)), str(name), "D", "n", "I", "n", score, ("a", "b"), how, 1.0, True)
            for _, _, _, position, name, score in group
            if isinstance(score, int | float) and (dealers or name == NAME)
            for how in [drawn or ("queue" if score < 70 else "lot")]
        ]
        is_same = all(check.similarity is not None and check.similarity >= 60 for check in checks)
        verdict: Verdict = "same" if is_same else "different"
        give_verdict(desk, by, seen, checks, verdict, adoption_id=None)
        release_case(desk, by, str(flow_uuid))
        if decision:
            decide_case(desk, by, seen, decision, outcome=str(outcome), in_force=IN_FORCE, document="I")


@contextmanager
def judged_book(*, waiting: int = 0) -> Iterator[MadeBook]:
    """Plenty of verdicts on the name, by two people here and there, and every flow decided; then so many more
    flows that wait, each for its dealer alone."""
    later = [
        MadeFlow(
            created_at=now_ms() - DAY,
            application=f"LATER-{number}",
            checks=(MadeCheck(NAME, 95), MadeCheck(DEALER, 20, field="dealer_name")),
        )
        for number in range(1, waiting + 1)
    ]
    with made_book([*PLENTY, *later]) as book:
        judge(book, by=RAVI, drawn="second", of_flows=4)
        judge(book, decision="accept", of_flows=len(PLENTY))
        yield book
