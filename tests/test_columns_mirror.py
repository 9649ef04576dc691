"""The column mirror follows the book: change by change, from nothing, and whatever happens to its files."""

from __future__ import annotations

import json
import random
import resource
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_core.api.payloads import parse_result
from atlas_core.books import results, store
from atlas_core.books.columns import DEAD, NO_SCORE, open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.mirror_rows import DAY_MS, OVERFLOW
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookError
from atlas_core.models import FlowStatus, Result
from tests.made_books import DONE, FAILED, START, add_flow, make_books, make_result
from tests.made_payloads import result_of, sample
from tests.mirrored import follow, require_same, said_by_mirror
from tests.workers import rows


@dataclass
class Followed:
    """A book with its writer and the mirror's."""

    book: Path
    writer: AtlasWriter
    mirror: Mirror

    def deliver(self, flow_id: int, result: Result, *, confirmed: bool = True) -> None:
        self.writer.write(
            results.save_result,
            flow_id,
            result,
            channel="extracts",
            received_at=START + 90_000,
            confirmed=confirmed,
            standards=Standards(),
        )


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        mirror = Mirror(writer, books.atlas)
        mirror.catch_up()
        yield Followed(books.atlas, writer, mirror)
        mirror.close()


def uuid(number: int) -> str:
    return f"flow-{number:04d}"


def test_an_empty_book_has_an_empty_mirror(followed: Followed) -> None:
    columns = require_same(followed.book)
    assert (len(columns.checks), len(columns.documents), columns.flows.exists.sum()) == (0, 0, 0)


def test_flows_of_every_kind_read_the_same_in_both(followed: Followed) -> None:
    writer = followed.writer
    scored = make_result(uuid(1), similarities=(100, 99.999, 0, 69.5, None))
    add_flow(writer, uuid(1), result=scored, by_callback=True)
    add_flow(writer, uuid(2), result=make_result(uuid(2), error_code="INVALID_DOC"), product_type="POC_CDL")
    add_flow(writer, uuid(3), status=FAILED)
    add_flow(writer, uuid(4), status=FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "SOMETHING_NEW"))
    add_flow(writer, uuid(5), result=result_of(items=[], checks=[]))
    add_flow(writer, uuid(6), result=parse_result(sample("extracts_with_everything")))
    followed.mirror.catch_up()
    columns = require_same(followed.book)
    assert columns.checks.score[:5].tolist() == [100, 99, 0, 69, NO_SCORE]
    assert columns.flows.min_score[1:6].tolist() == [0, 95, NO_SCORE, NO_SCORE, NO_SCORE]


def test_a_result_delivered_again_takes_the_place_of_its_earlier_rows(followed: Followed) -> None:
    for number in range(1, 9):
        add_flow(followed.writer, uuid(number), result=make_result(uuid(number), similarities=(95, 40)))
    followed.mirror.catch_up()
    before = require_same(followed.book)
    followed.deliver(3, make_result(uuid(3), similarities=(88,)))
    assert followed.mirror.catch_up() == 1
    after = require_same(followed.book)
    assert after.version > before.version
    assert (after.checks.flow == 3).sum() == 1
    # Who still holds the version before misses the flow's rows; it never sees both.
    assert (before.checks.flow == 3).sum() == 0
    assert (before.checks.score == DEAD).sum() == 2


def test_a_change_of_status_alone_adds_no_rows(followed: Followed) -> None:
    flow_id = add_flow(
        followed.writer, uuid(1), status=FlowStatus("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS")
    )
    followed.deliver(flow_id, make_result(uuid(1)), confirmed=False)
    followed.mirror.catch_up()
    rows_before = len(open_columns(followed.book.parent).checks)
    followed.writer.write(store.save_look, flow_id, DONE, looked_at=START + 99_000)
    assert followed.mirror.catch_up() == 1
    assert len(require_same(followed.book).checks) == rows_before


def test_a_look_that_shows_nothing_new_is_no_work_for_the_mirror(followed: Followed) -> None:
    flow_id = add_flow(followed.writer, uuid(1), result=make_result(uuid(1)))
    followed.mirror.catch_up()
    version = open_columns(followed.book.parent).version
    followed.writer.write(store.save_look, flow_id, DONE, looked_at=START + 99_000)
    assert followed.mirror.catch_up() == 0
    assert open_columns(followed.book.parent).version == version


def test_a_flow_that_is_deleted_leaves_the_mirror(followed: Followed) -> None:
    for number in (1, 2):
        add_flow(followed.writer, uuid(number), status=FlowStatus(None, None, None, None))
    followed.mirror.catch_up()

    def forget(connection: Connection) -> None:
        for table in ("batches", "files", "status_changes", "flows"):
            connection.execute(f"DELETE FROM {table} WHERE flow_id = 1")  # noqa: S608 our own names

    followed.writer.write(forget)
    followed.mirror.catch_up()
    assert list(said_by_mirror(require_same(followed.book))) == [2]


def test_dead_rows_never_outweigh_a_fifth(followed: Followed) -> None:
    for number in range(1, 11):
        add_flow(followed.writer, uuid(number), result=make_result(uuid(number), similarities=(95, 40)))
    followed.mirror.catch_up()
    for turn in range(12):
        followed.deliver(turn % 10 + 1, make_result(uuid(turn % 10 + 1), similarities=(95, turn)))
        followed.mirror.catch_up()
        columns = require_same(followed.book)
        for table in (columns.checks, columns.documents):
            assert (table.flow == 0).sum() <= 0.2 * len(table)
    assert len(columns.checks) < 20 + 12 * 2


def test_tables_grow_beyond_their_file_and_readers_keep_what_they_hold(followed: Followed) -> None:
    add_flow(followed.writer, uuid(1), result=make_result(uuid(1), similarities=(50,) * 40_000))
    followed.mirror.catch_up()
    held = require_same(followed.book)
    add_flow(followed.writer, uuid(2), result=make_result(uuid(2), similarities=(60,) * 40_000))
    followed.mirror.catch_up()
    columns = require_same(followed.book)
    assert (len(held.checks), len(columns.checks)) == (40_000, 80_000)
    assert (held.checks.score == 50).all()
    assert len(list((followed.book.parent / "mirror").iterdir())) == 7


def test_more_different_texts_than_codes_share_the_last_code(followed: Followed) -> None:
    for number in range(1, 301):
        status = FlowStatus(None, None, None, f"NEW_{number}")
        add_flow(followed.writer, uuid(number), status=status)
    followed.mirror.catch_up()
    columns = open_columns(followed.book.parent)
    assert len(columns.names.masters) == 256
    masters = [columns.names.masters[code] for code in columns.flows.master[1:]]
    assert masters[:254] == [f"NEW_{number}" for number in range(1, 255)]
    assert set(masters[254:]) == {OVERFLOW}


def test_changes_that_come_while_the_mirror_is_written_are_never_lost(followed: Followed) -> None:
    stopping = threading.Event()
    follower = threading.Thread(
        target=lambda: [followed.mirror.catch_up() for _ in iter(stopping.is_set, True)]
    )
    follower.start()
    try:
        for number in range(1, 120):
            add_flow(followed.writer, uuid(number), result=make_result(uuid(number)), by_callback=True)
            followed.deliver(random.randint(1, number), make_result(f"again-{number}"))
    finally:
        stopping.set()
        follower.join()
    followed.mirror.catch_up()
    require_same(followed.book)
    assert rows(followed.book, "SELECT count(*) FROM mirror_queue") == [(0,)]


# -------------------------------------------------------------------------------------- from nothing


_DEEDS = st.lists(
    st.tuples(
        st.sampled_from(("new", "again", "look", "follow", "restart")),
        st.integers(1, 6),
        st.lists(st.one_of(st.none(), st.integers(0, 100), st.floats(0, 100)), max_size=4),
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(_DEEDS)
def test_a_rebuilt_mirror_says_what_the_one_kept_in_step_says(tmp_path_factory, deeds) -> None:  # type: ignore[no-untyped-def]
    book = make_books(tmp_path_factory.mktemp("books")).atlas
    known = 0
    with AtlasWriter(book) as writer:
        followed = Followed(book, writer, Mirror(writer, book))
        for number, (deed, which, scores) in enumerate(deeds):
            result = make_result(f"result-{number:03d}", similarities=tuple(scores))
            if deed == "new":
                known = add_flow(
                    writer,
                    f"new-{number:04d}",
                    product_type=f"PRODUCT_{which % 2}",
                    created_at=START + which % 3 * DAY_MS,
                    result=result if scores else None,
                )
            elif deed == "again" and known:
                followed.deliver(which % known + 1, result)
            elif deed == "look" and known:
                status = FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", f"LOOK_{which}")
                writer.write(store.save_look, which % known + 1, status, looked_at=START + number)
            elif deed == "follow":
                followed.mirror.catch_up()
            elif deed == "restart":
                followed.mirror.close()
                followed.mirror = Mirror(writer, book)
        followed.mirror.catch_up()
        kept = said_by_mirror(require_same(book))
        followed.mirror.rebuild()
        assert said_by_mirror(require_same(book)) == kept
        followed.mirror.close()


def test_a_mirror_that_is_missing_of_another_edition_or_broken_is_built_anew(followed: Followed) -> None:
    add_flow(followed.writer, uuid(1), result=make_result(uuid(1)))
    followed.mirror.catch_up()
    folder = followed.book.parent / "mirror"
    versions = [open_columns(followed.book.parent).version]
    head = json.loads((folder / "head").read_text())
    harms = [
        lambda: shutil.rmtree(folder),
        lambda: (folder / "head").write_text(json.dumps(head | {"edition": 0})),
        lambda: (folder / "head").write_text("{"),
        lambda: next(folder.glob("checks.*")).unlink(),
        lambda: next(folder.glob("counts.*")).unlink(),
        lambda: next(folder.glob("counts.*")).write_bytes(b""),
        lambda: next(folder.glob("names.*")).write_text("?"),
    ]
    for number, harm in enumerate(harms):
        followed.deliver(1, make_result(uuid(1), similarities=(number,)))
        harm()
        assert follow(followed.writer, followed.book) == 1
        versions.append(require_same(followed.book).version)
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("steps", [1, 2])
def test_a_restored_book_does_not_keep_the_mirror_of_the_book_it_replaced(tmp_path: Path, steps: int) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, uuid(1), result=make_result(uuid(1)))
        follow(writer, books.atlas)
    shutil.copy(books.atlas, tmp_path / "backup.db")
    with AtlasWriter(books.atlas) as writer:
        for number in range(2, 2 + steps):
            add_flow(writer, uuid(number), result=make_result(uuid(number)))
            follow(writer, books.atlas)
    for end in ("", "-wal", "-shm"):
        books.atlas.with_name(f"atlas.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", books.atlas)
    with AtlasWriter(books.atlas) as writer:
        follow(writer, books.atlas)
    assert list(said_by_mirror(require_same(books.atlas))) == [1]


def test_a_disk_that_takes_no_more_is_an_error_and_the_mirror_catches_up_later(followed: Followed) -> None:
    add_flow(followed.writer, uuid(1), result=make_result(uuid(1), similarities=(95, 40)))
    followed.mirror.catch_up()
    version = open_columns(followed.book.parent).version
    followed.deliver(1, make_result(uuid(1), similarities=(88, 12)))
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, usual[1]))  # some columns lie below, some above
    try:
        with pytest.raises(BookError):
            followed.mirror.catch_up()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert open_columns(followed.book.parent).version == version
    followed.mirror.catch_up()
    columns = require_same(followed.book)
    assert np.bincount(columns.checks.flow).tolist()[1:] == [2]
