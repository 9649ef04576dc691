"""People sign in at their company's provider and are what their role says, in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_books import MadeBooks, make_books
from tests.sign_in_provider import ANNA, NOBODY, RAVI, ROLES, VERA, running_provider
from tests.signing_in_there import meet, sign_in, with_sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    made = make_books(tmp_path_factory.mktemp("books"))
    roles_file(made).write_text(ROLES)
    return made


def roles_file(books: MadeBooks) -> Path:
    return books.desk.with_name("roles.toml")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with running_provider() as url:
        yield url


@pytest.fixture(scope="module")
def pages(books: MadeBooks, provider: str) -> Iterator[str]:
    with running_pages(with_sign_in(desk_environment(books.desk.parent), provider)) as url:
        yield url


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def sidebar(visitor: Visitor, text: str) -> None:
    expect(visitor.page.get_by_test_id("stSidebar")).to_contain_text(text)


@pytest.fixture
def visitor(chrome: Browser, pages: str, provider: str) -> Iterator[Visitor]:
    with visiting(chrome, pages) as opened:
        meet(opened, provider)
        yield opened


@pytest.mark.parametrize(
    ("email", "said"),
    [(ANNA, "Anna Analyst · analyst"), (RAVI, "Ravi Lead · lead"), (VERA, "Vera Viewer · viewer")],
)
def test_somebody_signs_in_comes_back_to_the_page_they_wanted_and_has_their_role(
    visitor: Visitor, email: str, said: str
) -> None:
    visitor.open("/results?outcome=failed")
    expect(visitor.page.get_by_text("Sign in to see them")).to_be_visible()
    expect(visitor.page.get_by_text("Cross-checks")).to_have_count(0)
    sign_in(visitor, email)
    expect(visitor.title("Results")).to_be_visible()
    assert visitor.page.url == f"{visitor.url}/results?outcome=failed"
    sidebar(visitor, said)


def test_who_has_no_role_sees_nothing_and_whom_to_ask(visitor: Visitor) -> None:
    visitor.open("/")
    sign_in(visitor, NOBODY)
    expect(visitor.page.get_by_text(f"You are known as {NOBODY}, but have no role here yet.")).to_be_visible()
    expect(visitor.page.get_by_text("Cross-checks")).to_have_count(0)


def test_a_role_taken_away_is_gone_at_the_next_click_b122(visitor: Visitor, books: MadeBooks) -> None:
    visitor.open("/results")
    sign_in(visitor, RAVI)
    sidebar(visitor, "Ravi Lead · lead")
    try:
        roles_file(books).write_text(ROLES.replace("lead =", "viewer =").replace(f'viewer = ["{VERA}"]', ""))
        visitor.page.get_by_role("link", name="Errors").click()
        sidebar(visitor, "Ravi Lead · viewer")
        roles_file(books).write_text("lead = 5")
        visitor.page.get_by_role("link", name="Results").click()
        expect(visitor.page.get_by_text("roles.toml: lead must be a list of texts")).to_be_visible()
    finally:
        roles_file(books).write_text(ROLES)


def test_who_signs_out_is_out_in_every_tab_and_with_every_copy_of_the_cookie_b128(
    visitor: Visitor, chrome: Browser, provider: str
) -> None:
    visitor.open("/results")
    sign_in(visitor, VERA)
    sidebar(visitor, "Vera Viewer")
    cookies = visitor.page.context.cookies()
    signed_in = [cookie for cookie in cookies if cookie["name"].startswith("_streamlit_user")]
    assert signed_in
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in signed_in)
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.get_by_role("button", name="End session").click()  # the provider asks too
    with visiting(chrome, visitor.url) as thief:
        thief.sign_in = provider
        thief.page.context.add_cookies(cookies)
        thief.open("/results")
        expect(thief.page.get_by_text("You have signed out.")).to_be_visible()
