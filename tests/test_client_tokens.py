"""The access token: renewed ahead of time, by one thread, and never asked for in a loop."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.errors import AtlasError, CredentialsRefused, NotSent, UnexpectedReply
from atlas_core.models import FileToSend, FlowRequest
from tests.servers_http import (
    FLOW,
    STATUS,
    ScriptedAtlas,
    Step,
    after,
    html,
    only_with,
    quick_client,
    reply,
    reset,
    scripted_atlas,
    silence,
)

HOUR = 3600.0
REQUEST = FlowRequest("PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a")


class Clock:
    """A monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


@pytest.fixture
def client(atlas: ScriptedAtlas, clock: Clock) -> Iterator[AtlasClient]:
    with quick_client(atlas.url, clock=clock) as client:
        yield client


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    """What `count` threads got or raised, all let go at the same moment."""
    gate = threading.Barrier(count)
    results: list[object] = []

    def run() -> None:
        gate.wait()
        try:
            results.append(work())
        except AtlasError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_token_is_renewed_at_four_fifths_of_its_life(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock
) -> None:
    client.fetch_status(FLOW)
    clock.now += 0.79 * HOUR
    client.fetch_status(FLOW)
    assert len(atlas.asked_for("authtoken")) == 1
    clock.now += 0.02 * HOUR
    client.fetch_status(FLOW)
    assert len(atlas.asked_for("authtoken")) == 2
    assert [asked.headers["token"] for asked in atlas.asked_for("status")] == [
        "token-1",
        "token-1",
        "token-2",
    ]


def test_fifty_threads_at_expiry_make_one_token_call(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock
) -> None:
    client.fetch_status(FLOW)
    clock.now += 2 * HOUR
    atlas.script(
        "authtoken", after(0.1, reply(201, {"access_token": "token-2", "expires_in": 3600})), silence(0)
    )
    results = in_threads(50, lambda: client.fetch_status(FLOW).is_terminal)
    assert results == [True] * 50
    assert len(atlas.asked_for("authtoken")) == 2
    assert Counter(asked.headers["token"] for asked in atlas.asked_for("status")) == {
        "token-1": 1,
        "token-2": 50,
    }


def test_fifty_looks_in_flight_when_the_token_ends_cost_one_new_token_and_none_is_lost_b56(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    client.fetch_status(FLOW)
    atlas.script("status", only_with("token-2", reply(200, STATUS)))
    results = in_threads(50, lambda: client.fetch_status(FLOW, attempts=1).is_terminal)
    assert results == [True] * 50
    assert len(atlas.asked_for("authtoken")) == 2


def test_a_deed_refused_with_401_is_repeated_once_with_a_new_token_b43(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    client.fetch_status(FLOW)
    atlas.script("flow/init", only_with("token-2", reply(201, {"flow_uuid": FLOW})))
    assert client.init_flow(REQUEST) == FLOW
    assert [asked.headers["token"] for asked in atlas.asked_for("flow/init")] == ["token-1", "token-2"]


def test_a_token_that_ends_between_init_and_multiupload_costs_one_new_one_b56(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    assert client.init_flow(REQUEST) == FLOW
    atlas.script("multiupload", only_with("token-2", reply(201, {"batch_id": "BATCH-1"})))
    assert len(client.upload_files(FLOW, [FileToSend("invoice", "https://files.example/1.png")])) == 1
    assert [asked.headers["token"] for asked in atlas.asked_for("multiupload")] == ["token-1", "token-2"]
    assert len(atlas.asked_for("authtoken")) == 2


def test_a_second_401_stops_everybody_for_thirty_seconds_b43(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock
) -> None:
    atlas.script("status", reply(401, {"error": "Invalid token"}))
    with pytest.raises(CredentialsRefused, match="Invalid token"):
        client.fetch_status(FLOW)
    assert (len(atlas.asked_for("status")), len(atlas.asked_for("authtoken"))) == (2, 2)

    clock.now += 10
    with pytest.raises(CredentialsRefused, match="in 20 s"):
        client.init_flow(REQUEST)
    assert len(atlas.asked) == 4

    clock.now += 21
    atlas.script("status", reply(200, STATUS))
    assert client.fetch_status(FLOW).is_terminal
    assert len(atlas.asked_for("authtoken")) == 3


@pytest.mark.parametrize(
    ("status", "envelope"),
    [
        (401, {"error": "Invalid Client-Id or Client-Secret"}),
        (
            401,
            {
                "error_code": "401",
                "error_message": "Authentication Error: Invalid client_id or client_secret",
            },
        ),
        (400, {"error": "Missing Client-Id or Client-Secret"}),
    ],
)
def test_refused_credentials_are_tried_once_in_thirty_seconds_b43(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock, status: int, envelope: dict[str, str]
) -> None:
    atlas.script("authtoken", reply(status, envelope))
    results = in_threads(20, lambda: client.fetch_status(FLOW))
    assert {type(result) for result in results} == {CredentialsRefused}
    assert len(atlas.asked) == 1
    clock.now += 29
    with pytest.raises(CredentialsRefused, match="ATLAS_CLIENT_SECRET; they are tried again in 1 s"):
        client.fetch_token()
    assert len(atlas.asked) == 1
    clock.now += 2
    with pytest.raises(CredentialsRefused, match="Atlas answered"):
        client.fetch_status(FLOW)
    assert len(atlas.asked) == 2


def test_a_proxys_sign_in_page_does_not_cost_the_token_b2(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", html(401), reply(200, STATUS))
    with pytest.raises(UnexpectedReply, match="a proxy answered, not Atlas"):
        client.fetch_status(FLOW)
    assert client.fetch_status(FLOW).is_terminal
    assert len(atlas.asked_for("authtoken")) == 1


def test_a_token_serves_on_while_its_renewal_fails(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock
) -> None:
    client.fetch_status(FLOW)
    atlas.script("authtoken", html(503))
    clock.now += 0.85 * HOUR
    assert client.fetch_status(FLOW, attempts=1).is_terminal
    assert client.fetch_status(FLOW, attempts=1).is_terminal
    assert len(atlas.asked_for("authtoken")) == 2
    clock.now += 0.2 * HOUR
    with pytest.raises(AtlasError, match="POST authtoken"):
        client.fetch_status(FLOW, attempts=1)


def test_nobody_waits_for_a_renewal_while_the_token_still_lives(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock
) -> None:
    client.fetch_status(FLOW)
    clock.now += 0.85 * HOUR
    atlas.script("authtoken", after(0.25, reply(201, {"access_token": "token-2", "expires_in": 3600})))
    leader = threading.Thread(target=lambda: client.fetch_status(FLOW))
    leader.start()
    while len(atlas.asked_for("authtoken")) < 2:
        time.sleep(0.002)
    client.fetch_status(FLOW)
    assert leader.is_alive()
    leader.join()
    assert [asked.headers["token"] for asked in atlas.asked_for("status")] == [
        "token-1",
        "token-1",
        "token-2",
    ]


def test_a_lost_token_answer_is_asked_for_again_b50(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("authtoken", reset(), html(502), reply(201, {"access_token": "token-9", "expires_in": 3600}))
    assert client.fetch_status(FLOW).is_terminal


@pytest.mark.parametrize("fault", [silence(), html(502), reply(500, {"error": "Something broke"})])
def test_a_deed_without_a_token_was_not_sent(atlas: ScriptedAtlas, client: AtlasClient, fault: Step) -> None:
    atlas.script("authtoken", fault)
    with pytest.raises(NotSent, match="POST flow/init: there was no token to send it with"):
        client.init_flow(REQUEST)
    assert (len(atlas.asked_for("authtoken")), len(atlas.asked_for("flow/init"))) == (3, 0)


@pytest.mark.parametrize(
    ("life", "seconds"), [(None, 300), ("3600", 300), (0, 300), (-5, 300), (10**9, 3600)]
)
def test_an_odd_life_is_replaced_by_a_safe_one_b44(
    atlas: ScriptedAtlas, client: AtlasClient, clock: Clock, life: object, seconds: int
) -> None:
    atlas.script("authtoken", reply(201, {"access_token": "token-1", "expires_in": life}))
    client.fetch_status(FLOW)
    clock.now += 0.79 * seconds
    client.fetch_status(FLOW)
    assert len(atlas.asked_for("authtoken")) == 1
    clock.now += 0.02 * seconds
    client.fetch_status(FLOW)
    assert len(atlas.asked_for("authtoken")) == 2


@pytest.mark.parametrize("token", ["", "two\nlines", None, 7, "sécret"])
def test_a_token_that_no_header_can_carry_is_an_error_that_does_not_show_it_b44(
    atlas: ScriptedAtlas, client: AtlasClient, token: object
) -> None:
    atlas.script("authtoken", reply(201, {"access_token": token, "expires_in": 3600}))
    with pytest.raises(UnexpectedReply, match="POST authtoken") as caught:
        client.fetch_status(FLOW)
    assert "lines" not in str(caught.value)
    assert "sécret" not in str(caught.value)


def test_the_walls_clock_moves_no_token_b57(atlas: ScriptedAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    with quick_client(atlas.url) as client:
        client.fetch_status(FLOW)
        true = time.time()
        for jump in (-600, 600, 86_400 * 365):
            monkeypatch.setattr(time, "time", lambda jump=jump: true + jump)
            client.fetch_status(FLOW)
    assert len(atlas.asked_for("authtoken")) == 1


def test_a_new_token_may_be_asked_for_and_replaces_the_held_one(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    client.fetch_status(FLOW)
    assert client.fetch_token().access_token == "token-2"
    client.fetch_status(FLOW)
    assert [asked.headers["token"] for asked in atlas.asked_for("status")] == ["token-1", "token-2"]
