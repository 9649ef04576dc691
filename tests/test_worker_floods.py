"""The doors in a flood: how often and how long strangers may try, and that good calls never notice."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from atlas_core.books import doors
from atlas_core.clock import now_ms
from atlas_core.worker import patience
from atlas_core.worker.knocks import Knocks
from tests.doors import BODY, RESULTS, Door, open_door, read_all, refusals, request, status_of
from tests.workers import until

PROXIED = {"ATLAS_RECEIVER_PROXY": "127.0.0.1"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


def test_a_flood_is_told_to_wait_and_good_calls_are_not_b91_c22(tmp_path: Path) -> None:
    """All from one address, as if behind one proxy: a stranger, one who knows an auth address but not the
    credentials, and Atlas."""
    with open_door(tmp_path, client_id="lender", client_secret="right") as door:
        ending = threading.Event()
        answers: Counter[tuple[str, int]] = Counter()
        waits: list[str] = []

        def flood(path: str) -> None:
            with closing(HTTPConnection("127.0.0.1", door.port, timeout=15)) as connection:
                while not ending.is_set():
                    connection.request("POST", path, b"", {"Client-Id": "lender", "Client-Secret": "wrong"})
                    with connection.getresponse() as answer:
                        answers[path, answer.status] += 1
                        answer.read()
                        if answer.status == 429:
                            waits.append(answer.headers["Retry-After"])

        paths = ("/atlas/auth/nobody", "/atlas/auth/auth-part", "/atlas/callback/nobody")
        floods = [threading.Thread(target=flood, args=(path,)) for path in paths]
        for thread in floods:
            thread.start()
        until(lambda: all(answers[path, 429] > 50 for path in paths))
        for _ in range(20):
            status, _, body = door.ask(
                "POST", "/atlas/auth/auth-part", Client_Id="lender", Client_Secret="right"
            )
            assert status == 200
            token = json.loads(body)["access_token"]
            assert door.call(RESULTS, token) == 200
            assert (
                door.call({**RESULTS, "flow_uuid": "flow-0002"}, token, "/atlas/callback/other-callback-part")
                == 200
            )
        ending.set()
        for thread in floods:
            thread.join()
        assert {status for _, status in answers} == {401, 404, 429}
        assert 1 <= answers["/atlas/auth/auth-part", 401] < 120
        assert set(waits) == {"1"}
        assert door.deliveries() == [("waiting", 20, None)] * 2


def test_strangers_use_up_nobody_elses_patience_b91(tmp_path: Path) -> None:
    """Who knows an address but has old credentials is told so, whatever floods from the same proxy."""
    with open_door(tmp_path, client_id="lender", client_secret="right") as door:
        answers = [door.ask("POST", "/atlas/auth/nobody")[0] for _ in range(70)]
        assert answers[-1] == 429
        status, headers, _ = door.ask(
            "POST", "/atlas/auth/auth-part", Client_Id="lender", Client_Secret="old"
        )
        assert status == 401
        assert "retry-after" not in headers


def test_a_thousand_tokens_are_good_side_by_side_b92(door: Door) -> None:
    def fetch(number: int) -> list[str]:
        with closing(HTTPConnection("127.0.0.1", door.port, timeout=15)) as connection:
            tokens = []
            for _ in range(250):
                connection.request("GET" if number % 2 else "POST", "/atlas/auth/auth-part")
                tokens.append(json.loads(connection.getresponse().read())["access_token"])
            return tokens

    with ThreadPoolExecutor(4) as threads:
        tokens = [token for some in threads.map(fetch, range(4)) for token in some]
    assert len(set(tokens)) == 1000
    assert [door.call(RESULTS, token) for token in tokens[::50]] == [200] * 20
    assert door.deliveries() == [("waiting", 20, None)]
    assert door.rows("SELECT sum(times) FROM auth_calls") == [(1000,)]
    assert door.receiver.tally.tokens == 1000
    assert door.writer.write(doors.forget_tokens, now=now_ms() + 601_000) == 1000


def test_a_bucket_fills_again_and_only_so_many_are_remembered_b91() -> None:
    now = 0.0
    knocks = Knocks(60, 3, clock=lambda: now)
    assert [knocks.failed("a") for _ in range(60)] == [0.0] * 60
    assert knocks.failed("a") == pytest.approx(1.0)
    assert knocks.failed("b") == 0.0
    now = 0.5
    assert knocks.failed("a") == pytest.approx(0.5)
    now = 1.5
    assert knocks.failed("a") == 0.0
    now = 1000.0
    assert [knocks.failed("a") for _ in range(61)][-1] > 0
    for caller in "bcd":
        knocks.failed(caller)
    assert knocks.failed("a") == 0.0  # forgotten: three others came after it


def test_what_a_caller_says_of_his_address_counts_only_from_our_proxy_b86(tmp_path: Path) -> None:
    def knock(door: Door, number: int) -> None:
        door.ask("POST", "/atlas/auth/nobody", X_Forwarded_For=f"198.51.100.{number}, 203.0.113.{number}")

    with open_door(tmp_path / "direct") as door:
        for number in range(3):
            knock(door, number)
        assert refusals(door) == {("auth", 404, "127.0.0.1"): 3}
    with open_door(tmp_path / "proxied", **PROXIED) as door:
        for number in range(3):
            knock(door, number)
        door.ask("POST", "/atlas/auth/nobody", X_Forwarded_For="nonsense")
        door.ask("POST", "/atlas/auth/nobody", X_Forwarded_For="203.0.113.1, 2001:db8:1:2:3:4:5:6")
        assert refusals(door) == {
            ("auth", 404, "203.0.113.0"): 1,
            ("auth", 404, "203.0.113.1"): 1,
            ("auth", 404, "203.0.113.2"): 1,
            ("auth", 404, "127.0.0.1"): 1,
            ("auth", 404, "2001:db8:1:2::/64"): 1,
        }


def test_where_atlas_calls_from_is_known_others_find_nothing(tmp_path: Path) -> None:
    networks = "203.0.113.0/24, 2001:db8::/32"
    with open_door(tmp_path, ATLAS_CALLBACK_ADDRESSES=networks, **PROXIED) as door:
        for address, status in (
            ("203.0.113.9", 200),
            ("2001:db8::1", 200),
            ("::ffff:203.0.113.9", 200),
            ("198.51.100.1", 404),
            ("203.0.113.9, 198.51.100.1", 404),
        ):
            assert door.ask("POST", "/atlas/auth/auth-part", X_Forwarded_For=address)[0] == status, address
        token = json.loads(door.ask("POST", "/atlas/auth/auth-part", X_Forwarded_For="203.0.113.9")[2])
        for address, status in (("203.0.113.9", 200), ("198.51.100.1", 404)):
            answer = door.ask(
                "POST",
                "/atlas/callback/callback-part",
                BODY,
                X_Forwarded_For=address,
                Token=token["access_token"],
            )
            assert answer[0] == status
        assert door.ask("POST", "/atlas/auth/auth-part")[0] == 404  # our own proxy is not Atlas
        assert refusals(door) == {
            ("auth", 404, "198.51.100.1"): 2,
            ("auth", 404, "127.0.0.1"): 1,
            ("callback", 404, "198.51.100.1"): 1,
        }


def test_two_hundred_that_dawdle_hold_nobody_up_b81_c21(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "READ_SECONDS", 3.0)
    token = door.token()
    head = request(b"Token: " + token.encode(), b"Content-Length: 1000")
    beginnings = [b"", b"P", b"POST /atl", head[:-2], head, head + b"{"]
    lines = [socket.create_connection(("127.0.0.1", door.port), timeout=15) for _ in range(200)]
    for number, line in enumerate(lines):
        line.sendall(beginnings[number % len(beginnings)])
    ending = threading.Event()

    def drip() -> None:
        while not ending.wait(1.0):
            for number, line in enumerate(lines):
                try:
                    line.sendall(b" " if number % 2 else b"")
                except OSError:
                    continue

    dripping = threading.Thread(target=drip)
    dripping.start()
    slowest = 0.0
    for _ in range(30):
        begun = time.monotonic()
        assert door.call(RESULTS, token) == 200
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 2.0
    begun = time.monotonic()
    for line in lines:
        answer = read_all(line)
        assert answer == b"" or status_of(answer) in (400, 408)
        line.close()
    assert time.monotonic() - begun < 10
    ending.set()
    dripping.join()
    assert door.deliveries() == [("waiting", 30, None)]
    assert ("other", 408, "127.0.0.1") in refusals(door)


def test_more_lines_than_are_kept_make_room_for_the_newest(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "CONNECTIONS", 20)
    monkeypatch.setattr(patience, "READ_SECONDS", 60.0)
    held = [socket.create_connection(("127.0.0.1", door.port), timeout=15) for _ in range(60)]
    assert door.call(RESULTS, door.token()) == 200
    assert held[0].recv(1) == b""  # the first had been idle longest
    for line in held:
        line.close()
