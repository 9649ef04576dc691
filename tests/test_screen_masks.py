"""What of a personal value is shown, and that nothing personal slips through under any name."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.insight.case_view import compared
from atlas_core.insight.differences import Mark, compare_values
from atlas_core.insight.payload_masks import masked_payload
from atlas_core.insight.screen_masks import (
    DOT,
    Sensitivity,
    masked,
    masked_literal,
    masked_pieces,
    masked_reason,
    sensitivity_of,
)

PERSON_FIELDS = """
    name address formatted_address aadhaar_number date_of_birth name_as_per_pan father_name dob pan_number
    dl_number voter_id gender passport_number place_of_birth place_of_issue customer_name customer_address
    customer_email customer_phone_number customer_delivery_address customer_mobile_number mobile_number
    legal_name owner_name mobile_number email_id social_category name_of_employer licensee_name
    account_number account_holder_name insured_name policy_number assessee_name acknowledgement_number
    employee_name employee_no bank_account_no pf_account_number uan renter_name address_of_place
    purchaser_names seller_names buyer_name seller_name applicant_owner_name land_owner_name mortgagor_name
    personnel_directory loan_number vehicle_number engine_number udyam_registration_number
""".split()  # noqa: SIM905 -- a table of words

SHOWN = [
    ("customer_name", "Asha N. Rao", f"A{DOT * 3} {DOT}. R{DOT * 2}"),
    ("customer_address", "12 M G Road, Pune 411001", f"1{DOT} {DOT} {DOT} R{DOT * 3}, P{DOT * 3} 4{DOT * 5}"),
    ("customer_phone_number", "+91 98765 43210", f"+{DOT * 2} {DOT * 5} {DOT}3210"),
    ("customer_email", "asha.rao@mail.example", f"a{DOT * 3}@mail.example"),
    ("pan_number", "ABCPE1234F", f"AB{DOT * 5}34F"),
    ("account_number", "000123456789", f"{DOT * 8}6789"),
    ("date_of_birth", "31/02/1986", f"{DOT * 2}/{DOT * 2}/{DOT * 4}"),
    ("dob", "1986-02-12", f"{DOT * 4}-{DOT * 2}-{DOT * 2}"),
    ("passport_number", "Z1234567", DOT * 8),
    ("never_documented", "Asha", f"A{DOT * 3}"),
    ("dealer_name", "Star Mobiles", "Star Mobiles"),
    ("total_invoice_amount", "24,490.00", "24,490.00"),
    ("invoice_date", "12-03-2026", "12-03-2026"),
    ("imei_number", '["356938035643809"]', '["356938035643809"]'),
    ("owner_name", '["Asha Rao", "R K Rao"]', f'["A{DOT * 3} R{DOT * 2}", "{DOT} {DOT} R{DOT * 2}"]'),
    (
        "formatted_address",
        '{"state": "Kerala", "city": "Kochi"}',
        f'{{"state": "K{DOT * 5}", "city": "K{DOT * 4}"}}',
    ),
    ("customer_name", "", ""),
    ("customer_name", "\u0906\u0936\u093e", f"\u0906{DOT * 2}"),
    ("pan_number", "not one", f"{DOT * 3} {DOT * 3}"),
    # Vowel signs once began a new word each, and letters in boxes were shown whole.
    (
        "name",
        "\u0915\u0941\u092e\u093e\u0930\u0940 \u0930\u093e\u0927\u093e",
        f"\u0915{DOT * 5} \u0930{DOT * 3}",
    ),
    ("name", "\u0915\u094d\u200d\u0937", f"\u0915{DOT * 3}"),
    ("redact_url", "https://u:p@files.example/a/b/x.jpg?s=1", "https://files.example/\u2026/x.jpg"),
    ("redact_url", "see Asha", f"s{DOT * 2} A{DOT * 3}"),
    ("name", "A N I L", f"{DOT} {DOT} {DOT} {DOT}"),
    ("contact", "9 8 7 6 5", f"{DOT} {DOT} {DOT} {DOT} {DOT}"),
    ("customer_address", '{"state": "12 MG Road"}', f'{{"state": "1{DOT} M{DOT} R{DOT * 3}"}}'),
    ("nominee", '{"Ramesh Patil": {"price": 5}}', f'{{"R{DOT * 5} P{DOT * 4}": {{"price": "{DOT}"}}}}'),
]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("multiple people", "multiple people"),
        ("document not in list", "document not in list"),
        ("not an Aadhaar card", "not an Aadhaar card"),
        ("name on card is Asha Rao, 9812345678", f"name on card is A{DOT * 3} R{DOT * 2}, 9{DOT * 9}"),
        ("ASHA RAO", f"A{DOT * 3} R{DOT * 2}"),
        ("mail a.rao@mail.example", f"mail {DOT}.r{DOT * 2}@m{DOT * 3}.e{DOT * 6}"),
    ],
)
def test_a_reason_is_read_without_whom_it_names(reason: str, shown: str) -> None:
    assert masked_reason(reason) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("98.5", "98.5"), ("-1e400", "-1e400"), ("NaN", "NaN"), ("Asha 98", f"A{DOT * 3} 9{DOT}")],
)
def test_what_stood_in_place_of_a_number_is_shown_where_it_is_one(raw: str, shown: str) -> None:
    assert masked_literal(raw) == shown


@pytest.mark.parametrize(("name", "value", "shown"), SHOWN)
def test_a_value_is_shown_as_its_kind_allows(name: str, value: str, shown: str) -> None:
    assert masked(name, value) == shown


@pytest.mark.parametrize("name", PERSON_FIELDS)
def test_every_documented_field_about_a_person_is_masked(name: str) -> None:
    assert sensitivity_of(name) is not Sensitivity.OPEN


@given(st.text(min_size=1, max_size=30), st.text(alphabet="abcdefghij klmn", min_size=6, max_size=40))
def test_under_a_name_nobody_documented_no_word_is_shown_whole(name: str, value: str) -> None:
    field = f"zz_{name}_zz"
    shown = masked(field, value)
    for word in re.findall(r"\w{2,}", value):
        assert not re.search(rf"(?<!\w){word}(?!\w)", shown)


def test_of_two_compared_values_a_judge_sees_what_differs_and_others_do_not() -> None:
    difference = compare_values("Asha Rao", "Asha Roy")
    for_judges = "".join(piece.text for piece in masked_pieces(difference.source, shows_differences=True))
    for_others = "".join(piece.text for piece in masked_pieces(difference.source, shows_differences=False))
    assert for_judges.startswith(DOT * 4)
    assert "a" in for_judges
    assert re.fullmatch(rf"{DOT}+ {DOT}+", for_others)
    marks = [piece.mark for piece in masked_pieces(difference.source, shows_differences=False)]
    assert marks == [piece.mark for piece in difference.source]
    assert Mark.CHANGED in marks


def test_a_payload_is_shown_with_its_frame_and_without_anybodys_values() -> None:
    payload = {
        "flow_uuid": "LOS-1",
        "extra": "Asha Rao",
        "ocr_data": [
            {
                "data": {
                    "document_type": "INVOICE",
                    "name": {"value": "Asha Rao", "confidence_score": 0.9},
                    "price": {"value": 10, "confidence_score": 0.0},
                    "bare": "Asha Rao",
                    "formatted_address": {"value": {"city": "Pune", "state": "Goa"}, "confidence_score": 1},
                },
                "document_id": "D-1",
                "error_code": "",
            }
        ],
        "cross_checks": [
            {
                "name": "CUSTOMER_NAME",
                "source_field_name": "customer_name",
                "source_value": "Asha Rao",
                "target_field_name": "dealer_name",
                "target_value": "Star Mobiles",
                "similarity_score": 40,
            }
        ],
    }
    shown = json.loads(masked_payload(json.dumps(payload)))
    assert "Asha" not in json.dumps(shown)
    assert "Pune" not in json.dumps(shown)
    data = shown["ocr_data"][0]["data"]
    assert data["price"] == {"value": 10, "confidence_score": 0.0}
    assert data["document_type"] == "INVOICE"
    assert shown["cross_checks"][0]["name"] == "CUSTOMER_NAME"
    assert shown["cross_checks"][0]["target_value"] == "Star Mobiles"
    assert shown["flow_uuid"] == "LOS-1"


@pytest.mark.parametrize(
    "reading",
    [
        {"nominee": {"name": "Asha Rao"}},
        {"guardian": {"details": {"name": "Asha Rao", "application_id": "Asha Rao"}}},
        {"owners": {"Asha Rao": {"state": "Asha Rao"}}},
        {"dealer_name": {"raw": "x", "spoken": "Asha Rao"}},
        {"data": {"name": "Asha Rao"}},
    ],
)
def test_what_is_nested_in_a_document_is_nobodys_frame(reading: dict[str, object]) -> None:
    """Names deep in an object once passed as Atlas's own keys, and keys were never looked at."""
    item = {"data": reading, "document_id": "D-1", "error_reason": "it is Asha Rao"}
    shown = masked_payload(json.dumps({"ocr_data": [item]}))
    assert "Asha" not in shown
    assert "D-1" in shown
    assert "it is A" in shown


@pytest.mark.parametrize("text", ["not JSON: Asha", "[" * 5000])
def test_what_is_no_json_is_masked_whole(text: str) -> None:
    assert "Asha" not in masked_payload(text)


any_json = st.recursive(
    st.text(max_size=8) | st.integers() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(any_json)
def test_any_json_is_masked_without_complaint(value: object) -> None:
    masked_payload(json.dumps(value))
    masked("anything", json.dumps(value))


@pytest.mark.parametrize("shows_differences", [True, False])
def test_both_sides_of_a_comparison_are_masked_by_one_rule(shows_differences: bool) -> None:
    """A side without a mark once kept its initials, and equal words looked different."""
    values = {"source_value": "Asha Rao", "target_value": "Asha Kumar Rao"}
    check = {**values, "source_field_name": "customer_name", "target_field_name": "customer_name"}
    _, source, target = compared(check, shows_all=False, shows_differences=shows_differences)
    added = "Kumar" if shows_differences else DOT * 5
    assert "".join(piece.text for piece in source) == f"{DOT * 4} {DOT * 3}"
    assert "".join(piece.text for piece in target) == f"{DOT * 4} {added} {DOT * 3}"
    _, source, target = compared(
        {**check, "target_value": "ASHA RAO"}, shows_all=False, shows_differences=shows_differences
    )
    assert "".join(piece.text for piece in (*source, *target)).lower() == f"a{DOT * 3} r{DOT * 2}" * 2
