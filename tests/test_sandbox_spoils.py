"""Statuses and results can be spoiled in every way the sandbox knows."""

from collections.abc import Iterator
from typing import Any

import pytest

from atlas_core.sandbox.edits import RESULT_CHANGES, RESULT_DELETIONS, RESULT_SETTINGS, STATUS_SETTINGS
from tests.sandbox_caller import Caller
from tests.servers import running_lender, running_sandbox


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


@pytest.mark.parametrize("play", sorted(STATUS_SETTINGS))
def test_a_status_can_be_spoiled(caller: Caller, flow: str, play: str) -> None:
    """B22-B24"""
    honest = caller.status(flow).json()
    caller.sandbox.play({"status": {"play": play, "skip": 0}})
    assert caller.status(flow).json() == {**honest, **STATUS_SETTINGS[play]}


def test_the_status_key_can_be_spelled_rightly(caller: Caller, flow: str) -> None:
    """B23"""
    caller.sandbox.play({"status": {"play": "right_spelling"}})
    told = caller.status(flow).json()
    assert told["crosscheck_status"] == "COMPLETED"
    assert "crossheck_status" not in told


def test_late_news_comes_after_the_end_has_been_told_once(caller: Caller, flow: str) -> None:
    """B68"""
    caller.sandbox.play({"status": {"play": "late_news", "times": 1}})
    told = [caller.status(flow).json()["master_status"] for _ in range(3)]
    assert told == ["SUCCESS", "IN_PROGRESS", "SUCCESS"]


SPOILS = sorted({*RESULT_SETTINGS, *RESULT_DELETIONS, *RESULT_CHANGES})


@pytest.mark.parametrize("play", SPOILS)
def test_results_can_be_spoiled(caller: Caller, flow: str, play: str) -> None:
    """B8-B39"""
    honest = caller.extracts(flow).content
    caller.sandbox.play({"extracts": {"play": play}})
    answer = caller.extracts(flow)
    assert answer.status_code == 200
    assert answer.content != honest
    caller.sandbox.behave()
    assert caller.extracts(flow).content == honest, "a spoiled answer spoils no later one"


@pytest.mark.parametrize(
    ("play", "piece"),
    [
        ("nan_score", b'"similarity_score": NaN,'),
        ("infinite_score", b'"similarity_score": 1e400,'),
        ("huge_number", b"9" * 5000),
        ("deep", b"[" * 100_000),
        ("duplicate_keys", b'"similarity_score": 12, "similarity_score": 98,'),
        ("lone_surrogate", b"\\ud800"),
        ("control_characters", b"\\u0000"),
        ("long_value", b"A" * 1_000_000),
    ],
)
def test_what_json_libraries_differ_about_goes_out_as_written(
    caller: Caller, flow: str, play: str, piece: bytes
) -> None:
    """B8-B14, B33"""
    caller.sandbox.play({"extracts": {"play": play}})
    assert piece in caller.extracts(flow).content


def test_shapes_can_be_other_than_documented(caller: Caller, flow: str) -> None:
    """B29, B32, B33"""

    def played(play: str) -> Any:
        caller.sandbox.play({"extracts": {"play": play}})
        return caller.extracts(flow).json()

    honest = caller.extracts(flow).json()
    assert isinstance(played("bare_fields")["ocr_data"][0]["data"]["customer_name"], str)
    assert "value" in played("nested_fields")["ocr_data"][0]["data"]["customer_name"]["value"]
    turned = played("reversed_checks")["cross_checks"][-1]
    assert turned["source_value"] == honest["cross_checks"][0]["target_value"]
    assert played("duplicate_checks")["cross_checks"][-1] == honest["cross_checks"][0]
    assert len(played("missing_document")["ocr_data"]) == len(honest["ocr_data"]) - 1
    many = played("many")
    assert (len(many["cross_checks"]), len(many["ocr_data"])) == (10_000, 5_000)


def test_a_path_can_be_set_or_deleted_anywhere(caller: Caller, flow: str) -> None:
    values = {
        "cross_checks.*.similarity_score": {"$verbatim": "1e999"},
        "ocr_data.-1.document_id": "",
        "no.such": 1,
    }
    caller.sandbox.play(
        {
            "extracts": [
                {"play": "set", "values": values},
                {"play": "delete", "paths": ["ocr_data.0", "gone", "flow_uuid"]},
            ]
        }
    )
    made = caller.extracts(flow).json()
    assert {check["similarity_score"] for check in made["cross_checks"]} == {float("inf")}
    assert made["ocr_data"][-1]["document_id"] == ""
    assert "flow_uuid" not in made
    assert "no" not in made


def test_an_error_answer_is_left_alone_by_plays_about_results(caller: Caller) -> None:
    for play in SPOILS:
        caller.sandbox.play({"extracts": {"play": play}})
        assert caller.extracts("nobody").json() == {"error": "Flow not found"}
