"""What somebody has seen and set aside is off the list of what needs a person, until it happens anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books import inbox, queries, store
from atlas_core.books.wishes import dismiss
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError, NotAllowed
from tests.made_books import (
    MINUTE,
    START,
    MadeBooks,
    add_flow,
    begin,
    make_books,
    make_result,
    reading,
    submit,
    upload,
)
from tests.workers import rows

NOW = START + 100 * MINUTE


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def reasons(books: MadeBooks) -> list[str]:
    with reading(books) as opened:
        return list(queries.attention(opened, now=NOW, overdue_ms=10 * MINUTE)["reason"])


def test_a_dismissed_alarm_comes_back_when_it_happens_again(books: MadeBooks, writer: AtlasWriter) -> None:
    flow_id = add_flow(writer, "flow-0001", result=make_result("flow-0001"))

    def alarm(raised_at: int) -> None:
        writer.write(store.record_alarm, "odd", "It is odd.", raised_at=raised_at, flow_id=flow_id)

    alarm(START)
    with reading(books) as opened:
        (subject,) = queries.alarms(opened)["subject"]
    dismiss(books.open_desk(), LOCAL, "alarm", subject, "Atlas's support explained it", now=START + 5)
    assert reasons(books) == []
    with reading(books) as opened:
        assert queries.alarms(opened).empty
        kept = queries.dismissals(opened).iloc[0]
    assert (kept["kind"], kept["dismissed_by"]) == ("alarm", LOCAL.who)
    alarm(START + 5)  # what was known when it was dismissed
    assert reasons(books) == []
    alarm(START + 6)
    assert reasons(books) == ["alarm"]
    with reading(books) as opened:
        told = queries.alarms(opened).iloc[0]
    assert (told["raised_at"], told["last_at"]) == (START, START + 6)
    assert rows(books.atlas, "SELECT count(*) FROM alarms") == [(1,)]


def test_an_old_orphan_does_not_happen_anew_each_time_it_is_looked_for(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    attempt_id = begin(writer, submit(books))
    result = make_result("flow-0009")
    writer.write(inbox.save_callback, attempt_id, result, other_application=False, received_at=START)
    for minute in (1, 2):
        now = START + minute * MINUTE
        writer.write(inbox.record_old_orphans, received_before=now - 30_000, now=now)
        if minute == 1:
            dismiss(books.open_desk(), LOCAL, "alarm", "1", "known", now=now)
    assert "alarm" not in reasons(books)


def test_a_dismissed_dead_letter_comes_back_when_it_comes_again(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    attempt_id = begin(writer, submit(books))
    upload(writer, attempt_id, "flow-0001")

    def bury(received_at: int) -> None:
        writer.write(
            inbox.record_dead_letter,
            attempt_id,
            digest="d" * 64,
            size=9,
            reason="this is not JSON (at byte 4)",
            received_at=received_at,
        )

    bury(START)
    assert "dead letter" in reasons(books)
    with reading(books) as opened:
        letter = queries.dead_letters(opened).iloc[0]
        assert queries.flow_ids_needing(opened, "dead letter", now=NOW, overdue_ms=1).tolist() == [1]
    assert (letter["flow_uuid"], letter["is_kept"]) == ("flow-0001", False)
    dismiss(books.open_desk(), LOCAL, "dead letter", letter["subject"], "a test call", now=START + 1)
    assert "dead letter" not in reasons(books)
    with reading(books) as opened:
        assert queries.dead_letters(opened).empty
        assert len(queries.dead_letters(opened, with_dismissed=True)) == 1
    bury(START + 2)
    assert "dead letter" in reasons(books)
    with reading(books) as opened:
        assert queries.dead_letters(opened)["times_seen"].tolist() == [2]


def test_a_missing_callback_that_is_dismissed_leaves_the_others(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    for number in (1, 2):
        flow_uuid = f"flow-sent-{number}"
        upload(writer, begin(writer, submit(books)), flow_uuid)
        add_flow(writer, flow_uuid, result=make_result(flow_uuid))
    with reading(books) as opened:
        missing = queries.missing_callbacks(opened, now=NOW)
    assert sorted(missing["subject"]) == ["flow-sent-1", "flow-sent-2"]
    dismiss(books.open_desk(), LOCAL, "callback missing", "flow-sent-1", "our proxy was down", now=NOW)
    assert reasons(books) == ["callback missing"]
    with reading(books) as opened:
        assert list(queries.missing_callbacks(opened, now=NOW)["subject"]) == ["flow-sent-2"]


def test_a_dismissal_is_in_the_audit_log_and_needs_a_right_and_a_reason(books: MadeBooks) -> None:
    desk, viewer = books.open_desk(), User("vic", "Vic", frozenset({Role.VIEWER}))
    with pytest.raises(NotAllowed):
        dismiss(desk, viewer, "alarm", "1", "seen")
    for kind, subject, reason in (("alarm", "1", " "), ("weather", "1", "seen"), ("alarm", "", "seen")):
        with pytest.raises(InputError):
            dismiss(desk, LOCAL, kind, subject, reason)
    assert rows(books.desk, "SELECT count(*) FROM audit") == [(0,)]
    dismiss(desk, LOCAL, "alarm", "1", "seen")
    dismiss(desk, LOCAL, "alarm", "1", "seen again")
    assert rows(books.desk, "SELECT reason FROM dismissals") == [("seen again",)]
    assert rows(books.desk, "SELECT action, subject, reason FROM audit") == [
        ("dismiss", "alarm 1", "seen"),
        ("dismiss", "alarm 1", "seen again"),
    ]
