"""The queue of cases: who is given which next, held against a plain model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from atlas_core.access import Role, User
from atlas_core.books.case_decisions import decide_case, undo_decision
from atlas_core.books.claims import CaseSeen, assign_cases, claim_case, release_case
from atlas_core.books.desk import Desk
from atlas_core.books.lots import draw_lots
from atlas_core.books.mirror import Mirror
from atlas_core.books.queries import attention
from atlas_core.books.reading import Books, open_books
from atlas_core.books.results import save_result
from atlas_core.books.review_rules import ReviewRules
from atlas_core.books.standards import Standards
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.writer import AtlasWriter
from atlas_core.insight.finding import Rules, what_needs_a_person
from atlas_core.insight.review_queue import NextCase, ReviewQueue, Waiting
from atlas_core.models import Band, CrossCheck
from atlas_core.thresholds import Thresholds
from tests.made_columns import FAILED, MONDAY, MadeBook, MadeCheck, MadeFlow, made_book, result_of

MINUTE = 60_000
NOW = MONDAY + 86_400_000
PEOPLE = tuple(User(who, who.title(), frozenset({Role.LEAD})) for who in ("anna", "ravi"))
ANNA, RAVI = PEOPLE
USUAL = InForce(Thresholds())


def flow_of(score: float | None, minute: int = 0, *, failed: bool = False) -> MadeFlow:
    made = MadeFlow(created_at=MONDAY + minute * MINUTE, checks=(MadeCheck("NAME", score),))
    return replace(made, status=FAILED, has_result=False) if failed else made


@dataclass
class Reviewing:
    """A book of cases, and the queue over it."""

    book: MadeBook
    queue: ReviewQueue
    desk: Desk

    @contextmanager
    def books(self) -> Iterator[Books]:
        with open_books(self.book.folder / "atlas.db", self.book.folder / "desk.db") as books:
            yield books

    def next(self, user: User, fits: np.ndarray | None = None) -> NextCase | None:
        with self.books() as books:
            return self.queue.next_case(books, self.book.columns, user.who, now=NOW, fits=fits)

    def waiting(self, user: User) -> Waiting:
        with self.books() as books:
            return self.queue.waiting(books, self.book.columns, user.who, now=NOW)

    def seen(self, flow_id: int, *, is_second: bool = False) -> CaseSeen:
        with self.books() as books:
            digest = books.rows(
                "SELECT r.digest FROM flows f LEFT JOIN results r ON r.result_id = f.result_id"
                " WHERE f.flow_id = ?",
                [flow_id],
            )[0][0]
            newest = books.rows(
                "SELECT coalesce(max(decision_id), 0) FROM desk.case_decisions WHERE flow_uuid = ?",
                [uuid_of(flow_id)],
            )[0][0]
        return CaseSeen(uuid_of(flow_id), digest, newest, is_second)

    def decide(self, user: User, flow_id: int, decision: str = "accept", *, second_share: float = 0) -> int:
        case = self.next_of(user, flow_id)
        return decide_case(
            self.desk,
            user,
            self.seen(flow_id, is_second=case.is_second),
            decision,  # type: ignore[arg-type]
            outcome="review",
            in_force=USUAL,
            document="INVOICE",
            second_share=second_share,
            now=NOW,
        )

    def next_of(self, user: User, flow_id: int) -> NextCase:
        with self.books() as books:
            return self.queue.case(books, self.book.columns, flow_id, user.who, now=NOW)

    def draw(self, flow_id: int, *positions: int, share: float = 1.0) -> None:
        """Puts cross-checks of a flow's result into the lot."""
        with AtlasWriter(self.book.folder / "atlas.db") as writer:
            writer.write(_draw, flow_id, positions, share)

    def bring_again(self, flow_id: int, score: float) -> None:
        """Another version of a flow's result."""
        result = result_of(uuid_of(flow_id), flow_of(score))
        atlas = self.book.folder / "atlas.db"
        with AtlasWriter(atlas) as writer:
            writer.write(
                save_result,
                flow_id,
                result,
                channel="extracts",
                received_at=NOW,
                confirmed=True,
                standards=Standards(),
            )
            mirror = Mirror(writer, atlas)
            mirror.catch_up()
            mirror.close()


def _draw(connection: sqlite3.Connection, flow_id: int, positions: tuple[int, ...], share: float) -> None:
    (result_id,) = connection.execute("SELECT result_id FROM flows WHERE flow_id = ?", (flow_id,)).fetchone()
    connection.executemany(
        "INSERT INTO lots (flow_id, result_id, position, share, drawn_at) VALUES (?, ?, ?, ?, 1)",
        [(flow_id, result_id, position, share) for position in positions],
    )


def uuid_of(flow_id: int) -> str:
    return f"flow-{flow_id:05}"


@contextmanager
def reviewing(*flows: MadeFlow) -> Iterator[Reviewing]:
    with made_book(flows) as book:
        yield Reviewing(book, ReviewQueue(), Desk(book.folder / "desk.db"))


def order_for(cases: Reviewing, user: User) -> list[int]:
    """The cases as a person would meet them who decides each at once."""
    met = []
    while case := cases.next(user):
        met.append(case.flow_id)
        cases.decide(user, case.flow_id)
    return met


def test_the_worst_comes_first_and_of_equals_the_oldest() -> None:
    with reviewing(
        flow_of(50, 3), flow_of(95), flow_of(20, 9), flow_of(50, 1), flow_of(None, failed=True), flow_of(69.9)
    ) as cases:
        assert cases.waiting(ANNA) == Waiting(5, 0, 0, 0, MONDAY, to_review=4, failed=1)
        assert order_for(cases, ANNA) == [5, 3, 4, 1, 6]
        assert cases.waiting(ANNA) == Waiting(0, 0, 0, 0, None, to_review=0, failed=0)


def test_nobody_is_given_what_another_has_claimed_or_is_assigned() -> None:
    with reviewing(flow_of(10), flow_of(20), flow_of(30)) as cases:
        claim_case(cases.desk, ANNA, uuid_of(1), now=NOW)
        assign_cases(cases.desk, RAVI, [uuid_of(2)], ANNA.who)
        assert [cases.next(RAVI).flow_id, cases.waiting(RAVI).total] == [3, 1]  # type: ignore[union-attr]
        assert [cases.next(ANNA).flow_id, cases.waiting(ANNA).assigned] == [2, 1]  # type: ignore[union-attr]
        release_case(cases.desk, ANNA, uuid_of(1))
        assert cases.next(RAVI).flow_id == 1  # type: ignore[union-attr]


def test_only_flows_that_fit_the_filter_are_given() -> None:
    with reviewing(flow_of(10), flow_of(20)) as cases:
        fits = np.array([False, False, True])
        assert cases.next(ANNA, fits).flow_id == 2  # type: ignore[union-attr]
        assert cases.next(ANNA, np.zeros(3, np.bool_)) is None


def test_a_newer_result_that_still_asks_brings_a_decided_case_back_b120() -> None:
    with reviewing(flow_of(10), flow_of(20)) as cases:
        cases.decide(ANNA, 1)
        cases.bring_again(1, 15)
        assert cases.waiting(ANNA) == Waiting(2, 0, 1, 0, MONDAY, to_review=2, failed=0)
        assert cases.next(ANNA) == NextCase(1, {}, False, False, True)
        cases.bring_again(1, 95)
        assert cases.next(ANNA).flow_id == 2  # type: ignore[union-attr]


def test_a_decision_taken_back_brings_the_case_back() -> None:
    with reviewing(flow_of(10)) as cases:
        decision_id = cases.decide(ANNA, 1)
        assert cases.next(ANNA) is None
        undo_decision(cases.desk, ANNA, decision_id, now=NOW)
        assert cases.next(ANNA).flow_id == 1  # type: ignore[union-attr]


def test_what_was_decided_or_erased_waits_for_nobody_also_on_today() -> None:
    with reviewing(flow_of(50), flow_of(40), flow_of(30), flow_of(20, failed=True)) as cases:
        cases.decide(ANNA, 1)
        with AtlasWriter(cases.book.folder / "atlas.db") as writer:
            writer.write(lambda book: book.execute("UPDATE flows SET erased_at = ? WHERE flow_id = 2", [NOW]))
        assert needed(cases) == {"failed": 1, "review": 1}
        assert order_for(cases, RAVI) == [4, 3]
        assert needed(cases) == {}
        cases.bring_again(3, 10)
        assert needed(cases) == {"review": 1}
        cases.decide(ANNA, 3, "second person")
        assert needed(cases) == {"review": 1}
        decision_id = cases.decide(RAVI, 3, "reject")
        assert needed(cases) == {}
        undo_decision(cases.desk, RAVI, decision_id, now=NOW)
        assert needed(cases) == {"review": 1}


def needed(cases: Reviewing) -> dict[str, int]:
    """How many flows Today says need a person, for each reason that a decision can end; without a mirror it
    says the same."""
    with cases.books() as books:
        counted = what_needs_a_person(books, cases.book.columns, Rules(Thresholds(), 600_000, NOW))
        by_sql = attention(books, now=NOW, overdue_ms=600_000)
    assert_frame_equal(counted, by_sql.drop(columns="flow_uuid"))
    return {row.reason: row.flows for row in counted.itertuples() if row.reason in ("failed", "review")}


def test_a_case_sent_to_a_second_person_waits_for_anybody_else() -> None:
    with reviewing(flow_of(10)) as cases:
        cases.decide(ANNA, 1, "second person")
        assert cases.next(ANNA) is None
        assert cases.next(RAVI) == NextCase(1, {}, False, False, False)
        cases.decide(RAVI, 1)
        assert cases.next(RAVI) is cases.next(ANNA) is None


def test_a_case_drawn_for_a_second_look_waits_for_anybody_but_the_first() -> None:
    with reviewing(flow_of(10)) as cases:
        cases.decide(ANNA, 1, second_share=1)
        assert cases.next(ANNA) is None
        found = cases.next(RAVI)
        assert found is not None
        assert (found.is_second, found.is_again, cases.waiting(RAVI).second) == (True, False, 1)
        cases.decide(RAVI, 1)
        assert cases.next(RAVI) is cases.next(ANNA) is None


def test_a_pass_that_was_drawn_waits_with_its_score_hidden_and_an_older_results_lot_does_not() -> None:
    with reviewing(flow_of(95), flow_of(96)) as cases:
        cases.draw(1, 0, share=0.02)
        assert cases.next(ANNA) == NextCase(1, {0: 0.02}, False, True, False)
        cases.bring_again(1, 97)
        assert cases.next(ANNA) is None


def test_drawn_passes_are_mixed_in_and_as_many_ordinary_cases_hide_their_scores() -> None:
    ordinary, drawn = 150, 50
    flows = [flow_of(n % 70, n) for n in range(ordinary)] + [flow_of(95, n) for n in range(drawn)]
    with reviewing(*flows) as cases:
        for flow_id in range(ordinary + 1, ordinary + drawn + 1):
            cases.draw(flow_id, 0)
        hidden = sum(cases.next_of(ANNA, flow_id).hides_scores for flow_id in range(1, ordinary + 1))
        assert 25 <= hidden <= 80  # a third of 150, by a hash
        assert all(cases.next_of(ANNA, flow_id).hides_scores for flow_id in range(151, 201))
        met = order_for(cases, ANNA)
    places = [place for place, flow_id in enumerate(met) if flow_id > ordinary]
    assert len(met) == 200
    assert len([place for place in places if place < 100]) in range(10, 41)  # neither first nor last


def test_another_book_under_the_same_numbers_is_not_taken_for_the_first() -> None:
    queue = ReviewQueue()
    for scores, expected in (((10, 20), 1), ((90, 20), 2)):
        with reviewing(*(flow_of(score) for score in scores)) as cases:
            cases.queue = queue
            assert cases.next(ANNA).flow_id == expected  # type: ignore[union-attr]
            cases.decide(ANNA, expected)


moves = st.lists(
    st.tuples(
        st.sampled_from(("claim", "decide", "second person", "undo", "assign", "give back", "again", "draw")),
        st.integers(1, 6),
        st.sampled_from(PEOPLE),
        st.sampled_from((5, 30, 69, 70, 95)),
    ),
    max_size=25,
)


@given(st.lists(st.sampled_from((3, 40, 69, 71, 98, None)), min_size=6, max_size=6), moves)
@settings(max_examples=40)
def test_whatever_people_do_each_is_given_what_a_plain_model_gives(
    scores: list[int | None], moves: list[tuple[str, int, User, int]]
) -> None:
    with reviewing(*(flow_of(score, minute) for minute, score in enumerate(scores))) as cases:
        model = Model(dict(enumerate(scores, 1)))
        for move, flow_id, user, score in moves:
            if move in ("decide", "second person") and model.is_offered(flow_id, user.who):
                cases.decide(user, flow_id, "accept" if move == "decide" else move)
                model.decide(flow_id, user.who, move)
            elif move == "claim" and model.claims.get(flow_id, user.who) == user.who:
                claim_case(cases.desk, user, uuid_of(flow_id), now=NOW)
                model.claims[flow_id] = user.who
            elif move == "give back":
                release_case(cases.desk, user, uuid_of(flow_id))
                if model.claims.get(flow_id) == user.who:
                    del model.claims[flow_id]
            elif move == "assign":
                assign_cases(cases.desk, user, [uuid_of(flow_id)], user.who)
                model.assigned[flow_id] = user.who
            elif move == "again":
                cases.bring_again(flow_id, score + len(model.versions) / 1000)
                model.bring_again(flow_id, score)
            elif move == "draw" and (model.scores[flow_id] or 0) >= 70 and flow_id not in model.drawn:
                cases.draw(flow_id, 0)
                model.drawn.add(flow_id)
            for each in PEOPLE:
                found = cases.next(each)
                expected = model.offered(each.who)
                assert cases.waiting(each).total == len(expected)
                assert (found is None) == (not expected)
                if found is not None:
                    assert found.flow_id in model.firsts(each.who)


class Model:
    """The queue's rules once more, over plain dictionaries."""

    def __init__(self, scores: dict[int, int | None]) -> None:
        self.scores = scores
        self.claims: dict[int, str] = {}
        self.assigned: dict[int, str] = {}
        self.decided: set[int] = set()
        self.sent_on: dict[int, str] = {}
        self.drawn: set[int] = set()
        self.versions: list[int] = []

    def decide(self, flow_id: int, who: str, move: str) -> None:
        self.claims.pop(flow_id, None)
        self.assigned.pop(flow_id, None)
        self.sent_on.pop(flow_id, None)
        if move == "second person":
            self.sent_on[flow_id] = who
        else:
            self.decided.add(flow_id)

    def bring_again(self, flow_id: int, score: int) -> None:
        self.versions.append(flow_id)
        self.scores[flow_id] = score
        self.decided.discard(flow_id)
        self.drawn.discard(flow_id)

    def is_offered(self, flow_id: int, who: str) -> bool:
        score = self.scores[flow_id]
        asks = (score is not None and score < 70) or flow_id in self.drawn
        return (
            asks
            and flow_id not in self.decided
            and self.claims.get(flow_id, who) == who
            and self.assigned.get(flow_id, who) == who
            and self.sent_on.get(flow_id) != who
        )

    def offered(self, who: str) -> list[int]:
        return [flow_id for flow_id in self.scores if self.is_offered(flow_id, who)]

    def firsts(self, who: str) -> list[int]:
        """The cases that may come first: where drawn ones are among them, any of those may, too."""
        offered = self.offered(who)
        mine = [flow_id for flow_id in offered if self.assigned.get(flow_id) == who] or offered
        ordinary = [flow_id for flow_id in mine if (self.scores[flow_id] or 0) < 70]
        best = min(ordinary, key=lambda flow_id: (self.scores[flow_id], flow_id), default=None)
        return [flow_id for flow_id in mine if flow_id == best or flow_id not in ordinary]


def test_lots_are_drawn_among_passes_alone_by_their_bands_share() -> None:
    def check(position: int, similarity: float | None) -> CrossCheck:
        return CrossCheck(position, "NAME", "A", "a", "x", "B", "b", "y", similarity)

    checks = [check(0, 20), check(1, 75), check(2, 90), check(3, None), check(4, 100)]
    rules = {Band.STRONG: ReviewRules(1.0, 0.0), Band.UNCLEAR: ReviewRules(0.0, 1.0), None: ReviewRules(0, 0)}
    drawn = {}
    for band, rule in rules.items():
        with reviewing(flow_of(95)) as cases, AtlasWriter(cases.book.folder / "atlas.db") as writer:
            count = writer.write(draw_lots, 1, 1, checks, Standards(rules=rule), now=NOW)
            drawn[band] = [row[0] for row in cases.book.rows("SELECT position FROM lots ORDER BY position")]
            assert count == len(drawn[band])
    assert drawn == {Band.STRONG: [2, 4], Band.UNCLEAR: [1], None: []}


def test_the_share_of_passes_that_are_drawn_is_the_one_that_was_set() -> None:
    checks = [CrossCheck(n, "NAME", "A", "a", "x", "B", "b", "y", 95) for n in range(20_000)]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE lots (flow_id, result_id, position, share, drawn_at, UNIQUE (position))"
        )
        count = draw_lots(connection, 1, 1, checks, Standards(rules=ReviewRules(0.1)), now=1)
    assert 1_700 < count < 2_300  # seven standard deviations


@pytest.mark.parametrize("who", PEOPLE)
def test_a_case_opened_by_its_address_says_what_it_is(who: User) -> None:
    with reviewing(flow_of(95)) as cases:
        assert cases.next_of(who, 1) == NextCase(1, {}, False, False, False)
