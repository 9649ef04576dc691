"""The doors under attack by the shape of a request: its length, its path, its host, its headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors import BODY, CALLBACK, RESULTS, Door, open_door, refusals, request, status_of


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
