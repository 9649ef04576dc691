"""The receiver over real HTTP: who may enter, what is kept, and what is said back."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from atlas_core.books import doors
from atlas_core.clock import now_ms
from atlas_core.worker.calls import MAX_BODY
from atlas_core.worker.parts import hash_of
from tests.doors import RESULTS, Door, open_door
from tests.workers import rows


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path, client_id="lender", client_secret="the lender's word") as door:
        yield door


def test_while_credentials_change_the_former_pair_is_good_too_and_no_mixture(tmp_path: Path) -> None:
    with open_door(tmp_path, client_id="new", client_secret="new word", former=("old", "old word")) as door:
        for client_id, secret, expected in (
            ("new", "new word", 200),
            ("old", "old word", 200),
            ("new", "old word", 401),
            ("old", "new word", 401),
            ("", "", 401),
        ):
            answer = door.ask(
                "POST", "/atlas/auth/auth-part", **{"client-id": client_id, "client-secret": secret}
            )
            assert answer[0] == expected


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_auth_url_gives_a_token_that_opens_the_callback_url(door: Door, method: str) -> None:
    status, _, body = door.ask(method, "/atlas/auth/auth-part")
    answer = json.loads(body)
    assert status == 200
    assert answer["expires_in"] == 600
    assert door.call(RESULTS, answer["access_token"]) == 200
    assert door.deliveries() == [("waiting", 1, None)]
    assert door.called.is_set()


def test_only_the_hash_of_a_token_is_kept(door: Door) -> None:
    token = door.token()
    kept = rows(door.book, "SELECT token_hash FROM receiver_tokens")
    assert kept == [(hash_of(token),)]


def test_wrong_credentials_are_refused_with_one_same_text_b90(guarded: Door) -> None:
    tried = [
        {},
        {"Client_Id": "lender"},
        {"Client_Id": "lender", "Client_Secret": "wrong"},
        {"Client_Id": "wrong", "Client_Secret": "the lender's word"},
        {"Client_Id": "lend\xe9r", "Client_Secret": "\xe9"},
    ]
    for headers in tried:
        status, _, body = guarded.ask("POST", "/atlas/auth/auth-part", **headers)
        assert (status, json.loads(body)) == (401, {"error": "Client-Id or Client-Secret is wrong."})


def test_right_credentials_are_let_in(guarded: Door) -> None:
    status, _, _ = guarded.ask(
        "POST", "/atlas/auth/auth-part", Client_Id="lender", Client_Secret="the lender's word"
    )
    assert status == 200


def test_a_callback_without_a_good_token_is_refused_and_nothing_is_kept_b62_b63_c16(door: Door) -> None:
    tried = [
        {},
        {"Token": ""},
        {"Token": "wrong"},
        {"Token": "w" * 10_000},
        {"Token": "t\xf6ken"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic d3Jvbmc="},
    ]
    for headers in tried:
        status, _, _ = door.ask("POST", "/atlas/callback/callback-part", b"{}", **headers)
        assert status == 401, headers
    with suppress(ConnectionError):  # the line is cut while the head is still being sent
        endless = door.ask("POST", "/atlas/callback/callback-part", b"{}", Token="w" * 100_000)[0]
        assert endless in (400, 401)  # 400 where the head is cut off before it is whole
    assert door.deliveries() == []


def test_two_tokens_are_refused_though_one_is_good_b63(door: Door) -> None:
    token = door.token()
    status, _, _ = door.ask(
        "POST", "/atlas/callback/callback-part", b"{}", Token=token, Authorization=f"Bearer {token}"
    )
    assert status == 401


def test_a_token_in_the_address_is_refused_b64(door: Door) -> None:
    token = door.token()
    status, _, _ = door.ask("POST", f"/atlas/callback/callback-part?token={token}&Token={token}", b"{}")
    assert status == 401


def test_an_expired_token_is_refused_b63(door: Door) -> None:
    door.writer.write(
        doors.save_token, hash_of("old"), 1, caller="127.0.0.1", expires_at=now_ms() - 1, now=now_ms()
    )
    assert door.call(RESULTS, "old") == 401


def test_a_token_fetched_at_one_address_opens_another_but_not_without_its_part(door: Door) -> None:
    token = door.token()
    other = {**RESULTS, "flow_uuid": "flow-0002"}
    assert door.call(other, token, "/atlas/callback/other-callback-part") == 200
    assert door.call(other, token, "/atlas/callback/auth-part") == 404
    assert [row[0] for row in door.deliveries()] == ["waiting"]


def test_any_other_path_is_not_there_b84(door: Door) -> None:
    token = door.token()
    tried = [
        "/atlas/callback/",
        "/atlas//callback/callback-part",
        "/atlas/callback/callback-part/",
        "/ATLAS/callback/callback-part",
        "/atlas/callback/%2e%2e",
        "/atlas/callback/nobody",
        "/",
    ]
    assert {path: door.call(RESULTS, token, path) for path in tried} == dict.fromkeys(tried, 404)


def test_other_methods_are_refused_b83_c23(door: Door) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD"):
        assert door.ask(method, "/atlas/callback/callback-part")[0] == 405, method
        if method != "GET":
            assert door.ask(method, "/atlas/auth/auth-part")[0] == 405, method


def test_a_hundred_same_callbacks_at_once_are_one_row_b67(door: Door) -> None:
    token = door.token()
    spaced = json.dumps(dict(reversed(RESULTS.items())), indent=2).encode()  # the same in other words
    bodies = [spaced if number % 2 else json.dumps(RESULTS).encode() for number in range(100)]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda body: door.call(body, token), bodies))
    assert answers == [200] * 100
    assert door.deliveries() == [("waiting", 100, None)]


def test_another_flow_or_application_is_put_aside_with_an_alarm_b72_b73(door: Door) -> None:
    token = door.token()
    assert door.call({**RESULTS, "flow_uuid": "flow-0002"}, token) == 200
    assert door.call({**RESULTS, "application_id": "APP-2"}, token) == 200
    assert [row[0] for row in door.deliveries()] == ["mismatch", "mismatch"]
    assert len(rows(door.book, "SELECT 1 FROM alarms")) == 2
    assert door.call(RESULTS, token) == 200  # the same content, about the right flow: no repetition of those
    assert [row[:2] for row in door.deliveries()] == [("mismatch", 1), ("mismatch", 1), ("waiting", 1)]


def test_what_is_no_result_is_a_dead_letter_without_its_text_b75_b76(door: Door) -> None:
    token = door.token()
    bodies = [b"", b"{", b"[]", b'"text"', b"7", b"null", b"\xff\xfe{}", b"[" * 10_000]
    assert [door.call(body, token) for body in bodies] == [400] * len(bodies)
    kept = rows(door.book, "SELECT outcome, digest, size, body FROM deliveries ORDER BY delivery_id")
    assert kept == [("dead letter", hash_of(body), len(body), None) for body in bodies]
    assert all("(at byte " in reason for *_, reason in door.deliveries())


def test_json_under_another_name_is_read_and_forms_are_not_b77_b78_b80_c20(door: Door) -> None:
    token = door.token()
    path, body = "/atlas/callback/callback-part", json.dumps(RESULTS).encode()
    form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
    for kind in ("text/plain", form, "application/json; charset=utf-16", "nonsense", ""):
        assert door.ask("POST", path, body, Token=token, Content_Type=kind)[0] == 200, kind
    assert door.ask("POST", path, body, Token=token, Content_Type=multipart)[0] == 415
    fields = b"&".join(b"field%d=value" % number for number in range(200_000))
    assert door.ask("POST", path, fields, Token=token, Content_Type=form)[0] == 415
    for encoding in ("gzip", "br", "deflate"):
        assert door.ask("POST", path, body, Token=token, Content_Encoding=encoding)[0] == 415
    assert door.deliveries() == [("waiting", 5, None)]


def test_a_body_announced_too_large_is_refused_unread_b79_c19(door: Door) -> None:
    status, headers, _ = door.ask(
        "POST", "/atlas/callback/callback-part", b"{", Token=door.token(), Content_Length=str(50 * 2**20)
    )
    assert status == 413
    assert headers["connection"] == "close"


def test_a_body_that_grows_too_large_is_cut_off_b79_c19(door: Door) -> None:
    head = f"POST /atlas/callback/callback-part HTTP/1.1\r\nHost: localhost\r\nToken: {door.token()}\r\n"
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        connection.sendall((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
        chunk, sent = b"10000\r\n" + b" " * 65_536 + b"\r\n", 0
        try:
            while sent < 10 * MAX_BODY:
                connection.sendall(chunk)
                sent += 65_536
            answer = connection.recv(1000)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    assert sent < 4 * MAX_BODY
    assert answer in (b"",) or b" 413 " in answer
    assert door.deliveries() == []


def test_a_caller_that_falls_silent_is_sent_away_and_holds_nobody_up_b81(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_core.worker.patience.READ_SECONDS", 1.0)
    token = door.token()
    head = f"POST /atlas/callback/callback-part HTTP/1.1\r\nHost: localhost\r\nToken: {token}\r\n"
    silent = []
    for number in range(60):
        connection = socket.create_connection(("127.0.0.1", door.port), timeout=10)
        connection.sendall(b"POST /atl" if number % 2 else f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        silent.append(connection)
    started = time.monotonic()
    assert door.call(RESULTS, token) == 200
    assert time.monotonic() - started < 1.0
    for number, connection in enumerate(silent):
        with connection:
            answer = connection.recv(1000)
            assert answer == b"" if number % 2 else b" 408 " in answer
    assert time.monotonic() - started < 5.0


def test_a_book_that_cannot_take_it_is_said_to_the_caller_b88(door: Door) -> None:
    token = door.token()
    door.writer.close()
    status, headers, _ = door.ask(
        "POST", "/atlas/callback/callback-part", json.dumps(RESULTS).encode(), Token=token
    )
    assert (status, headers["retry-after"]) == (503, "30")


def test_a_book_that_somebody_holds_is_said_to_the_caller_and_nothing_is_lost_b88(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_core.worker.doors.COMMIT_SECONDS", 0.5)
    token, path, body = door.token(), "/atlas/callback/callback-part", json.dumps(RESULTS).encode()
    with closing(sqlite3.connect(door.book, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(2):
            status, headers, _ = door.ask("POST", path, body, Token=token)
            assert (status, headers["retry-after"]) == (503, "30"), number
        assert door.ask("POST", "/atlas/auth/auth-part")[0] == 503
        other.execute("ROLLBACK")
    assert door.call(RESULTS, token) == 200
    assert [row[0] for row in door.deliveries()] == ["waiting"]  # however often it was kept


def test_it_listens_at_an_ipv6_address_too(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with open_door(tmp_path, address="::1") as door:
        assert door.receiver.address == f"http://[::1]:{door.port}"
        with urllib.request.urlopen(f"{door.receiver.address}/healthz", timeout=10) as answer:
            assert answer.status == 200


def test_answers_say_nothing_of_what_serves_them(door: Door) -> None:
    _, headers, _ = door.ask("GET", "/healthz")
    assert set(headers) <= {"content-length", "content-type", "connection"}
