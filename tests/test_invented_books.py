"""The demo's invented history and the real Atlas never meet in the same books."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.models import FileToSend
from tests.desk_processes import desk_environment, run_command
from tests.made_books import make_books, submit

REAL = {"ATLAS_CLIENT_ID": "desk", "ATLAS_CLIENT_SECRET": "invented"}
REFUSED = "holds the invented flows of the demo"
WAY_OUT = "Set ATLAS_DATA_DIR to a folder of its own; or, if nothing there is real, delete what make run made"


@pytest.fixture
def seeded(tmp_path: Path) -> dict[str, str]:
    """The environment of books that `seed` has filled."""
    environment = desk_environment(tmp_path / "data")
    done = run_command(environment, "seed", "--flows", "5", "--days", "3")
    assert done.returncode == 0, done.stderr
    return environment


def unmark(data: Path) -> None:
    """Makes books as they were before there was a mark."""
    for name in ("atlas.db", "desk.db"):
        with closing(sqlite3.connect(data / name)) as book, book:
            assert book.execute("DELETE FROM book WHERE key = 'invented'").rowcount == 1


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "seeded before there was a mark"])
def test_with_real_credentials_nothing_starts_on_invented_books(
    seeded: dict[str, str], tmp_path: Path, is_marked: bool
) -> None:
    if not is_marked:
        unmark(tmp_path / "data")
    for command in ("worker", "up"):
        done = run_command(seeded | REAL, command)
        assert done.returncode == 1
        assert REFUSED in done.stderr
        assert WAY_OUT in done.stderr
        assert "Traceback" not in done.stderr
    told = run_command(seeded | REAL, "check", "--production")
    (line,) = (line for line in told.stdout.splitlines() if REFUSED in line)
    assert line.startswith("BAD  The folder of the books: ")


def test_check_tells_of_invented_books_and_not_of_others(seeded: dict[str, str], tmp_path: Path) -> None:
    away = {"ATLAS_PROXY": "http://127.0.0.1:9"}  # so that Atlas itself is not called
    told = run_command(seeded | REAL | away, "check")
    assert "BAD  The books: " in told.stdout
    assert REFUSED in told.stdout
    own = desk_environment(tmp_path / "own" / "data")
    submit(make_books(tmp_path / "own"), "APP-1")
    told = run_command(own | REAL | away, "check")
    assert "ok   The books: sound" in told.stdout
    told = run_command(own | REAL, "check", "--production")
    assert REFUSED not in told.stdout


def test_one_of_the_two_books_is_enough_to_know_them(seeded: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data" / "atlas.db").unlink()
    assert REFUSED in run_command(seeded | REAL, "worker").stderr


def test_what_the_demo_sent_before_there_was_a_mark_is_known(tmp_path: Path) -> None:
    made = make_books(tmp_path)
    file = FileToSend("invoice", "https://files.lender.example/1.pdf")
    Desk(made.desk).save_submission("APP-1", "PROD_CDL", {}, [file], source="demo", by=COMMAND)
    assert REFUSED in run_command(desk_environment(tmp_path / "data") | REAL, "worker").stderr


def test_nothing_is_invented_into_books_that_hold_something_else(tmp_path: Path) -> None:
    environment = desk_environment(tmp_path / "data")
    made = make_books(tmp_path)
    submit(made, "APP-1")
    held = [book.read_bytes() for book in (made.atlas, made.desk)]
    for command in (["seed", "--flows", "5"], ["up", "--demo"]):
        done = run_command(environment, *command)
        assert done.returncode == 1
        assert "that the demo did not make" in done.stderr
    assert [book.read_bytes() for book in (made.atlas, made.desk)] == held


def test_with_real_credentials_nothing_is_invented(tmp_path: Path) -> None:
    done = run_command(desk_environment(tmp_path / "data") | REAL, "seed", "--flows", "5")
    assert done.returncode == 1
    assert "unset ATLAS_CLIENT_ID" in done.stderr
    assert not (tmp_path / "data").exists()


def test_invented_books_can_be_filled_further(seeded: dict[str, str]) -> None:
    assert run_command(seeded, "seed", "--flows", "5", "--days", "3").returncode == 0
