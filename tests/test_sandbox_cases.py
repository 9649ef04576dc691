"""The sandbox's invented people: lifelike, repeatable, and never real."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from atlas_core.sandbox import final_status, make_application, read_application
from atlas_core.sandbox.addresses import guess_types
from atlas_core.sandbox.cases import make_case
from atlas_core.sandbox.crosschecks import CHECKS, similarity
from atlas_core.sandbox.papers import TYPES, write_paper
from atlas_core.sandbox.people import verhoeff_digit
from atlas_core.sandbox.shops import luhn_digit

SEED = "atlas-sandbox"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
DOCUMENTED = {"DEALER_ADDRESS", "CUSTOMER_NAME", "CUSTOMER_DELIVERY_ADDRESS", "CUSTOMER_MOBILE_NUMBER"}
CHECK = {check.name: check for check in CHECKS}


def payload(number: int) -> tuple[str, dict[str, Any]]:
    application = make_application("tests", number, signed_at=NOW)
    made = read_application(
        application["application_id"],
        application["documents"],
        f"flow-{number}",
        "PROD_CDL",
        SEED,
        read_at=NOW,
    )
    return application["application_id"], made


@pytest.fixture(scope="module")
def payloads() -> list[tuple[str, dict[str, Any]]]:
    return [payload(number) for number in range(1500)]


def texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif node is not None:
        yield str(node)


def readings(payloads: list[tuple[str, dict[str, Any]]], field: str) -> list[Any]:
    return [
        item["data"][field]["value"]
        for _, made in payloads
        for item in made["ocr_data"]
        if field in item["data"]
    ]


def test_the_same_arguments_give_the_same_application_and_reading() -> None:
    assert make_application("tests", 7, signed_at=NOW) == make_application("tests", 7, signed_at=NOW)
    first = payload(7)
    make_case.cache_clear()
    assert payload(7) == first
    other = make_application("other", 7, signed_at=NOW)
    assert other["application_id"] != first[0]
    assert payload(8)[1]["ocr_data"] != first[1]["ocr_data"]


def test_no_aadhaar_could_be_issued_yet_each_has_its_check_digit(payloads: Any) -> None:
    numbers = [value for value in readings(payloads, "aadhaar_number") if isinstance(value, str)]
    full = [number for number in numbers if "*" not in number]
    assert len(full) > 300
    assert len(numbers) - len(full) > 300, "some come masked"
    for number in full:
        assert re.fullmatch(r"[01]\d{3} \d{4} \d{4}", number)
        bare = number.replace(" ", "")
        assert bare[-1] == verhoeff_digit(bare[:-1])
    for number in set(numbers) - set(full):
        assert re.fullmatch(r"\*{4} \*{4} \d{4}", number)


def test_nothing_anywhere_looks_like_an_issued_aadhaar_or_pan_or_mobile_number(payloads: Any) -> None:
    aadhaar = re.compile(r"(?<!\d)[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}(?!\d)")
    pan = re.compile(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]")
    mobile = re.compile(r"(?<!\d)[6-9]\d{9}(?!\d)")
    for _, made in payloads:
        for text in texts(made):
            found = aadhaar.search(text)
            if found:
                bare = re.sub(r"\D", "", found[0])
                assert bare[-1] != verhoeff_digit(bare[:-1])
            assert not pan.search(text), text
            assert not mobile.search(text), text


def test_check_digits_follow_the_published_examples() -> None:
    assert verhoeff_digit("236") == "3"
    assert luhn_digit("7992739871") == "3"


def test_every_imei_on_paper_passes_luhn_and_is_of_the_test_range() -> None:
    for number in range(300):
        for imei in make_case(SEED, f"A-{number}").goods.imei:
            assert re.fullmatch(r"00\d{13}", imei)
            assert imei[-1] == luhn_digit(imei[:-1])


FIELDS = {
    "INVOICE": """
        customer_name customer_address customer_email customer_phone_number dealership_name dealer_address
        dealer_gst dealer_gst_handwritten product_type model_name manufacturer_name product_hsn_code
        serial_number imei_number total_invoice_amount invoice_date invoice_number downpayment_amount
        hypothecation_amount hypothecation dealer_sign dealer_stamp""",
    "DELIVERY_ORDER": """
        dealer_name dealer_address customer_name customer_delivery_address customer_mobile_number
        product_brand_manufacturer product_model product_category product_serial_imei_number
        oem_validation_date scheme_description product_total_cost emi_amount""",
    "AADHAAR": "name address formatted_address aadhaar_number date_of_birth",
    "PAN": "name_as_per_pan father_name dob pan_number document_quality_flag",
    "IMEI_CLOSEUP_IMAGE": "model ram rom imei_number product_sku price serial_number",
    "PRODUCT_STICKER": "model ram rom imei_number product_sku price serial_number",
    "ASSET_OPEN_BOX_IMAGE": "customer_present number_of_faces_visible",
    "AADHAR_EXTRACT_IMAGE": "photo_present",
}
PLURAL = {
    *("product_type", "model_name", "manufacturer_name", "product_hsn_code", "product_sku"),
    *("imei_number", "product_serial_imei_number"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_document_has_every_documented_field_and_no_other(kind: str) -> None:
    assert set(write_paper(make_case(SEED, "A-1"), kind)) == set(FIELDS[kind].split())


def test_readings_have_the_documented_shapes(payloads: Any) -> None:
    kinds: Counter[str] = Counter()
    dates: Counter[str] = Counter()
    for _, made in payloads:
        for item in made["ocr_data"]:
            assert set(item) == {"data", "document_id", "error_code", "error_reason"}
            fields = dict(item["data"])
            kinds[fields.pop("document_type", "")] += 1
            for name, field in fields.items():
                extra = {"redact_url"} if name == "aadhaar_number" else set()
                assert {"value", "confidence_score"} <= set(field) <= {"value", "confidence_score"} | extra
                assert 0 <= field["confidence_score"] <= 1
                assert name not in PLURAL or isinstance(field["value"], list) or field["value"] in (None, "")
                if name in ("invoice_date", "dob", "date_of_birth") and field["value"]:
                    dates[name + re.sub(r"[^-/]", "", field["value"])[:1]] += 1
    assert set(kinds) == {*TYPES, ""}
    assert set(dates) == {"invoice_date-", "dob/", "date_of_birth/"}
    assert None in readings(payloads, "hypothecation_amount")
    assert "" in readings(payloads, "customer_email")
    assert {type(value) for value in readings(payloads, "total_invoice_amount")} >= {int, str}
    assert all(isinstance(value, int) for value in readings(payloads, "number_of_faces_visible"))


def test_an_id_that_carries_a_day_has_papers_of_that_day() -> None:
    application = make_application("tests", 5, day=date(2026, 3, 9), signed_at=NOW)
    assert "-260309-" in application["application_id"]
    bought = make_case(SEED, application["application_id"]).bought
    assert 0 <= (date(2026, 3, 9) - bought).days <= 4


def test_about_three_flows_in_four_are_clear_and_few_fail(payloads: Any) -> None:
    outcomes: Counter[str] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for application_id, made in payloads:
        failed = final_status(application_id, SEED)["master_status"] == "FAILED"
        wrong = [item for item in made["ocr_data"] if item["error_code"]]
        errors.update((item["error_code"], item["error_reason"]) for item in wrong)
        low = any(check["similarity_score"] < 70 for check in made["cross_checks"])
        unheard = DOCUMENTED - {check["name"] for check in made["cross_checks"]}
        outcomes["failed" if failed else "review" if wrong or low or unheard else "clear"] += 1
    assert 0.68 < outcomes["clear"] / 1500 < 0.77
    assert 0.005 < outcomes["failed"] / 1500 < 0.03
    assert set(errors) == {
        ("INVALID_DOC", "multiple people"),
        ("INVALID_DOC", "multiple faces"),
        ("UNRECOGNISED", "document not in list"),
    }


def test_an_unrecognised_document_has_no_fields_and_sometimes_no_id(payloads: Any) -> None:
    lost = [item for _, made in payloads for item in made["ocr_data"] if item["error_code"] == "UNRECOGNISED"]
    assert all(item["data"] == {} for item in lost)
    assert {bool(item["document_id"]) for item in lost} == {True, False}


def test_several_faces_make_an_open_box_picture_invalid(payloads: Any) -> None:
    boxes = [
        item
        for _, made in payloads
        for item in made["ocr_data"]
        if item["data"].get("document_type") == "ASSET_OPEN_BOX_IMAGE" and len(item["data"]) > 1
    ]
    for item in boxes:
        crowded = item["data"]["number_of_faces_visible"]["value"] > 1
        assert (item["error_reason"] == "multiple people") == crowded


def test_similarity_follows_from_the_two_values_that_are_shown(payloads: Any) -> None:
    for _, made in payloads:
        for check in made["cross_checks"]:
            assert len(check) == 8
            score = similarity(CHECK[check["name"]], check["source_value"], check["target_value"])
            assert check["similarity_score"] == score
            assert type(score) is int
            if check["source_value"] == check["target_value"]:
                assert score in (90, 100)


@pytest.mark.parametrize(
    ("name", "same", "near", "wrecked"),
    [
        ("CUSTOMER_NAME", "Asha Rao", "Asha K Rao", "Bharat Verma"),
        (
            "DEALER_ADDRESS",
            "Plot No 4, Market Road, Pune - 411001",
            "Plot No 4, Market Rd, Pune",
            "Kota Bypass",
        ),
        ("CUSTOMER_MOBILE_NUMBER", "5012345678", "5012354678", "5098761200"),
        ("PRODUCT_IMEI", "001234567890123, 009876543210987", "001234567890124", "008888888888888"),
        ("TOTAL_AMOUNT", "54,990.00", "54000", "31000"),
    ],
)
def test_the_more_two_values_differ_the_lower_they_score(
    name: str, same: str, near: str, wrecked: str
) -> None:
    check = CHECK[name]
    equal, close, far = (similarity(check, same, other) for other in (same, near, wrecked))
    assert equal >= 90
    assert equal > close > far
    assert far < 70


def test_order_capitals_and_writing_of_amounts_do_not_matter() -> None:
    assert similarity(CHECK["CUSTOMER_NAME"], "Asha Rao", "RAO ASHA") == 100
    assert similarity(CHECK["TOTAL_AMOUNT"], "54,990.00", "54990") == 100


def test_a_check_without_both_sides_is_left_out() -> None:
    document = {"file_url": "https://files.example.com/invoice.png", "document_id": "D"}
    made = read_application("ALONE-1", [document], "f", "PROD_CDL", SEED)
    assert len(made["ocr_data"]) == 1
    assert made["cross_checks"] == []


def test_a_file_is_taken_for_what_its_name_says_or_for_what_is_still_lacking() -> None:
    assert guess_types(
        ["/x/Tax-Invoice.pdf", "/x/delivery_order_7.jpg", "/x/aadhar_front.png", "/x/pan.jpg"]
    ) == [
        "INVOICE",
        "DELIVERY_ORDER",
        "AADHAAR",
        "PAN",
    ]
    assert guess_types(["/x/imei.jpg", "/x/open_box.jpg", "/x/1.jpg", "/x/2.jpg"])[2:] == [
        "INVOICE",
        "DELIVERY_ORDER",
    ]


def test_all_documents_of_a_flow_agree_about_their_customer() -> None:
    names = ("invoice", "delivery", "aadhaar", "pan")
    files = [{"file_url": f"https://files.example.com/{name}.png", "document_id": name} for name in names]
    scores = []
    for number in range(40):
        made = read_application(f"OURS-{number}", files, "f", "PROD_CDL", SEED)
        scores += [
            check["similarity_score"] for check in made["cross_checks"] if check["name"] == "CUSTOMER_NAME"
        ]
    assert sorted(scores)[len(scores) // 2] == 100


def test_two_thousand_applications_take_a_few_seconds() -> None:
    begun = time.process_time()
    for number in range(200):
        payload(100_000 + number)
    assert time.process_time() - begun < 1.0
