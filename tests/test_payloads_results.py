"""The results payload: every documented shape, every contradicted one, and what is flagged."""

from __future__ import annotations

import json
import random

import pytest

from atlas_core.api.payloads import compare_documents, parse_result
from atlas_core.errors import PayloadError
from atlas_core.models import Field, Flag, FlagKind
from tests.invented_numbers import aadhaar, fours, misread, numbers_left
from tests.made_payloads import body_of, check, field_of, kinds, result_of, sample

CHANCE = random.Random("results")


def test_the_documented_payload_is_read_whole() -> None:
    result = parse_result(sample("extracts"))
    assert result.flow_uuid == "9a1f0c52-6d0b-4b57-8f35-0d5c1e2f3a4b"
    assert result.application_id is None
    assert result.documents is not None
    assert result.cross_checks is not None
    invoice, photo, unknown = result.documents
    assert invoice.fields == (
        Field("customer_name", "Invented Person", "text", 0.94),
        Field("imei_number", '["001234567890123"]', "list", 0.0),
        Field("invoice_date", "21-11-2025", "text", 0.0),
        Field("total_invoice_amount", "", "empty", 0.0),
        Field("dealer_gst", None, "null", 0.0),
    )
    assert (photo.document_type, photo.error_code, photo.error_reason) == (
        "ASSET_OPEN_BOX_IMAGE",
        "INVALID_DOC",
        "multiple people",
    )
    assert field_of(result, "number_of_faces_visible", 1).value == 3
    assert (unknown.document_type, unknown.document_id, unknown.fields) == (None, "", ())
    assert [(one.position, one.name, one.similarity) for one in result.cross_checks] == [
        (0, "DEALER_ADDRESS", 60),
        (1, "CUSTOMER_MOBILE_NUMBER", 90),
    ]
    assert (result.flags, result.masked) == ((), 0)
    assert result.size == len(sample("extracts"))


def test_every_contradicted_reading_of_the_contract_is_accepted() -> None:
    result = parse_result(sample("extracts_with_everything"))
    assert result.flow_uuid == "LOS-9a1f0c52-6d0b-4b57-8f35-0d5c1e2f3a4b"
    assert result.application_id == "LOAN-0001"
    assert result.documents is not None
    card, _ = result.documents
    assert card.document_type == "AADHAAR"
    assert (card.batch_id, card.file_uuid) == (
        "BATCH-30732-SIYKJ-20251121113228",
        "0d5c1e2f-3a4b-4b57-8f35-9a1f0c526d0b",
    )
    assert [(one.name, one.shape, one.confidence) for one in card.fields] == [
        ("name", "text", None),
        ("aadhaar_number", "text", 0.97),
        ("formatted_address", "object", None),
        ("date_of_birth", "text", 0.9),
    ]
    assert b"https://documents.example/masked/1.png" in result.canonical
    assert json.loads(str(field_of(result, "formatted_address").value))["city"] == "PUNE"
    shapes = {one.name: (one.shape, one.value) for one in result.documents[1].fields}
    assert shapes == {
        "formatted_address": ("object", '{"city":"PUNE","postcode":"411001"}'),
        "validity_to": ("text", "Not Applicable"),
        "partners": ("list", '[{"name":"Invented"}]'),
        "turnover": ("number", 42990.5),
        "is_active": ("boolean", True),
        "nothing": ("null", None),
        "list": ("list", '["a","b"]'),
    }
    assert result.cross_checks == ()
    assert result.flags == ()


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"7", b"true"])
def test_b4_an_object_is_due(body: bytes) -> None:
    with pytest.raises(PayloadError, match="an object was due"):
        parse_result(body)


@pytest.mark.parametrize("key", ["ocr_data", "cross_checks"])
@pytest.mark.parametrize("instead", ["text", 7, True, {"data": {}}])
def test_b4_a_list_that_is_no_list_is_refused_with_its_place(key: str, instead: object) -> None:
    body = json.dumps({"ocr_data": [], "cross_checks": [], key: instead}).encode()
    with pytest.raises(PayloadError) as caught:
        parse_result(body)
    assert caught.value.place == key


def test_b25_success_without_documents_is_flagged() -> None:
    result = result_of(items=[])
    assert result.documents == ()
    assert kinds(result) == [FlagKind.NO_DOCUMENTS]


@pytest.mark.parametrize("absent", ["missing", "null"])
def test_b26_a_list_that_was_not_delivered_is_not_an_empty_one(absent: str) -> None:
    body = b"{}" if absent == "missing" else b'{"ocr_data": null, "cross_checks": null}'
    result = parse_result(body)
    assert (result.documents, result.cross_checks) == (None, None)
    assert kinds(result) == [FlagKind.DOCUMENTS_NOT_DELIVERED, FlagKind.CHECKS_NOT_DELIVERED]
    assert result_of(checks=[]).cross_checks == ()
    assert kinds(result_of(checks=[])) == []


@pytest.mark.parametrize("document_type", [None, "", {"value": None}])
def test_b27_a_document_without_a_type_is_listed_and_flagged(document_type: object) -> None:
    for data in ({"document_type": document_type}, {}):
        result = result_of(data=data)
        assert result.documents is not None
        assert result.documents[0].document_type is None
        assert kinds(result) == [FlagKind.TYPE_MISSING]


def test_b27_an_unrecognised_document_has_no_type_and_needs_none() -> None:
    for data in ({}, None):
        item = {"data": data, "document_id": "x", "error_code": "UNRECOGNISED", "error_reason": "not in list"}
        result = result_of(items=[item])
        assert result.documents is not None
        assert result.documents[0].error_code == "UNRECOGNISED"
        assert kinds(result) == []


def test_b28_unknown_types_and_fields_are_kept_as_they_came() -> None:
    result = result_of(
        data={"document_type": "RATION_CARD", "colour_of_card": {"value": "x", "confidence_score": 0.5}}
    )
    assert result.documents is not None
    assert result.documents[0].document_type == "RATION_CARD"
    assert field_of(result, "colour_of_card").value == "x"
    assert result.flags == ()


@pytest.mark.parametrize(
    ("member", "value", "shape"),
    [
        ("text", "text", "text"),
        ("", "", "empty"),
        (7, 7, "number"),
        (7.5, 7.5, "number"),
        (False, False, "boolean"),
        (None, None, "null"),
        ([], "[]", "list"),
        (["a", 1], '["a",1]', "list"),
        ({}, "{}", "object"),
        ({"a": {"b": "न"}}, '{"a":{"b":"न"}}', "object"),
        ({"confidence_score": 0.5}, '{"confidence_score":0.5}', "object"),
    ],
)
def test_b29_a_field_may_be_bare_or_wrapped_and_of_any_shape(
    member: object, value: object, shape: str
) -> None:
    bare = result_of(data={"document_type": "PAN", "x": member})
    wrapped = result_of(data={"document_type": "PAN", "x": {"value": member, "confidence_score": 0.5}})
    assert field_of(bare, "x") == Field("x", value, shape, None)  # type: ignore[arg-type]
    assert field_of(wrapped, "x") == Field("x", value, shape, 0.5)  # type: ignore[arg-type]


def test_b29_what_stands_beside_a_value_is_a_field_of_its_own() -> None:
    result = result_of(data={"document_type": "PAN", "x": {"value": "a", "page": 2, "box": [1, 2]}})
    assert result.documents is not None
    assert result.documents[0].fields == (
        Field("x", "a", "text", None),
        Field("x.page", 2, "number", None),
        Field("x.box", "[1,2]", "list", None),
    )


def test_b30_extra_keys_are_kept_in_the_payload_and_nowhere_else() -> None:
    extra = {f"key_{place}": place for place in range(100)} | {"__proto__": "x", "id": "y", "error": "z"}
    result = parse_result(body_of(**extra))
    assert result.documents is not None
    kept = json.loads(result.canonical)
    assert {key: kept[key] for key in extra} == extra
    assert result.flags == ()


def test_b31_ids_that_are_empty_repeated_foreign_or_missing_are_each_flagged() -> None:
    items: list[object] = [
        {"data": {"document_type": "PAN"}, "document_id": document_id, "error_code": ""}
        for document_id in ("a", "a", "", "stranger", None)
    ]
    result = result_of(items=items)
    assert result.documents is not None
    assert [document.document_id for document in result.documents] == ["a", "a", "", "stranger", ""]
    assert compare_documents(result, ["a", "b"]) == (
        Flag(FlagKind.DOCUMENT_ID_REPEATED, "ocr_data[1].document_id", "a"),
        Flag(FlagKind.DOCUMENT_ID_EMPTY, "ocr_data[2].document_id"),
        Flag(FlagKind.DOCUMENT_ID_FOREIGN, "ocr_data[3].document_id", "stranger"),
        Flag(FlagKind.DOCUMENT_ID_EMPTY, "ocr_data[4].document_id"),
        Flag(FlagKind.DOCUMENT_MISSING, "ocr_data", "b"),
    )
    assert [flag.kind for flag in compare_documents(result, [])] == [
        FlagKind.DOCUMENT_ID_REPEATED,
        FlagKind.DOCUMENT_ID_EMPTY,
        FlagKind.DOCUMENT_ID_EMPTY,
    ]


def test_b31_a_document_id_that_had_to_be_masked_is_still_ours() -> None:
    number = aadhaar(CHANCE)
    result = result_of(items=[{"data": {"document_type": "PAN"}, "document_id": number}])
    assert compare_documents(result, [number]) == ()


def test_b31_documents_never_delivered_are_not_called_missing_one_by_one() -> None:
    assert compare_documents(parse_result(b"{}"), ["a", "b"]) == ()


def test_b32_cross_checks_that_look_alike_are_all_kept() -> None:
    checks: list[object] = [check(), check(), check(target_doc="DELIVERY_ORDER"), check(name="NEW"), {}]
    result = result_of(checks=checks)
    assert result.cross_checks is not None
    assert [one.position for one in result.cross_checks] == [0, 1, 2, 3, 4]
    assert result.cross_checks[4].name == result.cross_checks[4].source_value == ""


def test_b32_values_of_a_cross_check_that_are_no_text_are_shown_as_json() -> None:
    result = result_of(checks=[check(source_value=["a", 1], target_value=None, source_doc=7)])
    assert result.cross_checks is not None
    one = result.cross_checks[0]
    assert (one.source_value, one.target_value, one.source_doc) == ('["a",1]', "", "7")


def test_b33_huge_values_are_cut_and_many_items_all_kept() -> None:
    long = "x" * 1_000_000
    result = result_of(
        data={"document_type": "PAN", "x": {"value": long}, "list": ["y" * 1_000] * 1_000},
        checks=[check() for _ in range(10_000)],
    )
    assert result.cross_checks is not None
    assert len(result.cross_checks) == 10_000
    for name in ("x", "list"):
        assert len(str(field_of(result, name).value).encode()) <= 64 * 1024
        assert "1000000 bytes" in str(field_of(result, "x").value)
    assert [(flag.kind, flag.place) for flag in result.flags] == [
        (FlagKind.VALUE_CUT, "ocr_data[0].data.x.value"),
        (FlagKind.VALUE_CUT, "ocr_data[0].data.list"),
    ]
    assert len(result.canonical) < 1_200_000 + 10_000 * 250
    assert parse_result(result.canonical).digest == result.digest


def test_b36_a_full_number_is_masked_wherever_it_stands_and_counted() -> None:
    number = aadhaar(CHANCE)
    wrong = misread(number)
    body = body_of(
        items=[
            {
                "data": {
                    "document_type": "AADHAAR",
                    "aadhaar_number": {"value": fours(wrong), "confidence_score": 0.9},
                    "address": f"12 Nowhere Road {fours(number)}",
                    number: ["x", number],
                },
                "document_id": number,
                "error_reason": f"not {number}",
            }
        ],
        checks=[
            check(source_field_name="aadhaar_number", source_value=wrong, target_value=fours(number, "-"))
        ],
        application_id=number,
        flow_params={"customer": int(number)},
    )
    result = parse_result(body)
    assert result.masked == 10
    assert numbers_left(repr(result) + result.canonical.decode()) == []
    assert wrong not in repr(result) + result.canonical.decode()
    assert fours(wrong) not in repr(result) + result.canonical.decode()
    assert result.application_id == f"XXXX XXXX {number[-4:]}"


def test_b37_a_loan_number_with_a_wrong_check_digit_is_left_alone() -> None:
    loan = misread(aadhaar(CHANCE))
    result = result_of(data={"document_type": "GOLD_PLEDGE_CARDS", "loan_number": loan})
    assert field_of(result, "loan_number").value == loan
    assert result.masked == 0


def test_b39_a_payload_tells_whose_it_is_so_that_another_flow_s_can_be_refused() -> None:
    flow_uuid = "9a1f0c52-6d0b-4b57-8f35-0d5c1e2f3a4b"
    assert parse_result(body_of(flow_uuid=flow_uuid)).flow_uuid == flow_uuid
    assert parse_result(body_of(flow_uuid=None)).flow_uuid is None
    assert parse_result(body_of()).flow_uuid is None


@pytest.mark.parametrize(
    "flow_uuid", ["short", "x" * 65, "with space", "../../etc", "", 7, ["a"], "नननननननननन"]
)
def test_b40_a_flow_id_that_can_be_none_is_refused(flow_uuid: object) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_result(body_of(flow_uuid=flow_uuid))
    assert caught.value.place == "flow_uuid"


def test_b40_a_flow_id_that_is_a_personal_number_is_refused_and_not_quoted() -> None:
    number = aadhaar(CHANCE)
    with pytest.raises(PayloadError) as caught:
        parse_result(body_of(flow_uuid=number))
    assert number not in str(caught.value)


@pytest.mark.parametrize("item", [None, "text", 7, [], True])
def test_items_that_are_no_objects_are_flagged_and_the_others_kept_at_their_places(item: object) -> None:
    result = result_of(
        items=[item, {"data": {"document_type": "PAN"}, "document_id": "b"}], checks=[item, check()]
    )
    assert result.documents is not None
    assert result.cross_checks is not None
    assert [document.position for document in result.documents] == [1]
    assert [one.position for one in result.cross_checks] == [1]
    assert [(flag.kind, flag.place) for flag in result.flags] == [
        (FlagKind.ITEM_UNREADABLE, "ocr_data[0]"),
        (FlagKind.ITEM_UNREADABLE, "cross_checks[0]"),
    ]


@pytest.mark.parametrize("data", ["text", [1], 7])
def test_data_that_is_no_object_is_flagged_and_its_document_kept(data: object) -> None:
    result = result_of(items=[{"data": data, "document_id": "a", "error_code": "INVALID_DOC"}])
    assert result.documents is not None
    assert (result.documents[0].document_id, result.documents[0].fields) == ("a", ())
    assert FlagKind.ITEM_UNREADABLE in kinds(result)


def test_a_number_that_is_none_leaves_its_field_empty_and_flagged() -> None:
    result = parse_result(
        body_of(data={"document_type": "PAN", "price": {"value": 0}}).replace(b": 0}", b": NaN}")
    )
    assert field_of(result, "price") == Field("price", None, "null", None)
    assert result.flags == (Flag(FlagKind.NOT_A_NUMBER, "ocr_data[0].data.price.value", "NaN"),)
    assert json.loads(result.canonical)["ocr_data"][0]["data"]["price"]["value"] == "NaN"


def test_b66_other_key_order_and_whitespace_make_no_other_digest() -> None:
    whole = json.loads(sample("extracts_with_everything"))
    turned = json.dumps(_turned(whole), indent=3, ensure_ascii=True).encode()
    assert parse_result(turned).digest == parse_result(sample("extracts_with_everything")).digest


def test_what_only_names_the_flow_and_its_files_makes_no_other_digest() -> None:
    """Atlas's pages show these keys in callbacks and not in extracts: the two once always contradicted."""
    plain = {"ocr_data": [{"data": {}, "document_id": "one"}], "cross_checks": [check()]}
    named = plain | {"flow_uuid": "flow-0001", "application_id": "APP-1", "flow_params": {"branch": "PUNE"}}
    item = {"data": {}, "document_id": "one", "batch_id": "BATCH-1", "file_uuid": "file-1"}
    everything = parse_result(json.dumps(named | {"ocr_data": [item]}).encode())
    assert everything.digest == parse_result(json.dumps(plain).encode()).digest
    assert b"PUNE" in everything.canonical
    assert everything.documents is not None
    assert everything.documents[0].file_uuid == "file-1"
    for other in (
        named | {"extra": 1},
        named | {"ocr_data": []},
        {**named, "cross_checks": [check(name="X")]},
    ):
        assert parse_result(json.dumps(other).encode()).digest != everything.digest


def test_another_signature_of_the_same_address_makes_no_other_digest() -> None:
    body = sample("extracts_with_everything")
    signed_again = body.replace(b"X-Amz-Signature=0f1e2d3c", b"X-Amz-Signature=9a8b7c6d&X-Amz-Expires=60")
    assert signed_again != body
    assert parse_result(signed_again).digest == parse_result(body).digest
    other_object = body.replace(b"/masked/1.png", b"/masked/2.png")
    assert parse_result(other_object).digest != parse_result(body).digest


def _turned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _turned(value[key]) for key in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value


def test_an_unforeseen_key_beside_a_value_is_shown_as_a_field_of_its_own() -> None:
    body = b'{"ocr_data": [{"data": {"pan_number": {"value": "x", "issuer": "IT"}}}], "cross_checks": []}'
    assert field_of(parse_result(body), "pan_number.issuer") == Field("pan_number.issuer", "IT", "text", None)
