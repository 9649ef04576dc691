"""Words of the pages: times, spans, shares, names, and text made safe for Markdown."""

from zoneinfo import ZoneInfo

import pytest

from atlas_core.insight.measures import share_in_words
from atlas_core.insight.theme import outcome_look, status_look, words_of_code
from atlas_core.web.words import (
    age_in_words,
    count_of,
    interval_in_words,
    markdown_safe,
    period_in_words,
    span_in_words,
    time_in_words,
    value_in_words,
    zone_of,
)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (-5, "0 s"),
        (40_900, "40 s"),
        (185_000, "3 min 5 s"),
        (660_000, "11 min"),
        (7_800_000, "2 h 10 min"),
        (86_400_000, "1 day"),
        (4 * 86_400_000 + 3 * 3_600_000, "4 days 3 h"),
        (89 * 86_400_000 + 5, "89 days"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(milliseconds: int, words: str) -> None:
    assert span_in_words(milliseconds) == words


def test_a_time_names_its_zone_and_an_unknown_one_is_not_guessed() -> None:
    assert time_in_words(1_795_460_000_000, ZoneInfo("Asia/Kolkata")) == "24 Nov 2026, 00:23:20 IST"
    assert time_in_words(None, ZoneInfo("UTC")) == "not known"
    assert age_in_words(None, 5) == "not known"


@pytest.mark.parametrize(
    ("zone", "start", "end", "words"),
    [
        ("Asia/Kolkata", 0, 604_800_000, "21 Nov 2026, 06:24 to 28 Nov 2026, 06:24 IST"),
        ("Asia/Kolkata", 1_000, None, "from 21 Nov 2026, 06:24:01 IST on"),
        ("UTC", None, 0, "before 21 Nov 2026, 00:54 UTC"),
        ("Europe/Berlin", -30 * 86_400_000, 0, "22 Oct 2026, 02:54 CEST to 21 Nov 2026, 01:54 CET"),
    ],
)
def test_a_period_is_told_to_the_minute_in_the_viewer_s_zone(
    zone: str, start: int | None, end: int | None, words: str
) -> None:
    begins = 1_795_222_440_000
    ends = [None if at is None else begins + at for at in (start, end)]
    assert period_in_words(*ends, ZoneInfo(zone)) == words


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../../etc/passwd", "Asia/\x00"])
def test_a_browser_without_a_zone_we_know_gets_utc(name: str | None) -> None:
    assert zone_of(name).key == "UTC"


def test_the_old_name_of_india_s_zone_is_shown_as_today_s() -> None:
    assert zone_of("Asia/Calcutta").key == "Asia/Kolkata"


def test_what_happened_between_two_looks_is_told_as_an_interval() -> None:
    assert interval_in_words(0, 5_200) == "it happened in the 5 s before"
    assert "may have begun earlier" in interval_in_words(None, 5_200)
    assert interval_in_words(5_000, 5_200) == ""


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "of 0"),
        (0, 9, "0.0% of 9"),
        (1, 2_024, "under 0.1% of 2,024"),
        (2_023, 2_024, "over 99.9% of 2,024"),
        (9, 9, "100.0% of 9"),
    ],
)
def test_a_share_shows_its_n_and_never_rounds_to_none_or_all(part: int, whole: int, words: str) -> None:
    assert share_in_words(part, whole) == words


def test_safe_text_keeps_its_letters_and_loses_its_power() -> None:
    assert markdown_safe("a\nb") == "a b"
    for mark in "!#$*:<>[]`_~|\\":
        assert f"\\{mark}" in markdown_safe(mark)
    for address in ("https://evil.example/x", "www.evil.example", "a@evil.example"):
        assert "\u2060" in markdown_safe(address)


def test_names_of_atlas_are_made_readable_and_other_texts_left_alone() -> None:
    assert words_of_code("CUSTOMER_NAME") == "Customer name"
    assert words_of_code("product_serial_imei_number") == "Product serial IMEI number"
    assert words_of_code("Memorandum of Association") == "Memorandum of Association"
    assert words_of_code("") == ""


def test_a_status_nobody_foresaw_keeps_its_own_spelling() -> None:
    assert status_look("PAUSED").label == "PAUSED"
    assert status_look(None).label == "Not known yet"
    assert outcome_look("odd").label == "odd"


@pytest.mark.parametrize(
    ("value", "shape", "words"),
    [
        (None, "null", "(nothing read)"),
        ("", "empty", "(empty)"),
        ('["007", "008"]', "list", "007; 008"),
        ("[]", "list", "(empty list)"),
        ('{"city": "PUNE"}', "object", "city: PUNE"),
        ('[{"a": 1}]', "list", '[{"a": 1}]'),
        ("not json", "list", "not json"),
        ("0012", "text", "0012"),
    ],
)
def test_a_value_is_shown_as_what_it_is(value: object, shape: str, words: str) -> None:
    assert value_in_words(value, shape) == words


def test_counts_agree_with_their_nouns() -> None:
    assert count_of(1, "flow") == "1 flow"
    assert count_of(2_013, "flow") == "2,013 flows"
    assert count_of(2, "delivery", "deliveries") == "2 deliveries"
