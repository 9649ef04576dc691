"""A hold keeps a case whole, whenever it is set: after a wish, while others are erased, while cases age."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.access import COMMAND
from atlas_core.books.erasures import hold, release, want_erased
from atlas_core.books.tombstones import tombstones_in
from atlas_core.books.writer import AtlasWriter
from tests.made_books import START, add_flow, make_result
from tests.marked import FLOW, MARK, MarkedBooks, files_with, marked_books_in_force, with_eraser
from tests.workers import rows, until

YEAR_LATER = START + 366 * 24 * 3_600_000


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MarkedBooks:
    return marked_books_in_force(tmp_path, monkeypatch)


def said_by(books: MarkedBooks, application_id: str) -> list[tuple[str]]:
    return rows(
        books.atlas,
        "SELECT value FROM fields v JOIN flows f ON f.result_id = v.result_id"
        " WHERE application_id = ? AND value IS NOT NULL",
        application_id,
    )


# ---------------------------------------------------------------------------------------- after a wish


@pytest.mark.parametrize("flow_uuid", [None, FLOW])
def test_a_hold_that_is_set_after_the_wish_stops_it_until_it_is_released(
    books: MarkedBooks, flow_uuid: str | None
) -> None:
    """A wish about one flow was carried out whatever was held, for it is kept without its application."""
    desk, before = books.open_desk(), said_by(books, "APP-M")
    want_erased(desk, COMMAND, application_id="APP-M", flow_uuid=flow_uuid, reason="asked for")
    hold(desk, COMMAND, "APP-M", reason="a court asks")
    with_eraser(books, lambda eraser: eraser.run_open())
    assert said_by(books, "APP-M") == before
    assert tombstones_in(books.data_dir) == []
    release(desk, COMMAND, "APP-M", reason="it is settled")
    with_eraser(books, lambda eraser: eraser.run_open())
    assert files_with(MARK, books.data_dir) == []
    assert rows(books.desk, "SELECT done_at IS NOT NULL FROM erasures") == [(1,)]


def test_the_command_leaves_other_wishes_alone_whose_case_is_held(books: MarkedBooks) -> None:
    """`erase` without a worker did every open wish, and never looked at the holds."""
    desk, before = books.open_desk(), said_by(books, "APP-M")
    want_erased(desk, COMMAND, application_id="APP-M", reason="asked for")
    hold(desk, COMMAND, "APP-M", reason="a court asks")
    assert main(["erase", "--application", "APP-1", "--reason", "asked for too"]) == 0
    assert said_by(books, "APP-M") == before
    assert said_by(books, "APP-1") == []


def test_a_command_that_waits_says_so_when_its_case_is_held_meanwhile(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waited for ten minutes, or erased what was held."""
    done: list[int] = []
    with AtlasWriter(books.atlas):  # as a worker that has not come to it yet
        words = ["erase", "--application", "APP-M", "--reason", "asked for"]
        waiting = threading.Thread(target=lambda: done.append(main(words)))
        waiting.start()
        until(lambda: rows(books.desk, "SELECT 1 FROM erasures") != [])
        hold(books.open_desk(), COMMAND, "APP-M", reason="a court asks")
        waiting.join(20)
    assert done == [1]
    said = capsys.readouterr().err
    assert "APP-M is held (a court asks)" in said
    assert "The wish is kept" in said
    assert said_by(books, "APP-M") != []


def test_a_case_that_was_held_after_a_kill_is_not_erased_at_the_next_start(books: MarkedBooks) -> None:
    """The tombstone of an erasure that a kill cut off was carried out whatever was held since."""
    desk, before = books.open_desk(), said_by(books, "APP-M")
    want_erased(desk, COMMAND, application_id="APP-M", reason="asked for")
    [(asked_at,)] = rows(books.desk, "SELECT asked_at FROM erasures")
    (books.data_dir / "erased.jsonl").write_text(
        f'{{"at": {asked_at}, "application_id": "APP-M", "flow_uuid": null}}\n'
    )
    hold(desk, COMMAND, "APP-M", reason="a court asks")
    with_eraser(books, lambda eraser: eraser.apply_tombstones())
    assert said_by(books, "APP-M") == before


def test_a_hold_on_one_case_does_not_keep_another_s_flow(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-held-00001", application_id="APP-H", result=make_result("flow-held-00001"))
    hold(books.open_desk(), COMMAND, "APP-H", reason="a court asks")
    assert main(["erase", "--flow", FLOW, "--reason", "asked for"]) == 0
    assert files_with(MARK, books.data_dir, books.backups) == []
    assert said_by(books, "APP-H") != []


# --------------------------------------------------------------------------------- while cases age


def test_a_hold_that_is_set_while_the_retention_runs_keeps_its_case(books: MarkedBooks) -> None:
    """The retention read once, at its beginning, what is held, though a run may last for minutes."""
    before = said_by(books, "APP-M")

    def hold_it() -> bool:
        hold(books.open_desk(), COMMAND, "APP-M", reason="a court asks")
        return False

    with_eraser(books, lambda eraser: eraser.age(YEAR_LATER, days=365, is_stopping=hold_it))
    assert said_by(books, "APP-M") == before
    assert rows(books.desk, "SELECT erased_at FROM submissions") == [(None,)]
    assert said_by(books, "APP-1") == []


# ------------------------------------------------------------------------------------- what is named


def test_an_id_that_the_books_do_not_know_is_held_in_advance_and_told(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped id was held without a word, and the case it was meant for was erased."""
    before = said_by(books, "APP-M")
    assert main(["hold", "--application", "app-m", "--reason", "a dispute"]) == 0
    said = capsys.readouterr().out
    assert "The books hold nothing of app-m yet, so it is held in advance." in said
    assert "compared letter by letter" in said
    assert main(["hold", "--application", "APP-M", "--reason", "a dispute"]) == 0
    assert "hold nothing" not in capsys.readouterr().out
    assert said_by(books, "APP-M") == before


@pytest.mark.parametrize("words", [["--application", ""], ["--application", " "], []])
def test_a_hold_without_an_id_is_refused(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """An empty id was held; a reason without an id listed what is held, as if it had held something."""
    assert main(["hold", *words, "--reason", "a dispute"]) == 1
    assert "Say which application is to be held" in capsys.readouterr().err
    assert rows(books.desk, "SELECT * FROM holds") == []


def test_a_hold_that_comes_too_late_says_so(books: MarkedBooks, capsys: pytest.CaptureFixture[str]) -> None:
    """It told that nothing of the case is erased, though all of it had been."""
    assert main(["erase", "--application", "APP-M", "--reason", "asked for"]) == 0
    assert main(["hold", "--application", "APP-M", "--reason", "a dispute"]) == 0
    assert "what went is not brought back" in capsys.readouterr().out
