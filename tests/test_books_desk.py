"""The desk: no intention is lost, none is doubled, and no link outlives its use."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.queries import submissions
from atlas_core.books.reading import open_books
from atlas_core.books.schema import check_book, migrate_desk
from atlas_core.errors import BookError, BookMissing, InputError
from atlas_core.models import Decision, FileToSend, SubmissionToSave
from tests.made_books import MINUTE, START, MadeBooks, make_books

FORK = multiprocessing.get_context("fork")
HOUR = 60 * MINUTE
SIGNATURE = "5ecre7" * 12
SIGNED = (
    "https://bucket.example:8443/loans/APP-1/invoice.pdf?X-Amz-Date=20260921T141320Z&X-Amz-Expires=900"
    f"&X-Amz-Signature={SIGNATURE}"
)  # ends 15 minutes after START
PLAIN = "https://files.example/delivery.pdf"


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


def save(desk: Desk, *urls: str, now: int = START, application_id: str = "APP-1") -> int:
    files = [FileToSend(f"doc-{position}", url) for position, url in enumerate(urls or (SIGNED, PLAIN))]
    return desk.save_submission(
        application_id, "PROD_CDL", {"branch": "Pune"}, files, "form", now=now, by=COMMAND
    )


def kept_files(books: MadeBooks) -> list[tuple]:
    with closing(sqlite3.connect(books.desk)) as connection:
        return connection.execute(
            "SELECT document_id, url_host, object_name, file_url, ends_at FROM submission_files ORDER BY 1"
        ).fetchall()


def test_a_submission_comes_back_as_it_was_saved(books: MadeBooks) -> None:
    desk = books.open_desk()
    saved = desk.submission(save(desk))
    assert (saved.application_id, saved.product_type, saved.source) == ("APP-1", "PROD_CDL", "form")
    assert saved.flow_params == {"branch": "Pune"}
    assert saved.files == (FileToSend("doc-0", SIGNED), FileToSend("doc-1", PLAIN))
    assert (saved.created_at, saved.asked_again_at) == (START, None)
    assert SIGNATURE not in repr(saved)


def test_host_object_name_and_end_are_kept_beside_the_address(books: MadeBooks) -> None:
    save(books.open_desk())
    assert kept_files(books) == [
        ("doc-0", "bucket.example:8443", "loans/APP-1/invoice.pdf", SIGNED, START + 15 * MINUTE),
        ("doc-1", "files.example", "delivery.pdf", PLAIN, START + 24 * HOUR),
    ]


def test_a_csv_is_saved_whole_or_not_at_all(books: MadeBooks) -> None:
    desk = books.open_desk()
    good = SubmissionToSave("APP-1", "PROD_CDL", {}, (FileToSend("d", PLAIN),))
    for bad in (
        SubmissionToSave("", "PROD_CDL", {}, good.files),
        SubmissionToSave("A" * 65, "PROD_CDL", {}, good.files),
        SubmissionToSave("APP-2", "PROD_CDL", {}, ()),
        SubmissionToSave("APP-2", "PROD_CDL", {"x": float("nan")}, good.files),
        SubmissionToSave("APP-2", "PROD_CDL", {"x": object()}, good.files),
    ):
        with pytest.raises(InputError):
            desk.save_submissions([good, bad], "csv", "group", by=COMMAND)
    with pytest.raises(BookError, match="refused"):
        desk.save_submissions([good], "by pigeon", "group", by=COMMAND)
    assert desk.waiting_submissions() == []
    ids = desk.save_submissions([good] * 20, "csv", "group", START, by=COMMAND)
    assert ids == sorted(set(ids)) == desk.waiting_submissions()
    assert desk.waiting_submissions(after_id=ids[4]) == ids[5:]


def test_a_submission_number_is_never_given_again_by_a_new_desk(books: MadeBooks) -> None:
    first = save(books.open_desk(), now=START)
    books.desk.unlink()
    migrate_desk(books.desk)
    assert save(books.open_desk(), now=START + 1) > first


def test_numbers_rise_though_the_clock_goes_back_b107(books: MadeBooks) -> None:
    desk = books.open_desk()
    first = save(desk, now=START)
    assert save(desk, now=START - HOUR) == first + 1


# ------------------------------------------------------------------------------------ links are forgotten


def test_a_link_is_kept_until_its_upload_is_acknowledged_and_its_signature_has_ended(
    books: MadeBooks,
) -> None:
    desk = books.open_desk()
    submission_id = save(desk, SIGNED)
    assert desk.forget_links([], START + HOUR) == 0, "not uploaded yet"
    assert desk.forget_links([submission_id], START + 14 * MINUTE) == 0, "a reviewer may still look"
    assert desk.submission(submission_id).files[0].file_url == SIGNED
    assert desk.forget_links([submission_id], START + 15 * MINUTE) == 1
    assert desk.forget_links([submission_id], START + 15 * MINUTE) == 0
    with pytest.raises(InputError, match="Submit it again"):
        desk.submission(submission_id)
    assert kept_files(books)[0][1:4] == ("bucket.example:8443", "loans/APP-1/invoice.pdf", None)


def test_every_link_is_forgotten_after_a_day_whatever_became_of_it(books: MadeBooks) -> None:
    desk = books.open_desk()
    save(desk, SIGNED.replace("Expires=900", "Expires=604800"), PLAIN)
    assert desk.forget_links([], START + 24 * HOUR - 1) == 0
    assert desk.forget_links([], START + 24 * HOUR) == 2


@pytest.mark.parametrize(("count", "padding"), [(40, 0), (1, 20_000)], ids=["many", "one of several pages"])
def test_not_a_byte_of_a_forgotten_signature_stays_in_the_folder(
    books: MadeBooks, count: int, padding: int
) -> None:
    desk = books.open_desk()
    url = SIGNED.replace("invoice", "i" * padding + "nvoice")
    saved = [save(desk, url, PLAIN) for _ in range(count)]
    needle = SIGNATURE[:12].encode()  # the signature repeats itself, so that any part of it is found
    assert needle in books.desk.read_bytes()
    assert desk.forget_links(saved, START + 15 * MINUTE) == count
    for path in books.desk.parent.iterdir():
        assert needle not in path.read_bytes(), path.name
        assert b"X-Amz-Signature" not in path.read_bytes(), path.name
    check_book(books.desk)


def test_an_unknown_submission_is_said_to_be_unknown(books: MadeBooks) -> None:
    with pytest.raises(InputError, match="no submission 5"):
        books.open_desk().submission(5)


# --------------------------------------------------------------------------------- decisions and wishes


def test_the_first_decision_on_an_attempt_stands_b118(books: MadeBooks) -> None:
    desk = books.open_desk()
    submission_id = save(desk)
    desk.decide(submission_id, 1, "start again", START + 5, by=COMMAND)
    with pytest.raises(InputError, match="already decided"):
        desk.decide(submission_id, 1, "leave", START + 6, by=COMMAND)
    desk.decide(submission_id, 2, "leave", START + 7, by=COMMAND)
    assert desk.decisions() == [
        Decision(1, submission_id, 1, "start again", START + 5),
        Decision(2, submission_id, 2, "leave", START + 7),
    ]
    assert desk.decisions(after_id=1) == desk.decisions()[1:]
    assert desk.submission(submission_id).asked_again_at == START + 5


@pytest.mark.parametrize(("submission_id", "decision"), [(99, "leave"), (0, "perhaps")])
def test_a_decision_about_nothing_or_of_no_meaning_is_refused(
    books: MadeBooks, submission_id: int, decision: str
) -> None:
    desk = books.open_desk()
    saved = save(desk)
    with pytest.raises(BookError):
        desk.decide(submission_id or saved, 1, decision, by=COMMAND)
    assert desk.decisions() == []


def test_a_wish_to_look_is_handed_out_once(books: MadeBooks) -> None:
    desk = books.open_desk()
    desk.want_look("flow-0002", START + 1, by=COMMAND)
    desk.want_look("flow-0001", START, by=COMMAND)
    desk.want_look("flow-0002", START + 2, by=COMMAND)
    assert desk.take_wanted_looks() == ["flow-0001", "flow-0002"]
    assert desk.take_wanted_looks() == []


def test_two_takers_never_get_the_same_wish(books: MadeBooks) -> None:
    desk = books.open_desk()
    for number in range(20):
        desk.want_look(f"flow-{number:04}", by=COMMAND)
    with ThreadPoolExecutor(4) as pool:
        taken = [flow for flows in pool.map(lambda _: desk.take_wanted_looks(), range(8)) for flow in flows]
    assert sorted(taken) == [f"flow-{number:04}" for number in range(20)]


# ------------------------------------------------------------------------------- many writers, and kills


def _write_much(path: Path, count: int) -> None:
    desk = Desk(path)
    for number in range(count):
        desk.decide(save(desk, application_id=f"APP-{number}", now=START), 1, "leave", by=COMMAND)
        desk.want_look(f"flow-{number}", by=COMMAND)
        desk.take_wanted_looks()


def test_four_processes_write_at_once_and_none_is_told_the_book_is_locked_b97(books: MadeBooks) -> None:
    """A15"""
    children = [FORK.Process(target=_write_much, args=(books.desk, 25)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
    assert len(books.open_desk().waiting_submissions()) == len(books.open_desk().decisions()) == 100


def _die_with_half_a_transaction_on_disk(path: Path, spilled: Pipe) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 5")
    connection.execute("BEGIN IMMEDIATE")
    for number in range(1_000, 3_000):
        connection.execute("INSERT INTO looks_wanted VALUES (?, 0)", [f"half-{number}" * 20])
    spilled.send(True)
    time.sleep(60)


def test_a_writer_killed_half_way_is_undone_by_the_next_who_reads(books: MadeBooks) -> None:
    save(books.open_desk())
    ours, theirs = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_die_with_half_a_transaction_on_disk, args=(books.desk, theirs))
    child.start()
    ours.recv()
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    assert books.desk.with_name("desk.db-journal").exists()
    assert b"half-1000" in books.desk.read_bytes()
    with open_books(books.atlas, books.desk) as reading:
        assert len(submissions(reading)) == 1
        assert reading.rows("SELECT count(*) FROM desk.looks_wanted")[0][0] == 0
    check_book(books.desk)


def test_a_desk_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BookMissing):
        Desk(tmp_path / "desk.db")
