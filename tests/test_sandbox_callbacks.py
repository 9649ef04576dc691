"""Atlas's own calls, as the sandbox makes them: a token, then the results, until acknowledged."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox_caller import Caller
from tests.servers import Lender, RunningSandbox, running_lender, running_sandbox, wait_until


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(seconds=0.1) as running:
        yield running


@pytest.fixture
def lender() -> Iterator[Lender]:
    with running_lender() as running:
        yield running


@pytest.fixture
def caller(sandbox: RunningSandbox, lender: Lender) -> Iterator[Caller]:
    sandbox.behave()
    yield Caller(sandbox, lender)
    sandbox.behave()


def brought(caller: Caller, flow: str) -> list[Any]:
    """What came to the callback door about a flow, oldest first."""
    arrivals = [arrival for arrival in caller.lender.arrivals if arrival.path.startswith("/callback")]
    return [arrival for arrival in arrivals if flow.encode() in arrival.body]


def acknowledged(caller: Caller, flow: str) -> list[Any]:
    return [sent["status"] for sent in caller.sandbox.calls()["callbacks"].get(flow, [])]


def test_results_come_once_with_a_token_fetched_just_before(caller: Caller, lender: Lender) -> None:
    flow = caller.start()
    wait_until(lambda: acknowledged(caller, flow) == [200])
    time.sleep(0.3)
    assert [arrival.path for arrival in lender.arrivals] == ["/auth", "/auth", "/callback"]
    assert [arrival.method for arrival in lender.arrivals] == ["POST"] * 3
    assert [arrival.body for arrival in lender.arrivals[:2]] == [b"{}"] * 2
    callback = lender.arrivals[-1]
    assert callback.headers["token"] == "lender-token"
    assert callback.headers["content-type"] == "application/json"
    assert callback.payload == caller.extracts(flow).json()


def test_a_callback_that_is_not_acknowledged_comes_again_with_a_fresh_token(
    caller: Caller, lender: Lender
) -> None:
    lender.answers["/callback"] = 503
    flow = caller.start(2)
    wait_until(lambda: len(brought(caller, flow)) == 2)
    lender.answers["/callback"] = 202
    wait_until(lambda: 202 in acknowledged(caller, flow))
    first, *others = brought(caller, flow)
    assert {other.body for other in others} == {first.body}
    assert len(lender.at("/auth")) == 1 + len(brought(caller, flow))


def test_without_a_token_there_is_no_callback(caller: Caller, lender: Lender) -> None:
    caller.sandbox.play({"multiupload": {"play": "skip_auth"}})
    lender.answers["/auth"] = 401
    flow = caller.start(3)
    wait_until(lambda: len(lender.at("/auth")) >= 2)
    assert not lender.at("/callback")
    lender.answers["/auth"] = 201
    wait_until(lambda: 200 in acknowledged(caller, flow))


def test_a_silent_lender_is_tried_five_times_and_then_left(caller: Caller, lender: Lender) -> None:
    lender.answers["/callback"] = 500
    flow = caller.start(4)
    wait_until(lambda: len(brought(caller, flow)) == 5, 15)
    time.sleep(0.3)
    assert acknowledged(caller, flow) == [500] * 5


@pytest.mark.parametrize(
    ("play", "header", "value"),
    [
        ({"play": "bearer"}, "authorization", "Bearer lender-token"),
        ({"play": "wrong_token"}, "token", "not-yours"),
        ({"play": "text_plain"}, "content-type", "text/plain"),
        ({"play": "gzip"}, "content-encoding", "gzip"),
        ({"play": "header", "set": {"X-More": 1}}, "x-more", "1"),
        ({"play": "no_token"}, "token", None),
        ({"play": "query_token"}, "token", None),
    ],
    ids=lambda value: value["play"] if isinstance(value, dict) else "",
)
def test_the_callback_travels_as_it_is_told_to(
    caller: Caller, lender: Lender, play: dict[str, Any], header: str, value: str | None
) -> None:
    """B62-B65, B77, B80"""
    caller.sandbox.play({"callback": play})
    caller.start(5)
    wait_until(lambda: lender.at("/callback"))
    arrival = lender.at("/callback")[0]
    assert arrival.headers.get(header) == value
    assert ("token=lender-token" in arrival.path) == (play["play"] == "query_token")


def test_auth_can_be_asked_by_get(caller: Caller, lender: Lender) -> None:
    caller.sandbox.play({"auth": [{"play": "method"}, {"play": "header", "set": {"Client-Id": "a"}}]})
    caller.start(6)
    wait_until(lambda: lender.at("/callback"))
    assert {(arrival.method, arrival.headers["client-id"]) for arrival in lender.at("/auth")} == {
        ("GET", "a")
    }


def test_a_callback_can_be_dropped(caller: Caller, lender: Lender) -> None:
    caller.sandbox.play({"callback": {"play": "drop"}})
    flow = caller.finish(7)
    time.sleep(0.3)
    assert not brought(caller, flow)


@pytest.mark.parametrize("together", [False, True])
def test_a_callback_can_come_many_times(caller: Caller, together: bool) -> None:
    """B66, B67"""
    caller.sandbox.play({"callback": {"play": "duplicate", "copies": 6, "together": together}})
    flow = caller.start(8)
    wait_until(lambda: acknowledged(caller, flow) == [200] * 6)
    assert len({arrival.body for arrival in brought(caller, flow)}) == 1


def test_two_callbacks_can_change_places(caller: Caller, lender: Lender) -> None:
    """B68"""
    caller.sandbox.play({"callback": {"play": "reorder", "times": 1}})
    first = caller.start(9)
    time.sleep(0.4)
    assert not brought(caller, first)
    second = caller.start(10)
    wait_until(lambda: len(lender.at("/callback")) == 2)
    assert [arrival.payload["flow_uuid"] for arrival in lender.at("/callback")] == [second, first]


def test_an_older_state_can_come_after_the_newer(caller: Caller) -> None:
    """B68"""
    caller.sandbox.play({"callback": {"play": "stale", "seconds": 0.05}})
    flow = caller.start(11)
    wait_until(lambda: len(brought(caller, flow)) == 2)
    new, old = (arrival.payload for arrival in brought(caller, flow))
    assert len(old["ocr_data"]) < len(new["ocr_data"])
    assert old["cross_checks"] == []


def test_a_callback_can_be_late(caller: Caller) -> None:
    caller.sandbox.play({"callback": {"play": "delay", "seconds": 0.6}})
    flow = caller.finish(12)
    assert not brought(caller, flow)
    wait_until(lambda: brought(caller, flow))


def test_a_callback_can_lie_while_extracts_tell_the_truth(caller: Caller) -> None:
    """B74"""
    caller.sandbox.play({"callback": {"play": "lie"}})
    flow = caller.start(13)
    wait_until(lambda: brought(caller, flow))
    lied = {check["similarity_score"] for check in brought(caller, flow)[0].payload["cross_checks"]}
    assert lied == {100}
    truth = {check["similarity_score"] for check in caller.extracts(flow).json()["cross_checks"]}
    assert truth != {100}


def test_a_callback_can_go_to_a_wrong_door_or_speak_of_another_application(
    caller: Caller, lender: Lender
) -> None:
    """B72, B73"""
    caller.sandbox.play(
        {"callback": [{"play": "path", "to": "/callback-of-another"}, {"play": "wrong_application"}]}
    )
    caller.start(14)
    wait_until(lambda: lender.at("/callback-of-another"))
    assert lender.at("/callback-of-another")[0].payload["application_id"] == "SOMEBODY-ELSE"


def test_a_callback_can_come_before_the_answer_that_names_its_flow(caller: Caller, lender: Lender) -> None:
    """B71"""
    caller.sandbox.play({"init": [{"play": "callback_first"}, {"play": "delay", "seconds": 0.2}]})
    flow = caller.init().json()["flow_uuid"]
    assert [arrival.payload["flow_uuid"] for arrival in lender.at("/callback")] == [flow]


def test_application_and_parameters_can_be_echoed(caller: Caller) -> None:
    caller.sandbox.play({"callback": [{"play": "echo"}, {"play": "with_ids"}]})
    flow = caller.start(15)
    wait_until(lambda: brought(caller, flow))
    payload = brought(caller, flow)[0].payload
    assert payload["application_id"].startswith("CDL-")
    assert payload["flow_params"] == {"branch": "Pune"}
    assert all(item["batch_id"].startswith("BATCH-") and item["file_uuid"] for item in payload["ocr_data"])
