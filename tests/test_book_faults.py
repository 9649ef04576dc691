"""What happens to books in the wild: logs taken away, second names, clocks that go back, careless code."""

from __future__ import annotations

import ast
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.books import store
from atlas_core.books.queries import WorkerState
from atlas_core.books.results import save_result
from atlas_core.books.schema import check_book, migrate_atlas, migrate_desk
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookDamaged, BookError
from atlas_core.models import FlowStatus
from atlas_core.web.health import is_alive
from tests.agreeing import Post, posted, put_in_place
from tests.made_books import DONE, START, MadeBooks, add_flow, make_books, make_result
from tests.workers import rows

SOURCES = sorted((Path(__file__).resolve().parents[1] / "atlas_core" / "books").rglob("*.py"))
READS_ONE_STATE = {("book.py", "snapshot"), ("verification.py", "_moment")}
"""Who may begin without the right to write: they have connections that cannot write."""


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    yield from posted(tmp_path)


# ------------------------------------------------------------------------------------ the code itself


def calls_of(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call in a file with the name of the function around it."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function.name, node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nobody_begins_to_write_without_the_right_to_b97(path: Path) -> None:
    """A read that turns into a write fails at once in a deferred transaction, whatever the busy timeout."""
    for function, call in calls_of(path):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        if name in ("execute", "executescript") and isinstance(first, str) and "BEGIN" in first.upper():
            is_reading = first == "BEGIN" and (path.name, function) in READS_ONE_STATE
            assert is_reading or first in ("BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"), (function, first)
        if name == "connect" and first != ":memory:":
            levels = [word.value for word in call.keywords if word.arg == "isolation_level"]
            assert [getattr(level, "value", 0) for level in levels] == [None], f"{function} begins by itself"
        assert name != "atomic", f"{function}: atomic() begins deferred"
        assert not [word for word in call.keywords if word.arg == "alter"], (
            f"{function} lets data make columns"
        )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_connection_is_its_own_transaction_b97(path: Path) -> None:
    """`with connection:` begins deferred, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for item in getattr(node, "items", ()):
            held = item.context_expr
            name = held.attr if isinstance(held, ast.Attribute) else getattr(held, "id", "")
            assert not name.endswith("connection"), f"line {held.lineno}"


def test_every_table_refuses_values_of_another_kind_b105(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    for book in (books.atlas, books.desk):
        loose = rows(
            book,
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict"
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlite_migrations'",
        )
        assert loose == []


# -------------------------------------------------------------------------------------- files and names


def test_a_book_copied_without_its_log_is_known_to_be_older_b101_b102(post: Post, tmp_path: Path) -> None:
    """Also what is left where somebody takes the log of a killed worker away."""
    early, late = post.submit("EARLY"), post.submit("LATE")
    post.send(early, "flow-early")
    assert post.writer.shrink_log()
    post.send(late, "flow-late")
    assert post.books.atlas.with_name("atlas.db-wal").stat().st_size > 0
    shutil.copyfile(post.books.atlas, tmp_path / "without its log")
    put_in_place(post, post.books.atlas, tmp_path / "without its log", stamped=False)
    assert post.attempt(late) is None
    agreed = post.agree()
    assert agreed.was_behind
    assert post.attempt(late) == (1, "upload sent", "flow-late")
    assert "flow-late" in post.watched()
    check_book(post.books.atlas)


def test_a_log_left_by_a_lost_book_is_not_played_into_a_new_one_b101_b102(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001")
        shutil.copyfile(books.atlas.with_name("atlas.db-wal"), tmp_path / "log")
    books.atlas.unlink()
    shutil.copyfile(tmp_path / "log", books.atlas.with_name("atlas.db-wal"))
    with pytest.raises(BookDamaged, match=r"no atlas\.db in .* atlas\.db-wal"):
        migrate_atlas(books.atlas)
    assert not books.atlas.exists()


def test_a_second_name_of_a_book_is_refused_b102(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    for book, migrate in ((books.atlas, migrate_atlas), (books.desk, migrate_desk)):
        other = tmp_path / f"other-{book.name}"
        os.link(book, other)
        for name in (book, other):
            with pytest.raises(BookError, match="hard link"):
                migrate(name)
        other.unlink()
        migrate(book)


def test_a_folder_by_another_name_is_the_same_folder_b102(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    (tmp_path / "by another name").symlink_to(books.atlas.parent)
    other = tmp_path / "by another name" / "atlas.db"
    migrate_atlas(other)
    with AtlasWriter(other) as writer:
        add_flow(writer, "flow-0001")
    assert rows(books.atlas, "SELECT count(*) FROM flows") == [(1,)]


# ------------------------------------------------------------------------------------------- the clock


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


def test_looks_keep_their_order_and_no_duration_is_negative_b107(books: MadeBooks) -> None:
    """The clock goes back by an hour after each step."""
    hour = 3_600_000
    course = [
        FlowStatus("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS"),
        FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS"),
        DONE,
    ]
    with AtlasWriter(books.atlas) as writer:
        flow_id = writer.write(
            store.save_flow, "flow-0001", application_id="A", product_type="P", created_at=START
        )
        for step, status in enumerate(course, 1):
            writer.write(store.save_look, flow_id, status, looked_at=START - step * hour)
        writer.write(store.record_looks, [(START - 9 * hour, flow_id)])
        fetched = {"channel": "extracts", "confirmed": True, "standards": Standards()}
        result = make_result("flow-0001")
        writer.write(save_result, flow_id, result, received_at=START - 8 * hour, **fetched)  # type: ignore[arg-type]
    seen = rows(books.atlas, "SELECT status FROM status_changes WHERE stage = 'upload' ORDER BY seen_at")
    assert seen == [("IN_PROGRESS",), ("SUCCESS",)]
    assert rows(books.atlas, "SELECT 1 FROM status_changes WHERE not_before > seen_at") == []
    moments = rows(books.atlas, "SELECT created_at, looked_at, ended_at, confirmed_at FROM flows")[0]
    assert list(moments) == sorted(moments)


def test_newer_results_count_though_the_clock_went_back_b107(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        flow_id = add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(95,)))
        fetched = {"channel": "extracts", "confirmed": True, "standards": Standards()}
        newer = make_result("flow-0001", similarities=(11,))
        writer.write(save_result, flow_id, newer, received_at=START - 3_600_000, **fetched)  # type: ignore[arg-type]
    assert rows(books.atlas, "SELECT min_similarity, outcome FROM flows") == [(11, "review")]
    assert rows(books.atlas, "SELECT version FROM results ORDER BY result_id") == [(1,), (2,)]


def test_a_worker_heard_of_in_the_future_is_not_taken_for_alive_b107() -> None:
    """It ended before the clock was set back; once it seemed to live until the clock had caught up."""
    assert is_alive(WorkerState("running", 0, START, ""), START + 2_000)
    assert is_alive(WorkerState("running", 0, START, ""), START - 2_000)
    assert not is_alive(WorkerState("running", 0, START, ""), START - 3_600_000)
    assert not is_alive(WorkerState("running", 0, START, ""), START + 3_600_000)


def test_a_book_is_read_while_nobody_writes_b109(books: MadeBooks) -> None:
    with closing(sqlite3.connect(books.atlas, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO book VALUES ('half', 'done')")
        assert rows(books.atlas, "SELECT value FROM book WHERE key = 'half'") == []
    migrate_atlas(books.atlas)
    assert rows(books.atlas, "SELECT value FROM book WHERE key = 'half'") == []
