"""Colours, icons and words of outcomes, bands, statuses, stages and codes.

Colours are names of the theme (`green`, `red`, …), so that one file decides how they look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from atlas_core.models import Band, Outcome

Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """How one value is shown: its word, its colour, its icon, and what it means to a newcomer."""

    label: str
    color: Color
    icon: str
    meaning: str


OUTCOMES: dict[str, Look] = {
    Outcome.RUNNING: Look(
        "Running",
        "blue",
        ":material/progress_activity:",
        "Atlas is still working, or its results are on their way.",
    ),
    Outcome.CLEAR: Look(
        "Clear",
        "green",
        ":material/check_circle:",
        "Every document was read and every comparison agrees well enough.",
    ),
    Outcome.REVIEW: Look(
        "Review",
        "orange",
        ":material/visibility:",
        "Atlas finished, and something in it needs a person's eye.",
    ),
    Outcome.FAILED: Look(
        "Failed", "red", ":material/cancel:", "Atlas gave up on this flow; it has to be sent again."
    ),
    Outcome.UNKNOWN: Look(
        "Unknown",
        "violet",
        ":material/help:",
        "Atlas answered with a status that we do not know; a person must look.",
    ),
}

BANDS: dict[str, Look] = {
    Band.REVIEW: Look(
        "Review", "red", ":material/priority_high:", "The two values differ: a person must compare them."
    ),
    Band.UNCLEAR: Look(
        "Unclear", "orange", ":material/remove:", "The two values are alike, but not clearly the same."
    ),
    Band.STRONG: Look("Strong", "green", ":material/check:", "The two values agree."),
    Band.NO_SCORE: Look(
        "No score", "violet", ":material/question_mark:", "Atlas gave no similarity that can be read."
    ),
}

STAGES: dict[str, Look] = {
    "upload": Look("Upload", "blue", ":material/cloud_upload:", "Atlas fetches the documents."),
    "processing": Look("Reading", "blue", ":material/document_scanner:", "Atlas reads the documents (OCR)."),
    "crosscheck": Look(
        "Cross-checks", "blue", ":material/compare_arrows:", "Atlas compares fields between documents."
    ),
    "master": Look("Whole flow", "blue", ":material/flag:", "What Atlas says of the flow as a whole."),
}

STATUSES: dict[str, Look] = {
    "NOT_STARTED": Look(
        "Not started", "gray", ":material/radio_button_unchecked:", "Atlas has not begun with it."
    ),
    "PENDING": Look("Waiting", "blue", ":material/hourglass_empty:", "Atlas has it in a queue."),
    "IN_PROGRESS": Look("Under way", "blue", ":material/progress_activity:", "Atlas is working on it."),
    "SUCCESS": Look("Done", "green", ":material/check_circle:", "Atlas finished it."),
    "COMPLETED": Look("Done", "green", ":material/check_circle:", "Atlas finished it."),
    "FAILED": Look("Failed", "red", ":material/cancel:", "Atlas could not do it."),
}

UNFORESEEN = Look("", "violet", ":material/help:", "A word of Atlas's that we do not know; shown as it came.")
UNSAID = Look("Not known yet", "gray", ":material/radio_button_unchecked:", "Atlas has not told us yet.")

DOCUMENT_ERRORS: dict[str, str] = {
    "INVALID_DOC": "Not usable",
    "UNRECOGNISED": "Not recognised",
}

_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_FIELD = re.compile(r"[a-z][a-z0-9]*([_.][a-z0-9]+)*")
_CAPITALS = frozenset(
    {"pan", "gst", "imei", "dob", "emi", "hsn", "ocr", "oem", "id", "url", "ram", "rom", "sku", "ifsc"}
)


def status_look(status: str | None) -> Look:
    """How a status is shown; one that we do not know keeps its own spelling."""
    if status is None:
        return UNSAID
    known = STATUSES.get(status)
    return known or Look(status, UNFORESEEN.color, UNFORESEEN.icon, UNFORESEEN.meaning)


def words_of_code(code: str) -> str:
    """A name as Atlas writes it, for reading: `CUSTOMER_NAME` and `customer_name` become `Customer name`.

    What is not spelled like a name is returned as it came.
    """
    if not (_CODE.fullmatch(code) or _FIELD.fullmatch(code)):
        return code
    words = [word.upper() if word in _CAPITALS else word for word in re.split("[_.]", code.lower())]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def words_of_error(code: str) -> str:
    """A document's error code, for reading; empty where there is no error."""
    return DOCUMENT_ERRORS.get(code) or words_of_code(code)


def outcome_look(outcome: str) -> Look:
    """How an outcome is shown."""
    return OUTCOMES.get(outcome) or Look(outcome, UNFORESEEN.color, UNFORESEEN.icon, UNFORESEEN.meaning)


def error_look(code: str) -> Look:
    """How a document's error code is shown."""
    return Look(words_of_error(code), "red", ":material/error:", "Atlas could not use this document.")
