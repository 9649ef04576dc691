"""An erasure that fails says why, and keeps no other and no ageing from being done."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.access import COMMAND
from atlas_core.books.erasures import want_erased
from atlas_core.books.leftovers import Sought
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookError
from tests.made_books import add_flow, make_result
from tests.marked import MARK, MarkedBooks, files_with, marked_books_in_force, with_eraser
from tests.workers import rows, running_worker, settings_for, until

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MarkedBooks:
    return marked_books_in_force(tmp_path, monkeypatch)


@contextmanager
def somebody_at_a_book_set_aside(books: MarkedBooks) -> Iterator[None]:
    """A book set aside that holds the marked case and that some tool keeps busy: nobody can erase there."""
    with AtlasWriter(books.atlas) as writer:
        until(writer.shrink_log)
    aside = books.data_dir / "set-aside-20260101-000000" / "atlas.db"
    aside.parent.mkdir()
    shutil.copyfile(books.atlas, aside)
    with closing(sqlite3.connect(aside, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        yield


def test_a_folder_among_the_exports_goes_with_them(books: MarkedBooks) -> None:
    """A folder there made every erasure fail, for ever."""
    folder = books.data_dir / "exports" / "somebody's folder"
    folder.mkdir(parents=True)
    (folder / "flows.csv").write_text(f"{MARK} Personname")
    assert main(["erase", "--application", "APP-M", "--reason", "asked for"]) == 0
    assert files_with(MARK, books.data_dir) == []
    assert not folder.exists()


def test_a_wish_that_fails_keeps_no_later_one_from_being_done(books: MarkedBooks) -> None:
    """The first wish that failed was tried again every minute, and no other was ever come to."""
    desk = books.open_desk()
    with somebody_at_a_book_set_aside(books):
        with AtlasWriter(books.atlas) as writer:
            later = make_result("flow-later-0001", name="Later Person")
            add_flow(writer, "flow-later-0001", application_id="APP-L", result=later)
        for application_id in ("APP-M", "APP-L"):
            want_erased(desk, COMMAND, application_id=application_id, reason="asked for")
        with pytest.raises(BookBusy):
            with_eraser(books, lambda eraser: eraser.run_open())
        assert files_with("Later Person", books.data_dir) == []
        done = rows(books.desk, "SELECT done_at IS NOT NULL FROM erasures ORDER BY erasure_id")
        assert done == [(0,), (1,)]
    with_eraser(books, lambda eraser: eraser.run_open())
    assert files_with(MARK, books.data_dir) == []


def test_the_command_says_that_its_case_is_erased_though_an_earlier_wish_fails(books: MarkedBooks) -> None:
    """It ended with the error of the other wish, and its own was never come to."""
    with somebody_at_a_book_set_aside(books):
        with AtlasWriter(books.atlas) as writer:
            later = make_result("flow-later-0001", name="Later Person")
            add_flow(writer, "flow-later-0001", application_id="APP-L", result=later)
        want_erased(books.open_desk(), COMMAND, application_id="APP-M", reason="asked for")
        assert main(["erase", "--application", "APP-L", "--reason", "asked for"]) == 0
    assert files_with("Later Person", books.data_dir) == []


def test_a_wish_that_fails_does_not_keep_cases_from_ageing(books: MarkedBooks) -> None:
    """The retention stood still for as long as one wish failed."""
    with somebody_at_a_book_set_aside(books):
        want_erased(books.open_desk(), COMMAND, application_id="APP-M", reason="asked for")
        settings = settings_for(
            books.data_dir, NOWHERE, backup_dir=books.backups, backup_hours=0, keep_personal_days=1
        )
        with running_worker(settings) as worker:
            until(lambda: worker.rows("SELECT 1 FROM flows WHERE erased_at IS NULL") == [])
        assert rows(books.desk, "SELECT done_at FROM erasures") == [(None,)]


def test_a_desk_that_uses_the_sandbox_erases_to_the_end(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the sandbox was told counted as left, so that no erasure of a rehearsal was ever done."""
    journal = books.data_dir / "sandbox.jsonl"
    journal.write_text(f'{{"fact": "init", "flow_params": {{"customer": "{MARK} Personname"}}}}\n')
    told = journal.read_bytes()
    assert main(["erase", "--application", "APP-M", "--reason", "asked for"]) == 0
    said = capsys.readouterr().out
    assert "Found: 0." in said
    assert "Not looked through: sandbox.jsonl" in said
    assert journal.read_bytes() == told, "the sandbox appends to it, and nobody else changes it"
    assert files_with(MARK, books.data_dir) == ["sandbox.jsonl"]


def test_the_files_in_which_something_is_left_are_named(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    """It told how many texts it found, and not where."""
    (books.data_dir / "notes.txt").write_text(f"{MARK} Dealer and Sons")
    (books.data_dir / f"{MARK}.txt").write_text(f"{MARK} Dealer and Sons")
    assert main(["erase", "--application", "APP-M", "--reason", "asked for"]) == 1
    said = capsys.readouterr().out
    assert "Found: 2." in said
    assert "It stands in a file whose name repeats it, notes.txt." in said
    assert MARK not in said
    assert "sandbox" not in said
    (books.data_dir / "notes.txt").unlink()
    (books.data_dir / f"{MARK}.txt").unlink()
    assert main(["erase", "--application", "APP-M", "--reason", "asked for"]) == 0
    assert rows(books.desk, "SELECT done_at IS NOT NULL FROM erasures") == [(1,), (1,)]


def test_what_cannot_be_read_is_named_and_not_the_folder_of_the_backups(books: MarkedBooks) -> None:
    """Whatever file stood in the way, the sentence told to check the folder of the backups."""
    odd = books.data_dir / "odd"
    odd.write_text("x")
    with pytest.raises(BookError, match=r"odd/beneath cannot be looked through"):
        Sought([f"{MARK} Personname"]).found_in(odd / "beneath")
