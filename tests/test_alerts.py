"""Alerts over real books, a real worker and a real webhook: raised once, told once, over by themselves."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas_core.access import LOCAL
from atlas_core.books import alerts, inbox, queries, store
from atlas_core.books.alerts import Alert
from atlas_core.books.wishes import dismiss
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FlowStatus
from atlas_core.settings import Settings
from atlas_core.worker.alert_keeper import AlertKeeper
from tests.made_books import (
    DONE,
    FAILED,
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
from tests.servers_http import ScriptedAtlas, drip, reply, silence
from tests.test_worker_inside import numbers
from tests.workers import rows, running_worker, settings_for, start_attempt, until

NOWHERE = "http://127.0.0.1:9"
HOOK = "/services/T000/B000/secret-part"
RUNNING = FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS")


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


@pytest.fixture
def listener() -> Iterator[ScriptedAtlas]:
    """Whoever listens at the webhook."""
    server = ScriptedAtlas()
    server.script(HOOK, reply(200, b"ok"))
    yield server
    server.close()


def settings_of(books: MadeBooks, listener: ScriptedAtlas | None, **changes: Any) -> Settings:
    hook = None if listener is None else listener.url + HOOK
    return settings_for(books.atlas.parent, NOWHERE, alert_webhook=hook, **changes)


@contextmanager
def keeping(
    writer: AtlasWriter, books: MadeBooks, listener: ScriptedAtlas | None, **changes: Any
) -> Iterator[AlertKeeper]:
    keeper = AlertKeeper(writer, settings_of(books, listener, **changes), look_seconds=0.1)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop(15)


def kept(books: MadeBooks) -> list[tuple[Any, ...]]:
    return rows(
        books.atlas,
        "SELECT rule, subject, cleared_at IS NOT NULL, told_at IS NOT NULL, told_cleared_at IS NOT NULL"
        " FROM alerts ORDER BY alert_id",
    )


def texts(listener: ScriptedAtlas) -> list[str]:
    return [json.loads(asked.body)["text"] for asked in listener.asked_for(HOOK)]


def end(writer: AtlasWriter, flow_uuid: str) -> None:
    add_flow(writer, flow_uuid, created_at=now_ms() - 20 * MINUTE, status=DONE)
    writer.write(
        lambda connection: connection.execute(
            "UPDATE flows SET outcome = 'clear' WHERE flow_uuid = ?", (flow_uuid,)
        )
    )


# ------------------------------------------------------------------------------------------- the book


def test_an_alert_is_raised_once_is_over_by_itself_and_is_raised_anew(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    one = Alert("stuck flow", "flow-1", "It is stuck.")
    assert writer.write(alerts.settle_alerts, [one], now=START) == (1, 0)
    assert writer.write(alerts.settle_alerts, [replace(one, words="Still.")], now=START + 1) == (0, 0)
    with reading(books) as opened:
        now = queries.current_alerts(opened).iloc[0]
    assert (now["words"], now["raised_at"], now["cases"]) == ("Still.", START, 1)
    assert writer.write(alerts.settle_alerts, [], now=START + 2) == (0, 1)
    assert writer.write(alerts.settle_alerts, [one], now=START + 3) == (1, 0)
    with reading(books) as opened:
        history = queries.alerts_history(opened)
        assert history["raised_at"].tolist() == [START + 3, START]
        assert history["cleared_at"].fillna(0).tolist() == [0, START + 2]
        older = queries.alerts_history(opened, before_id=int(history["alert_id"].iloc[0]))
        assert len(older) == 1
        assert queries.alerts_per_rule(opened) == {"stuck flow": 1}


def test_alerts_of_more_than_a_year_ago_are_forgotten(books: MadeBooks, writer: AtlasWriter) -> None:
    writer.write(alerts.settle_alerts, [Alert("disk", "", "Full.")], now=START)
    writer.write(alerts.settle_alerts, [], now=START)
    writer.write(alerts.settle_alerts, [], now=START + 366 * 24 * 60 * MINUTE)
    assert kept(books) == []


def test_the_facts_are_those_of_the_books(books: MadeBooks, writer: AtlasWriter) -> None:
    now = START + 60 * MINUTE
    for number in range(30):
        uuid, status = f"flow-{number:04}", FAILED if number < 6 else DONE
        attempt_id = begin(writer, submit(books, f"APP-{number}"))
        upload(writer, attempt_id, uuid)
        result = None if status is FAILED else make_result(uuid)
        add_flow(writer, uuid, status=status, result=result, by_callback=number % 2 == 0)
    add_flow(writer, "flow-slow", status=RUNNING)
    add_flow(writer, "flow-last-week", status=FAILED, created_at=START - 7 * 24 * 60 * MINUTE)
    with reading(books) as opened:
        facts = queries.alert_facts(opened, now=now, overdue_ms=10 * MINUTE)
    assert (facts.ended, facts.failed) == (30, 6)
    assert (facts.fetched, facts.uncalled) == (24, 12)
    assert (facts.stuck.ids, facts.stuck.total) == (("flow-slow",), 1)
    assert facts.dead_letters.total == 0
    dismiss(books.open_desk(), LOCAL, "callback missing", "flow-0007", "our proxy was down", now=now)
    with reading(books) as opened:
        assert queries.alert_facts(opened, now=now, overdue_ms=10 * MINUTE).uncalled == 11


# --------------------------------------------------------------------------------------- the webhook


def test_a_stuck_flow_is_told_once_and_that_it_is_over(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    sign_in = replace(settings_of(books, None).sign_in, ui_url="https://desk.lender.example")
    with keeping(writer, books, listener, sign_in=sign_in):
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 0, 1, 0)])
        time.sleep(0.5)  # several looks
        assert len(texts(listener)) == 1
        end(writer, "flow-slow")
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 1, 1, 1)])
        time.sleep(0.3)
    first, second = texts(listener)
    assert first == (
        "Alert: stuck flow. Flow flow-slow runs longer than it should.\n"
        "https://desk.lender.example/operations"
    )
    assert second.startswith("Over: stuck flow. ")
    (asked, _) = listener.asked_for(HOOK)
    assert asked.headers["content-type"] == "application/json"
    assert rows(books.atlas, "SELECT state FROM worker_state WHERE name = 'webhook'") == [("ok",)]


def test_a_worker_that_starts_again_tells_nothing_twice(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    with keeping(writer, books, listener):
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 0, 1, 0)])
    end(writer, "flow-slow")  # while no worker runs
    with keeping(writer, books, listener):
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 1, 1, 1)])
        time.sleep(0.3)
    assert [text.split(":")[0] for text in texts(listener)] == ["Alert", "Over"]


def test_a_disk_without_the_room_it_should_have_is_alerted(
    books: MadeBooks, writer: AtlasWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    margin = shutil.disk_usage(books.atlas.parent).total
    monkeypatch.setattr("atlas_core.worker.alert_rules.MARGIN_BYTES", margin)
    with keeping(writer, books, None):
        until(lambda: kept(books) == [("disk", "", 0, 0, 0)])
        monkeypatch.undo()
        until(lambda: kept(books) == [("disk", "", 1, 0, 0)])


def test_many_alerts_at_once_are_one_message(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    for number in range(12):
        add_flow(writer, f"flow-{number:04}", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    with keeping(writer, books, listener):
        until(lambda: [row[3] for row in kept(books)] == [1] * 12)
    (text,) = texts(listener)
    assert text.startswith("Alert: stuck flow (12). ")
    assert text.endswith("And 7 more.")


def test_a_webhook_that_fails_is_told_again_until_it_takes_it(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    listener.script(HOOK, reply(500), reply(302, headers={"Location": "/elsewhere"}), reply(204))
    add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    webhook = "SELECT state, sentence FROM worker_state WHERE name = 'webhook'"
    with keeping(writer, books, listener):
        until(lambda: rows(books.atlas, webhook) and rows(books.atlas, webhook)[0][0] == "failed")
        assert kept(books) == [("stuck flow", "flow-slow", 0, 0, 0)]
        assert "status" in rows(books.atlas, webhook)[0][1]
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 0, 1, 0)])
        until(lambda: rows(books.atlas, webhook) == [("ok", "")])
    assert len(set(texts(listener))) == 1
    assert len(texts(listener)) == 3
    assert not [asked for asked in listener.asked if asked.path == "/elsewhere"]


def test_what_was_over_before_anybody_could_be_told_is_told_to_nobody(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    listener.script(HOOK, reply(503, headers={"Retry-After": "1"}), reply(200))
    add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    with keeping(writer, books, listener):
        until(lambda: texts(listener))
        end(writer, "flow-slow")
        until(lambda: kept(books)[0][2])
        time.sleep(1.2)
    assert len(texts(listener)) == 1
    assert kept(books) == [("stuck flow", "flow-slow", 1, 0, 0)]


@pytest.mark.parametrize("step", [silence(), drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")], ids=["silent", "drips"])
def test_a_webhook_that_never_answers_holds_nobody_up(
    books: MadeBooks, listener: ScriptedAtlas, step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AlertKeeper.__init__.__kwdefaults__, "look_seconds", 0.1)
    listener.script(HOOK, step)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    with running_worker(settings_of(books, listener)) as worker:
        start_attempt(worker.worker._writer, 1)
        until(lambda: texts(listener))
        begun = time.monotonic()
        assert worker.call_back(1, b'{"flow_uuid": "flow-0001", "ocr_data": []}') == 200
        assert numbers(worker)["atlas_desk_alerts", "stuck flow"] == 1
        assert numbers(worker)["atlas_desk_alerts", "disk"] == 0
        assert time.monotonic() - begun < 2
        begun = time.monotonic()
    assert time.monotonic() - begun < 6
    assert kept(books) == [("stuck flow", "flow-slow", 0, 0, 0)]


def test_nobody_but_the_webhook_learns_its_address(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="atlas_core")
    caplog.set_level(logging.ERROR, logger="urllib3")  # as the worker sets it
    listener.script(HOOK, reply(403), reply(200))
    add_flow(writer, "flow-slow", created_at=now_ms() - 20 * MINUTE, status=RUNNING)
    with keeping(writer, books, listener) as keeper:
        until(lambda: kept(books) == [("stuck flow", "flow-slow", 0, 1, 0)])
        assert "secret-part" not in repr(keeper._settings)
    assert "secret-part" not in caplog.text
    for path in books.atlas.parent.iterdir():
        assert path.is_dir() or b"secret-part" not in path.read_bytes(), path.name


def test_a_retired_version_is_told_at_once_b42(
    books: MadeBooks, listener: ScriptedAtlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AlertKeeper.__init__.__kwdefaults__, "look_seconds", 0.1)
    listener.script("flow/init", reply(410, {"message": "gone"}))
    settings = replace(settings_of(books, listener), base_url=listener.url)
    with running_worker(settings) as worker:
        worker.submit("GONE-1")
        until(lambda: kept(books) == [("version retired", "", 0, 1, 0)])
        assert numbers(worker)["atlas_desk_alerts", "version retired"] == 1
    assert texts(listener) == ["Alert: version retired. Atlas has retired this version of its interface."]


def test_refused_credentials_are_told_when_they_last_and_again_when_it_happens_anew_b43(
    books: MadeBooks, writer: AtlasWriter, listener: ScriptedAtlas
) -> None:
    def atlas(state: str, ago: int) -> None:
        writer.write(store.record_state, "atlas", state, "", now=now_ms() - ago)

    with keeping(writer, books, listener):
        atlas("refused", 0)
        time.sleep(0.3)
        assert kept(books) == []
        atlas("ok", 0)
        atlas("refused", 3 * MINUTE)
        until(lambda: kept(books) == [("credentials refused", "", 0, 1, 0)])
        atlas("ok", 0)
        until(lambda: kept(books) == [("credentials refused", "", 1, 1, 1)])
        atlas("refused", 3 * MINUTE)
        until(lambda: kept(books)[1:] == [("credentials refused", "", 0, 1, 0)])
    assert [text.split(":")[0] for text in texts(listener)] == ["Alert", "Over", "Alert"]


def test_an_old_backup_is_alerted_until_one_is_taken(books: MadeBooks, writer: AtlasWriter) -> None:
    writer.write(store.record_state, "backup of desk.db", "ok", "", now=now_ms() - 4 * 60 * MINUTE)
    with keeping(writer, books, None):
        until(lambda: kept(books) == [("backup", "desk.db", 0, 0, 0)])
        writer.write(store.record_state, "backup of desk.db", "ok", "", now=now_ms())
        until(lambda: kept(books) == [("backup", "desk.db", 1, 0, 0)])


def test_a_dead_letter_alerts_until_somebody_dismisses_it_and_anew_when_it_comes_again(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    attempt_id = begin(writer, submit(books))
    upload(writer, attempt_id, "flow-0001", now=now_ms())

    def bury() -> None:
        writer.write(
            inbox.record_dead_letter,
            attempt_id,
            digest="d" * 64,
            size=9,
            reason="this is not JSON (at byte 4)",
            received_at=now_ms(),
        )

    bury()
    with keeping(writer, books, None):
        until(lambda: kept(books) == [("dead letter", "1", 0, 0, 0)])
        dismiss(books.open_desk(), LOCAL, "dead letter", "1", "a test call")
        until(lambda: kept(books) == [("dead letter", "1", 1, 0, 0)])
        time.sleep(0.01)
        bury()
        until(lambda: len(kept(books)) == 2)
    assert kept(books)[1] == ("dead letter", "1", 0, 0, 0)
    webhook = "SELECT state FROM worker_state WHERE name = 'webhook'"
    assert rows(books.atlas, webhook) == [("off",)]
