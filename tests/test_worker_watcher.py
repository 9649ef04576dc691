"""How many flows are asked about in a second: what their ages ask for, and two more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.books import store
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import NoAnswer
from atlas_core.models import NO_STATUS
from atlas_core.worker.gate import Gate
from atlas_core.worker.sync import Sync, WatchedFlow
from atlas_core.worker.watcher import Watcher
from tests.made_books import make_books
from tests.servers_http import STATUS, ScriptedAtlas, reply, scripted_atlas
from tests.workers import until

RUNNING = {**STATUS, "crossheck_status": "PENDING", "master_status": "IN_PROGRESS"}
HOUR = 3600.0


@contextmanager
def watching(
    folder: Path, atlas: ScriptedAtlas, flows: int, age: float, *, are_new: bool = False
) -> Iterator[tuple[Watcher, Gate]]:
    """A watcher over this many running flows of one age, as a worker's start finds them, or just sent."""
    books = make_books(folder)
    atlas.script("status", reply(200, RUNNING))
    with AtlasWriter(books.atlas) as writer, AtlasClient(atlas.url, "x", "y") as client:
        gate = Gate(lambda *_: None)
        watcher = Watcher(Sync(client, writer, gate, standards=Standards()), gate)
        watched = []
        for number in range(flows):
            uuid = f"flow-{number:06}"
            flow_id = writer.write(
                store.save_flow, uuid, application_id="W", product_type="P", created_at=now_ms()
            )
            watched.append(WatchedFlow(flow_id, uuid, time.monotonic() - age, NO_STATUS))
        watcher.start([] if are_new else watched)
        for flow in watched if are_new else ():
            watcher.add(flow, is_new=True)
        yield watcher, gate
        watcher.stop(5)


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


def test_a_start_asks_about_old_flows_two_a_second_faster_than_their_age_asks_for_b60(
    atlas: ScriptedAtlas, tmp_path: Path
) -> None:
    started = time.monotonic()
    with watching(tmp_path, atlas, flows=200, age=2 * HOUR):  # at 300 s each: 0.6 a second
        time.sleep(2)
        assert atlas.asked_for("status") == []  # a worker before this one may have asked a moment ago
        until(lambda: len(atlas.asked_for("status")) >= 6)
        most = 1 + 2.6 * (time.monotonic() - started - 5)
        assert len(atlas.asked_for("status")) <= most


def test_young_flows_are_all_asked_about_at_their_own_pace(atlas: ScriptedAtlas, tmp_path: Path) -> None:
    with watching(tmp_path, atlas, flows=40, age=0.0, are_new=True):
        until(lambda: len({asked.target for asked in atlas.asked_for("status")}) == 40)


def test_what_an_outage_left_over_comes_no_faster_b60(atlas: ScriptedAtlas, tmp_path: Path) -> None:
    with watching(tmp_path, atlas, flows=200, age=2 * HOUR) as (watcher, gate):
        for _ in range(5):
            gate.note(NoAnswer("GET status", "silence", "Later."))
        with watcher._changed:
            for uuid in watcher._flows:  # an hour has passed
                watcher._plan(watcher._flows[uuid], time.monotonic() - HOUR)
        time.sleep(1)
        assert atlas.asked_for("status") == []
        gate._questions.answered(is_probe=True)
        back = time.monotonic()
        watcher.spread()
        until(lambda: len(atlas.asked_for("status")) >= 6)
        assert len(atlas.asked_for("status")) <= 1 + 2.6 * (time.monotonic() - back)
