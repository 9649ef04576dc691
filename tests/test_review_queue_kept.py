"""A queue that was kept through all that happened says the same as one that begins with what is there now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.desk import Desk
from atlas_core.books.eraser import Eraser
from atlas_core.books.erasures import want_erased
from atlas_core.books.mirror import Mirror
from atlas_core.books.reading import open_books
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.insight.review_queue import ReviewQueue
from tests.made_columns import DAY, MadeBook, MadeFlow, made_book
from tests.test_review_queue import ANNA, flow_of


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
        """The cases that wait, by the kept queue; a new one says the same."""
        with open_books(self.atlas, self.desk) as books:
            kept, new = (
                queue.mask(books, self.book.columns, ANNA.who, now=now_ms()).nonzero()[0].tolist()
                for queue in (self.queue, ReviewQueue())
            )
        assert kept == new
        return list(kept)

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
