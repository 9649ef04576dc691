"""Books that cannot be used: nothing is overwritten, the pages open and say what is wrong and what to do."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.books import store
from atlas_core.books.backups import take_backup
from atlas_core.books.book import damaged
from atlas_core.books.last_words import BOOKS_UNUSABLE, keep_last_words, last_words
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from tests.desk_processes import desk_environment
from tests.kills import ROOT, worker_environment
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result, submit
from tests.mirrored import follow
from tests.page_sessions import APP, said, sessions_over
from tests.workers import until

PAGES = ("today", "submit", "watch", "results", "cross_checks", "errors", "flow")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for number in range(60):
            add_flow(writer, f"LOS-{number:08}", result=make_result(f"LOS-{number:08}"))
        writer.write(store.record_state, "worker", "running", "", now=now_ms())
        follow(writer, made.atlas)
    submit(made, "APP-1")
    with sessions_over(made.atlas.parent):
        yield made


def damage(book: Path, table: str | None) -> bytes:
    """Spoils the pages of a table, or the whole file; returns what the file holds then."""
    if table is None:
        book.write_bytes(b"not a database at all" * 500)
    else:
        with closing(sqlite3.connect(book)) as connection:
            pages = connection.execute("SELECT pageno FROM dbstat WHERE name = ?", [table]).fetchall()
            size = connection.execute("PRAGMA page_size").fetchone()[0]
        with book.open("r+b") as file:
            for (page,) in pages:
                file.seek((page - 1) * size)
                file.write(bytes(100))
    return book.read_bytes()


def page(name: str, **address: str) -> AppTest:
    session = AppTest.from_file(str(APP), default_timeout=20)
    for key, value in address.items():
        session.query_params[key] = value
    session.run()
    return session if name == "today" else session.switch_page(f"pages/{name}.py").run()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("book", ["atlas", "desk"])
def test_every_page_opens_over_a_damaged_book_and_says_how_to_restore_b100(
    books: MadeBooks, name: str, book: str
) -> None:
    content = damage(getattr(books, book), None)
    keep_last_words(
        books.atlas.parent, f"The worker cannot start: {damaged(getattr(books, book), 'it is torn')}"
    )
    session = page(name, flow="LOS-00000001")
    assert not session.exception
    told = "\n".join(str(element.value) for kind in ("error", "warning") for element in session.get(kind))
    assert f"{book}.db is left as it is: it is torn" in told.replace("\\", "")
    assert "python -m atlas_core restore" in told.replace("\\", "")
    assert getattr(books, book).read_bytes() == content


def test_what_can_still_be_read_is_shown_b100(books: MadeBooks) -> None:
    damage(books.atlas, "fields")
    session = page("results")
    assert "of 60 flows" in said(session)
    assert not session.error
    whole = page("flow", flow="LOS-00000001")
    assert not whole.exception
    assert "restore" in "".join(str(error.value) for error in whole.error)


def test_the_worker_says_why_it_cannot_start_until_it_starts(books: MadeBooks) -> None:
    good = books.atlas.read_bytes()
    damage(books.atlas, "flows")
    ended = subprocess.run(
        [sys.executable, "-m", "atlas_core", "worker"],
        cwd=ROOT,
        env=worker_environment(books.atlas.parent, "http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == BOOKS_UNUSABLE
    assert last_words(books.atlas.parent) == ended.stderr.strip()
    assert "python -m atlas_core restore" in ended.stderr
    books.atlas.write_bytes(good)


def test_with_a_damaged_book_up_serves_the_pages_and_starts_the_worker_when_it_is_restored_b100(
    books: MadeBooks,
) -> None:
    """Once everything was stopped."""
    take_backup(books.atlas, books.atlas.parent / "backups", now=START)
    content = damage(books.atlas, "flows")
    environment = desk_environment(books.atlas.parent)
    health = f"http://127.0.0.1:{environment['ATLAS_UI_PORT']}/_stcore/health"
    command = [sys.executable, "-m", "atlas_core"]
    with subprocess.Popen(
        [*command, "up"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as up:
        try:
            assert up.stdout is not None
            for line in up.stdout:
                if line.startswith("Stop with"):
                    break
            with urllib.request.urlopen(health, timeout=5) as answer:
                assert answer.status == 200
            assert "restore" in str(last_words(books.atlas.parent))
            assert books.atlas.read_bytes() == content
            restored = [*command, "restore", "atlas-20260921T141320Z"]
            subprocess.run(restored, cwd=ROOT, env=environment, check=True, capture_output=True)
            until(lambda: last_words(books.atlas.parent) is None, 40)
            assert up.poll() is None
        finally:
            up.send_signal(signal.SIGINT)
            _, errors = up.communicate(timeout=40)
    assert up.returncode == 0
    assert errors.count("The worker cannot start") == 1
    assert "Traceback" not in errors
