"""A role that is taken away counts at the next click, whatever was drawn before. Fragments and dialogs once
went on with the roles of the moment at which their page was opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_columns import MadeCheck, MadeFlow, made_book
from tests.sign_in_provider import RAVI, ROLES, running_provider
from tests.signing_in_there import meet, sign_in, with_sign_in

pytestmark = pytest.mark.browser
NOBODY = 'viewer = ["somebody.else@bank.example"]\n'
VIEWER = f'viewer = ["{RAVI}"]\n'


@dataclass(frozen=True)
class SignedIn:
    """A lead at `page`, in a desk whose roles and books are in `folder`."""

    visitor: Visitor
    folder: Path

    def roles_become(self, text: str) -> None:
        (self.folder / "roles.toml").write_text(text)

    def kept(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "desk.db")) as book:
            return book.execute(sql).fetchall()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def lead(chrome: Browser) -> Iterator[SignedIn]:
    with ExitStack() as stack:
        book = stack.enter_context(made_book([MadeFlow(checks=(MadeCheck("CUSTOMER_NAME", 20),))] * 3))
        (book.folder / "roles.toml").write_text(ROLES)
        provider = stack.enter_context(running_provider())
        url = stack.enter_context(running_pages(with_sign_in(desk_environment(book.folder), provider)))
        visitor = stack.enter_context(visiting(chrome, url))
        meet(visitor, provider)
        visitor.open("/review")
        sign_in(visitor, RAVI)
        expect(visitor.title("Review")).to_be_visible()
        yield SignedIn(visitor, book.folder)


@pytest.mark.parametrize("key", ["1", "V", "P"])
def test_no_key_of_review_works_any_more(lead: SignedIn, key: str) -> None:
    page = lead.visitor.page
    lead.visitor.open("/review")
    expect(page.get_by_role("button", name="Same")).to_be_visible()
    lead.roles_become(NOBODY)
    page.keyboard.press(key)
    expect(page.get_by_text("have no role here yet").first).to_be_visible()
    assert lead.kept("SELECT 1 FROM verdicts UNION ALL SELECT 1 FROM case_decisions") == []
    assert lead.kept("SELECT 1 FROM audit WHERE action IN ('reveal', 'judge')") == []


def test_an_open_dialog_gives_no_export(lead: SignedIn) -> None:
    page = lead.visitor.page
    lead.visitor.open("/results")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_text("With personal values")).to_be_visible()
    lead.roles_become(VIEWER)
    page.get_by_text("Excel (XLSX)").click()
    expect(page.get_by_text("Exports are made by leads")).to_be_visible()
    expect(page.get_by_text("With personal values")).to_have_count(0)
    assert lead.kept("SELECT 1 FROM audit WHERE action LIKE 'export%'") == []


def test_a_value_that_is_shown_whole_is_hidden_at_once(lead: SignedIn) -> None:
    page = lead.visitor.page
    lead.visitor.open("/flow?flow=flow-00001")
    page.get_by_role("button", name="Show a masked value").click()
    page.get_by_label("Why it is needed").fill("the customer called")
    page.get_by_role("button", name="Show it for 60 seconds").click()
    expect(page.get_by_text("Shown whole for")).to_be_visible()
    expect(page.get_by_text("one", exact=True)).to_be_visible()
    lead.roles_become(VIEWER)
    expect(page.get_by_text("one", exact=True)).to_have_count(0)
    expect(page.get_by_text("Shown whole for")).to_have_count(0)
