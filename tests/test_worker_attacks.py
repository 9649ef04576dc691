"""The doors under attack: what strangers may try, for how long, and that good calls never notice."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from sqlite3 import Connection

import pytest

from atlas_core.books import doors
from atlas_core.clock import now_ms
from atlas_core.worker import patience
from atlas_core.worker.knocks import Knocks
from atlas_core.worker.parts import hash_of
from tests.doors import RESULTS, Door, open_door, read_all
from tests.workers import until

CALLBACK = b"/atlas/callback/callback-part"
BODY = json.dumps(RESULTS).encode()
PROXIED = {"ATLAS_RECEIVER_PROXY": "127.0.0.1"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One door for many who are all refused."""
    folder = tmp_path_factory.mktemp("shared")
    with open_door(folder, ATLAS_RECEIVER_URL="https://hooks.lender.example/desk") as door:
        yield door


def request(*lines: bytes, body: bytes = b"", host: bytes = b"localhost") -> bytes:
    """A callback as it stands on the wire; no Host line where `host` is empty."""
    head = [b"POST " + CALLBACK + b" HTTP/1.1", *([b"Host: " + host] if host else []), *lines]
    return b"\r\n".join([*head, b"Connection: close", b"", body])


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def refusals(door: Door) -> dict[tuple[str, int, str], int]:
    """What was counted: door, status and caller."""
    door.writer.write(doors.record_refusals, door.receiver.tally.take())
    found = door.rows("SELECT door, status, caller, sum(times) FROM refusals GROUP BY 1, 2, 3")
    return {(name, status, caller): times for name, status, caller, times in found}


# ---------------------------------------------------------------------------------------------- tokens


def test_no_odd_token_opens_the_door_b63_c17(door: Door) -> None:
    token = door.token()
    door.writer.write(
        doors.save_token, hash_of("old"), 1, caller="127.0.0.1", expires_at=now_ms() - 1, now=now_ms()
    )
    good = token.encode()
    for lines in (
        [b"Token: " + good, b"Token: " + good],
        [b"Token: " + good, b"Authorization: Bearer " + good],
        [b"Token: " + good[:-1]],
        [b"Token: " + good + b"=", b"X-Other: 1"],
        [b"Token: " + good.swapcase()],
        [b"Token: " + good + b", " + good],
        [b"Token: Bearer  " + good + b" " + good],
        [b"Token: " + hash_of(token).encode()],
        [b"Token: auth-part"],
        [b"Token: callback-part"],
        [b"Token: old"],
        [b"Token: \xc3\xa9"],
        [b"Token:"],
        [b"Token:     "],
        [b"Authorization: Bearer"],
        [b"Authorization: Token " + good],
        [b"Cookie: Token=" + good],
        [b"X-Token: " + good],
    ):
        answer = door.raw(request(*lines, b"Content-Length: 2", body=b"{}"))
        assert status_of(answer) == 401, lines
    for line in (b"Token: " + good + b"\x00", b"Token: " + good + b"\r\n folded", b"Token\x00: " + good):
        assert status_of(door.raw(request(line, b"Content-Length: 2", body=b"{}"))) in (400, 401), line
    assert door.deliveries() == []
    bearer = b"authorization: bEaReR " + good
    assert status_of(door.raw(request(bearer, b"Content-Length: %d" % len(BODY), body=BODY))) == 200


def test_none_of_ten_thousand_guessed_expired_or_foreign_tokens_is_accepted_b63_c17(
    door: Door, tmp_path: Path
) -> None:
    expired = [secrets.token_urlsafe(32) for _ in range(1_000)]

    def save_expired(connection: Connection) -> None:
        for token in expired:
            doors.save_token(connection, hash_of(token), 1, caller="there", expires_at=1, now=now_ms())

    (tmp_path / "elsewhere").mkdir()
    with open_door(tmp_path / "elsewhere") as elsewhere:
        foreign = [elsewhere.token() for _ in range(200)]
    door.writer.write(save_expired)
    kinds = (lambda _: secrets.token_urlsafe(32), lambda n: expired[n % 1_000], lambda n: foreign[n % 200])
    answers: Counter[int] = Counter()
    with closing(HTTPConnection("127.0.0.1", door.port, timeout=15)) as connection:
        for number in range(10_000):
            connection.request("POST", CALLBACK.decode(), BODY, {"Token": kinds[number % 3](number)})
            with connection.getresponse() as answer:
                answers[answer.status] += 1
                answer.read()
    assert set(answers) == {401, 429}
    assert door.deliveries() == []
    assert door.call(RESULTS, door.token()) == 200


def test_a_callback_that_is_replayed_counts_once_and_after_its_tokens_end_not_at_all_b63(door: Door) -> None:
    token = door.token()
    assert [door.call(RESULTS, token) for _ in range(3)] == [200] * 3
    assert door.deliveries() == [("waiting", 3, None)]
    door.writer.write(doors.forget_tokens, now=now_ms() + 601_000)
    assert door.call(RESULTS, token) == 401
    assert door.deliveries() == [("waiting", 3, None)]


def test_a_body_without_a_token_is_not_waited_for_b62(door: Door) -> None:
    started = time.monotonic()
    answer = door.raw(request(b"Content-Length: 1000000"))
    assert status_of(answer) == 401
    assert time.monotonic() - started < patience.READ_SECONDS / 2
    assert refusals(door) == {("callback", 401, "127.0.0.1"): 1}


# ----------------------------------------------------------------------------------- lengths, paths, hosts


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 4"],
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: 5, 6"],
        [b"Content-Length: -5"],
        [b"Content-Length: +5"],
        [b"Content-Length: 0x5"],
        [b"Content-Length: 5 5"],
        [b"Content-Length: 99999999999999999999999999"],
        [b"Content-Length : 5"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding : chunked"],
    ],
    ids=lambda lines: b" / ".join(lines).decode(),
)
def test_contradictory_lengths_are_refused_and_the_line_is_closed_b82(
    shared: Door, lines: list[bytes]
) -> None:
    smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    token = b"Token: " + shared.token().encode()
    head = request(token, *lines).replace(b"Connection: close\r\n", b"")
    before = sum(refusals(shared).values())
    answer = shared.raw(head + smuggled)
    assert status_of(answer) in (400, 413)
    assert answer.count(b"HTTP/1.1 ") == 1  # what stood behind it was not taken for a request
    assert shared.deliveries() == []
    assert sum(refusals(shared).values()) == before + 1


def test_a_chunk_that_is_none_is_refused(door: Door) -> None:
    head = request(b"Token: " + door.token().encode(), b"Transfer-Encoding: chunked")
    for chunk in (b"zz\r\n", b"-1\r\n", b"5\r\nabc", b"ffffffffffffffffffffff\r\nx"):
        answer = door.raw(head + chunk + b"\r\n\r\n", seconds=2.0)
        assert answer == b"" or status_of(answer) in (400, 413), chunk
    assert door.deliveries() == []
    assert door.call(RESULTS, door.token()) == 200


@pytest.mark.parametrize(
    "target",
    [
        b"/atlas/callback/%63allback-part",
        b"/atlas/%63allback/callback-part",
        b"/atlas/callback/callback-part%00",
        b"/atlas/callback/callback-part%2f",
        b"/atlas/callback/x/../callback-part",
        b"/atlas/callback/./callback-part",
        b"/atlas/callback/callback-part;x=1",
        b"/atlas/callback\\callback-part",
        b"//atlas/callback/callback-part",
        b"/atlas/callback/callback-part/",
        b"/./atlas/callback/callback-part",
        b"http://localhost/atlas/callback/callback-part",
        b"http://evil.example/atlas/callback/callback-part",
        b"atlas/callback/callback-part",
        b"*",
        b"/atlas/callback/" + b"a" * 4000,
    ],
    ids=lambda target: target.decode()[:60],
)
def test_only_the_very_path_leads_in_b84(shared: Door, target: bytes) -> None:
    lines = (b"Token: " + shared.token().encode(), b"Content-Length: %d" % len(BODY))
    answer = shared.raw(request(*lines, body=BODY).replace(CALLBACK, target, 1))
    assert status_of(answer) in (400, 404)
    assert b"ocation" not in answer
    assert shared.deliveries() == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost", 404),
        (b"LOCALHOST:8600", 404),
        (b"127.0.0.1", 404),
        (b"127.0.0.1:1", 404),
        (b"[::1]:8600", 404),
        (b"[0:0:0:0:0:0:0:1]", 404),
        (b"hooks.lender.example", 404),
        (b"Hooks.Lender.Example:443", 404),
        (b"", 400),
        (b"evil.example", 400),
        (b"hooks.lender.example.evil.example", 400),
        (b"evil.example/hooks.lender.example", 400),
        (b"hooks.lender.example@evil.example", 400),
        (b"evil@x/..", 400),
        (b"localhost:8600:8600", 400),
        (b"localhost:", 400),
        (b"127.0.0.2", 400),
        (b"[fe80::1]", 400),
        (b"[::1", 400),
        (b"localhost localhost", 400),
        (b"localhost\r\nHost: localhost", 400),
        (b"\xc3\xa9", 400),
    ],
)
def test_only_the_receivers_own_names_are_answered_b85_c6(shared: Door, host: bytes, status: int) -> None:
    answer = shared.raw(request(b"Content-Length: 0", host=host).replace(CALLBACK, b"/nowhere"))
    assert status_of(answer) == status


def test_a_request_of_old_http_must_name_its_host_too_b85(shared: Door) -> None:
    assert status_of(shared.raw(b"GET /healthz HTTP/1.0\r\n\r\n")) == 400
    assert status_of(shared.raw(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")) == 200


def test_nothing_is_ever_redirected_and_no_other_site_is_let_in_b94_b95(door: Door) -> None:
    browser = {"Origin": "https://evil.example", "User-Agent": "Mozilla/5.0", "Accept": "text/html"}
    preflight = {
        **browser,
        "Access_Control_Request_Method": "POST",
        "Access_Control_Request_Headers": "token",
    }
    for path in ("/atlas/callback/callback-part", "/atlas/auth/auth-part", "/", "/healthz/", "/atlas"):
        for method in ("GET", "POST", "OPTIONS"):
            status, headers, body = door.ask(method, path, b"", **preflight)
            assert status in (200, 401, 404, 405), (path, method)
            assert "location" not in headers
            assert not [name for name in headers if name.startswith("access-control")]
            assert b"<" not in body
    assert door.ask("GET", "/atlas/callback/callback-part", **browser)[0] == 405
    assert door.ask("OPTIONS", "/atlas/callback/callback-part", **preflight)[0] == 405
    assert door.ask("OPTIONS", "/atlas/auth/auth-part", **preflight)[1]["allow"] == "GET, POST"


# ------------------------------------------------------------------------------------------ floods


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


# ------------------------------------------------------------------------------------------- callers


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


# ---------------------------------------------------------------------------------------- the patient


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
