"""Saved views: one's own, and what others share."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books.queries import saved_views
from atlas_core.errors import InputError
from tests.made_books import MadeBooks, make_books, reading


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


def seen_by(books: MadeBooks, owner: str) -> list[tuple[str, str, bool, bool]]:
    with reading(books) as opened:
        return [(view.name, view.address, view.is_shared, view.is_own) for view in saved_views(opened, owner)]


def test_a_private_view_is_its_owner_s_alone_and_a_shared_one_everybody_s(books: MadeBooks) -> None:
    desk = books.open_desk()
    desk.save_view("asha", "Bad PANs", "type=PAN&code=INVALID_DOC", is_shared=False, by=COMMAND)
    desk.save_view("asha", "All failed", "outcome=failed", is_shared=True, by=COMMAND)
    desk.save_view("ravi", "Mine", "find=LOAN-1", is_shared=False, by=COMMAND)
    assert seen_by(books, "asha") == [
        ("All failed", "outcome=failed", True, True),
        ("Bad PANs", "type=PAN&code=INVALID_DOC", False, True),
    ]
    assert seen_by(books, "ravi") == [
        ("Mine", "find=LOAN-1", False, True),
        ("All failed", "outcome=failed", True, False),
    ]


def test_the_same_name_again_replaces_one_s_own_view_only(books: MadeBooks) -> None:
    desk = books.open_desk()
    desk.save_view("asha", "Failed", "outcome=failed", is_shared=True, by=COMMAND)
    desk.save_view("ravi", "Failed", "outcome=failed&product=P", is_shared=True, by=COMMAND)
    desk.save_view("asha", " Failed\n", "outcome=review", is_shared=True, by=COMMAND)
    assert seen_by(books, "asha") == [
        ("Failed", "outcome=review", True, True),
        ("Failed", "outcome=failed&product=P", True, False),
    ]


def test_only_the_owner_forgets_a_view(books: MadeBooks) -> None:
    desk = books.open_desk()
    desk.save_view("asha", "Failed", "outcome=failed", is_shared=True, by=COMMAND)
    with reading(books) as opened:
        (view,) = saved_views(opened, "ravi")
    desk.forget_view("ravi", view.view_id)
    assert len(seen_by(books, "asha")) == 1
    desk.forget_view("asha", view.view_id)
    assert seen_by(books, "asha") == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_view_without_a_usable_name_is_refused(books: MadeBooks, name: str) -> None:
    with pytest.raises(InputError, match="1 to 80"):
        books.open_desk().save_view("asha", name, "outcome=failed", is_shared=False, by=COMMAND)
