"""A restore proves the backup first, deletes nothing, and leaves books that tell one story."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.columns import open_columns
from atlas_core.books.copies import Copy
from atlas_core.books.restoring import restore
from atlas_core.books.schema import check_book, migrate_desk
from atlas_core.books.tombstones import FILE, tombstones_in
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy, BookDamaged, BookMissing, BookNewer, InputError
from tests import marked
from tests.desk_processes import desk_environment, run_command
from tests.faults.drill import DESTROYED, rehearse
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result, submit
from tests.mirrored import follow, require_same
from tests.workers import rows


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    add_flows(made, 1, 3)
    submit(made, "APP-1")
    return made


def add_flows(books: MadeBooks, first: int, last: int) -> None:
    with AtlasWriter(books.atlas) as writer:
        for number in range(first, last + 1):
            add_flow(writer, f"flow-{number:04}", result=make_result(f"flow-{number:04}"))
        follow(writer, books.atlas)


def back_up(books: MadeBooks) -> list[Copy]:
    folder = books.atlas.parent / "backups"
    return [take_backup(book, folder, now=START) for book in (books.atlas, books.desk)]


def counts(data_dir: Path) -> tuple[int, int]:
    flows = rows(data_dir / "atlas.db", "SELECT count(*) FROM flows")[0][0]
    return flows, rows(data_dir / "desk.db", "SELECT count(*) FROM submissions")[0][0]


def test_restored_books_are_those_of_the_backup_and_what_was_there_is_set_aside(books: MadeBooks) -> None:
    copies = back_up(books)
    add_flows(books, 4, 5)
    submit(books, "APP-2")
    (books.atlas.parent / "desk.db-journal").write_bytes(b"")
    restored = restore(copies, books.atlas.parent, now=START + 60_000)
    assert counts(books.atlas.parent) == (3, 1)
    check_book(books.atlas)
    check_book(books.desk)
    assert books.atlas.stat().st_mode & 0o777 == 0o600
    assert restored.set_aside == books.atlas.parent / "set-aside-20260921T141420Z"
    assert counts(restored.set_aside) == (5, 2)
    assert {"atlas.db", "desk.db", "mirror"} <= {path.name for path in restored.set_aside.iterdir()}
    assert not list(books.atlas.parent.glob(".*"))


def test_the_mirror_of_another_book_is_not_shown_and_is_built_anew(books: MadeBooks) -> None:
    copies = back_up(books)
    add_flows(books, 4, 6)
    restore(copies[:1], books.atlas.parent, now=START)
    with pytest.raises(BookMissing):
        open_columns(books.atlas.parent)
    with AtlasWriter(books.atlas) as writer:
        follow(writer, books.atlas)
    assert len(require_same(books.atlas).flows) == 4


def test_a_book_that_somebody_put_in_place_by_hand_gets_a_mirror_of_its_own(books: MadeBooks) -> None:
    copies = back_up(books)
    add_flows(books, 4, 6)
    books.atlas.write_bytes(copies[0].file.read_bytes())
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0009", result=make_result("flow-0009"))
        follow(writer, books.atlas)
    assert len(require_same(books.atlas).flows) == 5


def test_a_desk_at_work_is_not_restored(books: MadeBooks) -> None:
    copies = back_up(books)
    with AtlasWriter(books.atlas):
        for chosen in (copies, copies[1:]):
            with pytest.raises(BookBusy, match="Stop the desk, and restore then"):
                restore(chosen, books.atlas.parent, now=START)
    assert not list(books.atlas.parent.glob("set-aside*"))


@pytest.mark.parametrize("harm", ["flip", "newer", "twice"])
def test_a_backup_that_cannot_serve_changes_nothing(books: MadeBooks, harm: str) -> None:
    copies = back_up(books)
    add_flows(books, 4, 4)
    expected: type[Exception] = BookDamaged
    if harm == "flip":
        content = bytearray(copies[0].file.read_bytes())
        content[5_000] ^= 1
        copies[0].file.write_bytes(content)
    elif harm == "newer":
        manifest = copies[0].folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("0001 what Atlas said", "0099 what Atlas says"))
        copies, expected = copies_in(books.atlas.parent / "backups"), BookNewer
    else:
        copies, expected = [copies[0], copies[0]], InputError
    before = sorted(path.name for path in books.atlas.parent.iterdir())
    with pytest.raises(expected):
        restore(copies, books.atlas.parent, now=START)
    assert sorted(path.name for path in books.atlas.parent.iterdir()) == before
    assert counts(books.atlas.parent) == (4, 1)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 500, None])
def test_damaged_and_missing_books_are_restored_b101(books: MadeBooks, content: bytes | None) -> None:
    copies = back_up(books)
    for book in (books.atlas, books.desk):
        if content is None:
            book.unlink()
            book.with_name(f"{book.name}-journal").write_bytes(b"left over")
        else:
            book.write_bytes(content)
    restore(copies, books.atlas.parent, now=START)
    assert counts(books.atlas.parent) == (3, 1)


def test_a_restore_to_another_folder_leaves_this_one_alone(books: MadeBooks, tmp_path: Path) -> None:
    copies = back_up(books)
    add_flows(books, 4, 4)
    restored = restore(copies, tmp_path / "elsewhere", now=START)
    assert restored.set_aside is None
    assert counts(tmp_path / "elsewhere") == (3, 1)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700
    assert counts(books.atlas.parent) == (4, 1)


def test_a_lost_book_whose_log_is_left_is_not_replaced_by_a_new_one_b102(books: MadeBooks) -> None:
    books.desk.unlink()
    books.desk.with_name("desk.db-journal").write_bytes(b"left over")
    with pytest.raises(BookDamaged, match=r"no desk\.db.*desk\.db-journal"):
        migrate_desk(books.desk)
    assert not books.desk.exists()


# ------------------------------------------------------------------------------------- the command


@pytest.fixture
def command(books: MadeBooks, monkeypatch: pytest.MonkeyPatch) -> MadeBooks:
    monkeypatch.setenv("ATLAS_DATA_DIR", str(books.atlas.parent))
    return books


def test_the_command_lists_restores_and_says_what_happens_next(
    command: MadeBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore"]) == 1
    assert "python -m atlas_core backup takes one" in capsys.readouterr().err
    assert main(["backup"]) == 0
    capsys.readouterr()
    assert main(["restore"]) == 0
    listed = capsys.readouterr().out
    assert "3 flows" in listed
    assert "1 submission\n" in listed
    add_flows(command, 4, 4)
    with closing(sqlite3.connect(command.atlas)) as connection, connection:
        connection.execute("DROP TABLE flags")  # some harm
    assert main(["restore", listed.split()[0]]) == 0
    said = capsys.readouterr().out
    assert "atlas.db is now the backup of" in said
    assert "set-aside-" in said
    assert "Start the desk" in said
    assert counts(command.atlas.parent) == (3, 1)


def test_of_a_folder_of_backups_the_newest_of_each_book_is_taken(
    command: MadeBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = command.atlas.parent / "backups"
    back_up(command)
    add_flows(command, 4, 4)
    take_backup(command.atlas, folder, now=START + 1_000)
    add_flows(command, 5, 5)
    take_backup(command.atlas, folder, now=START + 2_000, label="before-upgrade")
    assert main(["restore", str(folder)]) == 0
    assert counts(command.atlas.parent) == (4, 1)
    assert "may have been sent" not in capsys.readouterr().out


def test_a_wrong_name_is_told(command: MadeBooks, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "atlas-20200101T000000Z"]) == 1
    assert "There is no backup atlas-20200101T000000Z" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- the drill


def test_after_any_loss_every_flow_is_complete_or_unknown_and_none_is_sent_twice_b108_c50(
    tmp_path: Path,
) -> None:
    """The small edition of `python -m tests.faults.drill`: what is lost is sought at the same time."""
    with ThreadPoolExecutor(len(DESTROYED)) as at_once:
        rehearsals = {}
        for number, destroyed in enumerate(DESTROYED):
            folder = tmp_path / str(number)
            folder.mkdir()
            rehearsals[destroyed] = at_once.submit(rehearse, folder, destroyed)
    for destroyed, rehearsal in rehearsals.items():
        left = rehearsal.result()
        assert left.faults == [], destroyed
        assert left.complete >= 4, destroyed
        assert left.complete + left.unknown + left.forgotten == 8, destroyed
        if destroyed != "both books":
            assert left.complete >= 6, f"without {destroyed} the other book knows"
            assert left.forgotten == 0, destroyed


@pytest.mark.parametrize("is_within", [False, True], ids=["beside the backups", "in a backup's own folder"])
def test_the_list_of_what_was_erased_is_read_where_it_was_kept_with_the_backups_c40(
    tmp_path: Path, is_within: bool
) -> None:
    made = marked.make_marked_books(tmp_path)
    marked.back_up(made)
    elsewhere = made.backups.rename(tmp_path / "elsewhere")
    environment = desk_environment(made.data_dir)
    erased = run_command(
        environment, "erase", "--application", "APP-M", "--reason", "the customer asked for it"
    )
    assert erased.returncode == 0, erased.stderr
    assert marked.files_with(marked.MARK, elsewhere)
    told = tombstones_in(made.data_dir)
    shutil.copy(made.data_dir / FILE, copies_in(elsewhere)[0].folder if is_within else elsewhere)

    fresh = tmp_path / "another machine"
    done = run_command(desk_environment(fresh), "restore", str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert marked.files_with(marked.MARK, fresh) == []
    assert rows(fresh / "atlas.db", "SELECT count(*) FROM flows WHERE erased_at IS NOT NULL") == [(1,)]
    assert tombstones_in(fresh) == told
