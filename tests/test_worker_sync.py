"""One flow asked about call by call: what comes next after each answer, and what Atlas's troubles lead to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts, inbox, store
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import NO_STATUS, FileToSend, FlowRequest
from atlas_core.worker.gate import CLOSED_SECONDS, Gate
from atlas_core.worker.sync import POLITE_SECONDS, SLOW_SECONDS, Sync, WatchedFlow
from tests.made_books import make_books, make_result
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import rows, until


@dataclass
class Asking:
    """A Sync over a sandbox, with one flow whose documents were uploaded."""

    sandbox: RunningSandbox
    client: AtlasClient
    writer: AtlasWriter
    book: Path
    states: list[str] = field(default_factory=list)
    sync: Sync = field(init=False)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(lambda state, _: self.states.append(state))
        self.sync = Sync(self.client, self.writer, self.gate, standards=Standards())

    def empty_flow(self) -> WatchedFlow:
        request = FlowRequest("PROD_CDL", "SYNC-1", "http://127.0.0.1:9/a", "http://127.0.0.1:9/c")
        return self.watched(self.client.init_flow(request))

    def flow(self) -> WatchedFlow:
        """A flow that has ended at Atlas, and of which we know nothing yet."""
        flow = self.empty_flow()
        self.client.upload_files(flow.flow_uuid, [FileToSend("D", "https://files.lender.example/d.pdf")])
        until(lambda: self.client.fetch_status(flow.flow_uuid).is_terminal)
        return flow

    def watched(self, uuid: str) -> WatchedFlow:
        flow_id = self.writer.write(
            store.save_flow, uuid, application_id="SYNC-1", product_type="PROD_CDL", created_at=now_ms()
        )
        return WatchedFlow(flow_id, uuid, time.monotonic(), NO_STATUS)

    def row(self, *columns: str) -> tuple[Any, ...]:
        return rows(self.book, f"SELECT {', '.join(columns)} FROM flows")[0]  # noqa: S608 our own names


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(seconds=0.2) as running:
        yield running


@pytest.fixture
def asking(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Asking]:
    books = make_books(tmp_path)
    sandbox.play({"multiupload": {"play": "skip_auth"}, "callback": {"play": "drop"}})
    with (
        AtlasWriter(books.atlas) as writer,
        AtlasClient(sandbox.url, "sandbox", "sandbox", backoff_seconds=0.01) as client,
    ):
        yield Asking(sandbox, client, writer, books.atlas)
    sandbox.behave()


def test_a_status_that_ended_leads_to_the_results_and_then_to_nothing(asking: Asking) -> None:
    flow = asking.flow()
    assert asking.sync.ask(flow) == POLITE_SECONDS
    assert asking.sync.ask(flow) is None
    assert asking.row("master_status", "watched") == ("SUCCESS", 0)
    assert asking.row("confirmed_at")[0] is not None


def test_looks_without_news_are_written_together_later(asking: Asking) -> None:
    asking.sandbox.play(
        {"status": {"play": "set", "values": {"master_status": "IN_PROGRESS"}}, "callback": {"play": "drop"}}
    )
    flow = asking.empty_flow()
    asking.sync.ask(flow)
    first = asking.row("looked_at")[0]
    time.sleep(0.01)
    asking.sync.ask(flow)
    assert asking.row("looked_at")[0] == first
    asking.sync.record_unchanged_looks()
    until(lambda: asking.row("looked_at")[0] > first)


def test_a_flow_is_asked_about_more_slowly_with_age(asking: Asking) -> None:
    asking.sandbox.play({"status": {"play": "set", "values": {"master_status": "IN_PROGRESS"}}})
    flow = asking.empty_flow()
    for age, pause in ((0, POLITE_SECONDS), (130, 10.0), (700, 30.0), (4000, 300.0)):
        flow.born = time.monotonic() - age
        wait = asking.sync.ask(flow)
        assert wait is not None
        assert pause <= wait <= pause * 1.2


def test_an_unforeseen_status_is_asked_about_every_five_minutes_b22(asking: Asking) -> None:
    flow = asking.flow()
    asking.sandbox.play({"status": {"play": "set", "values": {"master_status": "ON_HOLD"}}})
    wait = asking.sync.ask(flow)
    assert wait is not None
    assert wait >= SLOW_SECONDS
    assert asking.row("master_status", "outcome", "watched") == ("ON_HOLD", "unknown", 1)


def test_a_flow_atlas_does_not_know_is_asked_about_three_times_and_given_up_b41(asking: Asking) -> None:
    flow = asking.watched("f0000000-0000-4000-8000-000000000000")
    assert [asking.sync.ask(flow) for _ in range(3)] == [60.0, 840.0, None]
    trouble, outcome, watched = asking.row("trouble", "outcome", "watched")
    assert "does not know this flow" in trouble
    assert (outcome, watched) == ("unknown", 0)
    assert asking.states == []


def test_a_busy_atlas_names_the_wait_b51(asking: Asking) -> None:
    flow = asking.flow()
    asking.sandbox.play({"status": {"play": "status", "code": 503, "retry_after": 77}})
    assert asking.sync.ask(flow) == 77.0


def test_unreadable_answers_slow_one_flow_down_and_say_why(asking: Asking) -> None:
    flow = asking.flow()
    asking.sandbox.play({"status": {"play": "raw", "text": "{cut"}})
    waits = [asking.sync.ask(flow) or 0 for _ in range(3)]
    assert waits[1] > waits[0]
    assert waits[2] >= SLOW_SECONDS
    trouble, watched = asking.row("trouble", "watched")
    assert trouble
    assert watched == 1
    assert asking.states == []  # one flow's trouble does not speak against Atlas
    asking.sandbox.behave()
    asking.sync.ask(flow)
    assert asking.row("trouble") == (None,)


def test_a_callback_that_cannot_be_taken_up_is_a_dead_letter_and_holds_nobody_up_b89(asking: Asking) -> None:
    flow = asking.empty_flow()
    attempt_id = asking.writer.write(
        attempts.start_attempt,
        1,
        1,
        application_id="SYNC-1",
        product_type="PROD_CDL",
        auth_part="a" * 64,
        callback_part="c" * 64,
        now=now_ms(),
    )
    asking.writer.write(attempts.save_init_answer, attempt_id or 0, flow.flow_uuid, now=now_ms())
    poisoned = replace(make_result(flow.flow_uuid), canonical=b'{"ocr_data": [')
    whole = parse_result(b'{"ocr_data": [], "cross_checks": []}')
    for result in (poisoned, whole):
        asking.writer.write(
            inbox.save_callback, attempt_id or 0, result, other_application=False, received_at=now_ms()
        )
    with Worklist(asking.book) as worklist:
        taken_up = [asking.sync.take_up(delivery) for delivery in worklist.waiting_deliveries()]
        assert worklist.waiting_deliveries() == []
    assert taken_up == [False, True]
    outcomes = rows(asking.book, "SELECT outcome FROM deliveries ORDER BY delivery_id")
    assert outcomes == [("dead letter",), ("provisional",)]


def test_refused_credentials_close_the_gate_until_one_probe_is_accepted_b43(asking: Asking) -> None:
    flow = asking.flow()
    asking.sandbox.play({"status": {"play": "status", "code": 401}})
    assert asking.gate.wait_seconds() == 0
    assert asking.sync.ask(flow) is not None
    assert asking.states == ["refused"]
    assert 25 < asking.gate.wait_seconds() <= 31
    asking.sandbox.behave()
    asking.gate.note(None)
    assert asking.states == ["refused", "ok"]
    assert asking.gate.wait_seconds() == 0


def test_a_retired_version_ends_all_asking_b42(asking: Asking) -> None:
    flow = asking.flow()
    asking.sandbox.play({"status": {"play": "status", "code": 410}})
    asking.sync.ask(flow)
    assert asking.states == ["retired"]
    asking.gate.note(None)
    assert asking.gate.wait_seconds() > 600


def test_an_atlas_out_of_reach_closes_the_gate_and_holds_no_flow_back_longer_b60(asking: Asking) -> None:
    flow = asking.flow()
    flow.born -= 4000  # by its age it would be asked about every five minutes
    with AtlasClient("http://127.0.0.1:9", "sandbox", "sandbox", backoff_seconds=0.01) as nowhere:
        sync = Sync(nowhere, asking.writer, asking.gate, standards=Standards())
        waits = [sync.ask(flow) or 0 for _ in range(5)]
    assert waits[3] >= SLOW_SECONDS
    assert waits[4] == CLOSED_SECONDS
    assert asking.states == ["unreachable"]
    assert 25 < asking.gate.wait_seconds() <= 30
