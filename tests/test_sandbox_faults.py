"""Every switch of the sandbox does what it says."""

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from atlas_core.sandbox.plays import ANSWERED, PLAYS
from tests.sandbox_caller import Caller
from tests.servers import running_lender, running_sandbox

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with running_sandbox(seconds=0.1) as sandbox, running_lender() as lender:
        yield Caller(sandbox, lender)


@pytest.fixture(autouse=True)
def behave(caller: Caller) -> None:
    caller.sandbox.behave()


@pytest.fixture(scope="module")
def flow(caller: Caller) -> str:
    """An ended flow with documents and cross-checks."""
    caller.sandbox.behave()
    return caller.finish(1)


def raw_exchange(caller: Caller, path: str, seconds: float = 2.0) -> bytes:
    """All bytes that come back for a GET within some seconds, whatever they are."""
    host, port = caller.sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nToken: {caller.token}\r\n\r\n".encode())
        got = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := wire.recv(65536):
                got += piece
        return got


@pytest.mark.parametrize("endpoint", ANSWERED)
def test_any_status_can_be_answered_anywhere(caller: Caller, flow: str, endpoint: str) -> None:
    """B41-B43, B51, B52"""
    ask = {
        "authtoken": caller.authtoken,
        "init": caller.init,
        "multiupload": lambda: caller.multiupload(flow, []),
        "status": lambda: caller.status(flow),
        "extracts": lambda: caller.extracts(flow),
    }[endpoint]
    for code in (401, 409, 410, 422, 429, 500, 502, 503, 504):
        caller.sandbox.play({endpoint: {"play": "status", "code": code, "retry_after": 7, "times": 1}})
        answer = ask()
        assert (answer.status_code, answer.headers["Retry-After"], set(answer.json())) == (
            code,
            "7",
            {"error"},
        )
        assert ask().status_code != code


def test_errors_can_come_in_the_other_envelope(caller: Caller) -> None:
    """B3"""
    caller.sandbox.play({"*": {"play": "envelope_a"}})
    told = {"error_code": "409", "error_message": "Resource Conflict: Flow not found"}
    assert caller.status("nobody").json() == told
    assert caller.authtoken({}).json()["error_message"] == "Bad Request: Missing Client-Id or Client-Secret"
    assert caller.init().status_code == 201


def test_a_page_or_a_redirect_can_stand_in_for_an_answer(caller: Caller, flow: str) -> None:
    """B2, B54"""
    caller.sandbox.play(
        {"status": {"play": "html"}, "extracts": {"play": "redirect", "to": "http://127.0.0.1:9/x"}}
    )
    page = caller.status(flow)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    sent_on = caller.extracts(flow)
    assert (sent_on.status_code, sent_on.headers["Location"]) == (302, "http://127.0.0.1:9/x")


@pytest.mark.parametrize(
    ("play", "body"),
    [
        ({"play": "empty"}, b""),
        ({"play": "json"}, b"null"),
        ({"play": "json", "value": []}, b"[]"),
        ({"play": "json", "value": {"error": "x", "reason": "y"}}, b'{"error": "x", "reason": "y"}'),
        ({"play": "raw", "text": "not json"}, b"not json"),
        ({"play": "raw", "base64": "/w=="}, b"\xff"),
        ({"play": "half", "bytes": 3}, b'{"u'),
    ],
)
def test_a_body_can_be_something_else(caller: Caller, flow: str, play: dict[str, Any], body: bytes) -> None:
    """B1, B3, B4"""
    caller.sandbox.play({"status": play})
    answer = caller.status(flow)
    assert (answer.status_code, answer.content) == (200, body)


def test_a_body_can_be_encoded_otherwise(caller: Caller, flow: str) -> None:
    """B6, B7"""
    honest = caller.extracts(flow).content
    for play, expected in {
        "bom": b"\xef\xbb\xbf" + honest,
        "utf16": honest.decode().encode("utf-16"),
        "bad_utf8": honest.replace(b'": "', b'": "\xff', 1),
    }.items():
        caller.sandbox.play({"extracts": {"play": play}})
        assert caller.extracts(flow).content == expected


def test_an_answer_can_be_reset_before_or_after_the_work(caller: Caller) -> None:
    """B48, B50"""
    caller.sandbox.play({"init": {"play": "reset", "application": "LOST-1"}})
    with pytest.raises(BROKEN):
        caller.init(application_id="LOST-1")
    caller.sandbox.play({"init": [{"play": "callback_first"}, {"play": "reset", "done": True}]})
    with pytest.raises(BROKEN):
        caller.init(application_id="LOST-2")
    assert caller.lender.arrivals[-1].path == "/callback", "the flow exists although nobody was told"
    counted = caller.sandbox.calls()["inits"]
    assert (counted["LOST-1"], counted["LOST-2"]) == (1, 1)


def test_a_lost_upload_answer_leaves_the_flow_running(caller: Caller) -> None:
    """B49"""
    flow = caller.init(application_id="LOST-3").json()["flow_uuid"]
    files = [{"file_url": "https://files.example.com/invoice.png", "document_id": "D"}]
    caller.sandbox.play({"multiupload": {"play": "status", "code": 504, "done": True}})
    assert caller.multiupload(flow, files).status_code == 504
    assert caller.status(flow).json()["master_status"] != "NOT_STARTED"


def test_an_answer_can_be_cut(caller: Caller, flow: str) -> None:
    """B5"""
    caller.sandbox.play({"extracts": {"play": "cut", "bytes": 7}})
    got = raw_exchange(caller, f"/v3/verification/extracts?flow_uuid={flow}")
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert body == b'{"flow_'
    with pytest.raises(BROKEN):
        caller.extracts(flow)


@pytest.mark.parametrize("headers", [False, True])
def test_an_answer_can_drip(caller: Caller, flow: str, headers: bool) -> None:
    """B53"""
    caller.sandbox.play({"status": {"play": "drip", "seconds": 0.005, "headers": headers}})
    begun = time.monotonic()
    got = raw_exchange(caller, f"/v3/verification/status?flow_uuid={flow}", 1.0)
    assert time.monotonic() - begun > 0.5, "every byte comes in time, the whole does not"
    assert got.startswith(b"HTTP/1.1 200 OK")


def test_an_answer_can_hang_or_never_end(caller: Caller, flow: str) -> None:
    """B53"""
    caller.sandbox.play({"status": {"play": "hang"}})
    assert raw_exchange(caller, f"/v3/verification/status?flow_uuid={flow}", 0.3) == b""
    caller.sandbox.play({"status": {"play": "endless"}})
    with requests.get(
        f"{caller.sandbox.url}/v3/verification/status",
        headers={"Token": caller.token},
        stream=True,
        timeout=5,
    ) as answer:
        pieces = answer.iter_content(1024)
        assert sum(len(next(pieces)) for _ in range(50)) >= 50 * 1024 - 1024


def test_an_answer_can_be_huge_or_a_bomb(caller: Caller, flow: str) -> None:
    """B53"""
    caller.sandbox.play({"extracts": {"play": "big", "megabytes": 3}})
    assert len(caller.extracts(flow).content) == 3_000_002
    caller.sandbox.play({"extracts": {"play": "bomb", "megabytes": 3}})
    got = raw_exchange(caller, f"/v3/verification/extracts?flow_uuid={flow}")
    body = got.partition(b"\r\n\r\n")[2]
    assert len(body) < 10_000
    assert len(gzip.decompress(body)) == 3_000_000


def test_an_answer_can_be_no_http(caller: Caller, flow: str) -> None:
    caller.sandbox.play({"status": {"play": "garbage"}})
    assert raw_exchange(caller, f"/v3/verification/status?flow_uuid={flow}") == b"SSH-2.0-not-http\r\n"


def test_upload_answers_take_both_documented_forms_and_flows_both_kinds_of_id(caller: Caller) -> None:
    """B4, B40"""
    caller.sandbox.play({"init": {"play": "los_ids"}, "multiupload": {"play": "single_object"}})
    flow = caller.init().json()["flow_uuid"]
    assert flow.startswith("LOS-")
    files = [{"file_url": "https://files.example.com/invoice.png", "document_id": "D"}]
    assert list(caller.multiupload(flow, files).json()) == ["batch_id"]
    assert caller.extracts(flow).json()["flow_uuid"] == flow


@pytest.mark.parametrize("life", ["3600", 0, -5, 10**9])
def test_a_token_can_have_any_life(caller: Caller, life: Any) -> None:
    """B44"""
    caller.sandbox.play({"authtoken": {"play": "set", "values": {"expires_in": life}}})
    assert caller.authtoken().json()["expires_in"] == life
    caller.sandbox.play({"authtoken": {"play": "no_expiry"}})
    assert list(caller.authtoken().json()) == ["access_token"]


def test_a_switch_keeps_to_its_flow_its_times_and_its_moment(caller: Caller, flow: str) -> None:
    other = caller.finish(2)
    bad = {"play": "status", "code": 500}
    caller.sandbox.play({"status": {**bad, "flow": flow, "skip": 1, "times": 2}})
    assert [caller.status(flow).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert caller.status(other).status_code == 200
    assert caller.sandbox.ask("/sandbox/faults") == [
        {"endpoint": "status", "play": "status", "times": 2, "met": 3, "played": 2}
    ]
    caller.sandbox.play({"status": {**bad, "when": "running"}})
    assert caller.status(flow).status_code == 200
    assert caller.status(caller.init().json()["flow_uuid"]).status_code == 500


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        ({"nowhere": {"play": "delay"}}, "no endpoint 'nowhere'"),
        ({"status": {"play": "dance"}}, "no play 'dance'"),
        ({"status": {"play": "drop"}}, "no play 'drop'"),
        ({"callback": {"play": "html"}}, "no play 'html'"),
        ({"status": "delay"}, "a switch is a JSON object"),
        ([], "Faults are a JSON object"),
    ],
)
def test_a_switch_that_cannot_be_played_is_refused_and_changes_nothing(
    caller: Caller, flow: str, faults: Any, word: str
) -> None:
    caller.sandbox.play({"status": {"play": "status", "code": 500}})
    answer = requests.put(f"{caller.sandbox.url}/sandbox/faults", data=json.dumps(faults), timeout=5)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert caller.status(flow).status_code == 500


def test_every_play_is_explained_where_switches_are_explained() -> None:
    from atlas_core.sandbox import faults

    told = set((faults.__doc__ or "").replace(":", " ").split())
    assert {play for plays in PLAYS.values() for play in plays} <= told
