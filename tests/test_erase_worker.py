"""Erasures beside a worker at work, by age, and over kills: what comes later brings nothing back."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.access import COMMAND
from atlas_core.books import attempts
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.call_notes import CallNote, CallNotes
from atlas_core.books.erasures import hold, want_erased
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.store import save_look
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend, FlowStatus, UploadedFile
from atlas_core.worker.erasure_keeper import DAY_MS, cutoff
from atlas_core.worker.parts import hash_of
from tests.made_books import DONE, START, add_flow, make_result
from tests.marked import (
    FLOW,
    MARK,
    OTHER,
    MarkedBooks,
    back_up,
    files_with,
    marked_books_in_force,
    marked_result,
    with_eraser,
)
from tests.mirrored import follow, require_same
from tests.workers import RunningWorker, rows, running_worker, settings_for, until

NOWHERE = "http://127.0.0.1:9"
RUNNING = FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "PENDING")
YEAR_LATER = START + 366 * DAY_MS


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MarkedBooks:
    return marked_books_in_force(tmp_path, monkeypatch)


def at_work(books: MarkedBooks, **settings: float):  # type: ignore[no-untyped-def]
    return running_worker(
        settings_for(books.data_dir, NOWHERE, backup_dir=books.backups, backup_hours=0, **settings)
    )


def erase() -> int:
    return main(["erase", "--application", "APP-M", "--reason", "the customer asked for it"])


def left(books: MarkedBooks) -> list[str]:
    return files_with(MARK, books.data_dir, books.backups)


def call(worker: RunningWorker, body: bytes) -> int:
    """A callback to the marked flow's address."""
    with urllib.request.urlopen(f"{worker.address}/atlas/auth/auth-1", timeout=10) as answer:
        token = json.load(answer)["access_token"]
    headers = {"Token": token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{worker.address}/atlas/callback/callback-1", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


# ------------------------------------------------------------------------------ beside a worker at work


def test_the_worker_at_work_erases_and_the_command_waits_for_it_c40(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(books)
    with at_work(books) as worker:
        until(lambda: not rows(books.atlas, "SELECT 1 FROM mirror_queue"))
        assert erase() == 0
        assert "Found: 0." in capsys.readouterr().out
        assert left(books) == []
        assert worker.worker._threads()["erasure keeper"]
        require_same(books.atlas)


@pytest.mark.parametrize(
    ("body", "status"), [(marked_result(more="late").canonical, 200), (f'{{"{MARK} broken'.encode(), 400)]
)
def test_a_late_callback_of_an_erased_flow_leaves_its_time_and_nothing_else_c40(
    books: MarkedBooks, body: bytes, status: int
) -> None:
    assert erase() == 0
    before = rows(books.atlas, "SELECT count(*) FROM results")
    with at_work(books) as worker:
        assert [call(worker, body) for _ in range(2)] == [status, status]
        found = worker.rows(
            "SELECT outcome, times_seen, body, reason FROM deliveries WHERE digest = ?", "0" * 64
        )
        assert found == [("late", 2, None, "its flow was erased: nothing of it was kept")]
        assert rows(books.atlas, "SELECT count(*) FROM results") == before
    assert left(books) == []


def test_a_person_who_asks_for_a_look_at_an_erased_flow_starts_none(books: MarkedBooks) -> None:
    assert erase() == 0
    with at_work(books) as worker:
        worker.desk.want_look(FLOW, by=COMMAND)
        until(lambda: not rows(books.desk, "SELECT 1 FROM looks_wanted"))
        until(lambda: worker.worker._writer.waiting == 0)
        assert worker.flow("APP-M")["watched"] == 0


# ------------------------------------------------------------------------- what was still under way


def test_a_flow_erased_while_it_runs_ends_with_its_scores_and_without_values(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        flow_id = add_flow(writer, "flow-running-01", application_id="APP-M", status=RUNNING)
        writer.write(lambda c: c.execute("UPDATE flows SET watched = 1 WHERE flow_id = ?", (flow_id,)))
    assert erase() == 0
    with AtlasWriter(books.atlas) as writer:
        writer.write(save_look, flow_id, DONE, looked_at=START + 60_000)
        for confirmed in (False, True, True):
            writer.write(
                save_result,
                flow_id,
                marked_result("flow-running-01", f"{confirmed}"),
                channel="extracts",
                received_at=START + 61_000,
                confirmed=confirmed,
                standards=Standards(),
            )
        follow(writer, books.atlas)
    [flow] = rows(
        books.atlas,
        "SELECT outcome, checks, min_similarity, documents, document_errors, dealer, watched FROM flows"
        " WHERE flow_id = ?",
        flow_id,
    )
    assert flow == ("review", 2, 64, 2, 1, None, 0)
    fields = rows(
        books.atlas,
        "SELECT v.name, v.value, v.confidence FROM fields v JOIN results r USING (result_id)"
        " WHERE r.flow_id = ? AND v.name = 'customer_name'",
        flow_id,
    )
    assert fields == [("customer_name", None, 0.91)]
    assert left(books) == []
    require_same(books.atlas)


def test_an_answer_of_flow_init_that_comes_after_the_erasure_makes_an_erased_flow(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        attempt_id = writer.write(
            attempts.start_attempt,
            77,
            1,
            application_id="APP-M",
            product_type="PROD_CDL",
            auth_part="d" * 64,
            callback_part="e" * 64,
            now=START,
        )
        assert attempt_id is not None
    assert erase() == 0
    with AtlasWriter(books.atlas) as writer:
        flow_id = writer.write(attempts.save_init_answer, attempt_id, "flow-late-00001", now=now_ms())
        file = FileToSend(f"{MARK}.pdf", f"https://files.example/{MARK}.pdf")
        writer.write(attempts.start_upload, attempt_id, [file], now=now_ms())
        uploaded = [UploadedFile("batch-9", "file-9", f"{MARK}.pdf")]
        writer.write(attempts.save_upload_answer, attempt_id, uploaded, now=now_ms())
    assert rows(books.atlas, "SELECT erased_at IS NOT NULL FROM flows WHERE flow_id = ?", flow_id) == [(1,)]
    assert left(books) == []


def test_a_callback_that_went_astray_to_another_s_address_is_erased_too(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-astray-001", result=make_result("flow-astray-001"))
        result = marked_result(more="astray")
        writer.write(
            lambda c: c.execute(
                "INSERT INTO deliveries (channel, received_at, last_seen_at, digest, size, outcome, body,"
                " attempt_id) SELECT 'callback', 1, 1, ?, 9, 'mismatch', ?, NULL",
                (result.digest, zlib.compress(result.canonical)),
            )
        )
    assert erase() == 0
    assert rows(books.atlas, "SELECT body FROM deliveries WHERE outcome = 'mismatch'") == [(None,)]
    assert rows(books.atlas, "SELECT 1 FROM deliveries WHERE digest = ?", result.digest) == []


# ---------------------------------------------------------------------------------- ----- older copies


def test_older_books_put_in_place_by_hand_are_erased_before_the_worker_asks_or_tells_c40(
    books: MarkedBooks, tmp_path: Path
) -> None:
    kept = shutil.copytree(books.data_dir, tmp_path / "kept")
    assert erase() == 0
    for name in ("atlas.db", "desk.db"):
        shutil.copyfile(kept / name, books.data_dir / name)
    assert left(books) != []
    with at_work(books) as worker:
        assert worker.flow("APP-M")["watched"] == 0
        assert rows(books.atlas, "SELECT 1 FROM fields WHERE value LIKE ?", f"{MARK}%") == []
        assert rows(books.desk, "SELECT text FROM case_notes") == [("Erased.",)]


def test_a_lost_atlas_book_learns_that_a_flow_was_erased_before_atlas_is_asked(books: MarkedBooks) -> None:
    note = CallNote(START, 1, "APP-M", "PROD_CDL", hash_of("auth-1"), hash_of("callback-1"), START, FLOW)
    CallNotes(books.desk).add([note], 1)
    assert erase() == 0
    for path in books.data_dir.glob("atlas.db*"):
        path.unlink()
    with at_work(books) as worker:
        assert worker.rows("SELECT flow_uuid, erased_at IS NOT NULL FROM flows") == [(FLOW, 1)]
        writer = worker.worker._writer
        known = {"channel": "extracts", "received_at": START, "confirmed": True, "standards": Standards()}
        writer.write(save_result, 1, marked_result(), **known)
        assert worker.rows("SELECT count(*) FROM cross_checks WHERE similarity_score = 64") == [(1,)]
    assert left(books) == []


# --------------------------------------------------------------------------------------------- age


def test_after_a_year_only_what_is_held_still_says_something_c41(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(
            writer, "flow-held-00001", application_id="APP-H", result=make_result("f", name="Held Person")
        )
        young = YEAR_LATER - 30 * DAY_MS
        add_flow(writer, "flow-young-0001", created_at=young, result=make_result("y", name="Young Person"))
    books.open_desk().save_submission(
        *("APP-OLD", "PROD_CDL", {"who": f"{MARK} 2"}),
        *([FileToSend("x", f"https://files.example/{MARK}")], "form", None, START),
        by=COMMAND,
    )
    hold(books.open_desk(), COMMAND, "APP-H", reason="a dispute")
    scores = rows(books.atlas, "SELECT similarity_score, name FROM cross_checks ORDER BY result_id, position")
    with_eraser(books, lambda eraser: eraser.age(cutoff(YEAR_LATER, 365), days=365))
    said = {value for (value,) in rows(books.atlas, "SELECT DISTINCT value FROM fields WHERE shape = 'text'")}
    assert said == {None, "Held Person", "Young Person"}
    assert files_with(MARK, books.data_dir) == []
    assert files_with("Another Person", books.data_dir) == []
    assert scores == rows(
        books.atlas, "SELECT similarity_score, name FROM cross_checks ORDER BY result_id, position"
    )
    require_same(books.atlas)
    [(who, subject, detail)] = rows(
        books.desk, "SELECT who, subject, detail FROM audit WHERE action = 'erase'"
    )
    assert (who, subject) == ("command line", "older than 365 days")
    assert json.loads(detail) == {"flows": 4, "held": 1, "submissions": 2}
    with_eraser(books, lambda eraser: eraser.age(cutoff(YEAR_LATER, 365), days=365))
    audited = rows(books.desk, "SELECT count(*) FROM audit WHERE action = 'erase'")
    assert audited == [(1,)], "a run that finds nothing leaves no row"


def test_what_is_a_day_short_of_its_age_stays_c41(books: MarkedBooks) -> None:
    with_eraser(books, lambda eraser: eraser.age(cutoff(START + 365 * DAY_MS, 365), days=365))
    assert rows(books.atlas, "SELECT count(*) FROM flows WHERE erased_at IS NOT NULL") == [(0,)]
    assert rows(books.desk, "SELECT count(*) FROM audit WHERE action = 'erase'") == [(0,)]


@pytest.mark.parametrize(("days", "is_aged"), [(1, True), (0, False)])
def test_the_worker_ages_by_the_setting_and_nought_keeps_everything_c41(
    books: MarkedBooks, days: float, is_aged: bool
) -> None:
    with at_work(books, keep_personal_days=days) as worker:
        if is_aged:
            until(lambda: files_with(MARK, books.data_dir) == [])
            assert rows(books.desk, "SELECT who FROM audit WHERE action = 'erase'") == [("worker",)]
        else:
            want_erased(books.open_desk(), COMMAND, application_id="APP-1", reason="to see it at work")
            until(lambda: rows(books.desk, "SELECT done_at FROM erasures") != [(None,)])
            assert worker.rows("SELECT application_id FROM flows WHERE erased_at IS NULL") == [("APP-M",)]


def test_copies_from_before_upgrades_do_not_keep_what_has_aged_for_ever_c41(books: MarkedBooks) -> None:
    take_backup(books.atlas, books.backups, now=now_ms() - 32 * DAY_MS, label="before-upgrade")
    take_backup(books.atlas, books.backups, now=now_ms() - 30 * DAY_MS, label="before-upgrade")
    assert len(copies_in(books.backups)) == 2
    with_eraser(books, lambda eraser: eraser.age(cutoff(YEAR_LATER, 365), days=365))
    assert len(copies_in(books.backups)) == 1
    assert rows(books.atlas, "SELECT count(*) FROM flows WHERE flow_uuid LIKE ?", f"{OTHER}%") == [(3,)]
