"""The mirror's counts by day: corrected by what comes and goes, made anew now and then, right throughout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection

import numpy as np
import pytest

from atlas_core.books import results
from atlas_core.books.columns import Columns, open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.standards import Standards
from atlas_core.books.verification import verify_columns
from atlas_core.books.writer import AtlasWriter
from atlas_core.insight.distributions import checks_per_score
from atlas_core.insight.selection import Selection
from atlas_core.insight.trends import bands_per_week
from atlas_core.thresholds import Thresholds
from tests.made_books import START, add_flow, make_books, make_result
from tests.made_columns import DAY, MONDAY, MadeCheck, MadeDocument, MadeFlow, made_book
from tests.mirrored import counted_by_mirror, require_same


class Followed:
    """A book of twenty flows on twenty days, its writer and the mirror's, which has caught up."""

    def __init__(self, folder: Path) -> None:
        self.book = make_books(folder).atlas
        self.writer = AtlasWriter(self.book)
        for number in range(1, 21):
            result = make_result(f"flow-{number}", similarities=(95, 40))
            add_flow(self.writer, f"flow-{number:04d}", result=result, created_at=START + number * DAY)
        self.mirror = Mirror(self.writer, self.book)
        self.mirror.catch_up()

    def deliver(self, flow_id: int, *scores: float) -> Columns:
        """Another result of a flow, taken over."""
        result = make_result(f"delivered {flow_id} {scores}", similarities=scores)
        moment = {"channel": "extracts", "received_at": START, "confirmed": True, "standards": Standards()}
        self.writer.write(results.save_result, flow_id, result, **moment)  # type: ignore[arg-type]
        self.mirror.catch_up()
        return require_same(self.book)

    def close(self) -> None:
        self.mirror.close()
        self.writer.close()


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    with closing(Followed(tmp_path)) as followed:
        yield followed


def corrections(columns: Columns) -> int:
    assert columns.counts is not None
    return len(columns.counts.corrections)


def test_a_result_of_any_day_corrects_the_counts_and_very_many_make_them_anew(followed: Followed) -> None:
    columns = require_same(followed.book)
    assert corrections(columns) == 0
    seen = []
    for flow_id in (1, 20, 1):
        columns = followed.deliver(flow_id, 95, 41)
        seen.append(corrections(columns))
    assert seen == [4, 8, 8]  # the last result was the one that counts already
    assert corrections(followed.deliver(3, *(50,) * 40_000)) == 0
    assert corrections(followed.deliver(4, 7)) == 3


def test_a_writer_that_starts_trusts_no_earlier_counts(followed: Followed) -> None:
    followed.deliver(2, 1, 2)
    followed.mirror.close()
    followed.mirror = Mirror(followed.writer, followed.book)
    followed.mirror.catch_up()
    assert corrections(require_same(followed.book)) == 4  # nothing was there to publish
    assert corrections(followed.deliver(5, 3)) == 0
    assert corrections(followed.deliver(6, 4)) == 3


def test_counts_that_are_lost_are_made_anew_by_the_next_start_although_nothing_waits(
    followed: Followed,
) -> None:
    followed.mirror.close()
    next((followed.book.parent / "mirror").glob("counts.*")).unlink()
    followed.mirror = Mirror(followed.writer, followed.book)
    followed.mirror.catch_up()
    require_same(followed.book)


def test_who_holds_a_version_keeps_its_counts_while_flows_are_replaced(followed: Followed) -> None:
    first = open_columns(followed.book.parent)
    second = followed.deliver(7, 12)
    before = [counted_by_mirror(held) for held in (first, second)]
    followed.deliver(8, *(50,) * 40_000)  # more than corrections may be
    followed.deliver(9, 12, 13, 14)
    assert [counted_by_mirror(held) for held in (first, second)] == before
    assert [counts.total() for counts in before] == [40, 39]
    assert int((first.checks.flow == 0).sum()) == 6, "while the rows that went are missed"


@pytest.mark.parametrize(
    "change", ["product_type = 'POC_CDL'", f"created_at = created_at + {9 * DAY}", "product_type = ''"]
)
def test_a_flow_that_turns_out_to_be_of_another_product_or_day_is_counted_there(
    followed: Followed, change: str
) -> None:
    def correct(connection: Connection) -> None:
        connection.execute(f"UPDATE flows SET {change} WHERE flow_id = 4")  # noqa: S608 our own words

    followed.writer.write(correct)
    followed.mirror.catch_up()
    assert corrections(require_same(followed.book)) == 4


def test_days_decades_apart_have_no_counts_and_every_answer_all_the_same() -> None:
    checks = tuple(MadeCheck(f"CHECK_{number}", 50) for number in range(20))
    flows = [MadeFlow(created_at=2 * DAY, checks=checks), MadeFlow(checks=checks)]
    with made_book(flows) as book:
        path = book.folder / "atlas.db"
        with AtlasWriter(path) as writer, closing(Mirror(writer, path)) as mirror:
            mirror.rebuild()
        assert book.columns.counts is None
        assert checks_per_score(book.columns, Selection(created_to=3 * DAY)).scored == 20
        assert bands_per_week(book.columns, Selection(created_from=MONDAY), Thresholds())["n"].sum() == 20
        assert verify_columns(book.folder).differences == ()


# -------------------------------------------------------------------------------------- who asks them


def without_rows(columns: Columns) -> Columns:
    checks = columns.checks
    none = {name: getattr(checks, name)[:0] for name in checks.__slots__}
    return replace(columns, checks=replace(checks, **none))


def test_days_products_and_checks_are_told_without_a_look_at_any_row_and_nothing_else() -> None:
    order = MadeDocument("DELIVERY_ORDER", fields=(("dealer_name", "Invented Shop", 0.9),))
    flows = [MadeFlow(documents=(order,), checks=(MadeCheck("NAME", 50), MadeCheck("ADDRESS", 95)))] * 3
    by_counts = [
        Selection(),
        Selection(created_from=MONDAY, created_to=MONDAY + DAY),
        Selection(products=("PROD_CDL",), checks=("NAME",)),
        Selection(document_types=("INVOICE",)),
        Selection(created_from=MONDAY + 2 * DAY, created_to=MONDAY),
    ]
    by_rows = [
        Selection(created_from=MONDAY - 1),
        Selection(created_to=MONDAY + DAY + 1),
        Selection(outcomes=("review",)),
        Selection(dealers=("Invented Shop",)),
        Selection(qualities=(None,)),
    ]
    with made_book(flows) as book:
        columns = book.columns
    bare = without_rows(columns)
    for selection in by_counts:
        assert checks_per_score(bare, selection).counts.tolist() == (
            checks_per_score(replace(columns, counts=None), selection).counts.tolist()
        )
    assert bands_per_week(bare, Selection(), Thresholds(), by="product")["n"].sum() == 6
    for selection in by_rows:
        assert checks_per_score(columns, selection).scored == 6
        assert checks_per_score(bare, selection).scored == 0
    assert bands_per_week(bare, Selection(), Thresholds(), by="dealer").empty


def test_a_trend_day_by_day_reads_whichever_is_less() -> None:
    far = MadeFlow(created_at=MONDAY + 6_000 * DAY, checks=(MadeCheck("NAME", 95),))
    flows = [MadeFlow(checks=tuple(MadeCheck(f"CHECK_{number}", 50) for number in range(9))), far]
    with made_book(flows) as book:
        columns = book.columns
        for step, days in (("day", 6_001), ("month", 198)):
            frame = bands_per_week(columns, Selection(), Thresholds(), step)  # type: ignore[arg-type]
            assert len(frame) == 10 * days
            assert frame["n"].sum() == 10
        assert bands_per_week(without_rows(columns), Selection(), Thresholds(), "day").empty
        assert not bands_per_week(without_rows(columns), Selection(), Thresholds(), "month").empty


def test_the_counts_are_read_only(followed: Followed) -> None:
    counts = open_columns(followed.book.parent).counts
    assert counts is not None
    for numbers in (counts.before, *(getattr(counts.corrections, name) for name in ("day", "by"))):
        with pytest.raises(ValueError, match="read-only"):
            numbers[:] = np.zeros_like(numbers)
