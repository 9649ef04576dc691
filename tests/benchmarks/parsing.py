"""How long one results payload takes: parsed, masked, spelled canonically and digested.

    python -m tests.benchmarks.parsing

A typical payload of four documents with 8 to 22 fields and eight cross-checks, one Aadhaar number and one
signed address in it. Beside it stands `json.loads` alone, which no reader in Python goes below.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from atlas_core.api.payloads import parse_result

ROUNDS = 400
GOAL_MS = 1.0

_FIELDS = {
    "INVOICE": (
        "customer_name customer_address customer_email customer_phone_number dealership_name dealer_address "
        "dealer_gst dealer_gst_handwritten product_type model_name manufacturer_name product_hsn_code "
        "serial_number imei_number total_invoice_amount invoice_date invoice_number downpayment_amount "
        "hypothecation_amount hypothecation dealer_sign dealer_stamp"
    ),
    "DELIVERY_ORDER": (
        "dealer_name dealer_address customer_name customer_delivery_address customer_mobile_number "
        "product_brand_manufacturer product_model product_category product_serial_imei_number "
        "oem_validation_date scheme_description product_total_cost emi_amount"
    ),
    "AADHAAR": "name address aadhaar_number date_of_birth gender father_name formatted_address pin_code",
    "IMEI_CLOSEUP_IMAGE": "model ram rom imei_number product_sku price serial_number colour",
}
_SAMPLES: dict[str, object] = {
    "aadhaar_number": "1234 5678 9012",
    "imei_number": ["001234567890123", "001234567890131"],
    "product_serial_imei_number": ["001234567890123"],
    "date_of_birth": "16/07/1986",
    "invoice_date": "21-11-2025",
    "oem_validation_date": "21-11-2025",
    "price": 42990,
    "total_invoice_amount": 42990.5,
    "hypothecation": "yes",
    "formatted_address": {
        "address_line_1": "12, Invented Road",
        "address_line_2": "Nowhere Colony",
        "city": "PUNE",
        "state": "MAHARASHTRA",
        "postcode": "411001",
    },
}


def typical_payload() -> bytes:
    """Four documents, 51 fields, eight cross-checks; about 8 kB."""
    documents = []
    for kind, names in _FIELDS.items():
        fields: dict[str, object] = {"document_type": kind}
        for name in names.split():
            value = _SAMPLES.get(name, f"Reading of {name.replace('_', ' ')}, 12 Invented Road")
            fields[name] = {"value": value, "confidence_score": 0.94}
            if name == "aadhaar_number":
                fields[name]["redact_url"] = (  # type: ignore[index]
                    "https://documents.example/masked/1.png?X-Amz-Signature=0f1e2d3c4b5a&X-Amz-Expires=900"
                )
        documents.append({"data": fields, "document_id": kind.lower(), "error_code": "", "error_reason": ""})
    checks = [
        {
            "name": f"CHECK_{place}",
            "source_doc": "DELIVERY_ORDER",
            "source_field_name": "dealer_address",
            "source_value": "Shop 4, Invented Market, Nowhere Road, Pune 411001",
            "target_doc": "INVOICE",
            "target_field_name": "dealer_address",
            "target_value": "Shop No 4, Invented Mkt, Nowhere Rd, Pune - 411001",
            "similarity_score": 60 + place,
        }
        for place in range(8)
    ]
    payload = {
        "flow_uuid": "5b0c9e5e-8f0a-4c1e-9d3b-2f6a7b8c9d0e",
        "ocr_data": documents,
        "cross_checks": checks,
    }
    return json.dumps(payload).encode()


def median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median time of one call in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main() -> None:
    body = typical_payload()
    parse_result(body)
    whole = median_ms(lambda: parse_result(body))
    bare = median_ms(lambda: json.loads(body))
    print(
        f"parse and mask one payload of {len(body):,} bytes: {whole:.3f} ms "
        f"(goal {GOAL_MS:.0f} ms; json.loads alone {bare:.3f} ms, {whole / bare:.1f} times)"
    )


if __name__ == "__main__":
    main()
