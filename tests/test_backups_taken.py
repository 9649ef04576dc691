"""The worker takes backups by itself, and a command takes one at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.copies import verify_copy
from atlas_core.cli.check import _backups
from atlas_core.clock import now_ms
from tests.made_books import MadeBooks, make_books, submit
from tests.workers import rows, running_worker, settings_for, until


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    submit(made, "APP-1")
    return made


def states_of(book: Path) -> dict[str, tuple[str, str, int]]:
    return {
        name: (state, sentence, seen_at)
        for name, state, sentence, seen_at in rows(
            book, "SELECT name, state, sentence, seen_at FROM worker_state WHERE name LIKE 'backup%'"
        )
    }


def test_the_worker_takes_backups_and_says_when_the_last_good_one_was(books: MadeBooks) -> None:
    settings = settings_for(books.atlas.parent, "http://127.0.0.1:9")
    with running_worker(settings):
        until(lambda: len(states_of(books.atlas)) == 3)
    states = states_of(books.atlas)
    for copy in copies_in(settings.backup_dir):
        verify_copy(copy)
        assert states[f"backup of {copy.book}"] == ("ok", copy.name, copy.taken_at)
    assert states["backup"][:2] == ("ok", "")
    with running_worker(settings):
        until(lambda: rows(books.atlas, "SELECT 1 FROM worker_state WHERE state = 'running'"))
    assert len(copies_in(settings.backup_dir)) == 2, "the next are due in an hour"


def test_a_backup_that_fails_is_told_and_the_last_good_one_stays_known(books: MadeBooks) -> None:
    folder = books.atlas.parent
    with running_worker(settings_for(folder, "http://127.0.0.1:9")):
        until(lambda: "backup of desk.db" in states_of(books.atlas))
    good = states_of(books.atlas)["backup of desk.db"]
    (folder / "a file").write_text("")
    with running_worker(settings_for(folder, "http://127.0.0.1:9", backup_dir=folder / "a file")):
        until(lambda: states_of(books.atlas)["backup"][0] == "failed")
    states = states_of(books.atlas)
    assert "a file" in states["backup"][1]
    assert states["backup of desk.db"] == good


def test_a_worker_that_shall_take_none_says_so(books: MadeBooks) -> None:
    settings = settings_for(books.atlas.parent, "http://127.0.0.1:9", backup_hours=0)
    with running_worker(settings):
        until(lambda: states_of(books.atlas).get("backup", ("",))[0] == "off")
    assert copies_in(settings.backup_dir) == []


def test_the_command_copies_the_desk_also_where_the_atlas_book_is_damaged(
    books: MadeBooks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ATLAS_DATA_DIR", str(books.atlas.parent))
    assert main(["backup"]) == 0
    books.atlas.write_bytes(b"not a database at all" * 500)
    assert main(["backup", "--to", str(tmp_path / "elsewhere")]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line[:13] for line in said] == [
        "ok   atlas.db",
        "ok   desk.db:",
        "BAD  atlas.db",
        "ok   desk.db:",
    ]
    assert [copy.book for copy in copies_in(tmp_path / "elsewhere")] == ["desk.db"]


def test_check_tells_how_old_the_newest_backups_are(books: MadeBooks) -> None:
    settings = settings_for(books.atlas.parent, "http://127.0.0.1:9")
    assert "none of atlas.db" in _backups(settings)[1]
    hour = 3_600_000
    for book in (books.atlas, books.desk):
        take_backup(book, settings.backup_dir, now=now_ms() - 2 * hour)
    is_well, sentence = _backups(settings)
    assert is_well
    assert "desk.db 2.0 hours ago" in sentence
    assert _backups(dataclasses.replace(settings, backup_hours=0.5)) == (
        False,
        "the newest of atlas.db is 2 hours old. Look at the worker's log.",
    )
    assert _backups(dataclasses.replace(settings, backup_hours=0))[0]
