"""What a result tells of its flow's dealer, its PAN card and the confidence behind each cross-check."""

from __future__ import annotations

from pathlib import Path

from atlas_core.books.writer import AtlasWriter
from atlas_core.models import Result
from tests.made_books import add_flow, make_books
from tests.made_payloads import check, result_of
from tests.workers import rows


def item(document_type: str, **fields: object) -> dict[str, object]:
    """A document whose fields are `name=(value, confidence)`."""
    read = {
        name: {"value": value, "confidence_score": confidence} for name, (value, confidence) in fields.items()
    }
    whole = {"document_type": document_type, **read}
    return {"data": whole, "document_id": document_type, "error_code": "", "error_reason": ""}


def kept(folder: Path, result: Result) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
    """The flow's dealer and quality flag, and the confidences of its cross-checks."""
    books = make_books(folder)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001", result=result)
    flow = rows(books.atlas, "SELECT dealer, quality_flag FROM flows")[0]
    return flow, rows(books.atlas, "SELECT source_confidence, target_confidence FROM cross_checks")


def test_a_cross_check_keeps_the_lower_confidence_where_two_documents_have_its_field(tmp_path: Path) -> None:
    items = [
        item("DELIVERY_ORDER", customer_name=("Invented Person", 0.91)),
        item("INVOICE", customer_name=("Invented Person", 0.88)),
        item("INVOICE", customer_name=("Invented Person", 0.0)),
    ]
    assert kept(tmp_path, result_of(items=items))[1] == [(0.91, 0.0)]


def test_a_cross_check_of_a_field_that_is_not_there_has_no_confidence(tmp_path: Path) -> None:
    items = [item("DELIVERY_ORDER", customer_name=("Invented Person", None))]
    assert kept(tmp_path, result_of(items=items, checks=[check()]))[1] == [(None, None)]


def test_the_dealer_is_the_delivery_orders_or_else_the_invoices(tmp_path: Path) -> None:
    order = item("DELIVERY_ORDER", dealer_name=("Invented Shop", 0.9))
    blank = item("DELIVERY_ORDER", dealer_name=("  ", 0.9))
    bill = item("INVOICE", dealership_name=(" Other Shop ", 0.9))
    assert kept(tmp_path / "both", result_of(items=[bill, order]))[0][0] == "Invented Shop"
    assert kept(tmp_path / "bill", result_of(items=[blank, bill]))[0][0] == "Other Shop"
    assert kept(tmp_path / "none", result_of(items=[blank]))[0][0] is None


def test_only_a_pan_cards_quality_flag_counts_and_only_as_text(tmp_path: Path) -> None:
    pan = item("PAN", document_quality_flag=("xerox_copy", 0.0))
    listed = item("PAN", document_quality_flag=(["original"], 0.0))
    invoice = item("INVOICE", document_quality_flag=("original", 0.0))
    assert kept(tmp_path / "pan", result_of(items=[invoice, listed, pan]))[0][1] == "xerox_copy"
    assert kept(tmp_path / "none", result_of(items=[invoice, listed]))[0][1] is None
