"""Personal values on the pages: masked for everybody, shown whole to a lead for a minute, and noted first."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books import store
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.reveals import PER_HOUR, SHOWN_MS, note_reveal
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, InputError, NotAllowed
from atlas_core.models import CrossCheck
from atlas_core.web import signing_in
from tests.made_books import MINUTE, MadeBooks, add_flow, make_books, make_result, reading
from tests.page_sessions import sessions_over, show

LEAD = User("ravi@lender.example", "Ravi", frozenset({Role.LEAD}), True, "s1")
FLOW = "LOS-00000001"
NAME, MASKED = "Invented Person", "I••••••• P•••••"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    sides = ("DELIVERY_ORDER", "customer_name", NAME, "INVOICE", "customer_name", "Invented Persom")
    check = CrossCheck(0, "CUSTOMER_NAME", *sides, 92)
    with AtlasWriter(made.atlas) as writer:
        add_flow(writer, FLOW, result=replace(make_result(FLOW, name=NAME), cross_checks=(check,)))
        writer.write(store.record_state, "worker", "running", "", now=now_ms())
    with sessions_over(made.atlas.parent):
        yield made


def somebody(monkeypatch: pytest.MonkeyPatch, *roles: Role) -> None:
    """From now on the person at the page has these roles."""
    monkeypatch.setattr(signing_in, "local_user", lambda: replace(LOCAL, roles=frozenset(roles)))


def drawn(session: AppTest) -> str:
    """Every value that the page draws."""
    sides = [str(element.proto.body) for element in session.get("html")]
    cells = [str(cell) for table in session.dataframe for cell in table.value.to_numpy().ravel()]
    return "\n".join([*sides, *cells, *(str(code.value) for code in session.code)])


def open_part(session: AppTest, part: str) -> AppTest:
    session.query_params["tab"] = part
    return session.run()


def reveal(session: AppTest, label: str, reason: str) -> AppTest:
    box = next(box for box in session.selectbox if box.label == "Value")
    box.select(box.options[box.options.index(label)] if label in box.options else label)
    next(field for field in session.text_input if field.label.startswith("Why")).input(reason)
    next(button for button in session.button if button.label.startswith("Show it for")).click()
    return session.run()


@pytest.mark.parametrize("role", Role)
def test_values_are_masked_for_every_role_and_who_judges_sees_where_they_differ(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    somebody(monkeypatch, role)
    session = show("flow", flow=FLOW)
    shown = drawn(session)
    assert NAME not in shown
    judges = role in (Role.ANALYST, Role.LEAD)
    assert ("Persom" in shown or ">m<" in shown) is judges
    documents = drawn(open_part(session, "Documents"))
    assert MASKED in documents
    assert "19999" in documents  # a price says nothing of anybody
    assert NAME not in documents
    assert NAME not in drawn(open_part(session, "Raw payload"))


def test_a_lead_sees_one_value_whole_for_a_minute_with_a_reason_c39(books: MadeBooks) -> None:
    session = open_part(show("flow", flow=FLOW), "Documents")
    session = reveal(session, "Invoice: Customer name", "")
    (error,) = session.error
    assert error.value.startswith("Say why the value is needed")
    assert NAME not in drawn(session)
    session = reveal(session, "Invoice: Customer name", "the customer called")
    assert NAME in drawn(session)
    assert NAME not in drawn(open_part(session, "Cross-checks"))
    with reading(books) as opened:
        entry = audit_entries(opened).iloc[0]
    assert (entry["action"], entry["subject"], entry["reason"]) == ("reveal", FLOW, "the customer called")
    assert entry["detail"] == '{"value": "Invoice: Customer name"}'
    session.session_state["revealed"] = {
        place: until - SHOWN_MS for place, until in session.session_state["revealed"].items()
    }
    session = open_part(session, "Documents")
    assert NAME not in drawn(session)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.ADMIN])
def test_others_are_not_offered_it_and_are_refused_c39(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    somebody(monkeypatch, role)
    session = show("flow", flow=FLOW)
    assert not any(button.label.startswith("Show it for") for button in session.button)
    with pytest.raises(NotAllowed):
        note_reveal(books.open_desk(), replace(LEAD, roles=frozenset({role})), FLOW, "x", reason="why")


def test_what_cannot_be_noted_is_not_shown_c39(books: MadeBooks) -> None:
    session = open_part(show("flow", flow=FLOW), "Documents")
    with closing(sqlite3.connect(books.desk)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'full'); END"
        )
        connection.commit()
    session = reveal(session, "Invoice: Customer name", "the customer called")
    assert len(session.error) == 1
    assert NAME not in drawn(session)
    with pytest.raises(BookError):
        note_reveal(books.open_desk(), LEAD, FLOW, "x", reason="why")


def test_a_thousand_reveals_are_a_thousand_entries_and_no_hour_has_more_than_thirty_c39(
    books: MadeBooks,
) -> None:
    desk, now = books.open_desk(), 1_700_000_000_000
    for number in range(1_000):
        now += 2 * MINUTE
        assert note_reveal(desk, LEAD, FLOW, f"value {number}", reason="why", now=now) == now + SHOWN_MS
    with reading(books) as opened:
        assert len(audit_entries(opened, action="reveal", limit=2_000)) == 1_000
    assert desk.verify_audit().broken_at is None
    now += 2 * 60 * MINUTE
    for _ in range(PER_HOUR):
        note_reveal(desk, LEAD, FLOW, "x", reason="why", now=now)
    with pytest.raises(InputError, match="30 values within an hour"):
        note_reveal(desk, LEAD, FLOW, "x", reason="why", now=now + 59 * MINUTE)
    note_reveal(desk, replace(LEAD, who="another@lender.example"), FLOW, "x", reason="why", now=now)
    note_reveal(desk, LEAD, FLOW, "x", reason="why", now=now + 61 * MINUTE)
    with reading(books) as opened:
        assert len(audit_entries(opened, action="reveal", limit=2_000)) == 1_000 + PER_HOUR + 2
