"""Callbacks that nobody can place yet: kept apart, adopted when their flow turns up, or else an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books import attempts
from atlas_core.clock import now_ms
from tests.workers import RunningWorker, empty_results, running_worker, settings_for, start_attempt, until

NOWHERE = "http://127.0.0.1:9"
DAY_MS = 24 * 3_600_000


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[RunningWorker]:
    """A worker without an Atlas: what becomes of callbacks is told by nothing else."""
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        yield worker


def outcomes(worker: RunningWorker) -> list[tuple[str, str | None]]:
    return worker.rows(
        "SELECT d.outcome, f.flow_uuid FROM deliveries d LEFT JOIN flows f ON f.flow_id = d.flow_id"
        " ORDER BY d.delivery_id"
    )


def alarms(worker: RunningWorker) -> list[tuple[str]]:
    return worker.rows("SELECT kind FROM alarms ORDER BY alarm_id")


def test_an_orphan_is_adopted_within_five_seconds_of_its_flow_b70_b71(worker: RunningWorker) -> None:
    attempt_id = start_attempt(worker.worker._writer, 1)
    assert worker.call_back(1, empty_results("flow-0001")) == 200
    assert outcomes(worker) == [("orphan", None)]
    worker.worker._writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=now_ms())
    until(lambda: outcomes(worker) == [("provisional", "flow-0001")], 5.0)
    assert alarms(worker) == []


def test_an_orphan_makes_the_flow_of_a_lost_answer_known_within_five_seconds_b70(
    worker: RunningWorker,
) -> None:
    attempt_id = start_attempt(worker.worker._writer, 1)
    worker.worker._writer.write(attempts.recover_attempts, now=now_ms())
    assert worker.call_back(1, empty_results("flow-0001")) == 200
    until(lambda: outcomes(worker) == [("provisional", "flow-0001")], 5.0)
    state = worker.rows("SELECT state FROM attempts WHERE attempt_id = ?", attempt_id)
    assert state == [("upload sent",)]


def test_an_orphan_of_a_day_is_an_alarm_once_b70(worker: RunningWorker) -> None:
    start_attempt(worker.worker._writer, 1)
    start_attempt(worker.worker._writer, 2)
    assert (
        worker.call_back(1, empty_results("flow-0001")),
        worker.call_back(2, empty_results("flow-0002")),
    ) == (200, 200)
    worker.worker._writer.write(
        lambda connection: connection.execute(
            "UPDATE deliveries SET received_at = received_at - ? WHERE attempt_id = 1", (DAY_MS,)
        )
    )
    until(lambda: alarms(worker) == [("orphan",)])
    until(lambda: worker.worker._writer.waiting == 0)
    assert outcomes(worker) == [("orphan", None)] * 2
    assert worker.rows("SELECT attempt_id, kind FROM alarms") == [(1, "orphan")]


def test_one_flows_callback_on_anothers_path_changes_neither_b72(worker: RunningWorker) -> None:
    writer = worker.worker._writer
    for number in (1, 2):
        writer.write(
            attempts.save_init_answer, start_attempt(writer, number), f"flow-000{number}", now=now_ms()
        )
    before = worker.rows("SELECT * FROM flows")
    assert worker.call_back(1, empty_results("flow-0002")) == 200
    assert worker.call_back(2, empty_results("flow-0003")) == 200  # a flow nobody knows
    assert outcomes(worker) == [("mismatch", None)] * 2
    assert alarms(worker) == [("callback for another flow",)] * 2
    assert worker.rows("SELECT * FROM flows") == before
    assert worker.rows("SELECT count(*) FROM results") == [(0,)]
