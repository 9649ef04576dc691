"""A payload as a screen shows it: Atlas's frame as it came, and every personal value in it masked."""

from __future__ import annotations

import json

from atlas_core.insight.screen_masks import as_json, dotted, masked_key, masked_reason, masked_within

# Keys of Atlas's own around the fields, whose values say nothing of anybody.
_FRAME = frozenset(
    """
    flow_uuid document_id batch_id file_uuid error_code confidence_score similarity_score name
    source_doc target_doc source_field_name target_field_name application_id product_type
    """.split()  # noqa: SIM905 -- a table of words
)


def masked_payload(text: str) -> str:
    """A payload (JSON text) with every personal value in it masked; texts that are no JSON, wholly."""
    try:
        payload = json.loads(text)
        return as_json(_framed("", payload))
    except (ValueError, RecursionError):
        return dotted(text)


def _framed(name: str, value: object) -> object:
    """Of the whole payload (no name), of its documents and of its cross-checks: there Atlas's own keys are
    known by their place."""
    if isinstance(value, list) and name:
        return [_framed(name, held) for held in value]
    if not isinstance(value, dict):
        return masked_within(name or "payload", value)
    return {masked_key(key): _member(name, key, held, value) for key, held in value.items()}


def _member(name: str, key: str, held: object, beside: dict[str, object]) -> object:
    if not name and key in ("ocr_data", "cross_checks"):
        return _framed(key, held)
    if name == "ocr_data" and key == "data" and isinstance(held, dict):
        return {masked_key(field): _field(field, reading) for field, reading in held.items()}
    if name == "cross_checks" and key in ("source_value", "target_value"):
        return masked_within(str(beside.get(f"{key[:6]}_field_name", "")), held)
    if key == "error_reason" and isinstance(held, str):
        return masked_reason(held)
    return held if key in _FRAME and not isinstance(held, dict | list) else masked_within(key, held)


def _field(name: str, reading: object) -> object:
    """One field of a document, with Atlas's confidence beside its value."""
    if not isinstance(reading, dict) or "value" not in reading:
        return masked_within(name, reading)
    return {
        masked_key(key): held
        if key == "confidence_score" and isinstance(held, int | float)
        else masked_within(name if key == "value" else key, held)
        for key, held in reading.items()
    }
