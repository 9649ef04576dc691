"""Results payloads for tests, and looks into what was read of them."""

from __future__ import annotations

import json
from pathlib import Path

from atlas_core.api.payloads import parse_result
from atlas_core.models import Field, FlagKind, Result

FOLDER = Path(__file__).parent / "payloads"


def sample(name: str) -> bytes:
    """A payload as Atlas's pages show it, its people invented."""
    return (FOLDER / f"{name}.json").read_bytes()


def check(**changes: object) -> dict[str, object]:
    """One sound cross-check with some members changed."""
    return {
        "name": "CUSTOMER_NAME",
        "source_doc": "DELIVERY_ORDER",
        "source_field_name": "customer_name",
        "source_value": "Invented Person",
        "target_doc": "INVOICE",
        "target_field_name": "customer_name",
        "target_value": "Invented Person",
        "similarity_score": 90,
        **changes,
    }


def body_of(
    *,
    data: dict[str, object] | None = None,
    items: list[object] | None = None,
    checks: list[object] | None = None,
    **top: object,
) -> bytes:
    """A payload of one document with this `data`, or of these items; and of these checks, or of one."""
    if items is None:
        whole = {"document_type": "PAN"} if data is None else data
        items = [{"data": whole, "document_id": "one", "error_code": "", "error_reason": ""}]
    checks = [check()] if checks is None else checks
    return json.dumps({"ocr_data": items, "cross_checks": checks, **top}).encode()


def result_of(
    *,
    data: dict[str, object] | None = None,
    items: list[object] | None = None,
    checks: list[object] | None = None,
    **top: object,
) -> Result:
    return parse_result(body_of(data=data, items=items, checks=checks, **top))


def field_of(result: Result, name: str, document: int = 0) -> Field:
    assert result.documents is not None
    return next(field for field in result.documents[document].fields if field.name == name)


def kinds(result: Result) -> list[FlagKind]:
    return [flag.kind for flag in result.flags]
