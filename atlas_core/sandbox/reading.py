"""What OCR makes of a document: mostly what stands there, sometimes less, sometimes something else."""

import random
from typing import Any

from .cases import Case
from .papers import IDENTIFIERS, RULED, Paper, Value, write_paper

_CONFUSED = str.maketrans("O0I1l5S8B6GZ2uvnrec", "0OlI1S5B8G62Zvurnce")
_KEPT = 2  # leading characters never misread, so that no number leaves the ranges that are never issued

MISREAD_SHARE = 0.04
UNRECOGNISED_SHARE = 0.008
BLURRED_SHARE = 0.006
UNREADABLE_SHARE = 0.004


def _misread(rng: random.Random, text: str) -> str:
    """One to three characters confused or lost, never among the first two."""
    kept = list(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if len(kept) <= _KEPT + 1:
            break
        at = rng.randrange(_KEPT, len(kept))
        if rng.random() < 0.25 and not kept[at].isdigit():
            del kept[at]
        elif kept[at].isdigit() and text.isdigit():
            kept[at] = str((int(kept[at]) + rng.choice((1, 3, 7))) % 10)
        else:
            kept[at] = kept[at].translate(_CONFUSED)
    return "".join(kept)


def _read_value(rng: random.Random, value: Value, share: float) -> tuple[Value, bool]:
    """The value as read, and whether it was read wrong."""
    if isinstance(value, str) and value and rng.random() < share:
        return _misread(rng, value), True
    if isinstance(value, list) and value and rng.random() < share / 2:
        return [_misread(rng, value[0]), *value[1:]], True
    return value, False


def _confidence(rng: random.Random, name: str, copied: bool, wrong: bool) -> float:
    if name in RULED:
        return 0.0
    if name in IDENTIFIERS:
        return round(rng.uniform(0.95, 0.99), 2)
    if wrong:
        return round(rng.uniform(0.45, 0.86), 2)
    return round(rng.uniform(0.66, 0.93) if copied else rng.triangular(0.78, 0.99, 0.95), 2)


def _read_fields(rng: random.Random, paper: Paper, copied: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    share = MISREAD_SHARE * (3 if copied else 1)
    for name, printed in paper.items():
        if name in RULED or name in IDENTIFIERS or isinstance(printed, dict):
            value, wrong = printed, False
        elif rng.random() < UNREADABLE_SHARE * (3 if copied else 1):
            value, wrong = rng.choice((None, "")), False
        else:
            value, wrong = _read_value(rng, printed, share)
        fields[name] = {"value": value, "confidence_score": _confidence(rng, name, copied, wrong)}
    return fields


def _error(rng: random.Random, kind: str, paper: Paper) -> tuple[str, str]:
    if kind == "ASSET_OPEN_BOX_IMAGE":
        faces = paper["number_of_faces_visible"]
        crowded = isinstance(faces, int) and faces > 1
        return ("INVALID_DOC", "multiple people") if crowded else ("", "")
    if kind in ("AADHAAR", "PAN", "AADHAR_EXTRACT_IMAGE") and rng.random() < BLURRED_SHARE:
        return "INVALID_DOC", "multiple faces"
    return "", ""


def read_document(case: Case, kind: str, document_id: str, redact_url: str) -> dict[str, Any]:
    """One item of `ocr_data`: the case's document of type `kind` as Atlas reads it.

    `redact_url` (where not empty) goes with most Aadhaar numbers. An unrecognised document has no fields and
    sometimes no id.
    """
    rng = random.Random(f"{case.application_id}|{case.order_number}|{kind}|{document_id}")
    if rng.random() < UNRECOGNISED_SHARE:
        return {
            "data": {},
            "document_id": document_id if rng.random() < 0.7 else "",
            "error_code": "UNRECOGNISED",
            "error_reason": "document not in list",
        }
    paper = write_paper(case, kind)
    code, reason = _error(rng, kind, paper)
    copied = rng.random() < case.dealer.photocopies
    fields = _read_fields(rng, paper, copied)
    if kind == "AADHAAR" and redact_url and rng.random() < 0.8:
        fields["aadhaar_number"]["redact_url"] = redact_url
    if code and rng.random() < 0.4:
        fields = {}
    return {
        "data": {"document_type": kind, **fields},
        "document_id": document_id,
        "error_code": code,
        "error_reason": reason,
    }
