"""What the client does when the network fails it: nothing hangs, is sent twice or is guessed."""

from __future__ import annotations

import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.errors import AtlasError, NoAnswer, NotSent, OutcomeUnknown, UnexpectedReply
from atlas_core.models import FileToSend, FlowRequest
from tests.servers_http import (
    FLOW,
    STATUS,
    ScriptedAtlas,
    Step,
    drip,
    flood,
    html,
    quick_client,
    raw,
    reply,
    reset,
    scripted_atlas,
    silence,
    zipped,
)

REQUEST = FlowRequest("PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a")
FILES = [FileToSend("invoice", "https://files.example/1.png")]
DEEDS: dict[str, Callable[[AtlasClient], object]] = {
    "flow/init": lambda client: client.init_flow(REQUEST),
    "multiupload": lambda client: client.upload_files(FLOW, FILES),
}
deeds = pytest.mark.parametrize("path", DEEDS)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Step] = {
    "silence": silence(),
    "status line": drip(b"HTTP/1.1 200 ", b"O"),
    "headers": drip(HEAD + b"X-Padding: ", b"x"),
    "body": drip(HEAD + b"Content-Length: 2000\r\n\r\n", b" "),
    "chunks": drip(CHUNKED, b"1\r\n \r\n"),
    "body without length": drip(HEAD + b"Connection: close\r\n\r\n", b" "),
    "not yet": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every=0.001),
}
LOST: dict[str, Step] = {
    **SLOW,
    "reset": reset(),
    "end of stream": raw("", keep=False),
    "cut body": raw("HTTP/1.1 201 Created\r\nContent-Length: 100", b'{"flow', keep=False),
    "cut chunk": raw("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked", b"ff\r\n{", keep=False),
    "not HTTP": raw("SSH-2.0-OpenSSH_9.2", keep=False),
    "gateway 502": html(502),
    "gateway 504": html(504),
    "gateway 503": html(503),
    "JSON 500": reply(500, {"error": "Something broke"}),
    "JSON 504": reply(504, {"error_code": "504", "error_message": "Service Unavailable: upstream"}),
    "portal 200": html(200),
    "empty 201": reply(201, b""),
    "null 201": reply(201, None),
    "broken JSON 201": reply(201, b'{"flow_uuid": "'),
    "no id 201": reply(201, {"message": "created"}),
    "empty list 201": reply(201, []),
    "UTF-16 201": reply(201, '{"flow_uuid": "LOS-00000000"}'.encode("utf-16")),
    "bad gzip 201": reply(201, b"not gzip", headers={"Content-Encoding": "gzip"}),
    "foreign encoding 201": reply(201, b"{}", headers={"Content-Encoding": "br"}),
}


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


@pytest.fixture
def hasty(atlas: ScriptedAtlas) -> Iterator[AtlasClient]:
    """A client that gives Atlas 0.2 s for everything."""
    with quick_client(atlas.url, read_seconds=0.1, total_seconds=0.2) as client:
        client.fetch_token()
        yield client


@pytest.fixture
def client(atlas: ScriptedAtlas) -> Iterator[AtlasClient]:
    with quick_client(atlas.url) as client:
        client.fetch_token()
        yield client


@deeds
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_a_deed_is_unknown_and_never_sent_again_b48_b49_b52_b5(
    atlas: ScriptedAtlas, hasty: AtlasClient, path: str, fault: str
) -> None:
    atlas.script(path, LOST[fault])
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match=rf"POST {path}: .* Atlas may have acted on it"):
        DEEDS[path](hasty)
    assert len(atlas.asked_for(path)) == 1
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("fault", SLOW)
def test_a_dripping_server_holds_a_question_no_longer_than_the_whole_call_may_last_b53(
    atlas: ScriptedAtlas, hasty: AtlasClient, fault: str
) -> None:
    atlas.script("status", SLOW[fault])
    started = time.monotonic()
    with pytest.raises(NoAnswer, match="GET status"):
        hasty.fetch_status(FLOW, attempts=1)
    assert 0.09 < time.monotonic() - started < 2


@pytest.mark.parametrize("fault", ["silence", "reset", "cut body", "cut chunk", "gateway 502", "JSON 500"])
def test_a_lost_answer_to_a_question_is_asked_for_again_b50_b5(
    atlas: ScriptedAtlas, client: AtlasClient, fault: str
) -> None:
    atlas.script("status", LOST[fault], reply(200, STATUS))
    assert client.fetch_status(FLOW).is_terminal
    assert len(atlas.asked_for("status")) == 2


def test_a_question_is_asked_three_times_and_no_more(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", html(502))
    with pytest.raises(UnexpectedReply, match="a proxy answered, not Atlas"):
        client.fetch_status(FLOW)
    assert len(atlas.asked_for("status")) == 3
    with pytest.raises(UnexpectedReply):
        client.fetch_status(FLOW, attempts=1)
    assert len(atlas.asked_for("status")) == 4


def test_a_kept_connection_that_died_costs_one_repetition_at_once_b61(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    atlas.script("status", reply(200, STATUS), reset(), reply(200, STATUS))
    client.fetch_status(FLOW, attempts=1)
    client.fetch_status(FLOW, attempts=1)
    assert len(atlas.asked_for("status")) == 3


def test_a_peer_that_vanished_behind_a_kept_connection_costs_one_repetition_b61(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    atlas.script("status", reply(200, STATUS), silence(), reply(200, STATUS))
    client.fetch_status(FLOW)
    assert client.fetch_status(FLOW, attempts=2).is_terminal
    assert len(atlas.asked_for("status")) == 3


def test_a_name_that_has_no_address_was_sent_nothing_b46() -> None:
    with quick_client("http://atlas.invalid") as client:
        for ask in (*DEEDS.values(), lambda client: client.fetch_status(FLOW)):
            with pytest.raises(NotSent, match=r"atlas.invalid cannot be found"):
                ask(client)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def test_a_closed_door_was_sent_nothing_b47() -> None:
    with quick_client(f"http://127.0.0.1:{free_port()}") as client:
        for ask in (*DEEDS.values(), lambda client: client.fetch_status(FLOW)):
            with pytest.raises(NotSent, match="refused the connection"):
                ask(client)


def test_a_door_that_never_opens_was_sent_nothing_b47() -> None:
    with ExitStack() as stack:
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # more than the door lets wait
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(door.getsockname())
        client = stack.enter_context(
            quick_client(f"http://127.0.0.1:{door.getsockname()[1]}", connect_seconds=0.1)
        )
        with pytest.raises(NotSent, match=r"no connection to 127.0.0.1:\d+ within 0.1 s"):
            client.fetch_status(FLOW)


@deeds
def test_a_deed_that_found_no_door_is_sent_once_the_door_opens_b47(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_atlas() as atlas, quick_client(atlas.url, backoff_seconds=0.2) as client:
        client.fetch_token()
        atlas.close()
        monkeypatch.setattr(random, "uniform", lambda _low, high: high)
        reopened: list[ScriptedAtlas] = []
        timer = threading.Timer(0.1, lambda: reopened.append(ScriptedAtlas(port=atlas.port)))
        timer.start()
        try:
            assert DEEDS[path](client)
            assert len(reopened[0].asked_for(path)) == 1
        finally:
            timer.join()
            reopened[0].close()


def test_a_server_that_does_not_read_is_left_at_the_deadline(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    atlas.reads_bodies = False
    atlas.script("multiupload", silence())
    large = FileToSend("large", "https://files.example/" + "x" * (24 << 20))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        client.upload_files(FLOW, [large])
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "fault",
    {
        "long body": flood(HEAD + b"Content-Length: 200000000\r\n\r\n", bytes(65536)),
        "endless chunks": flood(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"),
        "endless body": flood(HEAD + b"Connection: close\r\n\r\n", bytes(65536)),
        "gzip bomb": zipped(bytes(64 << 20)),
    }.items(),
    ids=lambda item: item[0],
)
def test_an_answer_is_read_no_further_than_twenty_megabytes_b53(
    atlas: ScriptedAtlas, fault: tuple[str, Step]
) -> None:
    with quick_client(atlas.url, read_seconds=5, total_seconds=10) as client:
        client.fetch_token()
        atlas.script("status", fault[1])
        tracemalloc.start()
        try:
            with pytest.raises(UnexpectedReply, match="larger than 20 MB"):
                client.fetch_status(FLOW, attempts=1)
            assert tracemalloc.get_traced_memory()[1] < 64 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_by_its_host_and_not_followed_b54_c25(
    atlas: ScriptedAtlas, client: AtlasClient, status: int
) -> None:
    with scripted_atlas() as other:
        location = {"Location": f"http://localhost:{other.port}/v3/verification/status?token=abc"}
        for path, ask in (("status", lambda client: client.fetch_status(FLOW)), *DEEDS.items()):
            atlas.script(path, reply(status, b"", headers=location))
            with pytest.raises(
                UnexpectedReply, match=rf"redirected to localhost \(status {status}\)"
            ) as caught:
                ask(client)
            assert "abc" not in str(caught.value)
            assert len(atlas.asked_for(path)) == 1
        assert other.asked == []


def test_whatever_bytes_come_back_only_our_own_errors_leave(atlas: ScriptedAtlas) -> None:
    chance = random.Random(7)
    names = [
        b"Content-Type",
        b"Content-Length",
        b"Content-Encoding",
        b"Transfer-Encoding",
        b"Location",
        b"Retry-After",
    ]
    names += [b"Set-Cookie", b"Connection", b"Content-Disposition", b"Refresh", b"X"]
    values = [
        b"gzip",
        b"chunked",
        b"-1",
        b"12",
        b"text/html; charset=\xff",
        b"http://[::1",
        b"//",
        b"\x00",
        b"a=b; Expires=x",
    ]
    values += [
        b"",
        b"keep-alive",
        b"close",
        b"gzip, gzip",
        b"9" * 30,
        b"\xff\xfe",
        b"Sun, 06 Nov 1994 08:49:37 GMT",
    ]

    def noise(connection: socket.socket, asked: object) -> bool:
        status = chance.choice(
            [100, 101, 199, 200, 201, 204, 206, 299, 302, 304, 401, 409, 429, 500, 503, 600, 999]
        )
        lines = [b"HTTP/1.1 %d %b" % (status, chance.randbytes(3))]
        lines += [chance.choice(names) + b": " + chance.choice(values) for _ in range(chance.randrange(5))]
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        if chance.random() < 0.2:
            head = chance.randbytes(40) + head
        connection.sendall(
            head + chance.choice([b"", b"{}", b"null", b"[[[", b'{"error": 1}', chance.randbytes(50)])
        )
        return False

    for path in ("status", "extracts", *DEEDS):
        atlas.script(path, noise)
    with quick_client(atlas.url, clock=lambda: 0.0, read_seconds=0.05, total_seconds=0.1) as client:
        asks = [
            lambda: client.fetch_status(FLOW, attempts=1),
            lambda: client.fetch_extracts(FLOW, attempts=1),
        ]
        asks += [lambda: client.init_flow(REQUEST), lambda: client.upload_files(FLOW, FILES)]
        sentences: list[str] = []
        for turn in range(400):
            try:
                asks[turn % 4]()
            except AtlasError as error:
                sentences.append(str(error))
    assert len(sentences) > 300
