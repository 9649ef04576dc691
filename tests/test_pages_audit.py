"""The audit log as leads and admins read it."""

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.access import LOCAL, Action, Role, User
from atlas_core.books.audit import record_audit
from atlas_core.books.queries.audit import audit_entries, audit_words
from atlas_core.web import audit_parts
from tests.made_books import MadeBooks, make_books, reading
from tests.page_sessions import said, sessions_over, show

ANNA = User("anna@lender.example", "Anna", frozenset({Role.ANALYST}), True, "s1")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    desk = made.open_desk()
    for number in range(60):
        with desk.acting(
            ANNA, Action.JUDGE, f"LOS-{number:08d}", reason="looked", detail={"verdict": "same"}
        ):
            pass
    with desk.acting(LOCAL, Action.REPLAY, "LOS-00000007", reason="=1+1"):
        pass
    with sessions_over(made.desk.parent):
        yield made


def test_the_newest_entries_stand_first_and_older_ones_a_click_away(books: MadeBooks) -> None:
    session = show("audit")
    (table,) = session.dataframe
    assert list(table.value["entry"]) == list(range(61, 11, -1))
    assert list(table.value.iloc[1][["who", "action", "subject", "reason", "detail"]]) == [
        "anna@lender.example",
        "Judge",
        "LOS-00000059",
        "looked",
        "verdict: same",
    ]
    next(button for button in session.button if button.label == "Older").click()
    session.run()
    assert list(session.dataframe[0].value["entry"]) == list(range(11, 0, -1))


def test_the_filters_of_the_audit_stand_in_its_address(books: MadeBooks) -> None:
    (table,) = show("audit", subject="LOS-00000007").dataframe
    assert list(table.value["action"]) == ["Replay", "Judge"]
    (table,) = show("audit", who="local", action="replay").dataframe
    assert list(table.value["subject"]) == ["LOS-00000007"]
    assert "Nothing that fits the filters is in the log." in said(show("audit", who="nobody"))


def test_the_page_checks_the_chain_where_somebody_asks(books: MadeBooks) -> None:
    session = show("audit")
    next(button for button in session.button if button.label == "Check the chain").click().run()
    assert "The log is whole: 61 entries." in said(session)


def test_a_file_of_entries_calculates_nothing_and_is_an_entry_itself(books: MadeBooks) -> None:
    file = audit_parts._file_of(audit_parts.Narrowing(None, None, "LOS-00000007"), LOCAL)
    rows = list(csv.DictReader(io.StringIO(file.decode())))
    assert [row["reason"] for row in rows] == ["'=1+1", "looked"]
    with reading(books) as opened:
        newest = audit_entries(opened, limit=1).iloc[0]
    assert (newest["action"], newest["subject"]) == ("read the audit log", "as a file")


def test_reading_a_very_long_log_touches_a_page_of_it_b106(books: MadeBooks) -> None:
    """Two hundred thousand entries; each question must read a few thousand steps of SQLite's at most."""
    with closing(sqlite3.connect(books.desk)) as connection, connection:
        record_audit(connection, LOCAL, Action.LOOK)
        connection.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            INSERT INTO audit SELECT i, i, 'person-' || (i % 40), 'lead', '', 'judge', 'LOS-' || (i % 5000),
                                     '', '{}', printf('%064d', i - 1), printf('%064d', i) FROM n
            """
        )
    with reading(books) as opened:
        for question in (
            lambda: audit_entries(opened),
            lambda: audit_entries(opened, who="person-7", before_id=150_000),
            lambda: audit_entries(opened, action="judge", who="person-7"),
            lambda: audit_entries(opened, subject="LOS-77", action="judge"),
            lambda: audit_words(opened, "who"),
            lambda: audit_words(opened, "action"),
        ):
            steps = 0

            def count() -> int:
                nonlocal steps
                steps += 1
                return 0

            opened.read(lambda connection: connection.set_progress_handler(count, 100))
            question()
            opened.read(lambda connection: connection.set_progress_handler(None, 0))
            assert steps * 100 < 150_000
