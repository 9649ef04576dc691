"""What Submit says of an application before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.intake import Row
from tests.made_books import make_books
from tests.page_sessions import said, sessions_over, show, table_with

LINK = "https://papers.example.com/invoice.jpg"


@pytest.fixture
def form(tmp_path: Path) -> Iterator[AppTest]:
    """The form with two documents of one name, the second without a link that can be sent."""
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        session = show("submit")
        number = session.session_state["submit_form"] + 1
        session.session_state["submit_form"] = number
        session.session_state[f"submit_example_{number}"] = [
            Row(1, "LOAN-1", LINK, "invoice"),
            Row(2, "LOAN-1", LINK.replace("https", "http"), "invoice"),
        ]
        yield session.run()


def test_a_problem_of_the_form_names_the_box_that_is_on_the_screen(form: AppTest) -> None:
    next(box for box in form.text_input if box.label == "Application id").set_value("LOAN 1")
    form.text_area[0].set_value("branch").run()
    table = table_with(form, "box")
    assert list(table) == ["box", "kind", "sentence"]
    assert sorted(set(table["box"])) == ["Application id", "Documents, row 2", "Parameters"]
    assert table["box"].count("Application id") == 1
    assert "**3 problems** and **1 warning**" in said(form)
    sentences = dict(zip(table["box"], table["sentence"], strict=True))
    assert sentences["Parameters"] == 'The parameters must be a JSON object like {"branch": "PUNE"}.'
    assert any("also in row 1;" in sentence for sentence in table["sentence"])
