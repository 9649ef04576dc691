"""Personal values as a screen or an export shows them: enough to tell two cases apart, not to know somebody.

A field is shown as it is only where its name is known to hold nothing personal (an amount, a model, a date
that is no birthday, a dealer's name); everything else is masked, also under names nobody documented.

    a name            A•••• R••             the first letter of each word of more than one
    an address        1• • R••• P•••        likewise
    a telephone       ••••••3210            the last four digits
    an account        ••••••5678            likewise, and every other number
    a PAN             AB•••••34F
    an e-mail         a•••@bank.example     the first letter, and the host
    a birthday        ••/••/••••
    a link            https://files.example/…/name.jpg

Aadhaar numbers never come here: of them only the last four digits are kept at all.
"""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from atlas_core.insight.differences import Mark, Piece

DOT = "\u2022"


class Sensitivity(enum.StrEnum):
    """What a field holds, as far as its name tells."""

    OPEN = "open"
    TEXT = "text"  # a name, an address, or anything not known to be harmless
    NUMBER = "number"
    PAN = "pan"
    EMAIL = "e-mail"
    LINK = "link"
    BIRTHDAY = "birthday"


_KEPT_DIGITS = 4

# Of documents about things, money and firms; a field of another name is personal until it is put here.
_OPEN_NAMES = frozenset(
    """
    articles_count bank_name basis bill_date brand chassis_number company_name constitution_of_business
    customer_present days_in_month dealer_gst dealer_gst_handwritten dealer_name dealer_address
    dealer_sign dealer_stamp dealership_name date_of_commencement_of_business date_of_expiry
    date_of_filing date_of_incorporation date_of_issue date_of_mortgage date_of_udyam_registration
    department designation document_quality_flag document_type due_date effective_workdays
    enterprise_name first_emi_date gross_weight gst_number hypothecation hypothecation_bank
    hypothecation_date hypothecation_status idv ifsc_code imei_number insurance_company invoice_date
    invoice_number issue_date issued_on joining_date kind_of_business lender_name loan_date lop_days
    major_activity manufacturer_name model model_name nature_of_business net_weight
    nic_5_digit_code number_of_faces_visible oem_validation_date payslip_month photo_present price
    product_brand_manufacturer product_category product_hsn_code product_model product_name
    product_serial_imei_number product_sku product_type ram rom scheme_description serial_number
    signatures_found signature_1 signature_2 start_date end_date state statement_period_from
    statement_period_to tenure total_employees type_of_enterprise type_of_organisation valid_till
    valid_upto validity_from validity_to financial_year assessment_year agreement_date
    area_of_constructed_property area_of_land land_area taluka district village_name
    """.split()  # noqa: SIM905 -- a table of words
)
_OPEN_ENDS = (
    *("_amount", "_cost", "_premium", "_price", "_charges", "_deductions", "_earnings", "_payable"),
    *("_paid", "_due", "_income", "_valuation", "_weight"),
)
_NUMBERS = re.compile(
    r"phone|mobile|account|(?:^|_)(?:uan|khata|gat|survey|policy|passport|voter|dl|license|licence|loan|pf"
    r"|registration|receipt|employee|engine|vehicle|acknowledgement|aadhaar|pin|post)"
)
_EMAIL = re.compile(r"e_?mail")
_PAN = re.compile(r"(?:^|_)pan(?:_|$)")
_BIRTHDAY = re.compile(r"birth|(?:^|_)dob(?:_|$)")
_WORD = re.compile(r"[A-Za-z0-9]+")
_RUN = re.compile("w+")
_LITERAL = re.compile(r"[+-]?[\d.,]{1,12}(?:[eE][+-]?\d{1,4})?%?|true|false|null|NaN|-?Infinity", re.ASCII)
_USUAL = frozenset("aadhaar pan atlas ocr qr kyc gst imei id pdf dl voter invoice document documents".split())  # noqa: SIM905
_ADDRESS = re.compile(r"([^@\s])[^@\s]*(@[^@\s]+)")
_PAN_SHAPE = re.compile(r"([A-Z]{2})[A-Z]{3}\d{2}(\d{2}[A-Z])", re.IGNORECASE)


def sensitivity_of(name: str) -> Sensitivity:
    """What a field of this name holds."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if _BIRTHDAY.search(plain):
        return Sensitivity.BIRTHDAY
    if _EMAIL.search(plain):
        return Sensitivity.EMAIL
    if plain.endswith(("_url", "_link")):
        return Sensitivity.LINK
    if plain in _OPEN_NAMES or plain.endswith(_OPEN_ENDS):
        return Sensitivity.OPEN
    if _PAN.search(plain) and "name" not in plain:
        return Sensitivity.PAN
    if _NUMBERS.search(plain) and "name" not in plain and "address" not in plain:
        return Sensitivity.NUMBER
    return Sensitivity.TEXT


def is_personal(name: str) -> bool:
    """Whether a field of this name is masked."""
    return sensitivity_of(name) is not Sensitivity.OPEN


def masked(name: str, value: str) -> str:
    """The value of the field `name` as everybody may see it. JSON texts of lists and objects are masked
    within: their keys, too, are field names."""
    sensitivity = sensitivity_of(name)
    if sensitivity is Sensitivity.OPEN or not value:
        return value
    if value[:1] in "[{":
        try:
            return as_json(masked_within(name, json.loads(value)))
        except (ValueError, RecursionError):
            pass
    return _MASKS[sensitivity](value)


def masked_literal(raw: str) -> str:
    """What came in place of a number: as it is where it is a number after all, else masked as a text."""
    return raw if _LITERAL.fullmatch(raw) else _initials(raw)


def masked_reason(text: str) -> str:
    """Atlas's reason for an error. Its words are shown; what may be a name, a number or an address in it not:
    whatever has a digit or an @, and every word with a capital letter that is no usual one."""
    return " ".join(word if _is_usual(word) else _initials(word) for word in text.split(" "))


def masked_pieces(pieces: Iterable[Piece], *, shows_differences: bool) -> tuple[Piece, ...]:
    """The pieces of a compared value: what is the same on both sides masked; what differs shown to those who
    judge it, and masked for others."""
    return tuple(
        piece if shows_differences and piece.mark is not Mark.SAME else Piece(dotted(piece.text), piece.mark)
        for piece in pieces
    )


def masked_within(name: str, value: object, *, is_inside: bool = False) -> object:
    """A JSON value held by the field `name`, with every text and number in it masked, and keys that are no
    names of fields. `is_inside`: of a personal value, in which nothing is open, whatever it is called."""
    sensitivity = sensitivity_of(name)
    if sensitivity is Sensitivity.OPEN and is_inside:
        sensitivity = Sensitivity.TEXT
    if isinstance(value, dict):
        is_inside = sensitivity is not Sensitivity.OPEN
        return {masked_key(key): masked_within(key, held, is_inside=is_inside) for key, held in value.items()}
    if isinstance(value, list):
        return [masked_within(name, held, is_inside=is_inside) for held in value]
    if isinstance(value, bool) or value is None or sensitivity is Sensitivity.OPEN:
        return value
    return _MASKS[sensitivity](str(value))


def masked_key(key: str) -> str:
    """A key as it is where it can be a field's name; else it may be somebody's."""
    return key if key.isascii() and key.isidentifier() else _initials(key)


def as_json(value: object) -> str:
    """JSON to be read."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def dotted(text: str) -> str:
    """A text of which nothing is known but the length of its words."""
    return _words_replaced(text, lambda word: DOT * len(word))


def _initials(text: str) -> str:
    # A word of one letter says all of itself: names are also written A N I L.
    return _words_replaced(text, lambda word: (word[0] if len(word) > 1 else DOT) + DOT * (len(word) - 1))


def _words_replaced(text: str, of_word: Callable[[str], str]) -> str:
    if text.isascii():
        return _WORD.sub(lambda found: of_word(found[0]), text)
    # Vowel signs and joiners belong to the word: without them every consonant would begin a new one.
    outline = "".join("w" if _is_of_word(character) else " " for character in text)
    parts, end = [], 0
    for found in _RUN.finditer(outline):
        parts += [text[end : found.start()], of_word(text[found.start() : found.end()])]
        end = found.end()
    return "".join([*parts, text[end:]])


def _is_of_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "Cf"


def _is_usual(word: str) -> bool:
    letters = word.strip(".,:;!?()'\"")
    return letters.casefold() in _USUAL or not any(
        character.isnumeric() or character == "@" or character.isupper() or not character.isascii()
        for character in letters
    )


def _last_four(text: str) -> str:
    places = [place for place, character in enumerate(text) if character.isalnum()]
    hidden = set(places[:-_KEPT_DIGITS] if len(places) > 2 * _KEPT_DIGITS else places)
    return "".join(DOT if place in hidden else character for place, character in enumerate(text))


def _pan(text: str) -> str:
    shaped = _PAN_SHAPE.fullmatch(text.strip())
    return f"{shaped[1]}{DOT * 5}{shaped[2]}" if shaped else _last_four(text)


def _email(text: str) -> str:
    address = _ADDRESS.fullmatch(text.strip())
    return f"{address[1]}{DOT * 3}{address[2]}" if address else dotted(text)


def _link(text: str) -> str:
    # Host and name are what the books keep of each document that was sent, and the ids' page shows.
    try:
        parts = urlsplit(text.strip())
        place = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return _initials(text)
    if parts.scheme not in ("http", "https") or not place:
        return _initials(text)
    return f"{parts.scheme}://{place}/\u2026/{parts.path.rpartition('/')[2]}"


_MASKS = {
    Sensitivity.LINK: _link,
    Sensitivity.TEXT: _initials,
    Sensitivity.NUMBER: _last_four,
    Sensitivity.PAN: _pan,
    Sensitivity.EMAIL: _email,
    Sensitivity.BIRTHDAY: dotted,
}
