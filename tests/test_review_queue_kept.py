"""A queue that was kept through all that happened says the same as one that begins with what is there now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.case_decisions import decide_case
from atlas_core.books.claims import CaseSeen
from atlas_core.books.desk import Desk
from atlas_core.books.eraser import Eraser
from atlas_core.books.erasures import want_erased
from atlas_core.books.mirror import Mirror
from atlas_core.books.queries import attention
from atlas_core.books.queries.threshold_sets import standing_decisions
from atlas_core.books.reading import open_books
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.insight.review_queue import ReviewQueue
from tests.made_columns import DAY, MadeBook, MadeFlow, made_book, result_of
from tests.test_review_queue import ANNA, USUAL, flow_of, uuid_of


@dataclass
class Kept:
    """A book with an eraser, and the queue of a process that has long been running."""

    book: MadeBook
    queue: ReviewQueue = field(default_factory=ReviewQueue)

    @property
    def atlas(self) -> Path:
        return self.book.folder / "atlas.db"

    @property
    def desk(self) -> Path:
        return self.book.folder / "desk.db"

    def waiting(self) -> list[int]:
        """The cases that wait, by the kept queue; a new one says the same, and Today without a mirror."""
        with open_books(self.atlas, self.desk) as books:
            kept, new = (
                queue.mask(books, self.book.columns, ANNA.who, now=now_ms()).nonzero()[0].tolist()
                for queue in (self.queue, ReviewQueue())
            )
            counted = attention(books, now=now_ms(), overdue_ms=DAY, reasons=("review",))
        assert kept == new
        assert counted["flows"].sum() == len(kept)
        return list(kept)

    def decide(self, flow_id: int, now: int | None = None) -> None:
        with open_books(self.atlas, self.desk) as books:
            ((flow_uuid, digest, newest),) = books.rows(
                "SELECT f.flow_uuid, r.digest, (SELECT coalesce(max(d.decision_id), 0)"
                " FROM desk.case_decisions d WHERE d.flow_uuid = f.flow_uuid)"
                " FROM flows f JOIN results r ON r.result_id = f.result_id WHERE f.flow_id = ?",
                [flow_id],
            )
        decide_case(
            Desk(self.desk),
            ANNA,
            CaseSeen(flow_uuid, digest, newest),
            "accept",
            outcome="review",
            in_force=USUAL,
            now=now,
        )

    def bring(self, flow_id: int, score: float) -> None:
        """Atlas shows a result with this score from now on."""
        time.sleep(0.01)
        with AtlasWriter(self.atlas) as writer, closing(Mirror(writer, self.atlas)) as mirror:
            writer.write(
                save_result,
                flow_id,
                result_of(uuid_of(flow_id), flow_of(score)),
                channel="extracts",
                received_at=now_ms(),
                confirmed=True,
                standards=Standards(),
            )
            mirror.catch_up()

    @contextmanager
    def eraser(self) -> Iterator[tuple[AtlasWriter, Eraser]]:
        with AtlasWriter(self.atlas) as writer, closing(Mirror(writer, self.atlas)) as mirror:
            backups = self.book.folder / "backups"
            yield (
                writer,
                Eraser(
                    *(writer, self.atlas, self.desk, backups),
                    lambda anew: mirror.rebuild() if anew else mirror.catch_up(),
                ),
            )


@contextmanager
def kept_over(*flows: MadeFlow) -> Iterator[Kept]:
    with made_book(flows) as book:
        kept = Kept(book)
        assert kept.waiting() == list(range(1, len(flows) + 1))
        yield kept


def flow_begun(days_ago: int, application: str) -> MadeFlow:
    return replace(flow_of(10), created_at=now_ms() - days_ago * DAY, application=application)


def test_a_case_erased_later_on_an_earlier_wish_leaves_a_queue_that_is_kept() -> None:
    """The wish's moment stood in the book, before what the queue had already followed: it never learned."""
    with kept_over(flow_begun(400, "OLD"), flow_begun(1, "NEW"), flow_begun(1, "THIRD")) as kept:
        want_erased(Desk(kept.desk), COMMAND, application_id="NEW", reason="asked for")
        time.sleep(0.01)
        with kept.eraser() as (_, eraser):
            eraser.age(now_ms() - 365 * DAY, days=365)
            assert kept.waiting() == [2, 3]
            eraser.run_open()
            assert kept.waiting() == [3]


def test_a_flow_that_becomes_known_after_its_erasure_leaves_a_queue_that_is_kept() -> None:
    with (
        kept_over(flow_begun(1, "FIRST"), flow_begun(1, "SECOND")) as kept,
        kept.eraser() as (writer, eraser),
    ):
        attempt_id = writer.write(
            attempts.start_attempt,
            77,
            1,
            application_id="LATE",
            product_type="PROD_CDL",
            auth_part="a" * 64,
            callback_part="c" * 64,
            now=now_ms(),
        )
        for application in ("LATE", "FIRST"):
            time.sleep(0.01)
            want_erased(Desk(kept.desk), COMMAND, application_id=application, reason="asked for")
            eraser.run_open()
        assert kept.waiting() == [2]
        # Its answer was late: the flow is one that the queue has long held for open.
        writer.write(attempts.save_init_answer, attempt_id or 0, "flow-00002", now=now_ms())
        assert kept.waiting() == []


def decided_on(kept: Kept) -> list[int]:
    with open_books(kept.atlas, kept.desk) as books:
        return standing_decisions(books)["result_id"].tolist()


def test_a_decided_result_that_comes_back_after_another_waits_again_wherever_it_is_asked() -> None:
    """Pages that had read the decision before it came back said that it waits, later ones and Today that it
    does not."""
    with kept_over(flow_of(10)) as kept:
        kept.decide(1)
        assert kept.waiting() == []
        kept.bring(1, 20)
        assert kept.waiting() == [1]
        kept.bring(1, 10)
        assert kept.waiting() == [1]
        assert decided_on(kept) == [1]
        time.sleep(0.01)
        kept.decide(1)
        assert kept.waiting() == []
        assert decided_on(kept) == [3]


def test_a_decision_stands_in_a_book_whose_results_were_fetched_anew() -> None:
    """There each result came later than the decision on it."""
    with kept_over(flow_of(10)) as kept:
        (received_at,) = kept.book.rows("SELECT received_at FROM results")[0]
        kept.decide(1, now=int(str(received_at)) - DAY)
        assert kept.waiting() == []
        kept.bring(1, 20)
        kept.bring(1, 10)
        assert kept.waiting() == [1]
        assert decided_on(kept) == [1]
