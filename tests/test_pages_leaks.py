"""Ways by which a masked value once reached somebody who may not see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.access import LOCAL, Role
from atlas_core.api.payloads import parse_result
from atlas_core.books import store
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.web import signing_in
from atlas_core.web.opened import words_of_parts
from tests.made_books import MadeBooks, add_flow, make_books, reading
from tests.page_sessions import drawn_words, in_markdown, sessions_over, show

FLOW = "LOS-00000001"
NAME, PHONE = "Asha Rao", "9812345678"
HINDI = "\u0915\u0941\u092e\u093e\u0930\u0940 \u0930\u093e\u0927\u093e"
SECRETS = (
    *("14/02/85", HINDI, "A N I L K U M A R", "Ramesh Patil", "Lakshmi Iyer", "Suresh Nair", PHONE),
    *("Rameshwar", "Mahatma Gandhi"),
)


def payload(name: str, *checks: tuple[str, str]) -> bytes:
    """What Atlas once sent or might: a short year, other scripts, boxes, nested names, a stray item."""
    fields = {
        "document_type": "PAN",
        "date_of_birth": "14/02/85",
        "name": HINDI,
        "father_name": "A N I L K U M A R",
        "customer_name": name,
        "mobile_number": PHONE,
    }
    nested = {"nominee": {"name": "Ramesh Patil"}, "guardian": {"details": {"name": "Lakshmi Iyer"}}}
    data = {key: {"value": value, "confidence_score": 0.9} for key, value in fields.items()} | nested
    sides = ("DELIVERY_ORDER", "INVOICE")
    cross_checks = [
        {
            "name": "CUSTOMER_NAME",
            "similarity_score": 80,
            **{
                f"{side}_{part}": told
                for side, value, document in zip(("source", "target"), values, sides, strict=True)
                for part, told in (("doc", document), ("field_name", "customer_name"), ("value", value))
            },
        }
        for values in checks
    ]
    reason = f"it shows Suresh Nair, {PHONE}"
    document = {"data": data, "document_id": "d1", "error_code": "", "error_reason": reason}
    whole = {"flow_uuid": FLOW, "ocr_data": [document, f"Suresh Nair, {PHONE}"], "cross_checks": cross_checks}
    return json.dumps(whole).encode()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    """A flow with two versions, the second of another name."""
    made = make_books(tmp_path)
    initials = ("R Deshmukh", "Rameshwar Deshmukh"), ("MG Deshmukh", "Mahatma Gandhi Deshmukh")
    with AtlasWriter(made.atlas) as writer:
        flow_id = add_flow(writer, FLOW, result=parse_result(payload(NAME, *initials)))
        second = parse_result(payload("Meena Joshi", ("Meena Joshi", "Meena Joshi")))
        told = {"channel": "extracts", "received_at": now_ms(), "confirmed": True}
        writer.write(save_result, flow_id, second, standards=Standards(), **told)
        writer.write(store.record_state, "worker", "running", "", now=now_ms())
    with sessions_over(made.atlas.parent):
        yield made


def somebody(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    monkeypatch.setattr(signing_in, "local_user", lambda: replace(LOCAL, roles=frozenset({role})))


def everything(session: AppTest) -> str:
    cells = [str(cell) for table in session.dataframe for cell in table.value.to_numpy().ravel()]
    codes = [str(code.value) for code in session.code]
    return "\n".join([in_markdown(session), *drawn_words(session), *cells, *codes])


def open_part(session: AppTest, part: str) -> AppTest:
    session.query_params["tab"] = part
    return session.run()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
@pytest.mark.parametrize("part", ["Cross-checks", "Documents", "Raw payload"])
def test_no_part_of_a_flow_shows_a_value_whole(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch, role: Role, part: str
) -> None:
    somebody(monkeypatch, role)
    session = open_part(show("flow", flow=FLOW, version="1"), part)
    assert not session.exception
    found = everything(session)
    assert "date unusable" in found
    assert [secret for secret in SECRETS if secret in found] == []


def test_what_was_passed_over_is_named_and_not_quoted(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody(monkeypatch, Role.VIEWER)
    session = open_part(show("flow", flow=FLOW, version="1"), "Cross-checks")
    assert "Passed over: initials." in "".join(drawn_words(session))


@pytest.mark.parametrize(
    ("role", "is_made"), [(Role.VIEWER, False), (Role.ANALYST, False), (Role.LEAD, True)]
)
def test_words_by_their_beginning_are_for_those_who_may_see_values(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch, role: Role, is_made: bool
) -> None:
    """Character by character, a search once spelled out a whole telephone number."""
    somebody(monkeypatch, role)
    session = show("results", words="98*")
    warned = "".join(warning.value for warning in session.warning)
    assert ("letter by letter" in warned) is not is_made
    assert ("words" in session.query_params) is is_made


def test_a_reveal_is_of_one_version(books: MadeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody(monkeypatch, Role.LEAD)
    session = open_part(show("flow", flow=FLOW, version="1"), "Documents")
    value = next(box for box in session.selectbox if box.label == "Value")
    label = next(option for option in value.options if "Customer name" in option and "PAN" in option)
    value.select(label)
    next(field for field in session.text_input if field.label.startswith("Why")).input("the customer called")
    next(button for button in session.button if button.label.startswith("Show it for")).click()
    assert NAME in everything(session.run())
    session.query_params["version"] = "2"
    found = everything(session.run())
    assert "Meena Joshi" not in found
    assert NAME not in found
    with reading(books) as opened:
        kept = audit_entries(opened, limit=9)
    revealed = kept[kept["action"] == "reveal"]
    assert len(revealed) == 1
    assert "version 1" in revealed["detail"].iloc[0]


def test_what_is_open_names_nobody_in_its_heading() -> None:
    """A reason of Atlas's was masked in its table, and stood whole above the documents that it opened."""
    assert words_of_parts({"code": "INVALID_DOC", "reason": "multiple people"}).endswith("multiple people")
    said = words_of_parts({"reason": f"it shows Suresh Nair, {PHONE}"})
    assert said.startswith("it shows S\u2022")
    assert [secret for secret in SECRETS if secret in said] == []
