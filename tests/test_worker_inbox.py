"""Kept callbacks that spoil the way of those behind them: damaged ones, and the same one put aside twice."""

from __future__ import annotations

from pathlib import Path

from atlas_core.access import LOCAL
from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts, inbox
from atlas_core.books.wishes import want_replay
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from tests.made_books import make_books
from tests.workers import empty_results, rows, running_worker, settings_for, start_attempt, until

NOWHERE = "http://127.0.0.1:9"


def test_damaged_callbacks_become_dead_letters_and_the_others_and_replays_go_on(tmp_path: Path) -> None:
    """One of them once kept all callbacks, and every replay, waiting for good."""
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        for number in (1, 2, 3):
            attempt_id = start_attempt(writer, number)
            writer.write(attempts.save_init_answer, attempt_id, f"flow-000{number}", now=now_ms())
            result = parse_result(empty_results(f"flow-000{number}"))
            writer.write(
                inbox.save_callback, attempt_id, result, other_application=False, received_at=now_ms()
            )
        for number, spoilt in ((1, b"\x78\x9c\x00"), (2, None)):
            writer.write(
                lambda connection, number=number, spoilt=spoilt: connection.execute(
                    "UPDATE deliveries SET body = ? WHERE delivery_id = ?", (spoilt, number)
                )
            )
    damaged = ("dead letter", "its kept content is damaged")
    with running_worker(settings_for(books.atlas.parent, NOWHERE)) as worker:
        until(lambda: worker.rows("SELECT 1 FROM deliveries WHERE outcome = 'provisional'") != [])
        assert worker.rows("SELECT outcome, reason FROM deliveries ORDER BY delivery_id") == [
            damaged,
            damaged,
            ("provisional", None),
        ]
        replay_id = want_replay(worker.desk, LOCAL, [1], "it may be read now")
        until(
            lambda: (
                rows(books.desk, "SELECT state FROM replays WHERE replay_id = ?", replay_id) == [("done",)]
            )
        )
        came = worker.rows("SELECT came, outcome FROM replay_outcomes")
        assert came == [("still unreadable", "dead letter")]


def test_the_same_misdirected_callback_again_is_a_repetition_of_the_one_put_aside(tmp_path: Path) -> None:
    """While the attempt's flow/init answer is lost, the second was once a dead letter: its row could not have
    the digest that the first one's has."""
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        writer = worker.worker._writer
        writer.write(attempts.save_init_answer, start_attempt(writer, 1), "flow-0001", now=now_ms())
        lost = start_attempt(writer, 2)
        writer.write(attempts.record_attempt, lost, "init unknown", now=now_ms(), reason="no answer came")
        ledger = "SELECT outcome, reason, times_seen FROM deliveries"
        aside = ("mismatch", "it names a flow of another attempt")
        for times in (1, 2, 3):
            assert worker.call_back(2, empty_results("flow-0001")) == 200
            until(lambda times=times: worker.rows(ledger) == [(*aside, times)], 10)
        assert worker.rows("SELECT last_seen_at > received_at FROM deliveries") == [(1,)]
        assert worker.rows("SELECT kind FROM alarms") == [("callback for another flow",)]
