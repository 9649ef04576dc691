"""Ways to spoil a JSON document: by path, or by a name from a table.

A path is `cross_checks.0.similarity_score`: names and positions with dots between; `*` stands for each.
What a path does not find is left alone, except that a last name is made. A value `{"$verbatim": "NaN"}` goes
out as that text.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from .messages import Verbatim
from .people import verhoeff_digit

Edits = dict[str, Any]


def _spots(node: Any, steps: list[str]) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) a path leads to."""
    step, rest = steps[0], steps[1:]
    keys: list[Any] = []
    if isinstance(node, dict):
        keys = list(node) if step == "*" else [step] if step in node or not rest else []
    elif isinstance(node, list):
        keys = list(range(len(node))) if step == "*" else [int(step)] if step.lstrip("-").isdigit() else []
        keys = [key for key in keys if -len(node) <= key < len(node)]
    for key in keys:
        if rest:
            yield from _spots(node[key], rest)
        else:
            yield node, key


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$verbatim"}:
        return Verbatim(value["$verbatim"])
    return copy.deepcopy(value)


def set_paths(document: Any, values: Edits) -> None:
    """Put each value where its path leads."""
    for path, value in values.items():
        for container, key in list(_spots(document, path.split("."))):
            container[key] = _plain(value)


def delete_paths(document: Any, paths: list[str]) -> None:
    """Remove what each path leads to."""
    for path in paths:
        for container, key in reversed(list(_spots(document, path.split(".")))):
            if not isinstance(container, dict) or key in container:
                del container[key]


_SCORE = "cross_checks.0.similarity_score"
_VALUE = "ocr_data.0.data.customer_name.value"
_SURE = "ocr_data.0.data.customer_name.confidence_score"
_NUMBER = "0123 4567 890" + verhoeff_digit("01234567890")  # an Aadhaar never starts with 0
_DEVANAGARI = str.maketrans("0123456789", "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f")

STATUS_SETTINGS: dict[str, Edits] = {
    "unknown_status": {"master_status": "PARTIAL"},
    "both_spellings": {"crosscheck_status": "PENDING"},
    "success_while_pending": {"crossheck_status": "PENDING", "master_status": "SUCCESS"},
    "late_news": {
        "processing_status": "IN_PROGRESS",
        "crossheck_status": "NOT_STARTED",
        "master_status": "IN_PROGRESS",
    },
}
RESULT_SETTINGS: dict[str, Edits] = {
    "lone_surrogate": {_VALUE: "Asha \ud800 Rao"},
    "control_characters": {_VALUE: "Asha\x00 \x1b[31mRao"},
    "duplicate_keys": {_SCORE: Verbatim('12, "similarity_score": 98')},
    "nan_score": {_SCORE: Verbatim("NaN")},
    "infinite_score": {_SCORE: Verbatim("1e400")},
    "huge_number": {_SCORE: Verbatim("9" * 5000)},
    "big_integer": {_SCORE: 2**63},
    "deep": {"deep": Verbatim("[" * 100_000 + "]" * 100_000)},
    "text_score": {_SCORE: "98.5"},
    "odd_score": {_SCORE: "\u0669\u0668"},
    "bool_score": {_SCORE: True},
    "score_out_of_range": {_SCORE: 100.0001},
    "score_below_range": {_SCORE: -1},
    "small_scale": {_SCORE: 0.93},
    "confidence_out_of_range": {_SURE: 95},
    "null_score": {_SCORE: None},
    "no_documents": {"ocr_data": [], "cross_checks": []},
    "null_lists": {"ocr_data": None, "cross_checks": None},
    "unknown_type": {"ocr_data.0.data.document_type": "RATION_CARD", "ocr_data.0.data.shop_number": "FPS 12"},
    "extra_keys": {"__proto__": {"polluted": True}, "id": 7, **{f"extra_{n}": n for n in range(98)}},
    "same_ids": {"ocr_data.*.document_id": "DOC-1"},
    "empty_ids": {"ocr_data.*.document_id": ""},
    "foreign_ids": {"ocr_data.0.document_id": "never-sent"},
    "unknown_check": {"cross_checks.0.name": "SHOE_SIZE"},
    "same_sides": {
        "cross_checks.0.source_doc": "INVOICE",
        "cross_checks.0.source_field_name": "dealer_address",
    },
    "long_value": {_VALUE: "A" * 1_000_000},
    "markup": {
        _VALUE: '=HYPERLINK("http://canary.invalid") <script>x</script> ![x](http://canary.invalid/x.png)'
    },
    "hidden_characters": {_VALUE: "As\u200dha \u202eoaR \u041e"},
    "aadhaar_everywhere": {
        _VALUE: f"Asha Rao {_NUMBER}",
        "ocr_data.0.error_reason": f"see {_NUMBER.replace(' ', '-')}",
        "ocr_data.0.data.aadhaar_number": {"value": [_NUMBER.replace(" ", "")], "confidence_score": 0.97},
        "cross_checks.0.source_value": _NUMBER.translate(_DEVANAGARI),
    },
    "odd_dates": {"ocr_data.*.data.invoice_date.value": "31/02/1986"},
    "wrong_flow": {"flow_uuid": "00000000-0000-4000-8000-000000000000"},
    "wrong_application": {"application_id": "SOMEBODY-ELSE"},
    "lie": {"cross_checks.*.similarity_score": 100},
}
RESULT_DELETIONS: dict[str, list[str]] = {
    "no_flow": ["flow_uuid"],
    "missing_lists": ["ocr_data", "cross_checks"],
    "missing_document": ["ocr_data.0"],
}


def _each_field(document: Any, change: Callable[[Any], Any]) -> None:
    for data, name in _spots(document, ["ocr_data", "*", "data", "*"]):
        data[name] = change(data[name])


def _bare_fields(document: Any) -> None:
    _each_field(document, lambda found: found.get("value") if isinstance(found, dict) else found)


def _nested_fields(document: Any) -> None:
    _each_field(
        document,
        lambda found: {"value": found, "confidence_score": 0.9} if isinstance(found, dict) else found,
    )


def _duplicate_checks(document: Any) -> None:
    document["cross_checks"] += copy.deepcopy(document["cross_checks"][:1])


def _reversed_checks(document: Any) -> None:
    for check in list(document["cross_checks"][:1]):
        swapped = {**check}
        for part in ("doc", "field_name", "value"):
            swapped[f"source_{part}"], swapped[f"target_{part}"] = (
                check[f"target_{part}"],
                check[f"source_{part}"],
            )
        document["cross_checks"].append(swapped)


def _photo_match(document: Any) -> None:
    sides = {"source_doc": "ASSET_OPEN_BOX_IMAGE", "source_field_name": "photo", "source_value": ""}
    sides |= {"target_doc": "AADHAAR", "target_field_name": "photo", "target_value": ""}
    document["cross_checks"].append({**sides, "similarity_score": 88, "name": "PHOTO_MATCH"})


def _many(document: Any) -> None:
    checks, items = document["cross_checks"][:1], document["ocr_data"][:1]
    document["cross_checks"] = [{**check, "name": f"CHECK_{n}"} for check in checks for n in range(10_000)]
    document["ocr_data"] = [{**item, "document_id": f"DOC-{n}"} for item in items for n in range(5_000)]


RESULT_CHANGES: dict[str, Callable[[Any], None]] = {
    "bare_fields": _bare_fields,
    "nested_fields": _nested_fields,
    "duplicate_checks": _duplicate_checks,
    "reversed_checks": _reversed_checks,
    "photo_match": _photo_match,
    "many": _many,
}
