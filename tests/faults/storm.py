"""A storm of callbacks over a worker that is killed again and again: nothing lost, nothing counted twice.

    python -m tests.faults.storm [--callbacks 10000] [--every 500] [--seed 7]

Three in ten callbacks are repetitions, one in ten comes before its turn, one in twenty cannot be read. Some
senders bring them to a real worker process, which gets `kill -9` every 500 acknowledgements; what was not
acknowledged is sent again. At the end Atlas itself is asked about each flow, as always, and the book is read
with plain SQL: each acknowledged content once, each unreadable one a dead letter with its reason, each flow
with the results that Atlas shows.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas_core.books.verification import verify_columns
from tests.benchmarks.table import Row, all_met, at_most, none, show
from tests.faults.ended_flows import (
    auth_path,
    callback_path,
    digest_of,
    flow_name,
    make_ended_flows,
    running_ended_atlas,
    written,
)
from tests.kills import worker_environment, worker_process
from tests.workers import rows, until

SENDERS = 16
REPEATED, EARLY, UNREADABLE = 0.3, 0.1, 0.05
VERSIONS = 20
GOAL_SECONDS = 60.0


@dataclass(frozen=True)
class Callback:
    """One delivery; `digest` is what the book should know it by."""

    flow: int
    body: bytes
    digest: str
    is_readable: bool


@dataclass
class Weathered:
    """What the storm left: empty `faults` is good."""

    callbacks: int = 0
    kills: int = 0
    repeats: int = 0  # sent again for want of an acknowledgement
    slowest_start: float = 0.0
    seconds: float = 0.0
    dead_letters: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def payload_of(flow: int, version: int) -> dict[str, Any]:
    """A flow's results as they grow: each version reads one value otherwise than the one before it."""
    return {
        "flow_uuid": flow_name(flow),
        "ocr_data": [
            {
                "document_id": f"D-{flow}-{position}",
                "error_code": "",
                "error_reason": "",
                "data": {
                    "document_type": kind,
                    "customer_name": {"value": f"Invented Person {flow}.{version}", "confidence_score": 0.9},
                },
            }
            for position, kind in enumerate(("INVOICE", "DELIVERY_ORDER"))
        ],
        "cross_checks": [
            {
                "name": "CUSTOMER_NAME",
                "source_doc": "DELIVERY_ORDER",
                "source_field_name": "customer_name",
                "source_value": f"Invented Person {flow}.{version}",
                "target_doc": "INVOICE",
                "target_field_name": "customer_name",
                "target_value": f"Invented Person {flow}.{version}",
                "similarity_score": 90 + version % 10,
            }
        ],
    }


def make_storm(callbacks: int, chance: random.Random) -> list[list[Callback]]:
    """All deliveries, sender by sender, each in its order; a flow has one sender."""
    fresh = callbacks - int(callbacks * REPEATED)
    bad = int(callbacks * UNREADABLE)
    flows = -(-(fresh - bad) // VERSIONS)
    lanes: list[list[Callback]] = [[] for _ in range(SENDERS)]
    for number in range(fresh - bad):
        flow, version = number % flows, number // flows
        payload = payload_of(flow, version)
        lanes[flow % SENDERS].append(Callback(flow, written(payload), digest_of(payload), True))
    for number in range(bad):
        flow = chance.randrange(flows)
        body = written(payload_of(flow, number))[: -1 - number % 40]  # cut off, each somewhere else
        cut = Callback(flow, body, hashlib.sha256(body).hexdigest(), False)
        lane = lanes[flow % SENDERS]
        lane.insert(chance.randrange(len(lane)), cut)
    for lane in lanes:
        for _ in range(int(len(lane) * EARLY)):
            place = chance.randrange(len(lane))
            lane.insert(max(0, place - chance.randint(1, 2 * flows // SENDERS + 2)), lane.pop(place))
    missing = callbacks - sum(map(len, lanes))
    for number in range(missing):
        lane = lanes[number % SENDERS]
        place = chance.randrange(len(lane))
        lane.insert(min(len(lane), place + chance.randint(1, 50)), lane[place])
    return lanes


class Storm:
    """The senders, and what was acknowledged to them."""

    def __init__(self, port: int, lanes: list[list[Callback]]) -> None:
        self.port = port
        self.acknowledged: Counter[tuple[int, str]] = Counter()
        self.sent: Counter[tuple[int, str]] = Counter()
        self.odd: list[str] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send_all, args=(lane,), daemon=True) for lane in lanes]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def goes_on(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def total(self) -> int:
        with self._lock:
            return self.acknowledged.total()

    def _send_all(self, lane: list[Callback]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        token = ""
        for callback in lane:
            while True:
                try:
                    token = token or _token(connection, callback.flow)
                    status = self._send(connection, callback, token)
                except (OSError, http.client.HTTPException, ValueError):
                    connection.close()
                    time.sleep(0.02)
                    continue
                if status == 401:
                    token = ""
                    continue
                if status == 503:
                    time.sleep(0.05)
                    continue
                break
            if status != (200 if callback.is_readable else 400):
                self.odd.append(f"{flow_name(callback.flow)}: answered {status}")
            with self._lock:
                self.acknowledged[callback.flow, callback.digest] += 1
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, callback: Callback, token: str) -> int:
        if connection.sock is None:
            connection.connect()
        with self._lock:
            self.sent[callback.flow, callback.digest] += 1
        connection.request("POST", callback_path(callback.flow), callback.body, {"Token": token})
        with connection.getresponse() as answer:
            answer.read()
            return answer.status


def _token(connection: http.client.HTTPConnection, flow: int) -> str:
    connection.request("POST", auth_path(flow))
    with connection.getresponse() as answer:
        return str(json.loads(answer.read())["access_token"])


def weather(folder: Path, *, callbacks: int, every: int, seed: int = 7) -> Weathered:
    """One storm over books in `folder`."""
    chance, left = random.Random(seed), Weathered(callbacks=callbacks)
    lanes = make_storm(callbacks, chance)
    flows = 1 + max(callback.flow for lane in lanes for callback in lane)
    newest = {
        flow: max(number // flows for number in range(flow, _fresh(callbacks), flows))
        for flow in range(flows)
    }
    make_ended_flows(folder, flows)
    with running_ended_atlas(lambda flow: payload_of(flow, newest[flow])) as url:
        environment = worker_environment(folder, url)
        storm = Storm(int(environment["ATLAS_RECEIVER_PORT"]), lanes)
        started = time.monotonic()
        storm.start()
        while storm.goes_on:
            begun = time.monotonic()
            with worker_process(environment, folder / "worker.log") as worker:
                left.slowest_start = max(left.slowest_start, time.monotonic() - begun)
                goal = (left.kills + 1) * every
                while storm.goes_on and storm.total() < goal:
                    time.sleep(0.001)
                if storm.goes_on or storm.total() >= goal:
                    left.kills += 1
                    worker.send_signal(signal.SIGKILL)
                    worker.wait()
        with worker_process(environment, folder / "worker.log") as worker:
            until(lambda: _is_settled(folder / "atlas.db"), 120)
            left.seconds = time.monotonic() - started
            worker.send_signal(signal.SIGTERM)
            if worker.wait(15) != 0:
                left.faults.append(f"SIGTERM ended with {worker.returncode}")
    left.repeats = storm.sent.total() - storm.acknowledged.total()
    left.faults += storm.odd
    _judge(folder, storm, {flow: digest_of(payload_of(flow, newest[flow])) for flow in newest}, left)
    return left


def _fresh(callbacks: int) -> int:
    return callbacks - int(callbacks * REPEATED) - int(callbacks * UNREADABLE)


def _is_settled(book: Path) -> bool:
    waiting = "SELECT (SELECT count(*) FROM flows WHERE confirmed_at IS NULL),"
    waiting += (
        " (SELECT count(*) FROM deliveries WHERE outcome = 'waiting'), (SELECT count(*) FROM mirror_queue)"
    )
    return rows(book, waiting) == [(0, 0, 0)]


def _judge(folder: Path, storm: Storm, truth: dict[int, str], left: Weathered) -> None:
    book = folder / "atlas.db"
    kept: dict[tuple[int, str], list[tuple[Any, ...]]] = defaultdict(list)
    for name, digest, *rest in rows(
        book,
        "SELECT a.application_id, d.digest, d.times_seen, d.outcome, d.reason FROM deliveries d"
        " JOIN attempts a ON a.attempt_id = d.attempt_id WHERE d.channel = 'callback'",
    ):
        kept[int(name.removeprefix("APP-")), digest].append(tuple(rest))
    for key, acknowledged in storm.acknowledged.items():
        found = kept.get(key, [])
        times = sum(seen for seen, *_ in found)
        if not found or times < acknowledged:
            left.lost.append(f"{flow_name(key[0])}: {acknowledged} acknowledged, {times} kept")
        if len(found) > 1 or times > storm.sent[key]:
            left.doubled.append(f"{flow_name(key[0])}: {storm.sent[key]} sent, {times} kept")
    left.doubled += [
        f"{flow_name(flow)}: kept, but never sent" for flow, _ in kept.keys() - storm.sent.keys()
    ]
    letters = [row for found in kept.values() for row in found if row[1] == "dead letter"]
    left.dead_letters = len(letters)
    left.faults += [f"a dead letter's reason: {row[2]}" for row in letters if "(at " not in str(row[2])]
    left.wrong += _wrong_flows(book, truth)
    left.faults += _unsound(folder)


def _wrong_flows(book: Path, truth: dict[int, str]) -> Iterator[str]:
    final = rows(
        book,
        "SELECT f.flow_uuid, f.master_status, f.outcome, r.digest, r.confirmed, f.watched FROM flows f"
        " LEFT JOIN results r ON r.result_id = f.result_id ORDER BY f.flow_uuid",
    )
    right = [(flow_name(flow), "SUCCESS", "clear", truth[flow], 1, 0) for flow in sorted(truth)]
    yield from (f"{row[0]}: {row[1:]}" for row in sorted(set(final) ^ set(right)))
    twice = (
        "SELECT f.flow_uuid FROM results r JOIN flows f USING (flow_id) JOIN results before"
        " ON before.flow_id = r.flow_id AND before.version = r.version - 1 AND before.digest = r.digest"
    )
    yield from (f"{uuid}: two versions of one content in a row" for (uuid,) in rows(book, twice))
    odd = (
        "SELECT outcome, count(*) FROM deliveries WHERE outcome IN ('waiting', 'orphan', 'mismatch')"
        " GROUP BY outcome"
    )
    yield from (f"{count} deliveries are {outcome}" for outcome, count in rows(book, odd))


def _unsound(folder: Path) -> Iterator[str]:
    book = folder / "atlas.db"
    if rows(book, "PRAGMA integrity_check") != [("ok",)] or rows(book, "PRAGMA foreign_key_check"):
        yield "the book is damaged"
    counted = "SELECT channel, outcome, deliveries FROM delivery_counts WHERE deliveries > 0 ORDER BY 1, 2"
    real = "SELECT channel, outcome, count(*) FROM deliveries GROUP BY 1, 2 ORDER BY 1, 2"
    if rows(book, counted) != rows(book, real):
        yield "deliveries are counted wrongly"
    yield from verify_columns(folder).differences


def rows_of(left: Weathered) -> list[Row]:
    def told(findings: list[str]) -> str:
        return findings[0][:120] if findings else ""

    sent = f"{left.kills} kills, {left.repeats:,} sent again"
    wanted = int(left.callbacks * UNREADABLE)
    return [
        Row("callbacks", f"{left.callbacks:,}", sent, left.callbacks, None, ""),
        Row("lost", "", told(left.lost), len(left.lost), none("contents")),
        Row("counted twice", "", told(left.doubled), len(left.doubled), none("contents")),
        Row("flows in a wrong state at the end", "", told(left.wrong), len(left.wrong), none("flows")),
        Row(
            "unreadable ones that are no dead letter with a reason and a place",
            f"{left.dead_letters} letters",
            f"{wanted} unreadable",
            abs(wanted - left.dead_letters),
            none("callbacks"),
        ),
        Row("other faults", "", told(left.faults), len(left.faults), none("faults")),
        Row("slowest start after a kill", "", "", left.slowest_start, at_most(5, " s")),
        Row("all of it", "", "", left.seconds, at_most(GOAL_SECONDS, " s")),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option, default in (("callbacks", 10_000), ("every", 500), ("seed", 7)):
        options.add_argument(f"--{option}", type=int, default=default)
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        left = weather(Path(place), callbacks=chosen.callbacks, every=chosen.every, seed=chosen.seed)
    table = rows_of(left)
    show(table, ("", "", "told"))
    return int(not all_met(table))


if __name__ == "__main__":
    sys.exit(main())
