"""Two books tell one story, whichever of them was replaced: nothing is called twice, nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books.agreement import Agreed
from atlas_core.books.queries import attention
from atlas_core.books.schema import check_book
from atlas_core.errors import BookError, InputError
from tests.agreeing import LATER, Post, live, posted, put_in_place
from tests.made_books import MINUTE, START, make_books, reading, submit
from tests.workers import rows


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    yield from posted(tmp_path)


@pytest.mark.parametrize("stamped", [True, False], ids=["a backup", "a file copied by hand"])
def test_an_older_atlas_book_learns_what_was_sent_since_b102_b108(post: Post, stamped: bool) -> None:
    life = live(post)
    sent = rows(post.books.atlas, "SELECT callback_part FROM attempts WHERE submission_id = ?", life.sent)
    put_in_place(post, post.books.atlas, post.copies[post.books.atlas], stamped=stamped)
    agreed = post.agree()
    expected = {
        "final": (1, "upload sent", "flow-final"),
        "running": (1, "upload sent", "flow-running"),
        "sent": (1, "upload sent", "flow-sent"),
        "in_flight": (1, "init unknown", None),
        "retried": (1, "upload sent", "flow-retried"),
        "retried_in_flight": (1, "init unknown", None),
        "unsent": (1, "not sent", None),
        "uploaded_since": (1, "upload sent", "flow-uploaded_since"),
        "initialised": (1, "initialised", "flow-initialised"),
        "asked_again": (2, "upload sent", "flow-asked_again"),
        "undone": (1, "init unknown", None),
        "waiting": None,
    }
    assert {name: post.attempt(getattr(life, name)) for name in expected} == expected
    assert sorted(post.watched()) == [
        *("flow-asked_again", "flow-retried", "flow-running", "flow-sent", "flow-uploaded_since")
    ]
    assert (agreed.flows, agreed.unknown) == (4, 2)
    assert "4 flows are fetched from Atlas again" in agreed.sentence
    found = rows(post.books.atlas, "SELECT created_at FROM flows WHERE flow_uuid = 'flow-sent'")
    assert found == [(START + 12_000 + 10 * MINUTE,)]
    held = rows(post.books.atlas, "SELECT callback_part FROM attempts WHERE submission_id = ?", life.sent)
    assert held == sent, "a callback of Atlas's finds its door"
    assert rows(
        post.books.atlas,
        "SELECT document_id, url_host, object_name FROM files f JOIN flows USING (flow_id)"
        " WHERE flow_uuid = 'flow-sent'",
    ) == [("APP-3-doc", "files.example", "a.pdf")]
    check_book(post.books.atlas)
    assert post.agree() == Agreed(False), "the second start has nothing to do"


def test_a_new_atlas_book_is_filled_from_what_the_desk_noted_b108(post: Post) -> None:
    life = live(post)
    put_in_place(post, post.books.atlas, None)
    agreed = post.agree()
    assert agreed.flows == 6
    assert "flow-final" in post.watched(), "a flow that was final is fetched again, too"
    for name in ("retried", "asked_again", "final", "running", "sent", "uploaded_since"):
        found = post.attempt(getattr(life, name))
        assert found is not None
        assert found[1] == "upload sent", name
    for name in ("in_flight", "retried_in_flight", "unsent", "initialised", "undone"):
        assert post.attempt(getattr(life, name)) == (1, "init unknown", None), name
    assert post.attempt(life.waiting) is None, "it was never sent, and is sent now"
    check_book(post.books.atlas)


def test_where_both_books_are_copies_everything_that_may_have_been_called_is_unknown_b108(
    post: Post,
) -> None:
    life = live(post)
    atlas, desk = post.books.atlas, post.books.desk
    put_in_place(post, desk, post.copies[desk])
    put_in_place(post, atlas, post.copies[atlas])
    agreed = post.agree()
    expected = {
        "final": (1, "upload sent", "flow-final"),
        "waiting": (1, "init unknown", None),
        "sent": (1, "init unknown", None),
        "in_flight": (1, "init unknown", None),
        "retried": (1, "init unknown", None),
        "retried_in_flight": (1, "init unknown", None),
        "unsent": (1, "init unknown", None),
        "uploaded_since": (1, "upload sent", "flow-uploaded_since"),
        "initialised": (1, "upload sent", "flow-initialised"),
        "asked_again": (1, "init unknown", None),
    }
    assert {name: post.attempt(getattr(life, name)) for name in expected} == expected
    assert agreed.unknown == 6
    reasons = {
        reason for (reason,) in rows(atlas, "SELECT reason FROM attempts WHERE submission_id = ?", life.sent)
    }
    assert "perhaps called since" in str(reasons)
    later = post.submit("AFTER")
    assert post.agree() == Agreed(False)
    assert post.attempt(later) is None, "what is submitted after the restore is sent as ever"


def test_a_decision_that_may_have_been_carried_out_is_not_carried_out_again_b108(post: Post) -> None:
    first, second = post.submit("INIT"), post.submit("UPLOAD")
    post.fail(post.init(first), "init unknown")
    attempt_id = post.send(second, "flow-second")
    post.fail(attempt_id, "upload unknown")
    atlas = post.copy(post.books.atlas)
    post.books.open_desk().decide(first, 1, "start again", by=COMMAND)
    post.books.open_desk().decide(second, 1, "send files again", by=COMMAND)
    desk = post.copy(post.books.desk)
    put_in_place(post, post.books.desk, desk)
    put_in_place(post, post.books.atlas, atlas)
    post.agree()
    assert post.attempt(first) == (2, "init unknown", None)
    assert post.attempt(second) == (2, "upload sent", "flow-second")


def test_an_older_desk_learns_from_the_atlas_book_and_nothing_becomes_unknown_b108(post: Post) -> None:
    life = live(post)
    lost = post.submit("LOST")
    post.fail(post.init(lost), "init unknown")
    before = rows(post.books.atlas, "SELECT submission_id, number, state FROM attempts")
    put_in_place(post, post.books.desk, post.copies[post.books.desk])
    agreed = post.agree()
    assert rows(post.books.atlas, "SELECT submission_id, number, state FROM attempts") == before
    assert (agreed.flows, agreed.unknown, agreed.submissions) == (0, 0, 1)
    noted = rows(post.books.desk, "SELECT count(*), count(flow_uuid) FROM call_notes")
    attempted = rows(post.books.atlas, "SELECT count(*) FROM attempts")[0][0]
    assert noted == [(attempted, 6)]
    desk = post.books.open_desk()
    with pytest.raises(InputError, match="Submit it again"):
        desk.submission(lost)
    desk.decide(lost, 1, "leave", by=COMMAND)
    assert post.attempt(life.waiting) is None
    put_in_place(post, post.books.atlas, None)
    assert post.agree().flows == 6, "the notes are whole again"


def test_a_desk_from_before_there_were_notes_learns_them_at_its_first_start(
    post: Post, tmp_path: Path
) -> None:
    life = live(post)
    with closing(sqlite3.connect(post.books.desk)) as connection, connection:
        connection.execute("DELETE FROM call_notes")
        connection.execute("DELETE FROM book WHERE key = 'calls'")
    post.writer.write(lambda connection: connection.execute("DELETE FROM book").rowcount)
    assert post.agree().notes == rows(post.books.atlas, "SELECT count(*) FROM attempts")[0][0]
    put_in_place(post, post.books.atlas, post.copies[post.books.atlas])
    post.agree()
    assert post.attempt(life.sent) == (1, "upload sent", "flow-sent")


def test_two_books_that_never_were_together_are_refused_b102(post: Post, tmp_path: Path) -> None:
    live(post)
    other = make_books(tmp_path / "other")
    submit(other, "THEIRS")
    put_in_place(post, post.books.desk, other.desk)
    with pytest.raises(BookError, match="do not belong together"):
        post.agree()


def test_a_new_desk_may_take_the_place_of_a_lost_one(post: Post) -> None:
    live(post)
    attempted = rows(post.books.atlas, "SELECT count(*) FROM attempts")[0][0]
    put_in_place(post, post.books.desk, None)
    assert post.agree().notes == attempted
    assert rows(post.books.desk, "SELECT count(*) FROM call_notes") == [(attempted,)]


def test_a_callback_that_the_lost_book_had_is_not_called_missing(post: Post) -> None:
    def missing() -> list[tuple[int, str]]:
        """How many there are, and the oldest."""
        with reading(post.books) as books:
            found = attention(books, now=LATER + 60 * MINUTE, overdue_ms=MINUTE, reasons=["callback missing"])
        return [(int(row["flows"]), str(row["flow_uuid"])) for row in found.to_dict("records")]

    def end(flow_uuid: str, ended_at: int) -> None:
        post.writer.write(
            lambda connection: (
                connection.execute(
                    "UPDATE flows SET ended_at = ?, confirmed_at = ? WHERE flow_uuid = ?",
                    (ended_at, ended_at, flow_uuid),
                ).rowcount
            )
        )
        post.writer.write(
            lambda connection: connection.execute("UPDATE attempts SET state = 'uploaded'").rowcount
        )

    post.send(post.submit("OLD"), "flow-old")
    end("flow-old", post.at)
    assert missing() == [(1, "flow-old")]
    post.at += 30 * MINUTE
    atlas = post.copy(post.books.atlas)
    post.send(post.submit("NEW"), "flow-new")
    put_in_place(post, post.books.atlas, atlas)
    post.agree()
    end("flow-new", LATER + 1)
    assert missing() == [(1, "flow-old")], "of the other nobody can tell"
