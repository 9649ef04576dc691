"""Aadhaar numbers in texts: what is masked, and what only looks like one."""

from __future__ import annotations

import random

import pytest

from atlas_core.api.masking import is_aadhaar, mask_aadhaar_value, mask_text, names_aadhaar
from tests.invented_numbers import SCRIPTS, aadhaar, fours, in_script, misread

CHANCE = random.Random("masking numbers")
NUMBER = aadhaar(CHANCE)
MASKED = f"XXXX XXXX {NUMBER[-4:]}"

MARKS = {
    "nothing": "",
    "space": " ",
    "dash": "-",
    "dot": ".",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "en dash": "\u2013",
    "minus": "\u2212",
    "direction mark": "\u202e",
    "newline": "\n",
    "tab": "\t",
    "dash between spaces": " - ",
    "several spaces": "   ",
    "slash": "/",
    "underscore": "_",
    "comma": ",",
    "colon": ":",
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS.keys())
def test_b36_a_number_in_fours_keeps_its_last_four_digits_whatever_stands_between(mark: str) -> None:
    assert mask_text(fours(NUMBER, mark)) == (MASKED, 1)


@pytest.mark.parametrize("zero", SCRIPTS, ids=[f"U+{ord(zero):04X}" for zero in SCRIPTS])
def test_b36_digits_of_every_script_are_masked(zero: str) -> None:
    assert mask_text(in_script(NUMBER, zero)) == (MASKED, 1)
    assert mask_text(in_script(fours(NUMBER), zero)) == (MASKED, 1)


def test_b36_digits_of_two_scripts_in_one_number_are_masked() -> None:
    mixed = NUMBER[:6] + in_script(NUMBER[6:], SCRIPTS[1])
    assert mask_text(mixed) == (MASKED, 1)


@pytest.mark.parametrize("groups", [(6, 6), (3, 3, 3, 3), (2, 10), (1,) * 12, (4, 8), (8, 4), (5, 7)])
def test_a_number_that_stands_alone_is_masked_in_any_grouping(groups: tuple[int, ...]) -> None:
    digits = iter(NUMBER)
    text = " ".join("".join(next(digits) for _ in range(size)) for size in groups)
    assert mask_text(f"UID {text}.") == (f"UID {MASKED}.", 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("S/O Invented Name, 12 Nowhere Road, Pune 411001 ", ""),
        ("411001-", ""),
        ("", " 1986"),
        ("Year 1986 ", " PIN 411001"),
        ("UID", "IND"),
        ("(", ")"),
        ("12,", ",34"),
    ],
)
def test_b36_a_number_is_found_beside_other_digits_and_letters(before: str, after: str) -> None:
    for shown in (NUMBER, fours(NUMBER), fours(NUMBER, "-")):
        assert mask_text(before + shown + after) == (before + MASKED + after, 1)


def test_two_numbers_in_one_text_are_both_masked() -> None:
    other = aadhaar(CHANCE)
    text, cuts = mask_text(f"{fours(NUMBER)} and {other}")
    assert (text, cuts) == (f"{MASKED} and XXXX XXXX {other[-4:]}", 2)


def test_the_four_digits_kept_of_one_number_cannot_complete_another() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        first = aadhaar(chance)
        tail = aadhaar(chance, first="0123456789")
        if not tail.startswith(first[-4:]):
            tail = next(
                first[-4:] + middle + last
                for middle in (f"{chance.randrange(10**7):07d}",)
                for last in "0123456789"
                if mask_text(first[-4:] + middle + last)[1]
            )
        text = f"{fours(first)} {tail[4:8]} {tail[8:]}"
        once, _ = mask_text(text)
        assert mask_text(once) == (once, 0)
        assert fours(tail) not in once


@pytest.mark.parametrize("first", ["0", "1"])
def test_numbers_never_issued_are_masked_too_so_that_the_sandbox_shows_it(first: str) -> None:
    number = aadhaar(CHANCE, first=first)
    assert mask_text(number) == (f"XXXX XXXX {number[-4:]}", 1)


def test_b37_twelve_digits_with_a_wrong_check_digit_are_left_alone() -> None:
    loan = misread(NUMBER)
    for shown in (loan, fours(loan), f"Loan {loan}"):
        assert mask_text(shown) == (shown, 0)


def test_b37_in_a_field_named_for_it_the_check_digit_does_not_matter() -> None:
    number = misread(NUMBER)
    for shown in (number, fours(number), fours(number, "-"), in_script(number, SCRIPTS[6])):
        assert mask_aadhaar_value(shown) == (f"XXXX XXXX {number[-4:]}", 1)


@pytest.mark.parametrize("length", [9, 10, 11, 13, 14, 15, 16])
def test_a_number_read_badly_keeps_only_its_last_four_digits_in_its_own_field(length: int) -> None:
    digits = ("7" * 20)[: length - 4] + "1234"
    masked, cuts = mask_aadhaar_value(digits)
    assert cuts == 1
    assert masked.endswith("1234")
    assert "7" not in masked


def test_a_letter_read_for_a_digit_does_not_save_the_other_digits() -> None:
    badly = f"{NUMBER[:4]} {NUMBER[4:6]}B{NUMBER[7]} {NUMBER[8:]}"
    assert mask_aadhaar_value(badly) == (f"XXXX XXXX {NUMBER[8:]}", 1)


@pytest.mark.parametrize(
    "text",
    ["**** **** 9012", "XXXX XXXX 9012", "XXXXXXXX9012", "", "yes", "16/07/1986", "1986", "not readable"],
)
def test_what_is_masked_already_or_is_no_number_stays_in_a_field_named_for_it(text: str) -> None:
    assert mask_aadhaar_value(text) == (text, 0)


def test_a_long_run_of_digits_is_never_cut() -> None:
    for length in (13, 14, 15, 16, 19, 24):
        for seed in range(300):
            run = "".join(random.Random(f"{length} {seed}").choices("0123456789", k=length))
            assert mask_text(run) == (run, 0)
            assert mask_text(f"IMEI {run}, twice") == (f"IMEI {run}, twice", 0)


def test_ids_of_atlas_are_never_cut() -> None:
    ids = [f"{chance:08x}-0000-4000-8000-{NUMBER}" for chance in range(50)]
    ids += [
        f"LOS-00000000-0000-4000-8000-{NUMBER}",
        "BATCH-30732-SIYKJ-20251121113228",
        NUMBER[:8] + "-0000-4000-8000-" + NUMBER,
    ]
    for text in ids:
        assert mask_text(text) == (text, 0)
        assert mask_text(f"flow {text}; {fours(NUMBER)}") == (f"flow {text}; {MASKED}", 1)


def test_a_telephone_number_with_its_country_code_is_left_alone() -> None:
    phones = [f"+91 {number[2:7]} {number[7:]}" for number in _numbers_starting("919", 20)]
    phones += [f"+91-{number[2:]}" for number in _numbers_starting("918", 20)]
    for phone in phones:
        assert mask_text(phone) == (phone, 0)
    assert mask_text(f"91 {phones[0][4:]}")[1] == 1


def test_dates_amounts_and_addresses_are_left_alone() -> None:
    for text in (
        "21-11-2025",
        "2025-11-21T11:32:28Z",
        "Rs 1,00,000.00 and Rs 45,990.00",
        "Flat 12, Block 4, Sector 21, Navi Mumbai 400706",
        "022-2345-6789",
    ):
        assert mask_text(text) == (text, 0)


def test_an_issued_number_is_told_from_one_that_never_can_be() -> None:
    assert is_aadhaar(NUMBER)
    assert is_aadhaar(fours(NUMBER, "-"))
    assert is_aadhaar(in_script(NUMBER, SCRIPTS[1]))
    assert not is_aadhaar(misread(NUMBER))
    assert not is_aadhaar(aadhaar(CHANCE, first="01"))
    assert not is_aadhaar(f"LOAN-{NUMBER}")
    assert not is_aadhaar("")


YES = ("aadhaar_number", "aadhaar", "Aadhar", "AADHAAR_NO", "adhaarNumber", "adhar-no", "uid", "UID_number")
YES += ("customer_aadhaar_number", "uid_no", "customer_uid", "uidai")
NO = ("flow_uuid", "file_uuid", "uuid", "guide", "pan_number", "fluid", "uid_format", "name", "guid")


@pytest.mark.parametrize(("names", "expected"), [(YES, True), (NO, False)])
def test_a_field_is_known_by_its_name(names: tuple[str, ...], expected: bool) -> None:
    assert [name for name in names if names_aadhaar(name) is not expected] == []


def _numbers_starting(start: str, count: int) -> list[str]:
    found = []
    for body in range(10**4, 10**6):
        number = f"{start}{body:08d}0"
        found += [number[:-1] + last for last in "0123456789" if is_aadhaar(number[:-1] + last)]
        if len(found) >= count:
            break
    return found
