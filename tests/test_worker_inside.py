"""What the worker tells of itself: to whom, and whether it is true."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from atlas_core.cli.check import run_check
from atlas_core.worker.callers import Callers
from atlas_core.worker.metrics import Histogram, Metric, exposition
from tests.servers import running_sandbox
from tests.servers_http import Asked, ScriptedAtlas, Step, html, raw, reply
from tests.workers import RunningWorker, running_worker, settings_for, until

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(settings_for(tmp_path_factory.mktemp("inside"), NOWHERE)) as worker:
        yield worker


def ask(worker: RunningWorker, method: str, path: str, **headers: str) -> tuple[int, str]:
    port = worker.worker.receiver.port
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def numbers(worker: RunningWorker) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    status, text = ask(worker, "GET", "/metrics")
    assert status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# --------------------------------------------------------------------------------------- who is told


INSIDE = [("GET", "/metrics"), ("GET", "/readyz"), ("POST", "/selftest")]


@pytest.mark.parametrize(("method", "path"), INSIDE)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "hooks.lender.example"},
        {"X_Forwarded_For": "203.0.113.9"},
        {"X_Forwarded_Host": "hooks.lender.example"},
        {"Forwarded": "for=203.0.113.9"},
        {"X_Real_IP": "203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"Origin": "https://evil.example"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_only_this_machine_is_told_anything(
    tmp_path: Path, worker: RunningWorker, method: str, path: str, headers: dict[str, str]
) -> None:
    assert ask(worker, method, path, **headers)[0] in (400, 404)


def test_a_caller_from_elsewhere_is_told_nothing() -> None:
    """As the server describes him: this machine has no second address to call from."""
    rules = Callers(frozenset({"localhost"}))
    here = {"headers": [(b"host", b"localhost:8600")], "client": ("127.0.0.1", 5000), "server": None}
    assert rules.is_here(here)
    for client in (("203.0.113.9", 5000), ("2001:db8::1", 5000), None):
        assert not rules.is_here({**here, "client": client})
    assert rules.is_here({**here, "client": ("::ffff:127.0.0.1", 5000)})


@pytest.mark.parametrize(("method", "path"), INSIDE)
def test_other_methods_are_refused_there_too(worker: RunningWorker, method: str, path: str) -> None:
    other = "POST" if method == "GET" else "GET"
    assert ask(worker, other, path)[0] == 405


def test_health_says_only_that_it_lives(worker: RunningWorker) -> None:
    assert ask(worker, "GET", "/healthz", X_Forwarded_For="203.0.113.9") == (200, '{"ok":true}')
    assert ask(worker, "HEAD", "/healthz") == (200, "")


# ------------------------------------------------------------------------------------------ readiness


def test_it_is_ready_when_the_book_takes_a_commit(worker: RunningWorker) -> None:
    assert ask(worker, "GET", "/readyz") == (200, '{"ok":true,"trouble":""}')


def test_a_full_book_is_not_ready_and_recovers_by_itself(tmp_path: Path) -> None:
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        writer = worker.worker._writer

        def limit(connection: sqlite3.Connection, most: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {most}")

        writer.write(limit, 1)  # as much as it has, and no more
        status, text = ask(worker, "GET", "/readyz")
        assert (status, json.loads(text)["ok"]) == (503, False)
        assert "atlas.db is full" in json.loads(text)["trouble"]
        writer.write(limit, 1_000_000)
        assert ask(worker, "GET", "/readyz")[0] == 200


def test_a_book_somebody_else_holds_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlas_core.worker.inside.COMMIT_PATIENCE", 0.5)
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        with closing(sqlite3.connect(worker.settings.atlas_book, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, text = ask(worker, "GET", "/readyz")
            assert (status, json.loads(text)["trouble"]) == (503, "The book took nothing for 0.5 s.")
            other.execute("ROLLBACK")
        until(lambda: ask(worker, "GET", "/readyz")[0] == 200)


def test_a_thread_that_has_ended_is_named(tmp_path: Path) -> None:
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        worker.worker._mirror.stop(5)
        status, text = ask(worker, "GET", "/readyz")
        assert status == 503
        assert json.loads(text)["trouble"] == "The worker's mirror keeper does not run."


# -------------------------------------------------------------------------------------------- numbers


def test_the_numbers_follow_what_happens(tmp_path: Path) -> None:
    with (
        running_sandbox(seconds=0.3) as sandbox,
        running_worker(settings_for(tmp_path, sandbox.url)) as worker,
    ):
        for _ in range(3):
            ask(worker, "POST", "/atlas/auth/nobody")
        ask(worker, "GET", "/", Host="evil.example")
        before = numbers(worker)
        assert before["atlas_desk_refusals_total", "auth", "404"] == 3
        assert before["atlas_desk_refusals_total", "other", "400"] == 1
        assert before["atlas_desk_tokens_total",] == 0
        assert before["atlas_desk_atlas_state", "ok"] == 1
        worker.submit("NUMBERS-1")
        until(lambda: worker.flow("NUMBERS-1").get("confirmed_at"))
        until(lambda: numbers(worker)["atlas_desk_mirror_behind",] == 0)
        after = numbers(worker)
    assert after["atlas_desk_deliveries", "callback", "confirmed"] == 1
    assert after["atlas_desk_deliveries", "extracts", "confirms"] == 1
    assert after["atlas_desk_tokens_total",] == 2  # one to try the address, one for the callback
    assert after["atlas_desk_callbacks_waiting",] == 0
    assert after["atlas_desk_flows_watched",] == 0
    assert after["atlas_desk_commit_seconds_count",] > before["atlas_desk_commit_seconds_count",]
    assert after["atlas_desk_commit_seconds_bucket", "+Inf"] == after["atlas_desk_commit_seconds_count",]
    assert after["atlas_desk_writer_jobs_total",] >= after["atlas_desk_commit_seconds_count",]
    assert after["process_start_time_seconds",] > 1.7e9
    assert after["process_resident_memory_bytes",] > 1e7


def test_the_state_of_atlas_and_flows_that_are_overdue_are_numbers_too(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, NOWHERE, overdue_minutes=0.0)
    with running_worker(settings) as worker:
        for number in range(4):
            worker.submit(f"LOST-{number}")
        until(lambda: numbers(worker)["atlas_desk_atlas_state", "unreachable"] == 1)
        assert numbers(worker)["atlas_desk_atlas_state", "ok"] == 0
        assert numbers(worker)["atlas_desk_flows_overdue",] == 0
        worker.worker._writer.write(
            lambda connection: connection.execute(
                "INSERT INTO flows (flow_uuid, application_id, product_type, created_at)"
                " VALUES ('flow-0001', 'APP-1', 'PROD_CDL', 1)"
            )
        )
        assert numbers(worker)["atlas_desk_flows_overdue",] == 1
        assert numbers(worker)["atlas_desk_flows_watched",] == 1


def test_any_text_survives_as_a_label() -> None:
    """As an independent reader reads it."""
    odd = 'a "b" \\ c\nd'
    metrics = [
        Metric("some", "gauge", "Some.", [({"word": odd}, 1.5), ({"word": ""}, 2)]),
        Histogram("took_seconds", "How long.", (0.1, 1.0), [3, 0, 2], 7.25),
    ]
    families = {family.name: family for family in text_string_to_metric_families(exposition(metrics))}
    assert [(sample.labels["word"], sample.value) for sample in families["some"].samples] == [
        (odd, 1.5),
        ("", 2.0),
    ]
    read = [
        (sample.name, *sample.labels.values(), sample.value) for sample in families["took_seconds"].samples
    ]
    assert read == [
        ("took_seconds_bucket", "0.1", 3.0),
        ("took_seconds_bucket", "1", 3.0),
        ("took_seconds_bucket", "+Inf", 5.0),
        ("took_seconds_sum", 7.25),
        ("took_seconds_count", 5.0),
    ]


def test_what_was_refused_is_in_the_book_soon_and_at_the_end(tmp_path: Path) -> None:
    counted = "SELECT door, status, sum(times) FROM refusals GROUP BY 1, 2"
    with running_worker(settings_for(tmp_path, NOWHERE)) as worker:
        ask(worker, "POST", "/atlas/auth/nobody")
        until(lambda: worker.rows(counted) == [("auth", 404, 1)])
        ask(worker, "POST", "/atlas/auth/nobody")
    assert worker.rows(counted) == [("auth", 404, 2)]


# ------------------------------------------------------------------------------------------- the loop


def test_the_loop_through_our_own_address_holds_and_leaves_nothing_b93(worker: RunningWorker) -> None:
    before = worker.worker.receiver.tally.refusals()
    found = worker.worker.test_loop()
    assert found.ok, found.sentence
    assert found.reached == "callback"
    assert worker.address in found.sentence
    status, text = ask(worker, "POST", "/selftest")
    assert (status, json.loads(text)["ok"]) == (200, True)
    kept = (
        "SELECT (SELECT count(*) FROM deliveries), (SELECT count(*) FROM receiver_tokens),"
        " (SELECT count(*) FROM auth_calls)"
    )
    assert worker.rows(kept) == [(0, 0, 0)]
    assert worker.worker.receiver.tally.refusals() == before


class AnywhereAtlas(ScriptedAtlas):
    """Answers every path alike."""

    step: Step

    def _usual(self, asked: Asked) -> Step:  # noqa: ARG002
        return self.step


BROKEN: list[tuple[str, Step, str]] = [
    ("another server", reply(404, {"error": "no"}), "status 404. Another server answers there"),
    (
        "a redirect",
        reply(301, headers={"Location": "https://elsewhere.example/x"}),
        "redirects a call for a token",
    ),
    (  # once a ValueError
        "a broken redirect",
        reply(302, headers={"Location": "http://[bad/"}),
        "redirects a call for a token to an unreadable address",
    ),
    ("a page", html(200), "something else. Another server answers there"),
    ("a dead upstream", html(502), "does not reach the receiver behind it"),
    ("a sign-in", html(401), "status 401"),
    ("somebody like us", reply(200, {"access_token": "theirs", "expires_in": 600}), "another server answers"),
    ("no HTTP", raw("SSH-2.0-other", keep=False), "did not get through"),
]


@pytest.mark.parametrize(("name", "step", "words"), BROKEN, ids=[name for name, *_ in BROKEN])
def test_a_broken_loop_is_told_in_words_b93(worker: RunningWorker, name: str, step: Step, words: str) -> None:
    server = AnywhereAtlas()
    server.step = step
    inside = worker.worker._inside
    before, inside._receiver_url = inside._receiver_url, server.url
    try:
        found = worker.worker.test_loop()
    finally:
        inside._receiver_url = before
        server.close()
    assert not found.ok
    assert found.reached == "nothing"
    assert found.sentence.startswith(f"Atlas cannot reach us at {server.url}: ")
    assert words in found.sentence
    assert not [asked for asked in server.asked if "elsewhere" in asked.target]


def test_an_address_where_nobody_is_is_told_in_words_b93(worker: RunningWorker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    inside = worker.worker._inside
    before = inside._receiver_url
    try:
        for url, words in (
            (f"http://127.0.0.1:{port}", "refused the connection"),
            ("http://no-such-host.invalid", "cannot be found"),
            (f"https://127.0.0.1:{worker.worker.receiver.port}", "TLS"),
        ):
            inside._receiver_url = url
            found = worker.worker.test_loop()
            assert not found.ok
            assert words in found.sentence, found.sentence
    finally:
        inside._receiver_url = before


def test_check_prints_what_the_worker_found_b93(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_sandbox() as sandbox, running_worker(settings_for(tmp_path, sandbox.url)) as worker:
        port = worker.worker.receiver.port
        settings = replace(worker.settings, receiver_port=port)
        until(lambda: numbers(worker)["atlas_desk_mirror_behind",] == 0)
        until(lambda: len(worker.rows("SELECT 1 FROM worker_state WHERE name LIKE 'backup of%'")) == 2)
        assert run_check(settings) == 0, capsys.readouterr().out
        assert "ok   The way in for Atlas: a token and a callback came in through" in capsys.readouterr().out
        worker.worker._inside._receiver_url = NOWHERE
        assert run_check(settings) == 1
        assert f"BAD  The way in for Atlas: Atlas cannot reach us at {NOWHERE}" in capsys.readouterr().out


def test_a_proxy_nobody_named_is_noticed(worker: RunningWorker) -> None:
    """A proxy that forwards everything, on this machine."""
    receiver = worker.worker.receiver

    class Proxy(ScriptedAtlas):
        def _usual(self, asked: Asked) -> Step:
            with closing(HTTPConnection("127.0.0.1", receiver.port, timeout=15)) as onward:
                headers = {**asked.headers, "x-forwarded-for": "203.0.113.9"}
                onward.request(asked.method, asked.target, asked.body, headers)
                answer = onward.getresponse()
                return reply(answer.status, answer.read())

    server = Proxy()
    inside = worker.worker._inside
    before, inside._receiver_url = inside._receiver_url, server.url
    try:
        found = worker.worker.test_loop()
    finally:
        inside._receiver_url = before
        server.close()
    assert found.ok, found.sentence
    assert "127.0.0.1, which ATLAS_RECEIVER_PROXY does not name" in found.sentence
