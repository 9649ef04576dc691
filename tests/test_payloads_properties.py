"""Rules that hold for any results payload at all."""

from __future__ import annotations

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_core.api import payloads
from atlas_core.api.payloads import compare_documents, parse_result
from atlas_core.api.strict_json import parse_json
from atlas_core.errors import PayloadError
from atlas_core.models import Result
from tests.invented_numbers import aadhaar, fours, numbers_left

NUMBERS = st.builds(lambda seed: aadhaar(random.Random(seed), first="0123456789"), st.integers(0, 10**6))
TEXTS = st.one_of(
    st.text(max_size=12),
    NUMBERS,
    NUMBERS.map(fours),
    NUMBERS.map(lambda number: f"https://f.example/{number}?sig=x"),
    st.sampled_from(["\ud800", "\x00", "98.5", "31/02/1986", "UNRECOGNISED", "SUCCESS", "\u202e", "NaN"]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    TEXTS,
    NUMBERS.map(int),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.one_of(
    VALUES, st.fixed_dictionaries({"value": VALUES}, optional={"confidence_score": SCALARS, "x": VALUES})
)
NAMES = st.one_of(TEXTS, st.sampled_from(["document_type", "aadhaar_number", "date_of_birth", "imei_number"]))
DOCUMENTS = st.fixed_dictionaries(
    {"data": st.one_of(VALUES, st.dictionaries(NAMES, FIELDS, max_size=4))},
    optional=dict.fromkeys(("document_id", "error_code", "error_reason", "file_uuid", "batch_id"), SCALARS),
)
CHECKS = st.fixed_dictionaries(
    {"similarity_score": SCALARS},
    optional=dict.fromkeys(
        ("name", "source_field_name", "source_value", "target_value", "target_doc"), VALUES
    ),
)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "ocr_data": st.one_of(SCALARS, st.lists(st.one_of(DOCUMENTS, VALUES), max_size=3)),
        "cross_checks": st.one_of(st.none(), st.lists(st.one_of(CHECKS, VALUES), max_size=3)),
        "application_id": SCALARS,
        "flow_uuid": st.sampled_from([None, "FLOW0001", "x", 7]),
        "flow_params": VALUES,
    },
)
ANYTHING = st.one_of(VALUES, PAYLOADS)


def read(value: object) -> Result | None:
    """The result, or None where the payload was refused; any other error fails the test."""
    try:
        return parse_result(json.dumps(value).encode())
    except PayloadError:
        return None


@settings(max_examples=500, derandomize=True)
@given(ANYTHING)
def test_any_json_value_gives_a_result_or_a_payload_error(value: object) -> None:
    result = read(value)
    if result is None:
        return
    compare_documents(result, ["a", "b"])
    for document in result.documents or ():
        for field in document.fields:
            assert field.confidence is None or 0 <= field.confidence <= 1
            assert field.shape in {"text", "number", "boolean", "list", "object", "empty", "null"}
            assert field.value is None or isinstance(field.value, str | int | float)
    for one in result.cross_checks or ():
        assert one.similarity is None or 0 <= one.similarity <= 100
    assert all(len(flag.raw) <= 200 and len(flag.place) <= 300 for flag in result.flags)


@settings(max_examples=500, derandomize=True)
@given(PAYLOADS)
def test_what_is_kept_of_a_payload_reads_again_as_the_same(value: object) -> None:
    result = read(value)
    if result is None:
        return
    again = parse_result(result.canonical)
    assert (again.canonical, again.digest, again.masked) == (result.canonical, result.digest, 0)
    assert again.application_id == result.application_id
    assert len(again.documents or ()) == len(result.documents or ())
    result.canonical.decode()
    assert numbers_left(result.canonical.decode()) == []
    assert (
        numbers_left(repr((result.documents, result.cross_checks, result.application_id, result.flags))) == []
    )


@settings(max_examples=300, derandomize=True)
@given(PAYLOADS, st.integers(0, 10**6))
def test_b66_the_digest_does_not_depend_on_the_order_of_keys_or_on_whitespace(
    value: object, seed: int
) -> None:
    result = read(value)
    other = read(_shuffled(json.loads(json.dumps(value)), random.Random(seed)))
    assert (result is None) == (other is None)
    if result is not None and other is not None:
        assert result.digest == other.digest
        assert {(flag.kind, flag.raw) for flag in result.flags} == {
            (flag.kind, flag.raw) for flag in other.flags
        }


@settings(max_examples=300, derandomize=True)
@given(st.one_of(st.binary(max_size=60), ANYTHING.map(lambda value: json.dumps(value).encode()[:-1])))
def test_any_bytes_give_a_value_or_a_payload_error(body: bytes) -> None:
    assert payloads.parse_refusal(body) is None or body
    try:
        value, _ = parse_json(body)
    except PayloadError:
        return
    for parse in (
        payloads.parse_token,
        payloads.parse_flow_uuid,
        payloads.parse_uploads,
        payloads.parse_status,
    ):
        try:
            parse(value)
        except PayloadError:
            continue


@settings(max_examples=300, derandomize=True)
@given(ANYTHING)
def test_any_answer_gives_a_reading_or_a_payload_error(value: object) -> None:
    body = json.dumps(value).encode()
    payloads.parse_refusal(body)
    mended, _ = parse_json(body)
    for parse in (
        payloads.parse_token,
        payloads.parse_flow_uuid,
        payloads.parse_uploads,
        payloads.parse_status,
    ):
        try:
            read = parse(mended)
        except PayloadError:
            continue
        assert parse is payloads.parse_token or numbers_left(repr(read)) == []


def _shuffled(value: object, chance: random.Random) -> object:
    if isinstance(value, list):
        return [_shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: _shuffled(value[key], chance) for key in keys}
