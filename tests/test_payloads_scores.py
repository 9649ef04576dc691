"""Similarities, confidences, dates and hidden characters: what is read, and what is missing and flagged."""

from __future__ import annotations

import math

import pytest

from atlas_core.api.payloads import parse_result
from atlas_core.api.readings import hidden_characters, is_possible_date, names_date
from atlas_core.models import Band, CrossCheck, Field, FlagKind
from atlas_core.thresholds import Thresholds
from tests.made_payloads import body_of, check, field_of, kinds, result_of


def similarity(raw: str) -> tuple[CrossCheck, list[FlagKind]]:
    """The one cross-check of a payload whose similarity_score is written so, and what was flagged."""
    result = parse_result(
        b'{"ocr_data": [{"data": {"document_type": "PAN"}}], "cross_checks": [{"similarity_score": '
        + raw.encode()
        + b"}]}"
    )
    assert result.cross_checks is not None
    return result.cross_checks[0], kinds(result)


@pytest.mark.parametrize(
    ("raw", "value"), [("0", 0), ("60", 60), ("100", 100), ("98.5", 98.5), ("1", 1), ("0.0", 0)]
)
def test_a_similarity_on_its_scale_is_read_and_whole_numbers_stay_whole(raw: str, value: float) -> None:
    read, flags = similarity(raw)
    assert (read.similarity, read.similarity_raw, flags) == (value, None, [])
    assert type(read.similarity) is (float if "." in raw else int)


@pytest.mark.parametrize(("text", "value"), [("98.5", 98.5), ("98", 98), ("0", 0), ("100.0", 100)])
def test_b15_a_similarity_as_ascii_text_is_read_and_noted(text: str, value: float) -> None:
    read, flags = similarity(f'"{text}"')
    assert (read.similarity, read.similarity_raw, flags) == (value, text, [FlagKind.SCORE_AS_TEXT])


@pytest.mark.parametrize(
    "text", ["٩٨", "1_0", " 98 ", "98,5", "98%", "+98", "9e1", "98.", ".5", "0x10", "", "high", "98\\n"]
)
def test_b16_other_texts_are_missing_and_flagged_with_the_text_kept(text: str) -> None:
    read, flags = similarity(f'"{text}"')
    assert read.similarity is None
    assert read.similarity_raw == text.replace("\\n", "\n")
    assert flags == [FlagKind.SCORE_UNUSABLE]


@pytest.mark.parametrize("raw", ["true", "false", "[98]", '{"score":98}'])
def test_b17_a_boolean_a_list_or_an_object_is_no_similarity(raw: str) -> None:
    read, flags = similarity(raw)
    assert (read.similarity, read.similarity_raw, flags) == (None, raw, [FlagKind.SCORE_UNUSABLE])


@pytest.mark.parametrize(
    "raw", ["-1", "100.0001", "1000", "-0.001", "1e30", '"-5"', '"101"', "99999999999999999999"]
)
def test_b18_a_similarity_out_of_range_is_missing_and_never_clamped(raw: str) -> None:
    read, flags = similarity(raw)
    assert read.similarity is None
    assert read.similarity_raw is not None
    assert FlagKind.SCORE_UNUSABLE in flags


@pytest.mark.parametrize(("raw", "end"), [("100.0000005", 100), ("-0.0000005", 0)])
def test_b18_what_floating_point_added_beyond_an_end_is_taken_away(raw: str, end: int) -> None:
    assert similarity(raw)[0].similarity == end


@pytest.mark.parametrize("raw", ["0.93", "0.5", '"0.93"', "0.000001"])
def test_b19_a_similarity_between_0_and_1_is_kept_as_it_is_and_flagged(raw: str) -> None:
    read, flags = similarity(raw)
    assert read.similarity == float(raw.strip('"'))
    assert flags == [FlagKind.SCORE_SCALE]


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_b11_b12_a_similarity_that_is_no_number_is_missing_and_what_came_is_kept(raw: str) -> None:
    read, flags = similarity(raw)
    assert (read.similarity, read.similarity_raw) == (None, raw)
    assert flags == [FlagKind.NOT_A_NUMBER, FlagKind.SCORE_UNUSABLE]


def test_a_similarity_that_is_null_or_absent_is_missing() -> None:
    read, flags = similarity("null")
    assert (read.similarity, read.similarity_raw, flags) == (None, None, [FlagKind.SCORE_MISSING])
    assert kinds(result_of(checks=[{"name": "X"}])) == [FlagKind.SCORE_MISSING]


def test_b21_a_missing_similarity_is_a_band_of_its_own() -> None:
    for raw in ("null", "NaN", '"high"', "true", "-1"):
        read, _ = similarity(raw)
        assert Thresholds().band("NAME", read.similarity) is Band.NO_SCORE


def confidence(score: object) -> tuple[Field, list[FlagKind]]:
    result = result_of(data={"document_type": "PAN", "pan_number": {"value": "x", "confidence_score": score}})
    return field_of(result, "pan_number"), kinds(result)


@pytest.mark.parametrize("score", [0, 0.0, 0.5, 1, 1.0, 1.0000000002])
def test_b20_a_confidence_on_its_scale_is_read_and_0_is_an_ordinary_one(score: float) -> None:
    read, flags = confidence(score)
    assert read.confidence is not None
    assert math.isclose(read.confidence, score, abs_tol=1e-6)
    assert 0 <= read.confidence <= 1
    assert (read.confidence_raw, flags) == (None, [])


@pytest.mark.parametrize(
    ("score", "raw"),
    [(95, "95"), (1.2, "1.2"), (-0.1, "-0.1"), (True, "true"), ("high", "high"), ([1], "[1]")],
)
def test_b20_a_confidence_off_its_scale_is_missing_and_flagged(score: object, raw: str) -> None:
    read, flags = confidence(score)
    assert (read.confidence, read.confidence_raw, flags) == (None, raw, [FlagKind.CONFIDENCE_UNUSABLE])


def test_a_confidence_as_text_is_read_and_noted_and_one_never_given_is_not() -> None:
    read, flags = confidence("0.95")
    assert (read.confidence, read.confidence_raw, flags) == (0.95, "0.95", [FlagKind.SCORE_AS_TEXT])
    assert confidence(None)[0].confidence is None
    assert confidence(None)[1] == []


GOOD_DATES = ("21-11-2025", "16/07/1986", "01.02.2003", "2025-11-21", "2025-11-21T10:00:00Z", "2025/1/9")
GOOD_DATES += ("29/02/2024", "21 Nov 2025", "21st November, 2025", "Nov 21, 2025", "21-NOV-2025")
GOOD_DATES += ("Not Applicable", "१६/०७/१९८६", " 21-11-2025 ")
BAD_DATES = ("31/02/1986", "1986-16-07", "00/00/0000", "16/07/86", "21-11-25", "29/02/2023", "07/16/1986")
BAD_DATES += ("21 Foo 2025", "16/07/0986", "16/07/9986", "2025", "211125", "16/07/1986x", "2025-13")


@pytest.mark.parametrize("text", GOOD_DATES)
def test_a_day_of_the_calendar_is_not_flagged(text: str) -> None:
    assert is_possible_date(text)


@pytest.mark.parametrize("text", BAD_DATES)
def test_b38_an_impossible_date_stays_text_and_is_flagged(text: str) -> None:
    result = result_of(
        data={"document_type": "AADHAAR", "date_of_birth": {"value": text, "confidence_score": 0.9}}
    )
    assert field_of(result, "date_of_birth").value == text
    assert [(flag.kind, flag.place, flag.raw) for flag in result.flags] == [
        (FlagKind.DATE_UNUSABLE, "ocr_data[0].data.date_of_birth", text)
    ]


def test_b38_fields_that_hold_dates_are_known_by_their_names() -> None:
    dates = ("date_of_birth", "dob", "issue_date", "valid_till", "date_of_expiry", "oem_validation_date")
    dates += ("validity_from", "issued_on", "valid_upto", "statement_period_from", "first_emi_date")
    others = ("candidate_name", "validation", "mandate", "updated", "on_hold", "address", "rate", "invalid_x")
    assert [name for name in dates if not names_date(name)] == []
    assert [name for name in others if names_date(name)] == []


HIDDEN = {
    "direction override": ("abc\u202edef", "U+202E"),
    "zero-width space": ("a\u200bb", "U+200B"),
    "zero-width joiner in Latin": ("a\u200db", "U+200D"),
    "byte order mark": ("\ufeffa", "U+FEFF"),
    "soft hyphen": ("a\u00adb", "U+00AD"),
    "control of the second set": ("a\u0085b", "U+0085"),
    "delete": ("a\u007fb", "U+007F"),
    "stacked marks": ("a\u0335\u0336b", "U+0335, U+0336"),
    "Cyrillic letter in a PAN": ("AB\u041eDE1234F", "U+041E"),
    "Greek letter in a PAN": ("\u0391BCDE1234F", "U+0391"),
    "tag characters": ("a\U000e0041", "U+E0041"),
    "blank that is a letter": ("a\u3164", "U+3164"),
}


@pytest.mark.parametrize(("text", "points"), HIDDEN.values(), ids=HIDDEN.keys())
def test_b35_hidden_characters_are_kept_and_flagged_wherever_they_stand(text: str, points: str) -> None:
    result = result_of(
        data={"document_type": "PAN", "name": {"value": text, "confidence_score": 0.9}},
        checks=[check(source_value=text)],
    )
    assert field_of(result, "name").value == text
    assert [(flag.kind, flag.raw) for flag in result.flags] == [(FlagKind.HIDDEN_CHARACTERS, points)] * 2
    assert {flag.place for flag in result.flags} == {
        "ocr_data[0].data.name.value",
        "cross_checks[0].source_value",
    }


@pytest.mark.parametrize(
    "text",
    [
        "न\u094d\u200dय",
        "ക\u0d4d\u200d",
        "José",
        "Jose\u0301",
        "5 µF, 20 °C, 3 Ω",
        "Кириллица",
        "₹ 42,990",
        "😀",
        "தமிழ்",
        "a\u00a0b",
    ],
)
def test_b35_ordinary_writing_of_any_language_is_not_flagged(text: str) -> None:
    assert hidden_characters(text) == ""


def test_b34_markup_and_formulas_are_kept_literally() -> None:
    for text in (
        "=HYPERLINK(1)",
        "<script>alert(1)</script>",
        "![x](x)",
        "[a](javascript:b)",
        "$x^2$",
        ":red[x]",
    ):
        result = result_of(data={"document_type": "PAN", "name": {"value": text, "confidence_score": 0.9}})
        assert field_of(result, "name").value == text
        assert result.flags == ()
        assert body_of(data={"document_type": "PAN"})
