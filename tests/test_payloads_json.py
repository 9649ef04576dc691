"""Bytes that claim to be JSON: what is refused, what is mended, and what is said about it."""

from __future__ import annotations

import contextlib
import json
import random
import time

import pytest

from atlas_core.api.payloads import parse_json
from atlas_core.api.strict_json import NotANumber, canonical_json, cut_text
from atlas_core.errors import PayloadError
from atlas_core.models import Flag, FlagKind
from tests.invented_numbers import aadhaar, numbers_left


def refusal(body: bytes) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        parse_json(body)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("body", [b"hello", b"{", b'{"a" 1}', b"{'a': 1}", b'{"a": 1} {"b": 2}', b'"\x01"'])
def test_b1_what_is_not_json_is_refused_with_its_byte(body: bytes) -> None:
    assert refusal(body).problem.startswith(("this is not JSON", "brackets do not match"))


def test_b1_the_byte_is_counted_in_bytes_and_the_body_is_never_quoted() -> None:
    error = refusal('\ufeff{"नाम": secret}'.encode())
    assert error.place == "byte 17"
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "byte 0"),
        (b"nothing", "byte 0"),
        (b'{"a": 1, "b": x}', "byte 14"),
        (b'{"a": [1, 2}', "byte 11"),
        (b'{"a": "]]]", "b": ]', "byte 18"),
        (b'{"a": "\\\\", "b": [', "byte 18"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "byte 37"),
        (b'{"a": "' + b"9" * 5000 + b'", "b": -' + b"8" * 5000 + b"}", "byte 5016"),
        (b'{"a": "\xff"}', "byte 7"),
    ],
)
def test_b75_what_cannot_be_read_is_told_with_its_place(body: bytes, place: str) -> None:
    assert refusal(body).place == place


def test_b13_the_longest_integer_may_have_a_sign() -> None:
    value, flags = parse_json(b'{"a": -' + b"9" * 4300 + b"}")
    assert value == {"a": "-" + "9" * 4300}
    assert [flag.kind for flag in flags] == [FlagKind.NUMBER_TOO_LARGE]


def test_b2_html_is_called_html() -> None:
    assert "HTML" in str(refusal(b"  <!doctype html><title>Sign in</title>"))


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_b4_an_empty_body_is_called_empty(body: bytes) -> None:
    assert "empty" in str(refusal(body))


def test_b5_a_truncated_body_is_refused() -> None:
    whole = json.dumps({"a": [1, {"b": "text"}]}).encode()
    for length in range(1, len(whole)):
        refusal(whole[:length])


def test_b6_a_byte_order_mark_is_no_obstacle() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == ({"a": 1}, ())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_b6_other_encodings_are_refused(encoding: str) -> None:
    assert "UTF-8" in str(refusal('{"a": 1}'.encode(encoding)))


def test_b7_bytes_that_are_not_utf_8_are_refused_with_their_place() -> None:
    error = refusal(b'{"name": "\xff"}')
    assert (error.problem, error.place) == ("the body is not UTF-8", "byte 10")


def test_b8_half_a_surrogate_pair_is_replaced_and_flagged() -> None:
    value, flags = parse_json(rb'{"a": ["x\ud800y", "\ud83d\ude00"]}')
    assert value == {"a": ["x\ufffdy", "\U0001f600"]}
    assert flags == (Flag(FlagKind.BROKEN_TEXT, "a[0]", "U+D800"),)


def test_b9_control_characters_are_taken_out_and_flagged_but_tab_and_newline_stay() -> None:
    value, flags = parse_json(rb'{"a": "1\u00002\b3\t4\n5\u001f6", "b\u0000": 1, "b": 2}')
    assert value == {"a": "123\t4\n56", "b": 2, "b (2)": 1}
    assert flags == (
        Flag(FlagKind.CONTROL_CHARACTERS, "a", "U+0000, U+0008, U+001F"),
        Flag(FlagKind.CONTROL_CHARACTERS, "", "U+0000"),
    )


def test_b10_of_a_repeated_key_the_last_value_stands_and_it_is_flagged() -> None:
    value, flags = parse_json(b'{"a": [{"b": 1, "c": 2, "b": 3}], "a2": 0}')
    assert value == {"a": [{"b": 3, "c": 2}], "a2": 0}
    assert flags == (Flag(FlagKind.KEY_REPEATED, "a[0].b"),)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_b11_a_number_that_is_none_is_marked_and_flagged(text: str) -> None:
    value, flags = parse_json(f'{{"a": [{text}]}}'.encode())
    assert value == {"a": [NotANumber(text)]}
    assert flags == (Flag(FlagKind.NOT_A_NUMBER, "a[0]", text),)


@pytest.mark.parametrize("text", ["1e400", "-1E+999", "1" + "0" * 400 + ".0"])
def test_b12_a_number_beyond_the_largest_is_marked_and_flagged(text: str) -> None:
    value, flags = parse_json(f'{{"a": {text}}}'.encode())
    assert value == {"a": NotANumber(text)}
    assert flags == (Flag(FlagKind.NOT_A_NUMBER, "a", text[:200]),)


def test_b13_an_integer_of_5000_digits_is_refused() -> None:
    assert "4,300 digits" in str(refusal(b'{"a": ' + b"9" * 5000 + b"}"))


def test_b13_an_integer_beyond_64_bits_is_kept_as_text_and_flagged() -> None:
    for number in (2**63, -(2**63) - 1, 10**4299):
        value, flags = parse_json(f'{{"a": {number}}}'.encode())
        assert isinstance(value, dict)
        assert type(value["a"]) is str
        assert value["a"] == str(number)
        assert [flag.kind for flag in flags] == [FlagKind.NUMBER_TOO_LARGE]
    for number in (2**63 - 1, -(2**63)):
        assert parse_json(f'{{"a": {number}}}'.encode()) == ({"a": number}, ())


def test_b14_what_is_nested_too_deeply_is_refused_before_it_is_parsed() -> None:
    for body in (
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'["\\"' + b"[" * 40,
    ):
        refusal(body)
    assert "32 levels" in str(refusal(b"[" * 33 + b"]" * 33))


def test_b14_brackets_in_texts_do_not_count() -> None:
    for text in ("[" * 100, '"[' * 50, "\\" * 7 + "[{" * 50, '\\"' * 9 + "[" * 99, "\\"):
        assert parse_json(json.dumps({"a": text, "b": [text]}).encode()) == ({"a": text, "b": [text]}, ())
    depth = b"[" * 32 + b"]" * 32
    assert parse_json(depth)[1] == ()


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"[", b"{}", b"\\", b'"\\', b"1e400,", b'"\\u0000",'])
def test_hostile_bodies_are_read_in_time_in_step_with_their_size(piece: bytes) -> None:
    def seconds(size: int) -> float:
        body = b"[" + piece * (size // len(piece)) + b"1]"
        start = time.process_time()
        with contextlib.suppress(PayloadError):
            parse_json(body)
        return time.process_time() - start

    assert min(seconds(160_000) for _ in range(3)) < 12 * min(seconds(20_000) for _ in range(3)) + 0.05


def test_b66_one_meaning_has_one_spelling() -> None:
    there, _ = parse_json(b'{"b": [1, 2.50], "a": "\\u0928 \\/"}')
    back, _ = parse_json('{"a":"न /",\n "b":[1,2.5]}'.encode())
    assert canonical_json(there) == canonical_json(back) == '{"a":"न /","b":[1,2.5]}'


def test_b33_a_text_beyond_64_kb_is_cut_once_and_tells_what_it_was() -> None:
    for text in ("x" * 1_000_000, "न" * 400_000, "x" + "😀" * 30_000):
        short = cut_text(text)
        assert len(short.encode()) <= 64 * 1024
        assert f"{len(text.encode())} bytes in all, sha256 " in short
        assert cut_text(short) == short
        assert cut_text(text + "!") != short
    assert cut_text("x" * 65_536) == "x" * 65_536


def test_b33_no_cut_leaves_what_looks_like_a_personal_number() -> None:
    number = aadhaar(random.Random("cuts"))
    for before in range(65_050, 65_250):
        short = cut_text("x" * before + f" {number}789 " + "y" * 9_000)
        assert not numbers_left(short)
        assert cut_text(short) == short


def test_no_place_or_note_of_a_flag_holds_a_key_s_personal_number() -> None:
    number = aadhaar(random.Random("places"))
    body = f'{{"{number}": {{"x": NaN, "{number}": "\\u0000{number}", "{number}": 1}}}}'.encode()
    _, flags = parse_json(body)
    assert len(flags) == 2
    assert not numbers_left(repr(flags))
