"""What Atlas Desk speaks about: frozen values without behaviour of their own.

Texts that Atlas may change without telling us (statuses, document types, error codes, names of checks)
are plain strings kept as they came; only the sets of documented values below say what we know of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

# ------------------------------------------------------------------------------------------- statuses

UPLOAD_STATUSES = frozenset({"NOT_STARTED", "IN_PROGRESS", "SUCCESS", "FAILED"})
PROCESSING_STATUSES = frozenset({"NOT_STARTED", "PENDING", "IN_PROGRESS", "SUCCESS", "FAILED"})
CROSSCHECK_STATUSES = frozenset({"NOT_STARTED", "PENDING", "COMPLETED"})
MASTER_STATUSES = frozenset({"NOT_STARTED", "IN_PROGRESS", "SUCCESS", "FAILED"})

STAGES = ("upload", "processing", "crosscheck", "master")
DOCUMENTED_STATUSES: dict[str, frozenset[str]] = {
    "upload": UPLOAD_STATUSES,
    "processing": PROCESSING_STATUSES,
    "crosscheck": CROSSCHECK_STATUSES,
    "master": MASTER_STATUSES,
}


class FlagKind(enum.StrEnum):
    """Why a reading is not taken at face value. The value is the word kept in the books."""

    SCORE_MISSING = "score missing"
    SCORE_UNUSABLE = "score unusable"  # text, boolean, NaN, out of range
    SCORE_AS_TEXT = "score as text"  # "98.5": read, and noted
    SCORE_SCALE = "score scale"  # 0.93 among scores of 0 to 100
    CONFIDENCE_UNUSABLE = "confidence unusable"
    STATUS_UNKNOWN = "status unknown"
    STATUS_SPELLINGS_DIFFER = "status spellings differ"
    DOCUMENTS_NOT_DELIVERED = "documents not delivered"  # ocr_data missing or null
    CHECKS_NOT_DELIVERED = "cross-checks not delivered"
    NO_DOCUMENTS = "no documents"
    DOCUMENT_ID_EMPTY = "document id empty"
    DOCUMENT_ID_REPEATED = "document id repeated"
    DOCUMENT_ID_FOREIGN = "document id never sent"
    DOCUMENT_MISSING = "document missing from the reply"
    TYPE_MISSING = "document type missing"
    ITEM_UNREADABLE = "item unreadable"  # an item that is not an object; kept in the payload
    HIDDEN_CHARACTERS = "hidden characters"
    CONTROL_CHARACTERS = "control characters"
    BROKEN_TEXT = "broken text"  # lone surrogates
    DATE_UNUSABLE = "date unusable"
    NUMBER_TOO_LARGE = "number too large"
    NOT_A_NUMBER = "not a number"  # NaN, Infinity, 1e400
    VALUE_CUT = "value cut"
    KEY_REPEATED = "key repeated"
    CHECKS_UNFINISHED = "cross-checks unfinished"  # SUCCESS, cross-checks never completed
    CHANGED_AFTER_CONFIRMATION = "changed after confirmation"
    CALLBACK_DIFFERED = "callback differed"
    STATUS_CONTRADICTED = "status contradicted"  # FAILED after SUCCESS, or the reverse


REVIEW_FLAGS = frozenset(
    {
        FlagKind.SCORE_MISSING,
        FlagKind.SCORE_UNUSABLE,
        FlagKind.SCORE_SCALE,
        FlagKind.DOCUMENTS_NOT_DELIVERED,
        FlagKind.CHECKS_NOT_DELIVERED,
        FlagKind.NO_DOCUMENTS,
        FlagKind.DOCUMENT_MISSING,
        FlagKind.ITEM_UNREADABLE,
        FlagKind.HIDDEN_CHARACTERS,
        FlagKind.VALUE_CUT,
        FlagKind.CHECKS_UNFINISHED,
        FlagKind.STATUS_CONTRADICTED,
    }
)
"""Flags that ask for a person; the others are noted and shown."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One anomaly: its kind, where it stood, and the raw text (masked, at most 200 characters)."""

    kind: FlagKind
    place: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """One look at a flow's four statuses, as Atlas spelled them; None where it said nothing."""

    upload: str | None
    processing: str | None
    crosscheck: str | None
    master: str | None
    flags: tuple[Flag, ...] = ()

    @property
    def is_terminal(self) -> bool:
        """Whether the master status is one from which Atlas never moves on."""
        return self.master in ("SUCCESS", "FAILED")

    @property
    def has_uploads(self) -> bool:
        """Whether an upload has landed at Atlas."""
        return self.upload is not None and self.upload != "NOT_STARTED"


NO_STATUS = FlowStatus(None, None, None, None)


# -------------------------------------------------------------------------------------- what we send


@dataclass(frozen=True, slots=True)
class FileToSend:
    """One document of a submission. `file_url` may be signed: it is kept out of every repr."""

    document_id: str
    file_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlowRequest:
    """What flow/init is asked. Both URLs carry a secret path part: they are kept out of every repr."""

    product_type: str
    application_id: str
    auth_url: str = field(repr=False)
    callback_url: str = field(repr=False)
    flow_params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """Our intention to run one flow: an application, its documents and its parameters."""

    submission_id: int
    application_id: str
    product_type: str
    flow_params: dict[str, object]
    files: tuple[FileToSend, ...]
    source: str  # "form", "csv", "command", "demo"
    created_at: int  # milliseconds since 1970, UTC
    asked_again_at: int | None = None  # a person's answer to an unknown outcome


@dataclass(frozen=True, slots=True)
class SubmissionToSave:
    """One checked application, before it is saved."""

    application_id: str
    product_type: str
    flow_params: dict[str, object]
    files: tuple[FileToSend, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided where an outcome is unknown."""

    decision_id: int
    submission_id: int
    attempt_number: int  # the attempt it speaks of
    decision: str  # "start again", "send files again", "leave"
    decided_at: int  # milliseconds since 1970, UTC


# -------------------------------------------------------------------------------- what Atlas answers


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and its life in seconds."""

    access_token: str = field(repr=False)
    expires_in: float


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One entry of a multiupload answer; an answer of one object for the whole batch has only batch_id."""

    batch_id: str | None
    file_uuid: str | None
    document_id: str | None


FieldValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Field:
    """One reading in a document.

    `value` is a scalar; lists and objects are JSON text, which `shape` tells: text, number, boolean,
    list, object, empty ("") or null. `confidence` is 0–1 or None; `confidence_raw` is what came where
    it could not be read.
    """

    name: str
    value: FieldValue
    shape: str
    confidence: float | None
    confidence_raw: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One item of ocr_data. `document_type` is None where Atlas gave none."""

    position: int
    document_id: str
    document_type: str | None
    error_code: str
    error_reason: str
    fields: tuple[Field, ...]
    file_uuid: str | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """One comparison of two fields.

    `similarity` is 0–100 or None; `similarity_raw` is what came where it could not be read as such.
    """

    position: int
    name: str
    source_doc: str
    source_field_name: str
    source_value: str
    target_doc: str
    target_field_name: str
    target_value: str
    similarity: int | float | None
    similarity_raw: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One reading of a flow's results, masked.

    `documents` or `cross_checks` is None where Atlas did not deliver the list at all (which is not the
    same as an empty one). `canonical` is the whole masked payload as canonical JSON; `digest` is the
    sha256 in hex of its content, which leaves out what only names the flow and its files: two payloads of
    one digest say the same. `size` is the number of bytes that came over the wire. `masked` counts the
    personal numbers and signed addresses that were cut.
    """

    flow_uuid: str | None
    application_id: str | None
    documents: tuple[Document, ...] | None
    cross_checks: tuple[CrossCheck, ...] | None
    flags: tuple[Flag, ...]
    canonical: bytes = field(repr=False)
    digest: str
    size: int
    masked: int = 0


# -------------------------------------------------------------------------------------------- outcome


class Outcome(enum.StrEnum):
    """What a flow asks of us."""

    RUNNING = "running"
    CLEAR = "clear"
    REVIEW = "review"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Band(enum.StrEnum):
    """Where a similarity falls under the thresholds; no score is a band of its own."""

    STRONG = "strong"
    UNCLEAR = "unclear"
    REVIEW = "review"
    NO_SCORE = "no score"


def outcome_of(
    master: str | None,
    *,
    has_result: bool,
    document_errors: int,
    low_checks: int,
    review_flags: int,
) -> Outcome:
    """What a flow asks of us, from its master status and its newest result.

    FAILED and a missing, unforeseen or running status need no result. SUCCESS without a result yet is
    still running, for there is nothing to act on.
    """
    if master == "FAILED":
        return Outcome.FAILED
    if master is not None and master not in MASTER_STATUSES:
        return Outcome.UNKNOWN
    if master != "SUCCESS" or not has_result:
        return Outcome.RUNNING
    return Outcome.REVIEW if low_checks or document_errors or review_flags else Outcome.CLEAR
