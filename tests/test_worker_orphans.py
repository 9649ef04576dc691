"""Callbacks that nobody can place yet: kept apart, adopted when their flow turns up, or else an alarm."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books import attempts
from atlas_core.clock import now_ms
from atlas_core.worker.parts import hash_of
from tests.workers import RunningWorker, running_worker, settings_for, until

NOWHERE = "http://127.0.0.1:9"
DAY_MS = 24 * 3_600_000


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[RunningWorker]:
    """A worker without an Atlas: what becomes of callbacks is told by nothing else."""
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        yield worker


def start(worker: RunningWorker, number: int) -> int:
    """An attempt whose flow/init is under way; its parts are auth-NUMBER and callback-NUMBER."""
    attempt_id = worker.worker._writer.write(
        attempts.start_attempt,
        number,
        1,
        application_id=f"APP-{number}",
        product_type="PROD_CDL",
        auth_part=hash_of(f"auth-{number}"),
        callback_part=hash_of(f"callback-{number}"),
        now=now_ms(),
    )
    assert attempt_id is not None
    return attempt_id


def call(worker: RunningWorker, number: int, flow_uuid: str) -> int:
    """Atlas's callback with a token it fetched before."""
    with urllib.request.urlopen(f"{worker.address}/atlas/auth/auth-{number}", timeout=10) as answer:
        token = json.load(answer)["access_token"]
    body = json.dumps({"flow_uuid": flow_uuid, "ocr_data": [], "cross_checks": []}).encode()
    url = f"{worker.address}/atlas/callback/callback-{number}"
    request = urllib.request.Request(url, body, {"Token": token}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def outcomes(worker: RunningWorker) -> list[tuple[str, str | None]]:
    return worker.rows(
        "SELECT d.outcome, f.flow_uuid FROM deliveries d LEFT JOIN flows f ON f.flow_id = d.flow_id"
        " ORDER BY d.delivery_id"
    )


def alarms(worker: RunningWorker) -> list[tuple[str]]:
    return worker.rows("SELECT kind FROM alarms ORDER BY alarm_id")


def test_an_orphan_is_adopted_within_five_seconds_of_its_flow_b70_b71(worker: RunningWorker) -> None:
    attempt_id = start(worker, 1)
    assert call(worker, 1, "flow-0001") == 200
    assert outcomes(worker) == [("orphan", None)]
    worker.worker._writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=now_ms())
    until(lambda: outcomes(worker) == [("provisional", "flow-0001")], 5.0)
    assert alarms(worker) == []


def test_an_orphan_makes_the_flow_of_a_lost_answer_known_within_five_seconds_b70(
    worker: RunningWorker,
) -> None:
    attempt_id = start(worker, 1)
    worker.worker._writer.write(attempts.recover_attempts, now=now_ms())
    assert call(worker, 1, "flow-0001") == 200
    until(lambda: outcomes(worker) == [("provisional", "flow-0001")], 5.0)
    state = worker.rows("SELECT state FROM attempts WHERE attempt_id = ?", attempt_id)
    assert state == [("upload sent",)]


def test_an_orphan_of_a_day_is_an_alarm_once_b70(worker: RunningWorker) -> None:
    start(worker, 1)
    start(worker, 2)
    assert (call(worker, 1, "flow-0001"), call(worker, 2, "flow-0002")) == (200, 200)
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
        writer.write(attempts.save_init_answer, start(worker, number), f"flow-000{number}", now=now_ms())
    before = worker.rows("SELECT * FROM flows")
    assert call(worker, 1, "flow-0002") == 200
    assert call(worker, 2, "flow-0003") == 200  # a flow nobody knows
    assert outcomes(worker) == [("mismatch", None)] * 2
    assert alarms(worker) == [("callback for another flow",)] * 2
    assert worker.rows("SELECT * FROM flows") == before
    assert worker.rows("SELECT count(*) FROM results") == [(0,)]
