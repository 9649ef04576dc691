"""`check` finds each way in which the mirror could lie, and is not misled by work under way."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from atlas_core.books.column_files import TABLES, TableFile
from atlas_core.books.column_head import read_head
from atlas_core.books.mirror import Mirror
from atlas_core.books.verification import verify_columns
from atlas_core.books.writer import AtlasWriter
from atlas_core.cli.check import run_check
from atlas_core.cli.rebuild import run_rebuild
from atlas_core.errors import BookBusy
from atlas_core.settings import Settings
from atlas_core.worker.mirror_keeper import MirrorKeeper
from tests.made_books import add_flow, make_books, make_result
from tests.mirrored import follow, require_same
from tests.workers import rows, running_worker, settings_for, until


@pytest.fixture
def book(tmp_path: Path) -> Path:
    book = make_books(tmp_path).atlas
    with AtlasWriter(book) as writer:
        for number in range(1, 6):
            scores = (95, 40 + number, None)
            result = make_result(
                f"flow-{number}", similarities=scores, error_code="INVALID_DOC" * (number % 2)
            )
            add_flow(writer, f"flow-{number:04d}", result=result, application_id=f"APP-{number}")
        follow(writer, book)
    return book


def settings_of(book: Path) -> Settings:
    settings = settings_for(book.parent, "http://127.0.0.1:9")
    return dataclasses.replace(settings, receiver_port=9)


def test_a_mirror_kept_in_step_agrees(book: Path) -> None:
    found = verify_columns(book.parent)
    assert (found.flows, found.checks, found.documents, found.waiting) == (5, 15, 5, 0)
    assert found.differences == ()


def put(book: Path, table: str, place: int, **values: float) -> None:
    """Writes into the files of the version that counts, as a fault would."""
    folder = book.parent / "mirror"
    file = TableFile(folder, table, read_head(folder).tables()[table])
    file.put(
        np.array([place]), {name: np.array([value], TABLES[table][name]) for name, value in values.items()}
    )
    file.close()


def write_into_counts(book: Path, place: int, number: int) -> None:
    folder = book.parent / "mirror"
    counts = read_head(folder).counts
    assert counts is not None
    with (folder / counts.file).open("r+b") as file:
        file.seek(4 * place)
        file.write(number.to_bytes(4, "little"))


def swap_two_flows_scores(book: Path) -> None:
    put(book, "checks", 1, score=42)
    put(book, "checks", 4, score=41)


@pytest.mark.parametrize(
    ("harm", "where"),
    [
        (lambda book: put(book, "checks", 1, score=43), "cross-checks"),
        (lambda book: put(book, "checks", 0, flow=0), "cross-checks"),
        (lambda book: put(book, "checks", 0, low_confidence=0.5), "cross-checks"),
        (swap_two_flows_scores, "cross-checks"),
        (lambda book: put(book, "documents", 0, code=0), "documents"),
        (lambda book: put(book, "documents", 0, position=3), "documents"),
        (lambda book: put(book, "flows", 2, outcome=1), "flows"),
        (lambda book: put(book, "flows", 2, confirmed_at=5), "flows"),
        (lambda book: put(book, "flows", 2, created_at=0), "flows"),
        (lambda book: put(book, "flows", 2, crosscheck_ended_at=7), "ends of stages"),
    ],
)
def test_every_kind_of_wrong_row_is_found(book: Path, harm: Callable[[Path], None], where: str) -> None:
    harm(book)
    differences = verify_columns(book.parent).differences
    assert any(f"groups of {where} differ" in sentence for sentence in differences), differences


@pytest.mark.parametrize("waits", [False, True])
def test_counts_that_miss_a_row_are_found(book: Path, waits: bool) -> None:
    with AtlasWriter(book) as writer:
        add_flow(writer, "flow-0006", result=make_result("flow-6", similarities=(95, 12)))
        follow(writer, book)
        if waits:
            add_flow(writer, "flow-0009", result=make_result("flow-9"))
    assert verify_columns(book.parent).differences == ()
    # The last place but seven is the score 95 of the last kind, product and day.
    write_into_counts(book, math.prod(read_head(book.parent / "mirror").counts.shape) - 7, 5)  # type: ignore[union-attr]
    (said,) = verify_columns(book.parent).differences
    assert said == (
        "1 of 8 counts by day differ; 2026-09-21, PROD_CDL, CUSTOMER_NAME: "
        "6 in the mirror's rows, 5 in its counts"
    )


def test_counts_that_have_a_row_too_many_are_found(book: Path) -> None:
    with AtlasWriter(book) as writer, closing(Mirror(writer, book)) as mirror:
        for number in (6, 7):
            add_flow(writer, f"flow-{number:04d}", result=make_result(f"flow-{number}"))
            mirror.catch_up()
    require_same(book)
    put(book, "corrections", 0, score=96)
    (said,) = verify_columns(book.parent).differences
    assert "2 of " in said
    assert "counts by day differ" in said


def test_changes_that_wait_for_the_worker_are_told_and_not_taken_for_faults(book: Path) -> None:
    with AtlasWriter(book) as writer:
        add_flow(writer, "flow-0009", result=make_result("flow-9"))
    found = verify_columns(book.parent)
    assert (found.waiting, found.flows, found.differences) == (1, 5, ())


def test_check_says_that_both_agree_or_how_to_mend_it(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_check(settings_of(book))
    assert (
        "ok   The column mirror: it agrees with the book on 5 flows, 15 cross-checks"
        in capsys.readouterr().out
    )
    put(book, "checks", 0, score=12)
    assert run_check(settings_of(book)) == 1
    said = capsys.readouterr().out
    assert (
        "BAD  The column mirror: 1 of 1 groups of cross-checks differ; CUSTOMER_NAME, DELIVERY_ORDER" in said
    )
    assert "python -m atlas_core rebuild" in said
    assert run_rebuild(settings_of(book)) == 0
    assert "5 flows, 15 cross-checks and 5 documents" in capsys.readouterr().out
    require_same(book)


def test_rebuild_leaves_the_mirror_to_a_running_worker(book: Path) -> None:
    with AtlasWriter(book), pytest.raises(BookBusy, match="Stop the worker"):
        run_rebuild(settings_of(book))


def test_the_keeper_follows_the_book_and_ends_with_what_came_last(book: Path) -> None:
    with AtlasWriter(book) as writer:
        keeper = MirrorKeeper(writer, book)
        keeper.start()
        add_flow(writer, "flow-0006", result=make_result("flow-6"))
        until(lambda: rows(book, "SELECT count(*) FROM mirror_queue") == [(0,)], 5)
        require_same(book)
        add_flow(writer, "flow-0007", result=make_result("flow-7"))
        keeper.stop(5)
        require_same(book)


def test_a_worker_makes_the_mirror_of_books_that_have_none(book: Path) -> None:
    shutil.rmtree(book.parent / "mirror")
    with running_worker(settings_for(book.parent, "http://127.0.0.1:9")):
        until((book.parent / "mirror" / "head").exists, 5)
    require_same(book)
