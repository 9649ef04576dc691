"""What stands on each document of a case, before any camera or OCR comes near it."""

import random
from collections.abc import Callable
from functools import partial

from .cases import Case

Value = str | int | float | None | list[str] | dict[str, str]
Paper = dict[str, Value]

# Fields found by rule, not read by a model: Atlas gives them confidence 0.0.
RULED = frozenset(
    {
        "dealer_gst_handwritten",
        "hypothecation",
        "dealer_sign",
        "dealer_stamp",
        "product_hsn_code",
        "imei_number",
        "product_serial_imei_number",
        "product_sku",
        "price",
        "customer_present",
        "number_of_faces_visible",
        "photo_present",
        "document_quality_flag",
        "oem_validation_date",
    }
)
# Read by shape and check digit: OCR is sure of them and does not get them wrong.
IDENTIFIERS = frozenset({"aadhaar_number", "pan_number", "dealer_gst"})


_SCHEMES = ("NO COST EMI 6M", "LOW COST EMI 12M", "ZERO DOWN PAYMENT", "STANDARD")
_COPIES = ("xerox_copy", "xerox_copy", "photo_of_photo")


def _rupees(amount: int, rng: random.Random) -> Value:
    """An amount the way some till prints it: a number, plain text, or text with commas and paise."""
    return rng.choice((amount, str(amount), f"{amount:,}.00"))


def _yes(rng: random.Random, share: float) -> str:
    return "yes" if rng.random() < share else "no"


def _invoice(case: Case, rng: random.Random) -> Paper:
    goods = case.goods
    return {
        "customer_name": case.billed_name,
        "customer_address": case.billed_address,
        "customer_email": case.customer.email if rng.random() < 0.4 else "",
        "customer_phone_number": case.billed_phone,
        "dealership_name": case.billed_dealer,
        "dealer_address": case.billed_dealer_address,
        "dealer_gst": case.dealer.gst,
        "dealer_gst_handwritten": _yes(rng, 0.06),
        "product_type": [goods.kind],
        "model_name": [f"{goods.brand} {goods.model}"],
        "manufacturer_name": [goods.brand],
        "product_hsn_code": [goods.hsn],
        "serial_number": [goods.serial] if not goods.imei else [],
        "imei_number": list(case.billed_numbers) if goods.imei else [],
        "total_invoice_amount": _rupees(case.billed_amount, rng),
        "invoice_date": f"{case.bought:%d-%m-%Y}",
        "invoice_number": case.order_number,
        "downpayment_amount": _rupees(case.downpayment, rng) if case.downpayment else "",
        "hypothecation_amount": _rupees(goods.price - case.downpayment, rng) if rng.random() < 0.6 else None,
        "hypothecation": _yes(rng, 0.85),
        "dealer_sign": _yes(rng, 0.93),
        "dealer_stamp": _yes(rng, 0.9),
    }


def _delivery_order(case: Case, rng: random.Random) -> Paper:
    goods = case.goods
    return {
        "dealer_name": case.dealer.name,
        "dealer_address": str(case.dealer.address),
        "customer_name": case.customer.name,
        "customer_delivery_address": str(case.customer.home),
        "customer_mobile_number": case.customer.phone,
        "product_brand_manufacturer": goods.brand,
        "product_model": f"{goods.brand} {goods.model}",
        "product_category": goods.kind,
        "product_serial_imei_number": list(goods.numbers),
        "oem_validation_date": f"{case.bought:%d-%m-%Y}" if rng.random() < 0.7 else None,
        "scheme_description": rng.choice(
            ("NO COST EMI 6M", "LOW COST EMI 12M", "ZERO DOWN PAYMENT", "STANDARD")
        ),
        "product_total_cost": f"{goods.price:,}.00",
        "emi_amount": f"{case.emi}",
    }


def _aadhaar(case: Case, rng: random.Random) -> Paper:
    home, number = case.customer.home, case.customer.aadhaar
    return {
        "name": case.customer.name,
        "address": f"S/O {case.customer.father}, {home}",
        "formatted_address": home.formatted(),
        "aadhaar_number": number if rng.random() < 0.55 else f"**** **** {number[-4:]}",
        "date_of_birth": case.customer.born,
    }


def _pan(case: Case, rng: random.Random) -> Paper:
    copied = rng.random() < case.dealer.photocopies
    return {
        "name_as_per_pan": case.customer.name.upper(),
        "father_name": case.customer.father.upper(),
        "dob": case.customer.born,
        "pan_number": case.customer.pan,
        "document_quality_flag": rng.choice(("xerox_copy", "xerox_copy", "photo_of_photo"))
        if copied
        else "original",
    }


def _sticker(case: Case, rng: random.Random, *, priced: float) -> Paper:
    goods = case.goods
    return {
        "model": f"{goods.brand} {goods.model}",
        "ram": goods.ram or None,
        "rom": goods.rom or None,
        "imei_number": list(goods.imei),
        "product_sku": [goods.sku] if rng.random() < 0.8 else [],
        "price": goods.price + 1000 if rng.random() < priced else None,
        "serial_number": goods.serial,
    }


def _open_box(case: Case, rng: random.Random) -> Paper:
    present = case.crowded or rng.random() < 0.94
    faces = rng.choice((2, 2, 3)) if case.crowded else int(present)
    return {"customer_present": "yes" if present else "no", "number_of_faces_visible": faces}


def _aadhaar_photo(case: Case, rng: random.Random) -> Paper:  # noqa: ARG001
    return {"photo_present": _yes(rng, 0.96)}


_PAPERS: dict[str, Callable[[Case, random.Random], Paper]] = {
    "INVOICE": _invoice,
    "DELIVERY_ORDER": _delivery_order,
    "AADHAAR": _aadhaar,
    "PAN": _pan,
    "IMEI_CLOSEUP_IMAGE": partial(_sticker, priced=0.3),
    "ASSET_OPEN_BOX_IMAGE": _open_box,
    "PRODUCT_STICKER": partial(_sticker, priced=0.8),
    "AADHAR_EXTRACT_IMAGE": _aadhaar_photo,
}
TYPES = tuple(_PAPERS)


def write_paper(case: Case, kind: str) -> Paper:
    """The fields on the case's document of type `kind` (one of TYPES), in documented order."""
    return _PAPERS[kind](case, random.Random(f"{case.application_id}|{case.order_number}|{kind}"))
