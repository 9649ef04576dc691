"""What each role is offered and sees, in a real Chromium with a real provider: every role beside every offer,
and beside every personal field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, expect

from atlas_core.access import LOCAL, Role
from atlas_core.books.desk import Desk
from atlas_core.books.threshold_sets import draft_thresholds
from atlas_core.clock import now_ms
from atlas_core.thresholds import Thresholds
from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_columns import MadeCheck, MadeDocument, MadeFlow, made_book
from tests.sign_in_provider import ADA, ANNA, RAVI, ROLES, VERA, running_provider
from tests.signing_in_there import meet, sign_in, with_sign_in

pytestmark = pytest.mark.browser

PEOPLE = {Role.VIEWER: VERA, Role.ANALYST: ANNA, Role.LEAD: RAVI, Role.ADMIN: ADA}
ALL, JUDGES, LEAD = set(Role), {Role.ANALYST, Role.LEAD}, {Role.LEAD}
PERSONAL = {
    "customer_name": ("Asha Rao", "A\u2022\u2022\u2022 R\u2022\u2022"),
    "customer_address": (
        "12 Lotus Street",
        "1\u2022 L\u2022\u2022\u2022\u2022 S\u2022\u2022\u2022\u2022\u2022",
    ),
    "customer_mobile_number": ("9812345678", "\u2022\u2022\u2022\u2022\u2022\u20225678"),
    "email_id": ("asha@mail.example", "a\u2022\u2022\u2022@mail.example"),
    "date_of_birth": ("14/02/1985", "\u2022\u2022/\u2022\u2022/\u2022\u2022\u2022\u2022"),
    "pan_number": ("ABCDE1234F", "AB\u2022\u2022\u2022\u2022\u202234F"),
    "account_number": ("500100234567", "\u2022\u2022\u2022\u2022\u2022\u2022\u2022\u20224567"),
}
WAITING = MadeFlow(
    created_at=now_ms() - 3_600_000,
    documents=(
        MadeDocument(
            "DELIVERY_ORDER", fields=tuple((name, value, 0.9) for name, (value, _) in PERSONAL.items())
        ),
        MadeDocument("INVOICE", fields=(("model_name", "Zentara 18", 0.9),)),
    ),
    checks=(MadeCheck("CUSTOMER_NAME", 20),),
)

FLOW = "/flow?flow=flow-00001"
Look = Callable[[Visitor], Locator]
# By the page, which is opened by its address or from the list of pages. What opens a dialog comes last of its
# page, and then an address.
OFFERS: dict[str, tuple[str, Look, set[Role]]] = {
    "save a view": ("Results", lambda to: button(to, "Saved views"), ALL),
    "export": ("Results", lambda to: in_export(to, "Download"), LEAD),
    "export personal values": ("Results", lambda to: in_export(to, "With personal values"), LEAD),
    "reveal a value": (FLOW, lambda to: button(to, "Show a masked value"), LEAD),
    "see where masked values differ": (FLOW, lambda to: to.page.get_by_text("two", exact=True), JUDGES),
    "draft thresholds": (
        "/cross_checks?tab=Threshold+sets&start=now",
        lambda to: button(to, "Save draft"),
        JUDGES,
    ),
    "adopt thresholds": ("/cross_checks?tab=Threshold+sets&set=1", lambda to: button(to, "Adopt"), LEAD),
    "replay": (
        "/operations?id=flow-00001",
        lambda to: to.page.locator("button:enabled", has_text="Read again what is found"),
        {Role.LEAD, Role.ADMIN},
    ),
    "submit": ("Submit", lambda to: to.page.get_by_label("Application id"), JUDGES),
    "judge": ("Review", lambda to: button(to, "Same"), JUDGES),
    "note a case": ("Review", lambda to: button(to, "Note"), JUDGES),
    "reveal a case": ("Review", lambda to: button(to, "Show whole values"), LEAD),
    "assign a case and keep its evidence": ("Review", lambda to: button(to, "Note, assign, evidence"), LEAD),
    "set the rules of sampling": ("Review", lambda to: in_team(to, "Put in force"), LEAD),
    "read the audit log": (
        "Audit",
        lambda to: to.table("Entries of the audit log, newest first"),
        {Role.LEAD, Role.ADMIN},
    ),
    "sign out": ("Audit", lambda to: button(to, "Sign out"), ALL),
}


def button(to: Visitor, name: str) -> Locator:
    return to.page.get_by_role("button", name=name)


def in_export(to: Visitor, label: str) -> Locator:
    dialog = to.page.get_by_role("dialog")
    if not dialog.count():
        button(to, "Export").click()
        expect(dialog).to_be_visible()
        expect(dialog.get_by_text("Texts that a spreadsheet would calculate")).to_be_visible()
    return dialog.get_by_text(label)


def in_team(to: Visitor, label: str) -> Locator:
    team = to.page.get_by_role("tab", name="Team")
    if team.count():
        team.click()
    return button(to, label)


@pytest.fixture(scope="module")
def desk() -> Iterator[tuple[str, str]]:
    """The desk and its provider."""
    with ExitStack() as stack:
        book = stack.enter_context(made_book([WAITING] * 3))
        (book.folder / "roles.toml").write_text(ROLES)
        draft_thresholds(
            Desk(book.folder / "desk.db"), LOCAL, "Milder", Thresholds(60, 85), why="tried", evidence={}
        )
        provider = stack.enter_context(running_provider())
        environment = with_sign_in(desk_environment(book.folder), provider)
        yield stack.enter_context(running_pages(environment)), provider


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=PEOPLE)
def somebody(
    request: pytest.FixtureRequest, chrome: Browser, desk: tuple[str, str]
) -> Iterator[tuple[Role, Visitor]]:
    """A person of each role, signed in."""
    role = Role(request.param)
    with visiting(chrome, desk[0]) as visitor:
        meet(visitor, desk[1])
        visitor.open("/results")
        sign_in(visitor, PEOPLE[role])
        expect(visitor.title("Results")).to_be_visible()
        yield role, visitor


def test_each_role_is_offered_what_it_may_and_nothing_else(somebody: tuple[Role, Visitor]) -> None:
    role, visitor = somebody
    at = "Results"
    for page, look, roles in OFFERS.values():
        if page != at and page.startswith("/"):
            visitor.open(page)
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        elif page != at:
            visitor.page.get_by_test_id("stSidebarNav").get_by_role("link", name=page).click()
            expect(visitor.title(page)).to_be_visible()
        at = page
        visitor.settle()
        found = look(visitor)
        if role in roles:
            expect(found.first).to_be_visible()
        else:
            expect(found).to_have_count(0)


def test_no_role_sees_a_personal_field_whole_unless_it_is_asked_for(somebody: tuple[Role, Visitor]) -> None:
    _, visitor = somebody
    visitor.open(FLOW)
    visitor.page.get_by_role("tab", name="Documents (2)").click()
    for place, (_, masked) in enumerate(PERSONAL.values()):
        expect(visitor.cell("Fields read in one document", place, 1)).to_have_text(masked)
    documents = visitor.page.content()
    visitor.page.get_by_role("tab", name="Raw payload").click()
    expect(visitor.page.get_by_text("with personal values masked")).to_be_visible()
    payload = visitor.page.content()
    for whole, _ in PERSONAL.values():
        assert whole not in documents
        assert whole not in payload
