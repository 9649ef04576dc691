"""Atlas's cross-checks: two readings side by side, and how alike they really are."""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

_AMOUNT = re.compile(r"\d+(?:\.\d+)?")


def _words_alike(left: str, right: str) -> float:
    """Order of words and capitals do not matter: 0 to 100."""
    return fuzz.token_sort_ratio(left, right, processor=default_process)


def _digits_alike(left: str, right: str) -> float:
    return fuzz.ratio(left, right)


def _numbers_alike(left: str, right: str) -> float:
    """The best pair among two lists of numbers joined by commas."""
    return max(fuzz.ratio(one, other) for one in left.split(", ") for other in right.split(", "))


def _amounts_alike(left: str, right: str) -> float:
    """100 for equal amounts however written, less by ten for each per cent of difference."""
    found = [_AMOUNT.search(text.replace(",", "")) for text in (left, right)]
    if not (found[0] and found[1]):
        return fuzz.ratio(left, right)
    one, other = float(found[0][0]), float(found[1][0])
    return max(0.0, 100.0 - 1000.0 * abs(one - other) / max(one, other, 1.0))


class Check(NamedTuple):
    """A comparison Atlas makes. `ceiling` is what equal values score: 90 for addresses and phones.

    `target_label` is the name Atlas gives the target field, which need not be the one in the document.
    """

    name: str
    source_doc: str
    source_field: str
    target_doc: str
    target_field: str
    target_label: str
    alike: Callable[[str, str], float]
    ceiling: int


def _order_to_invoice(
    name: str,
    source: str,
    target: str,
    alike: Callable[[str, str], float],
    ceiling: int = 100,
    label: str = "",
) -> Check:
    return Check(name, "DELIVERY_ORDER", source, "INVOICE", target, label or target, alike, ceiling)


CHECKS = (
    _order_to_invoice("DEALER_ADDRESS", "dealer_address", "dealer_address", _words_alike, 90),
    _order_to_invoice("CUSTOMER_NAME", "customer_name", "customer_name", _words_alike),
    _order_to_invoice(
        "CUSTOMER_DELIVERY_ADDRESS", "customer_delivery_address", "customer_address", _words_alike, 90
    ),
    _order_to_invoice(
        "CUSTOMER_MOBILE_NUMBER",
        "customer_mobile_number",
        "customer_phone_number",
        _digits_alike,
        90,
        "mobile_number",
    ),
    _order_to_invoice("DEALER_NAME", "dealer_name", "dealership_name", _words_alike),
    _order_to_invoice("PRODUCT_MODEL", "product_model", "model_name", _words_alike),
    _order_to_invoice("PRODUCT_IMEI", "product_serial_imei_number", "imei_number", _numbers_alike),
    _order_to_invoice("PRODUCT_SERIAL_NUMBER", "product_serial_imei_number", "serial_number", _numbers_alike),
    _order_to_invoice("TOTAL_AMOUNT", "product_total_cost", "total_invoice_amount", _amounts_alike),
    Check(
        "IMEI_CLOSEUP",
        "IMEI_CLOSEUP_IMAGE",
        "imei_number",
        "INVOICE",
        "imei_number",
        "imei_number",
        _numbers_alike,
        100,
    ),
)


def _text(fields: dict[str, Any], name: str) -> str:
    """A field's value as the text that is compared; `""` where there is none."""
    value = fields.get(name, {}).get("value")
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def similarity(check: Check, source: str, target: str) -> int:
    """How alike two texts are under a check: 0 to the check's ceiling."""
    return round(check.alike(source, target) * check.ceiling / 100)


def compare_documents(ocr_data: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every cross-check both of whose sides were read; of two documents of one type the first counts."""
    by_type: dict[str, dict[str, Any]] = {}
    for item in ocr_data:
        by_type.setdefault(item["data"].get("document_type", ""), item["data"])
    made = []
    for check in CHECKS:
        source = _text(by_type.get(check.source_doc, {}), check.source_field)
        target = _text(by_type.get(check.target_doc, {}), check.target_field)
        if source and target:
            made.append(
                {
                    "source_doc": check.source_doc,
                    "source_field_name": check.source_field,
                    "source_value": source,
                    "target_doc": check.target_doc,
                    "target_field_name": check.target_label,
                    "target_value": target,
                    "similarity_score": similarity(check, source, target),
                    "name": check.name,
                }
            )
    return made
