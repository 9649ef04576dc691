"""What a result's documents tell of its flow and its cross-checks, beside their own rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from atlas_core.models import CrossCheck, Document

# Where the dealer's name stands, the best source first.
_DEALER = (("DELIVERY_ORDER", "dealer_name"), ("INVOICE", "dealership_name"))

QUALITIES = ("original", "xerox_copy", "photo_of_photo")
"""What Atlas says a PAN card may be a picture of."""


def dealer_of(documents: Iterable[Document]) -> str | None:
    """The dealer as the delivery order names him, or else the invoice."""
    held = tuple(documents)
    names = (_text(held, document_type, field) for document_type, field in _DEALER)
    return next((name for name in names if name is not None), None)


def quality_flag_of(documents: Iterable[Document]) -> str | None:
    """What Atlas says a PAN card is a picture of: `original`, `xerox_copy`, `photo_of_photo`."""
    return _text(documents, "PAN", "document_quality_flag")


def lowest_confidences(
    documents: Iterable[Document], checks: Collection[CrossCheck]
) -> dict[tuple[str, str], float]:
    """The confidence of each compared field, by document type and field name; the lowest where several
    documents of that type have it. A field without a confidence is left out."""
    sides = {(check.source_doc, check.source_field_name) for check in checks}
    sides.update((check.target_doc, check.target_field_name) for check in checks)
    lowest: dict[tuple[str, str], float] = {}
    for document in documents:
        for field in document.fields:
            side = (document.document_type or "", field.name)
            if side in sides and field.confidence is not None:
                lowest[side] = min(field.confidence, lowest.get(side, 1.0))
    return lowest


def _text(documents: Iterable[Document], document_type: str, name: str) -> str | None:
    """The first reading of a field that is text and not blank, without the spaces around it."""
    for document in documents:
        if document.document_type == document_type:
            for field in document.fields:
                if field.value is None:
                    continue
                text = str(field.value).strip() if field.name == name and field.shape == "text" else ""
                if text:
                    return text
    return None
