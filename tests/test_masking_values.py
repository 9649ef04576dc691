"""Personal numbers anywhere in a JSON value: texts, lists, keys, numbers, and fields named for them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_core.api.masking import mask_aadhaar_value, mask_text, mask_value
from tests.invented_numbers import SCRIPTS, aadhaar, fours, in_script, misread, numbers_left

CHANCE = random.Random("masking values")
NUMBER = aadhaar(CHANCE)
MASKED = f"XXXX XXXX {NUMBER[-4:]}"
WRONG = misread(NUMBER)
WRONG_MASKED = f"XXXX XXXX {WRONG[-4:]}"


def test_b36_numbers_are_masked_in_lists_keys_and_deep_places_and_counted() -> None:
    value = {
        "list": ["x", fours(NUMBER)],
        NUMBER: "as a key",
        "deep": {"er": [{"est": f"see {NUMBER}"}]},
        "number": int(NUMBER),
        "float": float(NUMBER),
    }
    assert mask_value(value) == (
        {
            "list": ["x", MASKED],
            MASKED: "as a key",
            "deep": {"er": [{"est": f"see {MASKED}"}]},
            "number": MASKED,
            "float": MASKED,
        },
        5,
    )


def test_b37_a_field_is_masked_by_its_name_in_every_form_a_field_takes() -> None:
    for value, expected in (
        ({"aadhaar_number": WRONG}, {"aadhaar_number": WRONG_MASKED}),
        ({"aadhaar_number": int(WRONG)}, {"aadhaar_number": WRONG_MASKED}),
        ({"aadhaar_number": [WRONG]}, {"aadhaar_number": [WRONG_MASKED]}),
        (
            {"aadhaar_number": {"value": WRONG, "confidence_score": 0.9512345678}},
            {"aadhaar_number": {"value": WRONG_MASKED, "confidence_score": 0.9512345678}},
        ),
        ({"uid": {"a": {"b": WRONG}}}, {"uid": {"a": {"b": WRONG_MASKED}}}),
        ({"aadhaar_numbers": {WRONG: 1}}, {"aadhaar_numbers": {WRONG_MASKED: 1}}),
        ({"Aadhar No": WRONG[:11]}, {"Aadhar No": f"XXXXXXX{WRONG[7:11]}"}),
    ):
        assert mask_value(value) == (expected, 1)


def test_b37_a_cross_check_is_masked_by_the_name_of_the_field_it_compares() -> None:
    check = {
        "name": "ID_MATCH",
        "source_field_name": "aadhaar_number",
        "source_value": WRONG,
        "target_field_name": "loan_number",
        "target_value": WRONG,
        "similarity_score": 100,
    }
    assert mask_value(check) == ({**check, "source_value": WRONG_MASKED}, 1)
    named = {**check, "source_field_name": "x", "name": "AADHAAR_NUMBER"}
    assert mask_value(named) == ({**named, "source_value": WRONG_MASKED, "target_value": WRONG_MASKED}, 2)


def test_b37_numbers_of_other_fields_with_a_wrong_check_digit_stay_numbers() -> None:
    value = {"loan_number": int(WRONG), "price": 42990, "imei": 356938035643809, "ratio": 0.25, "flag": True}
    assert mask_value(value) == (value, 0)


def test_keys_that_look_alike_once_masked_are_all_kept_whatever_their_order() -> None:
    keys = [NUMBER, fours(NUMBER), fours(NUMBER, "-")]
    there, _ = mask_value({key: len(key) for key in keys} | {NUMBER: "bare", MASKED: "plain"})
    back, _ = mask_value({MASKED: "plain"} | {key: len(key) for key in reversed(keys)} | {NUMBER: "bare"})
    assert isinstance(there, dict)
    assert len(there) == 4
    assert there == back
    assert there[MASKED] == "plain"


def test_the_linked_picture_of_a_masked_card_keeps_its_address_without_the_signature() -> None:
    value = {"aadhaar_number": {"value": fours(NUMBER), "redact_url": "https://f.example/a.png?sig=secret"}}
    assert mask_value(value) == (
        {"aadhaar_number": {"value": MASKED, "redact_url": "https://f.example/a.png"}},
        2,
    )


# ------------------------------------------------------------------------------------------- A22


def _forms(chance: random.Random) -> tuple[str, object]:
    """A number and one of the ways in which it may be written."""
    number = aadhaar(chance, first="0123456789")
    zero = chance.choice(SCRIPTS)
    forms: list[Callable[[], object]] = [
        lambda: number,
        lambda: fours(number, chance.choice([" ", "-", ".", "\u00a0", "\u200b", "\u2013", " - ", "\n", "/"])),
        lambda: in_script(number, zero),
        lambda: in_script(fours(number, chance.choice(" -.")), zero),
        lambda: f"Aadhaar {number} of the applicant",
        lambda: f"Flat 12, Pune 411001 {fours(number)} 1986",
        lambda: f"https://f.example/{number}/x.png?aadhaar={number}",
        lambda: int(number) if number[0] != "0" else number,
        lambda: float(number) if number[0] != "0" else number,
        lambda: " ".join(number),
    ]
    return number, chance.choice(forms)()


def _hide(chance: random.Random, hidden: object, depth: int = 0) -> object:
    """The hidden thing somewhere inside lists, objects, keys and known places."""
    if depth >= 4 or chance.random() < 0.2:
        return hidden
    inner = _hide(chance, hidden, depth + 1)
    places: list[Callable[[], object]] = [
        lambda: [1, "x", inner],
        lambda: {"value": inner, "confidence_score": 0.5},
        lambda: {"ocr_data": [{"data": {"address": inner}, "error_reason": "x"}]},
        lambda: {"error_reason": inner},
        lambda: {"cross_checks": [{"source_value": inner, "target_value": "y"}]},
        lambda: {"flow_params": {"branch": inner}, "application_id": inner},
        lambda: {f"unknown_{chance.random()}": inner},
        lambda: {str(hidden): inner},
    ]
    return chance.choice(places)()


def test_a22_of_a_thousand_hidden_numbers_none_is_left() -> None:
    for seed in range(1_000):
        chance = random.Random(f"A22 {seed}")
        number, hidden = _forms(chance)
        value = _hide(chance, hidden)
        masked, cuts = mask_value(value)
        text = json.dumps(masked, ensure_ascii=False)
        assert cuts, (seed, "nothing was masked")
        assert number not in text, seed
        assert not numbers_left(text), seed
        assert number[-4:] in text, seed
        assert mask_value(masked) == (masked, 0), seed


# ------------------------------------------------------------------------------------ any value at all

NUMBERS = st.builds(lambda seed: aadhaar(random.Random(seed), first="0123456789"), st.integers(0, 10**6))
PIECES = st.lists(
    st.one_of(
        NUMBERS,
        NUMBERS.map(fours),
        NUMBERS.map(lambda number: number[:4]),
        NUMBERS.map(lambda number: number[-4:]),
        st.sampled_from(
            ["", " ", "-", "\u200b", ".", "%20", "https://h/", "?sig=", "/", "7", "x", "_", "+91 "]
        ),
    ),
    max_size=12,
).map("".join)
DIGITS = st.text(st.sampled_from("0123456789 -./%\u0967\u0e51\u200b:_?&=#;@xhtps"), max_size=60)
TEXTS = st.one_of(PIECES, DIGITS, st.text(max_size=30), st.builds(lambda text: f"https://h/{text}", DIGITS))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.one_of(TEXTS, st.sampled_from(["aadhaar_number", "value"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=600, derandomize=True)
@given(TEXTS)
def test_masking_a_text_twice_changes_nothing_and_leaves_no_number(text: str) -> None:
    for mask in (mask_text, mask_aadhaar_value):
        masked, cuts = mask(text)
        assert mask(masked) == (masked, 0)
        assert not numbers_left(masked)
        assert cuts or masked == text


@settings(max_examples=400, derandomize=True)
@given(VALUES)
def test_masking_a_value_twice_changes_nothing(value: object) -> None:
    masked, _ = mask_value(value)
    assert mask_value(masked) == (masked, 0)


HOSTILE = {
    "single digits": "1 ",
    "groups of four": "1234 ",
    "queries": "https://h/?",
    "signatures": "sig=",
    "percent signs": "https://h/%3",
    "eleven digits": "12345678901\u200b",
    "no scheme's end": "a+b.",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_masking_takes_time_in_step_with_the_length_of_a_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece)) + "://"
        start = time.process_time()
        mask_text(text)
        return time.process_time() - start

    assert min(seconds(160_000) for _ in range(3)) < 12 * min(seconds(20_000) for _ in range(3)) + 0.05
