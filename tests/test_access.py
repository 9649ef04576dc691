"""Who may do what: every role and every action, and the log of who did."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.access import COMMAND, LOCAL, RIGHTS, Action, Role, User, require
from atlas_core.books.audit import BEGINNING
from atlas_core.books.desk import Desk
from atlas_core.books.queries.audit import audit_entries, audit_words
from atlas_core.errors import AtlasDeskError, BookError, NotAllowed
from tests.desk_processes import desk_environment, run_command
from tests.made_books import MadeBooks, make_books, reading

# Written out by hand, so that a slip in the code's own table shows.
VIEWER = {"look", "save a view", "sign in", "sign out"}
JUDGES = VIEWER | {
    "compare",
    "submit",
    "ask Atlas now",
    "decide an unknown outcome",
    "judge",
    "dismiss",
    "draft thresholds",
}
MAY = {
    Role.VIEWER: VIEWER,
    Role.ANALYST: JUDGES,
    Role.LEAD: JUDGES
    | {"adopt thresholds", "assign", "set sampling", "reveal", "export", "export unmasked", "replay"}
    | {"read the audit log"},
    Role.ADMIN: VIEWER | {"replay", "read the audit log", "erase", "hold"},
}


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def desk(books: MadeBooks) -> Desk:
    return books.open_desk()


def person(*roles: Role) -> User:
    return User("anna@lender.example", "Anna", frozenset(roles), True, "s1")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_what_it_is_for_and_nothing_else_c36(desk: Desk, role: Role, action: Action) -> None:
    allowed = action in MAY[role]
    assert person(role).may(action) is allowed
    if allowed:
        with desk.acting(person(role), action, "case"):
            pass
    else:
        with pytest.raises(NotAllowed, match=r"takes the role"), desk.acting(person(role), action, "case"):
            pytest.fail("it was done")
    assert desk.verify_audit().entries == allowed


@pytest.mark.parametrize("action", Action)
def test_somebody_without_a_role_may_nothing(action: Action) -> None:
    with pytest.raises(NotAllowed) as refusal:
        require(person(), action)
    assert isinstance(refusal.value, PermissionError)
    assert isinstance(refusal.value, AtlasDeskError)


def test_who_has_two_roles_may_what_either_may() -> None:
    both = person(Role.ANALYST, Role.ADMIN)
    assert both.may(Action.JUDGE)
    assert both.may(Action.ERASE)
    assert not both.may(Action.REVEAL)


def test_what_has_no_rights_written_down_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RIGHTS, Action.ERASE)
    with pytest.raises(NotAllowed):
        require(COMMAND, Action.ERASE)


def test_the_log_tells_who_did_what_to_which_case_and_why(books: MadeBooks, desk: Desk) -> None:
    with desk.acting(LOCAL, Action.REVEAL, "flow-1", reason="the customer called", now=5):
        pass
    with desk.acting(person(Role.ANALYST), Action.JUDGE, "flow-2", now=6):
        pass
    with reading(books) as opened:
        entries = audit_entries(opened).to_dict("records")
        assert [audit_words(opened, word) for word in ("who", "action")] == [
            ["anna@lender.example", "local"],
            ["judge", "reveal"],
        ]
        assert audit_entries(opened, who="local")["entry_id"].tolist() == [1]
        assert audit_entries(opened, action="judge", subject="flow-2")["entry_id"].tolist() == [2]
        assert audit_entries(opened, before_id=2)["entry_id"].tolist() == [1]
        assert audit_entries(opened, limit=1)["entry_id"].tolist() == [2]
    assert entries[1] == {
        "entry_id": 1,
        "acted_at": 5,
        "who": "local",
        "roles": "admin, lead",
        "action": "reveal",
        "subject": "flow-1",
        "reason": "the customer called",
        "detail": "{}",
    }


def test_what_fails_leaves_no_row_and_what_cannot_be_logged_is_not_done(desk: Desk, books: MadeBooks) -> None:
    with pytest.raises(ValueError, match="on purpose"), desk.acting(LOCAL, Action.JUDGE, "flow"):
        raise ValueError("on purpose")
    assert desk.verify_audit().entries == 0
    change(books, "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'disk'); END")
    done = False
    with pytest.raises(BookError), desk.acting(LOCAL, Action.REVEAL, "flow"):
        done = True
    assert not done


def test_a_row_cannot_be_changed_or_taken_out_c38(books: MadeBooks, desk: Desk) -> None:
    fill(desk, 3)
    for statement in ("UPDATE audit SET reason = 'other'", "DELETE FROM audit WHERE entry_id = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            change(books, statement)
    assert desk.verify_audit().broken_at is None


FORGED = {
    "changed": ("UPDATE audit SET who = 'somebody else' WHERE entry_id = 2", 2, "was changed"),
    "taken out": ("DELETE FROM audit WHERE entry_id = 2", 2, "is missing"),
    "first taken out": ("DELETE FROM audit WHERE entry_id = 1", 1, "is missing"),
    "closed up": (
        "DELETE FROM audit WHERE entry_id = 2; UPDATE audit SET entry_id = 2 WHERE entry_id = 3",
        2,
        "",
    ),
}


@pytest.mark.parametrize(("forgery", "place", "words"), FORGED.values(), ids=list(FORGED))
def test_whoever_forces_the_file_breaks_the_chain_there_c38(
    books: MadeBooks, desk: Desk, forgery: str, place: int, words: str
) -> None:
    fill(desk, 4)
    triggers = forced(books, forgery)
    found = desk.verify_audit()
    assert found.broken_at == place
    assert words in found.sentence
    assert triggers


def test_an_end_cut_off_shows_by_the_hash_noted_earlier(books: MadeBooks, desk: Desk) -> None:
    fill(desk, 4)
    noted = desk.verify_audit().head
    forced(books, "DELETE FROM audit WHERE entry_id = 4")
    assert desk.verify_audit().broken_at is None
    assert desk.verify_audit(noted).broken_at == 4
    assert desk.verify_audit(BEGINNING).broken_at is None


def test_triggers_taken_out_show_though_the_rows_are_as_they_were(books: MadeBooks, desk: Desk) -> None:
    fill(desk, 2)
    change(books, "DROP TRIGGER audit_stays")
    assert desk.verify_audit().broken_at == 3


def test_many_at_once_make_one_chain(desk: Desk) -> None:
    threads = [threading.Thread(target=fill, args=(desk, 10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = desk.verify_audit()
    assert (found.entries, found.broken_at) == (80, None)


def test_the_command_says_whether_the_log_is_whole(books: MadeBooks, desk: Desk) -> None:
    fill(desk, 3)
    environment = desk_environment(books.desk.parent)
    whole = run_command(environment, "verify-audit")
    assert whole.returncode == 0
    head = whole.stdout.split()[-1]
    assert run_command(environment, "verify-audit", "--head", head).returncode == 0
    file = books.desk.with_name("audit.jsonl")
    assert run_command(environment, "verify-audit", "--to", str(file)).returncode == 0
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["subject"] for line in lines] == ["flow-0", "flow-1", "flow-2", "as a file"]
    assert lines[2]["hash"] == head == lines[3]["previous"]
    assert "is there already" in run_command(environment, "verify-audit", "--to", str(file)).stderr
    forced(books, "UPDATE audit SET reason = 'x' WHERE entry_id = 3")
    broken = run_command(environment, "verify-audit")
    assert broken.returncode == 1
    assert "entry 3 was changed" in broken.stdout


def fill(desk: Desk, rows: int) -> None:
    for number in range(rows):
        with desk.acting(LOCAL, Action.JUDGE, f"flow-{number}"):
            pass


def change(books: MadeBooks, script: str) -> None:
    with closing(sqlite3.connect(books.desk, timeout=15)) as connection:
        connection.executescript(script)


def forced(books: MadeBooks, script: str) -> list[str]:
    """Does it as somebody who owns the file: the triggers away, and back again."""
    with closing(sqlite3.connect(books.desk)) as connection:
        triggers = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"))
        for name in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript(script)
        for sql in triggers.values():
            connection.execute(sql)
        connection.commit()
    return list(triggers)
