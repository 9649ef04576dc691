"""How two values differ: what is the same after all, what kind of difference is left, and where it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.insight.differences import (
    LABEL,
    Difference,
    Mark,
    Piece,
    compare_values,
    normal_form,
    visible,
)
from atlas_core.insight.pairing import WEIGHT, Kind
from atlas_core.sandbox.applications import SEED, make_application, read_application

FLAT = "Flat No 24, Sai Residency, College Road, Guwahati, Assam - 781085"
IMEI, OTHER_IMEI = "007131965389634", "001063898286296"

# source, target, and what must be among the notes
SAME = [
    ("Asha Rao", "ASHA RAO", "case"),
    ("Asha Rao", " Asha  Rao", "spaces"),
    ("Kavero K7Plus", "Kavero K7 Plus", "spaces"),
    ("M.G. Road, Pune", "MG Road Pune", "punctuation"),
    ("Sharma & Sons", "Sharma and Sons", "punctuation"),
    ("Orvanta S8+", "Orvanta S8 Plus", "punctuation"),
    ("As\u200dha \u202eRao", "Asha Rao", "hidden characters"),
    ("\uff21sha Rao", "Asha Rao", "letter forms"),
    ("\u0967\u0968 Station Road", "12 Station Road", "digits of another script"),
    ("45,000.00", "45000", "amount"),
    ("Rs. 1,45,000/- only", "145000", "amount"),
    ("\u20b9 999.50", "999.5", "amount"),
    ("+91 50123 45678", "5012345678", "telephone prefix"),
    ("05012345678", "50123-45678", "telephone prefix"),
    ("1234 5678 9012 3456", "1234567890123456", "number in groups"),
    ("Station Road, Pune 411 040", "Station Road, Pune - 411040", "number in groups"),
    ("15/06/2026", "2026-06-15", "date"),
    ("15 Jun 2026", "June 15, 2026", "date"),
    ("05/05/2026", "2026-05-05", "date"),
    (f"{IMEI}, {OTHER_IMEI}", f"{OTHER_IMEI}, {IMEI}", "a list is a set"),
    (f'["{IMEI}","{OTHER_IMEI}"]', f"{OTHER_IMEI}/{IMEI}", "a list is a set"),
    (f"{IMEI}, {IMEI}", IMEI, "a list is a set"),
    ('["Mobile","Cover"]', '["COVER", "Mobile"]', "a list is a set"),
]

# source, target, kind, a note, and the texts of the pieces that are not the same on either side
DIFFERING = [
    ("Akash Ganesh Joshi", "Joshi Akash Ganesh", "order", "order", [], []),
    ("Pune 411040, Flat 12", "Flat 12, Pune 411040", "order", "order", [], []),
    (FLAT, FLAT.replace("Road", "Rd"), "abbreviation", "abbreviation: Rd = Road", [], []),
    ("House No 268, Pune", "H.No 268, Pune", "abbreviation", "abbreviation: H.No = House No", [], []),
    ("Nr Park, Opp Bank", "Near Park, Opposite Bank", "abbreviation", "abbreviation: Nr = Near", [], []),
    ("Pune, MH", "Pune, Maharashtra", "abbreviation", "abbreviation: MH = Maharashtra", [], []),
    ("Lake View CHS", "Lake View Co-op Hsg Soc", "abbreviation", "CHS = Co-op Hsg Soc", [], []),
    ("MG Road, Bangalore", "MG Road, Bengaluru", "abbreviation", "Bangalore = Bengaluru", [], []),
    ("S/O Ram Singh", "son of Ram Singh", "abbreviation", "S/O = son of", [], []),
    ("W/O Ram Singh", "C/O Ram Singh", "abbreviation", "C/O = W/O", [], []),
    ("R. Sharma", "Ramesh Sharma", "abbreviation", "initials: R = Ramesh", [], []),
    ("R.K. Sharma", "Sharma Ramesh Kumar", "abbreviation", "initials: K = Kumar", [], []),
    ("MG Marg, Pune", "Mahatma Gandhi Marg, Pune", "abbreviation", "MG = Mahatma Gandhi", [], []),
    ("Mr Asha Rao", "Asha Rao", "abbreviation", "left out: Mr", ["Mr"], []),
    ("Kavero Note K12", "Kavero Note KI2", "look-alike", "look-alike: 1 = I", ["1"], ["I"]),
    ("PRAGATI M0BlLE HUB", "Pragati Mobile Hub", "look-alike", "look-alike: 0 = o", ["0", "l"], ["o", "i"]),
    ("Kota, Rajasthan - 324O34", "Kota, Rajasthan - 324034", "look-alike", "0 = O", ["O"], ["0"]),
    ("BHV81683709", "BHV816B3709", "look-alike", "look-alike: 8 = B", ["8"], ["B"]),
    ("AB\u0421ZE1234G", "ABCZE1234G", "look-alike", "look-alike: C = \u0421 (U+0421)", ["\u0421"], ["C"]),
    ("24,490.0O", "24490", "look-alike", "24,490.0O = 24490", ["O"], []),
    ("Sandcep Joshi", "Sandeep Joshi", "spelling", "", ["c"], ["e"]),
    ("Sai Residency, ashik", "Sai Residency, Nashik", "spelling", "", [], ["N"]),
    ("Joshi Sandcep", "Sandeep Joshi", "spelling", "order", ["c"], ["e"]),
    (FLAT, FLAT.replace(", Assam", ""), "missing part", "", ["Assam"], []),
    ("Bhavna Choudhary", "Bhavna Balram Choudhary", "missing part", "", [], ["Balram"]),
    ("", "Asha", "missing part", "", [], ["Asha"]),
    ("Orvanta S8+", "Orvanta S8", "missing part", "", ["+"], []),
    ("Om Sai Shop", "Kota Agencies", "different", "", ["Om Sai Shop"], ["Kota Agencies"]),
    ("S/O Ram Singh", "D/O Ram Singh", "different", "", ["S/O"], ["D/O"]),
    ("Mr Kiran Rao", "Ms Kiran Rao", "different", "", ["Mr"], ["Ms"]),
    ("Suresh Joshi", "Ramesh Joshi", "different", "", ["Suresh"], ["Ramesh"]),
    ("5013421313", "5013491316", "different", "", ["2", "3"], ["9", "6"]),
    ("+91 5012345670", "5012345671", "different", "", ["0"], ["1"]),
    ("50,000.00", "41000", "different", "", ["50"], ["41"]),
    ("-500", "500", "different", "", ["-"], []),
    ("Flat 12, Sector 21", "Flat 21, Sector 12", "different", "", ["12", "21"], ["21", "12"]),
    ("05/06/2026", "2026-06-05", "different", "", ["05/06/2026"], ["2026-06-05"]),
    (f"{IMEI}, {OTHER_IMEI}", f"{OTHER_IMEI[:-2]}69, {IMEI}", "different", "", ["96"], ["69"]),
    (FLAT, FLAT.replace("781085", "781086"), "different pin code", "", ["5"], ["6"]),
    ("Pune 411 040", "PUNE-411041", "different pin code", "case", ["0"], ["1"]),
    ("Om Sai, Pune 411040", "Kota Agencies 324001", "different pin code", "", None, None),
]


def marked(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.text for piece in pieces if piece.mark != Mark.SAME]


def rejoined(found: Difference) -> tuple[str, str]:
    return "".join(piece.text for piece in found.source), "".join(piece.text for piece in found.target)


@pytest.mark.parametrize(("source", "target", "note"), SAME)
def test_what_only_looks_different_is_the_same_and_says_why(source: str, target: str, note: str) -> None:
    for found in (compare_values(source, target), compare_values(target, source)):
        assert found.kind == Kind.SAME
        assert note in found.notes
        assert marked(found.source) == marked(found.target) == []
    assert normal_form(source) == normal_form(target)


@pytest.mark.parametrize(("source", "target", "kind", "note", "here", "there"), DIFFERING)
def test_a_difference_has_its_kind_its_notes_and_its_place(
    source: str, target: str, kind: str, note: str, here: list[str] | None, there: list[str] | None
) -> None:
    found, mirrored = compare_values(source, target), compare_values(target, source)
    assert (found.kind, mirrored.kind) == (kind, kind)
    assert note in "; ".join(found.notes)
    assert rejoined(found) == (source, target)
    if here is not None:
        assert (marked(found.source), marked(found.target)) == (here, there)
        assert (marked(mirrored.source), marked(mirrored.target)) == (there, here)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("001234567890", "1234567890"),  # an id keeps its leading zeros
        ("1/23", "12/3"),
        ("2.5 Ton", "25 Ton"),
        ("Ali", "All"),
        ("05/06/2026", "06/05/2026"),
        ("12A", "12B"),
        ("@", "#"),
        ("-", ""),
    ],
)
def test_what_only_looks_alike_is_not_the_same(source: str, target: str) -> None:
    assert compare_values(source, target).kind != Kind.SAME


def test_missing_stands_in_the_source_and_added_in_the_target() -> None:
    found = compare_values("Bhavna Balram Choudhary", "Bhavna Choudhary Kota")
    assert [(piece.text, piece.mark) for piece in found.source] == [
        ("Bhavna ", Mark.SAME),
        ("Balram", Mark.MISSING),
        (" Choudhary", Mark.SAME),
    ]
    assert found.target[-1].mark == Mark.ADDED
    assert found.kind == Kind.DIFFERENT


def test_six_digits_alone_are_no_pin_code() -> None:
    assert compare_values("123456", "123999").kind == Kind.DIFFERENT


def test_a_pin_code_that_one_side_lacks_is_a_missing_part() -> None:
    assert compare_values("Station Road, Pune - 411040", "Station Road, Pune").kind == Kind.MISSING_PART


def test_hidden_characters_are_made_visible_and_indic_joiners_are_not_disturbed() -> None:
    """B35"""
    assert visible("As\u200dha \u202eoaR\x00\u2028") == "As‹U+200D›ha ‹U+202E›oaR‹U+0000›‹U+2028›"
    assert visible("line\nand\ttab, caf\u00e9") == "line\nand\ttab, caf\u00e9"
    assert visible("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"
    assert visible("\ud800") == "‹U+D800›"


def test_markup_is_compared_as_text_and_stays_as_it_came() -> None:
    """B34"""
    formula = '=HYPERLINK("http://canary.invalid") <script>x</script> ![x](http://canary.invalid/x.png)'
    found = compare_values(formula, "Asha Rao")
    assert rejoined(found) == (formula, "Asha Rao")


def test_the_label_says_whose_reading_it_is() -> None:
    assert "Atlas Desk" in LABEL


_PIECES = (
    "Flat No 24 12 Sai Nagar Road Rd S/O C/O Ram R K RK Ramesh 411040 411041 411 040 +91 5012345678 "
    "45,000.00 45000 Rs. 15/06/2026 2026-06-15 K7Plus K7 Plus M0BlLE Mobile & and + , - . ; / [ ] \" ' "
    '["a","b"] MH Maharashtra Uttar Pradesh UP Mr House H.No \u200d \u202e \u0421 \u0967\u0968 \u00bd '
    "007131965389634 001063898286296"
)
_LIFELIKE = st.tuples(
    st.lists(st.sampled_from(_PIECES.split(" ")), max_size=9), st.sampled_from([" ", "", ", "])
).map(lambda drawn: drawn[1].join(drawn[0]))
_TEXTS = st.one_of(_LIFELIKE, st.text(max_size=40), st.text("aA1lI0O5S8B ,.-\u200b", max_size=12))


@given(_TEXTS, _TEXTS)
def test_any_two_texts_are_compared_alike_from_both_sides(source: str, target: str) -> None:
    found, mirrored = compare_values(source, target), compare_values(target, source)
    assert rejoined(found) == (source, target)
    assert found.kind == mirrored.kind
    assert found.notes == mirrored.notes
    assert (found.kind == Kind.SAME) == (normal_form(source) == normal_form(target))
    assert {piece.mark for piece in found.source} <= {Mark.SAME, Mark.MISSING, Mark.CHANGED}
    assert {piece.mark for piece in found.target} <= {Mark.SAME, Mark.ADDED, Mark.CHANGED}
    for pieces in (found.source, found.target):
        assert all(piece.text for piece in pieces)
        assert all(one.mark != other.mark for one, other in pairwise(pieces))
    if found.kind == Kind.SAME:
        assert bool(found.notes) == (source != target)
    elif WEIGHT[found.kind] >= WEIGHT[Kind.LOOK_ALIKE]:
        assert marked(found.source) + marked(found.target)


@given(_TEXTS)
def test_a_text_is_the_same_as_itself_in_any_case_and_spacing(text: str) -> None:
    assert compare_values(text, text).kind == Kind.SAME
    assert compare_values(text, f"  {text} ").kind == Kind.SAME
    assert compare_values(text, text).notes == ()


# The least of three times, in seconds of the processor: a walk over both texts, a quarter of both compared,
# and the whole.
TIMED = """
import json, sys, time
from atlas_core.insight.differences import compare_values

source, target = json.load(sys.stdin)
quarters = source[: len(source) // 4], target[: len(target) // 4]
ways = (
    lambda: sum(sign.isalnum() for sign in source + target),
    lambda: compare_values(*quarters),
    lambda: compare_values(source, target),
)

def timed(way):
    began = time.process_time()
    way()
    return time.process_time() - began

print(json.dumps([min(timed(way) for _ in range(3)) for way in ways]))
"""


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (" ".join(f"word{n}" for n in range(7_000)), " ".join(f"word{n}x" for n in range(6_500))),
        ("a" * 65_536, "a" * 65_535 + "b"),
        ("\u200b" * 65_536, "\u200ba" * 32_768),
        ("," * 65_536, "[" * 65_536),
        ('["' * 32_768, '["a",' * 13_000),
        ("0" * 65_536, "1" * 65_536),
        ("co op hsg " * 6_500, "s/o h no " * 7_000),
    ],
    ids=["words", "letters", "hidden", "signs", "open lists", "digits", "phrases"],
)
def test_values_of_64_kilobytes_take_a_glance_and_not_the_square_of_it(source: str, target: str) -> None:
    """Beside a quarter of both texts, which the square of it would take sixteen times as long as: how fast a
    machine is, and how busy, is not the test's matter. In a process of its own: in one that has run many
    tests large texts take thrice the time."""
    command = [sys.executable, "-c", TIMED]
    told = subprocess.run(
        command, input=json.dumps([source, target]), capture_output=True, text=True, check=True, timeout=120
    )
    walk, quarter, whole = json.loads(told.stdout)
    assert whole < 8 * quarter + 40 * walk
    found = compare_values(source, target)
    assert rejoined(found) == (source, target)


def test_kinds_come_out_as_the_sandbox_spoils_its_papers() -> None:
    kinds: dict[str, set[str]] = {}
    for number in range(120):
        sent = make_application("differences", number)
        read = read_application(sent["application_id"], sent["documents"], "f", "PROD_CDL", SEED)
        for check in read["cross_checks"]:
            found = compare_values(check["source_value"], check["target_value"])
            kinds.setdefault(check["name"], set()).add(found.kind)
            if check["name"] in ("PRODUCT_IMEI", "CUSTOMER_MOBILE_NUMBER"):
                assert (found.kind == Kind.SAME) == (check["source_value"] == check["target_value"])
    assert {Kind.SAME, Kind.ABBREVIATION, Kind.MISSING_PART} <= kinds["CUSTOMER_DELIVERY_ADDRESS"]
    assert {Kind.SAME, Kind.ORDER, Kind.ABBREVIATION} <= kinds["CUSTOMER_NAME"]
    assert kinds["CUSTOMER_MOBILE_NUMBER"] <= {Kind.SAME, Kind.DIFFERENT}
