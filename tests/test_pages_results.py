"""What Results says of the filters that its address asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books.writer import AtlasWriter
from tests.made_books import MINUTE, START, add_flow, make_books, make_result
from tests.page_sessions import button, said, sessions_over, show

DAY = 86_400_000
MIDNIGHT = START // DAY * DAY  # 21 September 2026, UTC


@pytest.fixture(autouse=True)
def books(tmp_path: Path) -> Iterator[None]:
    """Five flows, each begun a day after the one before."""
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for number in range(5):
            uuid, created_at = f"LOS-0000000{number}", MIDNIGHT + number * DAY + 600 * MINUTE
            add_flow(writer, uuid, created_at=created_at, result=make_result(uuid))
    with sessions_over(made.atlas.parent):
        yield


@pytest.mark.parametrize("page", ["results", "errors"])
def test_a_period_to_the_minute_is_told_and_can_be_taken_out(page: str) -> None:
    since, until = MIDNIGHT + DAY + 54 * MINUTE, MIDNIGHT + 3 * DAY + 54 * MINUTE
    session = show(page, since=str(since), until=str(until))
    assert "Created 22 Sep 2026, 00:54 to 24 Sep 2026, 00:54 UTC" in said(session)
    assert session.date_input[0].value == (dt.date(2026, 9, 22), dt.date(2026, 9, 24))
    button(session, "Any time").click().run()
    assert "Created 22" not in said(session)
    assert not {"since", "until"} & set(session.query_params)
    assert session.date_input[0].value == ()


@pytest.mark.parametrize("page", ["results", "errors"])
def test_an_end_without_a_start_does_not_stand_in_the_field_of_the_start(page: str) -> None:
    session = show(page, until=str(MIDNIGHT + 2 * DAY))
    assert session.date_input[0].value == ()
    assert "Created before 23 Sep 2026, 00:00 UTC" in said(session)


@pytest.mark.parametrize("page", ["results", "errors"])
def test_whole_days_stand_in_their_fields_alone(page: str) -> None:
    session = show(page, since="2026-09-22", until="2026-09-23")
    assert session.date_input[0].value == (dt.date(2026, 9, 22), dt.date(2026, 9, 23))
    assert "Created 22" not in said(session)
    if page == "results":
        assert "**1-2** of 2 flows" in said(session)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"find": "xyz"}, " Ids are compared from their beginning, letter by letter."),
        ({"words": "xyz"}, " Words are whole unless a star ends them."),
        (
            {"find": "xyz", "words": "xyz"},
            " Ids are compared from their beginning, letter by letter; "
            "words are whole unless a star ends them.",
        ),
        ({"outcome": "failed"}, ""),
    ],
)
def test_an_empty_list_says_how_what_was_typed_is_compared(address: dict[str, str], sentence: str) -> None:
    lines = said(show("results", **address)).splitlines()
    assert any(line.endswith(f"No flow fits every filter.{sentence}") for line in lines)
