"""The review page as one person's session runs it, and a book of cases under it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from streamlit.testing.v1 import AppTest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books.desk import Desk
from atlas_core.books.queries.reviews import CaseRecord, case_record
from atlas_core.books.reading import open_books
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.books.threshold_sets import InForce
from atlas_core.clock import now_ms
from atlas_core.insight.review_queue import ReviewQueue
from atlas_core.thresholds import Thresholds
from tests.made_columns import MadeBook, MadeCheck, MadeDocument, MadeFlow, made_book
from tests.page_sessions import button, said, sessions_over, show
from tests.test_review_queue import Reviewing

MINUTE = 60_000
RAVI = User("ravi", "Ravi", frozenset({Role.LEAD}))
USUAL = InForce(Thresholds())
PAPERS = (
    MadeDocument("DELIVERY_ORDER", fields=(("customer_name", "Asha Rao", 0.9),)),
    MadeDocument("INVOICE", fields=(("customer_name", "Asha Rao", 0.8),)),
)


def a_case(
    *scores: float | None,
    minutes_ago: int = 60,
    papers: Sequence[MadeDocument] = PAPERS,
    product: str = "CDL",
) -> MadeFlow:
    """A flow of two papers with a cross-check of each score; the first is the customer's name."""
    names = (
        ("CUSTOMER_NAME", "customer_name"),
        ("DEALER_ADDRESS", "dealer_address"),
        ("PRODUCT_MODEL", "product_model"),
    )
    checks = tuple(
        MadeCheck(name, score, field=field) for (name, field), score in zip(names, scores, strict=False)
    )
    return MadeFlow(
        created_at=now_ms() - minutes_ago * MINUTE, product=product, documents=tuple(papers), checks=checks
    )


@dataclass
class Sitting:
    """One person at the review page."""

    page: AppTest

    def press(self, label: str) -> str:
        """Presses a button; returns what the page says then."""
        button(self.page, label).click().run()
        assert not self.page.exception
        return self.said

    @property
    def said(self) -> str:
        return said(self.page)

    @property
    def labels(self) -> list[str]:
        return [button.label for button in self.page.button]

    @property
    def case(self) -> str:
        """The application on the screen; empty where there is none."""
        names = [heading.value for heading in self.page.subheader]
        return next((name.replace("\\", "") for name in names if name.startswith("APP")), "")


@dataclass
class Room:
    """A book of cases, with people who sit down at it."""

    book: MadeBook
    cases: Reviewing
    desk: Desk

    def sit(self, **address: str) -> Sitting:
        return Sitting(show("review", **address))

    def record(self, number: int) -> CaseRecord:
        with open_books(self.book.folder / "atlas.db", self.book.folder / "desk.db") as books:
            return case_record(books, f"flow-{number:05}", now=now_ms())

    def decisions(self, number: int) -> list[str]:
        return [decision["decision"] for decision in self.record(number).decisions]

    def verdicts(self, number: int) -> list[str]:
        return [verdict["verdict"] for verdict in self.record(number).verdicts]


@contextmanager
def a_room(*flows: MadeFlow) -> Iterator[Room]:
    with made_book(flows) as book, sessions_over(book.folder):
        desk = Desk(book.folder / "desk.db")
        set_review_rules(desk, LOCAL, ReviewRules(second_share=0))  # else some come again by lot
        yield Room(book, Reviewing(book, ReviewQueue(), desk), desk)
