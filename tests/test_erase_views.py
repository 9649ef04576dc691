"""No saved view names an erased person any more: in the books, in backups, and after a restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.access import LOCAL
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.restoring import restore
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FileToSend
from tests.made_books import START, add_flow, make_result
from tests.marked import MARK, MarkedBooks, back_up, files_with, marked_books_in_force
from tests.workers import rows


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MarkedBooks:
    return marked_books_in_force(tmp_path, monkeypatch)


def save_view(books: MarkedBooks, name: str, address: str) -> None:
    books.open_desk().save_view("a", name, address, is_shared=True, by=LOCAL)


def views(book: Path) -> list[tuple[object, ...]]:
    return rows(book, "SELECT name, address FROM saved_views ORDER BY view_id")


def erase() -> int:
    return main(["erase", "--application", "APP-M", "--reason", "asked for"])


SAYING = [
    ("small letters", "words=quagga+personname"),
    ("other order", "words=Personname+Quagga&outcome=review"),
    ("a beginning", "words=quag*"),
    ("a part", "words=Quagga+person*"),
    ("of nine words", "words=a+b+c+d+e+f+g+h+quagga"),
    ("accents", "words=Qu%C3%A0gga"),
    ("as an id", "find=personname&sort=worst"),
    ("QUAGGA, call back", "outcome=review"),
]
SAYING_NOTHING = [
    ("others say it too", "words=another+person"),
    ("an id", "find=APP-1"),
    ("an outcome", "words=review&outcome=review"),
    ("Delivery order without customer_name", "type=DELIVERY_ORDER"),
    ("PROD_CDL", "product=PROD_CDL"),
    ("nothing else", "words=zebra"),
]


@pytest.mark.parametrize(("name", "address"), SAYING)
def test_a_view_that_says_a_word_of_the_person_goes_also_from_backups(
    books: MarkedBooks, name: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a whole value, letter by letter, was looked for; the search knows no capitals and no order."""
    save_view(books, name, address)
    back_up(books)
    assert erase() == 0
    assert "Found: 0." in capsys.readouterr().out
    assert views(books.desk) == []
    restore([one for one in copies_in(books.backups) if one.book == "desk.db"], books.data_dir, now=START)
    assert views(books.desk) == []


@pytest.mark.parametrize(("name", "address"), SAYING_NOTHING)
def test_a_view_that_says_nothing_of_the_person_stays(books: MarkedBooks, name: str, address: str) -> None:
    save_view(books, name, address)
    back_up(books)
    assert erase() == 0
    assert views(books.desk) == [(name, address)]
    restore([one for one in copies_in(books.backups) if one.book == "desk.db"], books.data_dir, now=START)
    assert views(books.desk) == [(name, address)]


def test_a_view_with_a_word_that_another_s_parameters_say_stays(books: MarkedBooks) -> None:
    """A shared view of a branch must not go with the first of its cases."""
    desk = books.open_desk()
    for application_id in ("APP-P", "APP-Q"):
        files = [FileToSend(application_id, f"https://files.example/{application_id}")]
        desk.save_submission(application_id, "PROD_CDL", {"branch": "Kothrud"}, files, "form", by=LOCAL)
    save_view(books, "Kothrud", "product=PROD_CDL")
    assert main(["erase", "--application", "APP-P", "--reason", "asked for"]) == 0
    assert views(books.desk) == [("Kothrud", "product=PROD_CDL")]
    assert main(["erase", "--application", "APP-Q", "--reason", "asked for"]) == 0
    assert views(books.desk) == []


def test_a_backup_that_holds_nothing_of_the_case_but_a_view_is_written_anew(books: MarkedBooks) -> None:
    """A restore brought the view back: backups were looked through for the case's own rows alone."""
    with AtlasWriter(books.atlas) as writer:
        add_flow(
            writer, "flow-lone-00001", application_id="APP-L", result=make_result("l", name="Okapi Lonely")
        )
    save_view(books, "o", "words=okapi")
    take_backup(books.desk, books.backups, now=START)
    assert main(["erase", "--application", "APP-L", "--reason", "asked for"]) == 0
    assert files_with("okapi", books.data_dir, books.backups) == []


def test_a_view_in_backups_kept_elsewhere_goes_when_both_are_restored(
    books: MarkedBooks, tmp_path: Path
) -> None:
    """With the books from before the erasure the view came back."""
    save_view(books, "small letters", "words=quagga+personname")
    back_up(books)
    elsewhere = Path(shutil.copytree(books.backups, tmp_path / "elsewhere"))
    assert erase() == 0
    assert main(["restore", str(elsewhere)]) == 0
    assert views(books.desk) == []
    assert files_with(MARK, books.data_dir) == []
