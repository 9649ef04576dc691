"""A year of invented flows as rows of atlas.db, thousands at a time, the same ones for the same number."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from atlas_core.models import outcome_of

DAY_MS = 86_400_000
REVIEW_BELOW = 70

Rows = dict[str, tuple[str, list[tuple[Any, ...]]]]


class _Kind(NamedTuple):
    name: str
    source: tuple[str, str]
    target: tuple[str, str]
    ceiling: int  # what equal values score
    unequal: float  # the share of values that differ
    what: str  # the reading that is compared


_ORDER, _BILL, _CARD, _PAN = "DELIVERY_ORDER", "INVOICE", "AADHAAR", "PAN"
KINDS = (
    _Kind("CUSTOMER_NAME", (_ORDER, "customer_name"), (_BILL, "customer_name"), 100, 0.22, "name"),
    _Kind("DEALER_ADDRESS", (_ORDER, "dealer_address"), (_BILL, "dealer_address"), 90, 0.35, "shop"),
    _Kind(
        *("CUSTOMER_DELIVERY_ADDRESS", (_ORDER, "customer_delivery_address"), (_BILL, "customer_address")),
        *(90, 0.40, "address"),
    ),
    _Kind(
        *("CUSTOMER_MOBILE_NUMBER", (_ORDER, "customer_mobile_number"), (_BILL, "mobile_number")),
        *(90, 0.04, "phone"),
    ),
    _Kind("DEALER_NAME", (_ORDER, "dealer_name"), (_BILL, "dealership_name"), 100, 0.15, "dealer"),
    _Kind("PRODUCT_MODEL", (_ORDER, "product_model"), (_BILL, "model_name"), 100, 0.25, "model"),
    _Kind(
        "TOTAL_AMOUNT", (_ORDER, "product_total_cost"), (_BILL, "total_invoice_amount"), 100, 0.05, "amount"
    ),
    _Kind("PRODUCT_IMEI", (_ORDER, "product_serial_imei_number"), (_BILL, "imei_number"), 100, 0.08, "imei"),
    _Kind(
        *("PRODUCT_SERIAL_NUMBER", (_ORDER, "product_serial_imei_number"), (_BILL, "serial_number")),
        *(100, 0.12, "imei"),
    ),
    _Kind("AADHAAR_NAME", (_CARD, "name"), (_BILL, "customer_name"), 100, 0.30, "name"),
    _Kind("AADHAAR_ADDRESS", (_CARD, "address"), (_ORDER, "customer_delivery_address"), 90, 0.55, "address"),
    _Kind("PAN_NAME", (_PAN, "name_as_per_pan"), (_CARD, "name"), 100, 0.18, "name"),
)
_ALWAYS = 6  # the first kinds run in every flow; two of the others besides

_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    _ORDER: (
        *(("dealer_name", "dealer"), ("dealer_address", "shop"), ("customer_name", "name")),
        *(("customer_delivery_address", "address"), ("customer_mobile_number", "phone")),
        *(("product_model", "model"), ("product_category", "category"), ("emi_amount", "part")),
        *(("product_serial_imei_number", "imei"), ("product_total_cost", "amount")),
    ),
    _BILL: (
        *(("customer_name", "name"), ("customer_address", "address"), ("customer_phone_number", "phone")),
        *(("dealership_name", "dealer"), ("dealer_address", "shop"), ("model_name", "model")),
        *(("imei_number", "imei"), ("serial_number", "imei"), ("total_invoice_amount", "amount")),
        *(("invoice_date", "date"), ("dealer_sign", "yes")),
    ),
    _CARD: (
        *(("name", "name"), ("address", "address"), ("date_of_birth", "date"), ("gender", "yes")),
        *(("aadhaar_number", "masked"), ("pin_code", "pin")),
    ),
    _PAN: (
        *(("name_as_per_pan", "name"), ("father_name", "father"), ("dob", "date")),
        *(("pan_number", "masked"), ("document_quality_flag", "quality")),
    ),
    "PRODUCT_STICKER": (("model", "model"), ("imei_number", "imei"), ("price", "amount"), ("ram", "part")),
    "ASSET_OPEN_BOX_IMAGE": (("customer_present", "yes"), ("number_of_faces_visible", "one")),
}
_FOURTH = (_PAN, "PRODUCT_STICKER", "ASSET_OPEN_BOX_IMAGE", None)  # None: a type Atlas does not know
_PRODUCTS = ("PROD_CDL", "POC_CDL", "PFL_CDL", "PROD_TWL", "PROD_MOB")
_REASONS = ("multiple people", "multiple faces", "poor image quality", "cropped", "expired")
_QUALITIES = ("original", "xerox_copy", "photo_of_photo")
_FIRST = "Aarav Aditi Amit Anil Asha Deepa Farhan Geeta Imran Isha Kavita Kiran Meera Neha Pooja Ravi Zoya"
_LAST = "Agarwal Bhosale Das Dubey Fernandes Ghosh Gupta Iyer Joshi Khan Kulkarni Mehta Nair Patel Rao Singh"
_STREETS = "Station Temple Market Canal College Bypass Lake Nehru Tilak Gandhi Bazaar Mill Garden Fort River"
_TOWNS = "Pune Nagpur Jaipur Kota Lucknow Indore Bhopal Surat Kochi Patna Ranchi Guwahati Madurai Mysuru"
_DEALERS = 600
_STATUSES = (
    *(("upload", "IN_PROGRESS", 0.02), ("upload", "SUCCESS", 0.15), ("processing", "IN_PROGRESS", 0.15)),
    *(("processing", "SUCCESS", 0.7), ("crosscheck", "COMPLETED", 0.95), ("master", "SUCCESS", 1.0)),
)
_FAILING = (*_STATUSES[:3], ("processing", "FAILED", 1.0), ("master", "FAILED", 1.0))


class Year:
    """Flows 0 to `flows` of the year before `end`, oldest first."""

    def __init__(self, flows: int, end: int) -> None:
        chance = np.random.default_rng(7)
        days = np.arange(365)
        busy = (0.6 + days / 365) * np.where(days % 7 == 6, 0.3, 1.0)
        day = chance.choice(days, flows, p=busy / busy.sum())
        hour = np.clip(chance.normal(9, 3.2, flows), 0, 23.99)  # UTC: an Indian working day
        begin = (end // DAY_MS - 365) * DAY_MS
        self._created = np.sort(begin + day * DAY_MS + (hour * 3_600_000).astype(np.int64))
        self._first_running = flows - max(1, flows // 5_000)

    def rows(self, begin: int, end: int, body: bytes, size: int) -> Rows:
        """The rows of flows `begin` to `end`, table by table: their columns and values. `body` is the packed
        payload of every delivery, `size` its length unpacked."""
        chance = np.random.default_rng(begin)
        rows: Rows = {table: (columns, []) for table, columns in _COLUMNS.items()}
        for flow in zip(range(begin, end), *_chances(chance, end - begin), strict=True):
            self._add(rows, body, size, *flow)
        return rows

    def _add(
        self,
        rows: Rows,
        body: bytes,
        size: int,
        place: int,
        product: int,
        dealer: int,
        fourth: int,
        words: list[int],
        others: list[int],
        scores: list[list[float]],
        confidences: list[float],
        spoilt: list[float],
        fate: float,
        duration: int,
    ) -> None:
        flow_id, created_at = place + 1, int(self._created[place])
        number = f"{place:08d}"
        flow_uuid = _uuid(number)
        order = _readings(words, dealer, place)
        types = (_ORDER, _BILL, _CARD, _FOURTH[fourth])
        has_ended, has_failed = place < self._first_running, fate < 0.02
        ended_at = created_at + duration if has_ended else None
        batch_id = f"BATCH-{number}"
        documents = [(f"CDL-{number}-{position}", kind) for position, kind in enumerate(types)]

        _put(rows, "batches", (flow_id, batch_id, created_at + 900))
        for position, (document_id, _) in enumerate(documents):
            file = (_uuid(document_id), document_id, "files.lender.example", f"{document_id}.pdf")
            _put(rows, "files", (flow_id, position, batch_id, *file))
        if has_ended:
            before = created_at
            for stage, status, share in _FAILING if has_failed else _STATUSES:
                seen_at = created_at + int(duration * share)
                _put(rows, "status_changes", (flow_id, stage, seen_at, before, status))
                before = seen_at
        if not has_ended or has_failed:
            outcome = "failed" if has_ended else "running"
            statuses = (
                ("SUCCESS", "FAILED", None, "FAILED") if has_ended else ("SUCCESS", "IN_PROGRESS", None, None)
            )
            told = (flow_id, flow_uuid, f"APP-{number}", _PRODUCTS[product], created_at, *statuses, outcome)
            ends = (int(not has_ended), ended_at, ended_at, ended_at)
            _put(rows, "flows", (*told, *(None,) * 5, 0, None, None, *ends, 0))
            return

        versions = 2 if fate > 0.99 else 1
        for version in range(1, versions + 1):
            result_id = flow_id * 4 + version  # room for later versions, and ascending
            bill, checks = _checks(result_id, order, types, others, scores, confidences, version)
            errors = _add_documents(
                rows, result_id, documents, (order, bill, order, order), confidences, spoilt
            )
            rows["cross_checks"][1].extend(checks)
            similarities = [check[11] for check in checks if check[11] is not None]
            lowest = min(similarities)
            low = sum(similarity < REVIEW_BELOW for similarity in similarities)
            flags = int(len(similarities) < len(checks))
            quality = order["quality"] if types[3] == _PAN else None
            digest = hashlib.sha256(f"{number} {version}".encode()).hexdigest()
            received_at = int(ended_at or 0) + version * 1_500
            arrival = (flow_id, flow_uuid, "extracts", received_at, received_at, digest, size)
            _put(rows, "deliveries", (result_id, *arrival, "confirmed", None, body))
            counted = (4, errors, len(checks), lowest, flags, order["dealer"], quality)
            _put(rows, "results", (result_id, flow_id, version, result_id, digest, received_at, 1, *counted))
            if flags:
                _put(rows, "flags", (result_id, 0, "score missing", "cross_checks[0].similarity_score", ""))
        _add_callback(rows, flow_id, flow_uuid, digest, int(ended_at or 0) + 400, size, fate * 1000 % 1)
        outcome = outcome_of(
            "SUCCESS",
            has_result=True,
            document_errors=errors,
            low_checks=low,
            review_flags=flags,
        )
        statuses = ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
        told = (flow_id, flow_uuid, f"APP-{number}", _PRODUCTS[product], created_at, *statuses, str(outcome))
        _put(rows, "flows", (*told, result_id, *counted, 0, ended_at, ended_at, received_at, low))


_ODD_CALLBACKS = ((0.002, "dead letter"), (0.006, "contradicted"), (0.016, "late"))

_COLUMNS = {
    "flows": "flow_id flow_uuid application_id product_type created_at upload_status processing_status"
    " crosscheck_status master_status outcome result_id documents document_errors checks min_similarity"
    " review_flags dealer quality_flag watched looked_at ended_at confirmed_at low_checks",
    "batches": "flow_id batch_id received_at",
    "files": "flow_id position batch_id file_uuid document_id url_host object_name",
    "status_changes": "flow_id stage seen_at not_before status",
    "deliveries": "delivery_id flow_id claimed_flow_uuid channel received_at last_seen_at digest size"
    " outcome reason body",
    "results": "result_id flow_id version delivery_id digest received_at confirmed documents document_errors"
    " checks min_similarity review_flags dealer quality_flag",
    "documents": "result_id position document_id document_type error_code error_reason",
    "fields": "result_id position ordinal name value shape confidence",
    "cross_checks": "result_id position name source_doc source_field_name source_value source_confidence"
    " target_doc target_field_name target_value target_confidence similarity_score",
    "flags": "result_id ordinal kind place raw",
}


def _put(rows: Rows, table: str, row: tuple[Any, ...]) -> None:
    rows[table][1].append(row)


def _add_callback(
    rows: Rows, flow_id: int, flow_uuid: str, digest: str, received_at: int, size: int, luck: float
) -> None:
    """What Atlas's call brought: of one flow in five nothing, and now and then not what it should be."""
    if luck > 0.8:
        return
    outcome = next((word for below, word in _ODD_CALLBACKS if luck < below), "confirmed")
    reason = "this is not JSON: Expecting value (at byte 17)" if outcome == "dead letter" else None
    arrival = (flow_id, flow_uuid, "callback", received_at, received_at, digest, size, outcome, reason, None)
    _put(rows, "deliveries", (flow_id * 4 + 3, *arrival))


def _chances(chance: np.random.Generator, flows: int) -> tuple[list[Any], ...]:
    """What chance decides about each flow, in the order in which `_add` takes it."""
    confidence = np.round(np.clip(0.99 - chance.exponential(0.06, (flows, 32)), 0.2, 0.99), 2)
    confidence[chance.random((flows, 32)) < 0.25] = 0.0
    return (
        chance.choice(5, flows, p=(0.55, 0.2, 0.15, 0.07, 0.03)).tolist(),
        ((chance.zipf(1.3, flows) - 1) % _DEALERS).tolist(),
        chance.choice(4, flows, p=(0.6, 0.25, 0.13, 0.02)).tolist(),
        chance.integers(0, 1_000_000, (flows, 4)).tolist(),
        np.sort(chance.permuted(np.tile(np.arange(_ALWAYS, 12), (flows, 1)), axis=1)[:, :2], axis=1).tolist(),
        chance.random((flows, 8, 2)).tolist(),
        confidence.tolist(),
        chance.random((flows, 4)).tolist(),
        chance.random(flows).tolist(),
        (chance.lognormal(3.7, 0.45, flows) * 1000).astype(np.int64).tolist(),
    )


_FIRSTS, _LASTS, _ROADS, _CITIES = _FIRST.split(), _LAST.split(), _STREETS.split(), _TOWNS.split()


def _uuid(text: str) -> str:
    code = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{code[:8]}-{code[8:12]}-4{code[13:16]}-8{code[17:20]}-{code[20:]}"


def _readings(words: list[int], dealer: int, place: int) -> dict[str, str]:
    one, two, three, four = words
    first, last = _FIRSTS[one % 17], _LASTS[two % 16]
    city = _CITIES[three % 14]
    return {
        "name": f"{first} {_FIRSTS[four % 17]} {last}",
        "father": f"{_FIRSTS[two % 17]} {last}",
        "address": f"{three % 990 + 1}, {_ROADS[four % 15]} Road, {_ROADS[one % 15]} Park, {city} {two:06d}",
        "phone": f"{5_000_000_000 + one * 991:010d}",
        "dealer": f"{_LASTS[dealer % 16]} {_ROADS[dealer % 15]} Electronics {dealer}",
        "shop": f"Shop {dealer + 1}, {_ROADS[dealer % 15]} Market, {_CITIES[dealer % 14]}",
        "model": f"Zentara {_ROADS[four % 15]} {four % 90 + 10}",
        "category": _ROADS[four % 7],
        "imei": f"00{place:013d}",
        "amount": f"{one % 90_000 + 5_000}.00",
        "part": str(one % 9_000 + 500),
        "date": f"{one % 28 + 1:02d}/{two % 12 + 1:02d}/19{three % 40 + 60}",
        "pin": f"{two:06d}",
        "masked": f"XXXXXXXX{four % 10_000:04d}",
        "quality": _QUALITIES[(one % 10) // 7 + (one % 50 == 9)],
        "yes": "yes",
        "one": "1",
    }


def _checks(
    result_id: int,
    order: dict[str, str],
    types: tuple[str | None, ...],
    others: list[int],
    scores: list[list[float]],
    confidences: list[float],
    version: int,
) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """What the invoice says, and the eight cross-checks: where a score is low, the values differ."""
    bill, checks = dict(order), []
    for position, number in enumerate((*range(_ALWAYS), *others)):
        if number == 11 and types[3] != _PAN:
            number = 8
        kind = KINDS[number]
        differs, how = scores[position]
        score: int | None = kind.ceiling
        value = order[kind.what]
        if differs < kind.unequal:
            score = int(kind.ceiling * (1 - how**5)) if version == 1 else int(kind.ceiling * (1 - how**7))
            value = f"{value[: -1 - int(how * 8)]}{'.' if how < 0.5 else ' Jr'}"
            bill[kind.what] = value
        elif differs > 0.9985:
            score = None
        sides = (_confidence(*kind.source, types, confidences), _confidence(*kind.target, types, confidences))
        left, right = (*kind.source, order[kind.what], sides[0]), (*kind.target, value, sides[1])
        checks.append((result_id, position, kind.name, *left, *right, score))
    return bill, checks


_PLACES = {
    (document, name): (position, ordinal)
    for position, document in enumerate((_ORDER, _BILL, _CARD, _PAN))
    for ordinal, (name, _) in enumerate(_FIELDS[document])
}
_OFFSETS = (0, 10, 21, 27)


def _confidence(
    document: str, field: str, types: tuple[str | None, ...], confidences: list[float]
) -> float | None:
    place = _PLACES.get((document, field))
    if place is None or types[place[0]] != document:
        return None
    return confidences[_OFFSETS[place[0]] + place[1]]


def _add_documents(
    rows: Rows,
    result_id: int,
    documents: list[tuple[str, str | None]],
    readings: tuple[dict[str, str], ...],
    confidences: list[float],
    spoilt: list[float],
) -> int:
    """The rows of the documents and their fields; returns how many documents have an error."""
    errors = 0
    for position, (document_id, kind) in enumerate(documents):
        code, reason = ("", "") if kind else ("UNRECOGNISED", "document not in list")
        if kind and spoilt[position] < 0.02:
            code, reason = "INVALID_DOC", _REASONS[int(spoilt[position] / 0.004)]
        errors += bool(code)
        _put(rows, "documents", (result_id, position, document_id, kind, code, reason))
        held, offset = readings[position], _OFFSETS[position]
        rows["fields"][1].extend(
            (result_id, position, ordinal, name, held[what], "text", confidences[offset + ordinal])
            for ordinal, (name, what) in enumerate(_FIELDS[kind] if kind else ())
        )
    return errors
