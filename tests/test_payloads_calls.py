"""What Atlas answers to authtoken, flow/init, multiupload and status; its refusals; and what it is sent."""

from __future__ import annotations

import json
import random

import pytest

from atlas_core.api.payloads import (
    init_body,
    parse_flow_uuid,
    parse_json,
    parse_refusal,
    parse_refusal_status,
    parse_status,
    parse_token,
    parse_uploads,
    upload_body,
)
from atlas_core.errors import PayloadError
from atlas_core.models import (
    FileToSend,
    Flag,
    FlagKind,
    FlowRequest,
    FlowStatus,
    Outcome,
    UploadedFile,
    outcome_of,
)
from tests.invented_numbers import aadhaar, fours, numbers_left

NUMBER = aadhaar(random.Random("calls"))
SOUND = {
    "upload_status": "SUCCESS",
    "processing_status": "PENDING",
    "crossheck_status": "NOT_STARTED",
    "master_status": "IN_PROGRESS",
}


def test_flow_init_is_sent_all_five_members() -> None:
    request = FlowRequest("PROD_CDL", "LOAN-1", "https://desk.example/a", "https://desk.example/c")
    assert init_body(request) == {
        "product_type": "PROD_CDL",
        "application_id": "LOAN-1",
        "auth_url": "https://desk.example/a",
        "callback_url": "https://desk.example/c",
        "flow_params": {},
    }


def test_multiupload_is_sent_the_addresses_whole_and_no_types() -> None:
    files = [FileToSend("invoice", "https://f.example/1?sig=x"), FileToSend("pan", "https://f.example/2")]
    assert upload_body("flow-0001", files) == {
        "flow_uuid": "flow-0001",
        "file_urls": [
            {"file_url": "https://f.example/1?sig=x", "document_id": "invoice"},
            {"file_url": "https://f.example/2", "document_id": "pan"},
        ],
    }


# ------------------------------------------------------------------------------------------ authtoken


@pytest.mark.parametrize(
    ("life", "seconds"),
    [
        (3600, 3600),
        (60, 60),
        (0.5, 0.5),
        (10**9, 3600),
        (0, 300),
        (-5, 300),
        ("3600", 300),
        (None, 300),
        (True, 300),
    ],
)
def test_b44_a_token_lives_as_long_as_it_says_within_reason(life: object, seconds: float) -> None:
    token = parse_token({"access_token": "a.b.c", "expires_in": life, "refresh_token": "ignored"})
    assert (token.access_token, token.expires_in) == ("a.b.c", seconds)
    assert "a.b.c" not in repr(token)


def test_b44_a_token_without_a_life_or_with_one_that_is_no_number_is_used_for_a_short_while() -> None:
    assert parse_token({"access_token": "a.b.c"}).expires_in == 300
    value, _ = parse_json(b'{"access_token": "a.b.c", "expires_in": NaN}')
    assert parse_token(value).expires_in == 300
    value, _ = parse_json(b'{"access_token": "a.b.c", "expires_in": 1e400}')
    assert parse_token(value).expires_in == 300


@pytest.mark.parametrize("token", ["", "a\nb", "a b", "a\r\nX: y", "\u0928", None, 7, ["a"], "a" * 20_000])
def test_b44_a_token_that_cannot_stand_in_a_header_is_refused_and_not_quoted(token: object) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_token({"access_token": token, "expires_in": 3600})
    assert caught.value.place == "access_token"


@pytest.mark.parametrize("parse", [parse_token, parse_flow_uuid, parse_status])
@pytest.mark.parametrize("value", [None, [], "text", 7, True, {}])
def test_b4_an_answer_that_is_no_object_or_empty_is_refused(parse: object, value: object) -> None:
    with pytest.raises(PayloadError):
        parse(value)  # type: ignore[operator]


# ------------------------------------------------------------------------------------------ flow/init


@pytest.mark.parametrize(
    "flow_uuid", ["9a1f0c52-6d0b-4b57-8f35-0d5c1e2f3a4b", "LOS-9a1f0c52-6d0b-4b57", "FLOW0001"]
)
def test_b40_a_flow_id_need_not_be_a_uuid(flow_uuid: str) -> None:
    assert parse_flow_uuid({"flow_uuid": flow_uuid}) == flow_uuid


@pytest.mark.parametrize(
    "flow_uuid", [None, "", "short", "x" * 65, "a/../b-12345", "tab\t12345", 12345678, ["x"]]
)
def test_b40_anything_else_is_refused_with_its_place(flow_uuid: object) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_flow_uuid({"flow_uuid": flow_uuid})
    assert caught.value.place == "flow_uuid"


# ---------------------------------------------------------------------------------------- multiupload


def test_uploaded_files_come_as_a_list_with_one_entry_each() -> None:
    entry = {"batch_id": "BATCH-30732-SIYKJ-20251121113228", "file_uuid": "f", "document_id": "invoice"}
    assert parse_uploads([entry, {**entry, "file_uuid": "g", "document_id": "pan"}]) == (
        UploadedFile("BATCH-30732-SIYKJ-20251121113228", "f", "invoice"),
        UploadedFile("BATCH-30732-SIYKJ-20251121113228", "g", "pan"),
    )


@pytest.mark.parametrize(
    "value", [{"batch_id": "B"}, [{"batch_id": "B"}], [{"batch_id": "B", "file_uuid": "", "x": 1}]]
)
def test_uploaded_files_may_come_as_one_object_with_only_the_batch(value: object) -> None:
    assert parse_uploads(value) == (UploadedFile("B", None, None),)


def test_an_id_of_digits_may_come_as_a_number_and_a_personal_one_is_masked() -> None:
    (file,) = parse_uploads([{"batch_id": 7, "document_id": NUMBER}])
    assert (file.batch_id, file.document_id) == ("7", f"XXXX XXXX {NUMBER[-4:]}")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], ""),
        (None, "[0]"),
        ("text", "[0]"),
        ({}, "[0]"),
        ([{"batch_id": "B"}, "text"], "[1]"),
        ([{"batch_id": "B"}, {}], "[1]"),
        ([{"batch_id": ["B"]}], "[0].batch_id"),
        ([{"batch_id": True}], "[0].batch_id"),
        ({"error": "no"}, "[0]"),
    ],
)
def test_b4_an_answer_that_names_no_file_and_no_batch_is_refused_whole(value: object, place: str) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_uploads(value)
    assert caught.value.place == place


# --------------------------------------------------------------------------------------------- status


def test_the_four_statuses_are_read_as_atlas_spells_them() -> None:
    status = parse_status({**SOUND, "flow_uuid": "x", "extra": 1})
    assert status == FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS")
    assert not status.is_terminal


@pytest.mark.parametrize("text", ["PARTIAL", "success", "SUCCESS ", "", "\u0423SPEX"])
def test_b22_an_unknown_status_is_kept_flagged_and_never_terminal(text: str) -> None:
    status = parse_status({**SOUND, "master_status": text})
    assert status.master == text
    assert status.flags == (Flag(FlagKind.STATUS_UNKNOWN, "master_status", text),)
    assert not status.is_terminal
    asked = {
        "has_result": True,
        "document_errors": 0,
        "low_checks": 0,
        "review_flags": 0,
    }
    assert outcome_of(status.master, **asked) is Outcome.UNKNOWN  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "shown"), [(3, "3"), (True, "true"), (["SUCCESS"], '["SUCCESS"]'), ({"a": 1}, '{"a":1}')]
)
def test_b22_a_status_that_is_no_text_is_shown_as_what_it_is_and_flagged(value: object, shown: str) -> None:
    status = parse_status({**SOUND, "upload_status": value})
    assert status.upload == shown
    assert [flag.kind for flag in status.flags] == [FlagKind.STATUS_UNKNOWN]


def test_b22_each_stage_knows_its_own_words() -> None:
    assert parse_status({**SOUND, "crossheck_status": "SUCCESS"}).flags
    assert parse_status({**SOUND, "master_status": "PENDING"}).flags
    assert not parse_status({**SOUND, "crossheck_status": "COMPLETED"}).flags


def test_b23_both_spellings_of_the_cross_check_status_are_read() -> None:
    other = {key: text for key, text in SOUND.items() if key != "crossheck_status"}
    for answer in (
        {**other, "crosscheck_status": "COMPLETED"},
        {**other, "crosscheck_status": "COMPLETED", "crossheck_status": None},
        {**other, "crosscheck_status": "COMPLETED", "crossheck_status": "COMPLETED"},
        {**other, "crosscheck_status": None, "crossheck_status": "COMPLETED"},
    ):
        assert parse_status(answer) == FlowStatus("SUCCESS", "PENDING", "COMPLETED", "IN_PROGRESS")


def test_b23_where_the_spellings_differ_the_documented_one_counts_and_it_is_flagged() -> None:
    status = parse_status({**SOUND, "crossheck_status": "PENDING", "crosscheck_status": "COMPLETED"})
    assert status.crosscheck == "PENDING"
    assert status.flags == (Flag(FlagKind.STATUS_SPELLINGS_DIFFER, "crosscheck_status", "COMPLETED"),)


def test_statuses_that_atlas_left_out_are_none_but_one_must_be_there() -> None:
    assert parse_status({"master_status": "SUCCESS"}) == FlowStatus(None, None, None, "SUCCESS")
    with pytest.raises(PayloadError):
        parse_status({"upload_status": None, "flow_uuid": "x"})


def test_a_status_keeps_neither_a_personal_number_nor_more_than_a_line() -> None:
    status = parse_status({**SOUND, "master_status": f"FAILED {fours(NUMBER)} " + "x" * 1_000})
    assert numbers_left(repr(status)) == []
    assert status.master is not None
    assert len(status.master) <= 210


# ------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("answer", "message", "code"),
    [
        ({"error_code": "401", "error_message": "Authentication Error: x"}, "Authentication Error: x", 401),
        ({"error_code": 409, "error_message": "Resource Conflict: x"}, "Resource Conflict: x", 409),
        ({"error": "Flow not found"}, "Flow not found", None),
        (
            {"error": "Invalid token", "reason": "Signature verification failed"},
            "Invalid token: Signature verification failed",
            None,
        ),
        ({"error": {"why": 1}}, '{"why":1}', None),
        ({"error_code": "503"}, "error code 503", 503),
        ({"error_code": "INVALID", "error_message": "x"}, "x", None),
        ({"error_message": "two\n lines\t and  spaces"}, "two lines and spaces", None),
    ],
)
def test_b3_both_envelopes_of_errors_are_understood(answer: object, message: str, code: int | None) -> None:
    body = json.dumps(answer).encode()
    assert parse_refusal(body) == message
    assert parse_refusal_status(body) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"error"',
        b"{}",
        b'{"error": null}',
        b'{"error": ""}',
        b'{"reason": "x"}',
        b"\xff",
        b"[" * 99,
        json.dumps({**SOUND, "error": "x"}).encode(),
        b'{"ocr_data": [], "error": "x"}',
    ],
)
def test_b3_what_is_no_envelope_is_no_refusal(body: bytes) -> None:
    assert parse_refusal(body) is None
    assert parse_refusal_status(body) is None


def test_a_refusal_holds_no_number_no_signature_and_no_path_of_ours() -> None:
    message = (
        f"Could not reach https://desk.example:8600/atlas/auth/our-secret for {fours(NUMBER)}; "
        "file https://f.example/x.png?X-Amz-Signature=secret " + "and so on " * 100
    )
    told = parse_refusal(json.dumps({"error": message}).encode())
    assert told is not None
    assert len(told) <= 300
    assert "secret" not in told
    assert numbers_left(told) == []
    assert told.startswith("Could not reach https://desk.example:8600/")


def test_b9_a_refusal_holds_no_control_character() -> None:
    assert parse_refusal(b'{"error": "a\\u0000b\\u202e"}') == "ab\u202e"
