"""Readers of the mirror, beside its writer and without one."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest

from atlas_core.books import results
from atlas_core.books.columns import open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookDamaged, BookMissing
from tests.made_books import START, add_flow, make_books, make_result
from tests.mirrored import counted_by_mirror, follow

_FORK = multiprocessing.get_context("fork")


def test_without_a_mirror_the_reader_says_who_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BookMissing, match="Start the worker"):
        open_columns(tmp_path)


def test_a_mirror_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    book = make_books(tmp_path).atlas
    with AtlasWriter(book) as writer:
        follow(writer, book)
    (book.parent / "mirror" / "head").write_text("{}")
    with pytest.raises(BookDamaged, match="Start the worker"):
        open_columns(book.parent)


def test_a_version_is_opened_once_and_a_newer_one_at_the_next_look(tmp_path: Path) -> None:
    book = make_books(tmp_path).atlas
    with AtlasWriter(book) as writer:
        follow(writer, book)
        first = open_columns(book.parent)
        assert open_columns(book.parent) is first
        add_flow(writer, "flow-0001", result=make_result("flow-0001"))
        assert open_columns(book.parent) is first
        follow(writer, book)
    second = open_columns(book.parent)
    assert (len(first.checks), len(second.checks)) == (0, 1)
    assert second.version > first.version
    assert (first.names.products, second.names.products) == ((None,), (None, "PROD_CDL"))


def test_no_reader_can_change_what_others_read(tmp_path: Path) -> None:
    book = make_books(tmp_path).atlas
    with AtlasWriter(book) as writer:
        add_flow(writer, "flow-0001", result=make_result("flow-0001"))
        follow(writer, book)
    columns = open_columns(book.parent)
    for table in (columns.flows, columns.checks, columns.documents):
        for name in table.__slots__:
            with pytest.raises(ValueError, match="read-only"):
                getattr(table, name)[:] = 0


def _write_without_end(book: Path, flows: int) -> None:
    """Each flow has two cross-checks in every version; a turn replaces one flow's, or all files."""
    with AtlasWriter(book) as writer:
        mirror = Mirror(writer, book)
        for turn in range(1_000_000):
            flow_id = turn % flows + 1
            result = make_result(f"turn-{turn}", similarities=(turn % 101, 40))
            moment = {
                "channel": "extracts",
                "received_at": START,
                "confirmed": True,
                "standards": Standards(),
            }
            writer.write(results.save_result, flow_id, result, **moment)  # type: ignore[arg-type]
            if turn % 20 == 19:
                mirror.rebuild()
            else:
                mirror.catch_up()


def test_beside_a_busy_writer_no_reader_counts_a_flow_twice_or_sees_half_a_version(tmp_path: Path) -> None:
    book, flows = make_books(tmp_path).atlas, 30
    with AtlasWriter(book) as writer:
        for number in range(1, flows + 1):
            result = make_result(f"flow-{number}", similarities=(95, 40))
            add_flow(writer, f"flow-{number:04d}", result=result)
        follow(writer, book)
    process = _FORK.Process(target=_write_without_end, args=(book, flows), daemon=True)
    process.start()
    try:
        versions, missing, looks = set(), 0, 0
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            columns = open_columns(book.parent)
            versions.add(columns.version)
            per_flow = np.bincount(columns.checks.flow, minlength=flows + 1)[1:]
            assert per_flow.max() <= 2
            assert (len(columns.flows), len(columns.names.kinds)) == (flows + 1, 1)
            assert (columns.checks.kind == 0).all()
            assert counted_by_mirror(columns).total() == 2 * flows, "counts are whole at every moment"
            missing += int((per_flow < 2).any())
            looks += 1
    finally:
        process.kill()
        process.join()
    assert len(versions) > 20
    assert missing < looks, "no look ever saw every flow whole"
