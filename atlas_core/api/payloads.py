"""Atlas's JSON, both ways. Only this room and its neighbours in `api` know how Atlas spells its keys.

Results are read in `results.py`, single values in `readings.py`, the JSON itself in `strict_json.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from atlas_core.api.identifiers import read_flow_uuid, read_id
from atlas_core.api.masking import mask_text
from atlas_core.api.readings import raw_text, read_text
from atlas_core.api.results import compare_documents, parse_result
from atlas_core.api.strict_json import parse_json
from atlas_core.errors import PayloadError
from atlas_core.models import (
    DOCUMENTED_STATUSES,
    FileToSend,
    Flag,
    FlagKind,
    FlowRequest,
    FlowStatus,
    Token,
    UploadedFile,
)

__all__ = [
    "compare_documents",
    "init_body",
    "parse_flow_uuid",
    "parse_json",
    "parse_refusal",
    "parse_refusal_status",
    "parse_result",
    "parse_status",
    "parse_token",
    "parse_uploads",
    "upload_body",
]

LONGEST_LIFE = 3_600.0
ASSUMED_LIFE = 300.0

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_STATUS_KEYS = {
    "upload": "upload_status",
    "processing": "processing_status",
    "crosscheck": "crossheck_status",  # spelled so
    "master": "master_status",
}
_OTHER_SPELLING = "crosscheck_status"
_ANSWERS = frozenset({"ocr_data", "cross_checks", *_STATUS_KEYS.values(), _OTHER_SPELLING})
_REFUSAL = 300
_ERROR_STATUS = re.compile(r"[45][0-9]{2}")
_ADDRESS_PATH = re.compile(r"(\w://[^\s/?#\"'<>]+)/[^\s\"'<>]*")


def init_body(request: FlowRequest) -> dict[str, object]:
    """What flow/init is sent."""
    return {
        "product_type": request.product_type,
        "application_id": request.application_id,
        "auth_url": request.auth_url,
        "callback_url": request.callback_url,
        "flow_params": request.flow_params,
    }


def upload_body(flow_uuid: str, files: Sequence[FileToSend]) -> dict[str, object]:
    """What multiupload is sent."""
    return {
        "flow_uuid": flow_uuid,
        "file_urls": [{"file_url": file.file_url, "document_id": file.document_id} for file in files],
    }


def parse_token(value: object) -> Token:
    """The answer of authtoken. Raises `PayloadError` where there is no usable token.

    A life that is missing, no number or not above 0 is taken as 300 s, one above 3,600 s as 3,600 s: too
    short only costs a call.
    """
    answer = _object(value)
    token = answer.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise PayloadError("an access token of visible ASCII characters was due", "access_token")
    life = answer.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, int | float) or not life > 0:
        return Token(token, ASSUMED_LIFE)
    return Token(token, min(float(life), LONGEST_LIFE))


def parse_flow_uuid(value: object) -> str:
    """The flow_uuid in the answer of flow/init."""
    flow_uuid = read_flow_uuid(_object(value).get("flow_uuid"))
    if flow_uuid is None:
        raise PayloadError("the new flow's id is missing", "flow_uuid")
    return flow_uuid


def parse_uploads(value: object) -> tuple[UploadedFile, ...]:
    """The answer of multiupload: a list with one entry per file, or one object for the whole batch.

    An entry must have at least one of its three ids; the others are None.
    """
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise PayloadError("the list of uploaded files is empty")
    return tuple(_uploaded_file(entry, f"[{place}]") for place, entry in enumerate(entries))


def parse_status(value: object) -> FlowStatus:
    """The answer of status: four texts as Atlas spelled them; unknown ones are flagged.

    Raises `PayloadError` where it has none of the four. Of the two spellings of the cross-check status the
    documented one (`crossheck_status`) counts.
    """
    answer = _object(value)
    flags: list[Flag] = []
    raw = {stage: answer.get(key) for stage, key in _STATUS_KEYS.items()}
    other = answer.get(_OTHER_SPELLING)
    if raw["crosscheck"] is None:
        raw["crosscheck"] = other
    elif other is not None and other != raw["crosscheck"]:
        flags.append(Flag(FlagKind.STATUS_SPELLINGS_DIFFER, _OTHER_SPELLING, _masked(other)))
    if all(text is None for text in raw.values()):
        raise PayloadError("none of the four statuses is in the answer")
    statuses: dict[str, str | None] = {}
    for stage, text in raw.items():
        statuses[stage] = None if text is None else _masked(text)
        if text is not None and (not isinstance(text, str) or text not in DOCUMENTED_STATUSES[stage]):
            flags.append(Flag(FlagKind.STATUS_UNKNOWN, _STATUS_KEYS[stage], _masked(text)))
    return FlowStatus(**statuses, flags=tuple(flags))


def parse_refusal(body: bytes) -> str | None:
    """The message in an error answer of either envelope, masked, on one line of at most 300 characters.

    None where the body is neither `{error_code, error_message}` nor `{error, reason}`. Paths of addresses are
    left out: Atlas may quote our own, which hold a secret.
    """
    envelope = _envelope(body)
    message = read_text(envelope.get("error_message")) or read_text(envelope.get("error"))
    reason = read_text(envelope.get("reason"))
    code = read_text(envelope.get("error_code"))
    if not message and not code:
        return None
    whole = f"{message}: {reason}" if message and reason else message or f"error code {code}"
    whole = mask_text(_ADDRESS_PATH.sub(r"\1/…", whole))[0]
    return " ".join(whole.split())[:_REFUSAL]


def parse_refusal_status(body: bytes) -> int | None:
    """The HTTP status that an error answer names in its `error_code`; None where it names none."""
    code = read_text(_envelope(body).get("error_code"))
    return int(code) if _ERROR_STATUS.fullmatch(code) else None


def _envelope(body: bytes) -> dict[str, object]:
    """The object in the body of an error; empty where there is none, or an answer of another kind."""
    try:
        answer, _ = parse_json(body)
    except PayloadError:
        return {}
    if not isinstance(answer, dict) or not _ANSWERS.isdisjoint(answer):
        return {}
    return answer


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise PayloadError("an object was due")
    return value


def _uploaded_file(entry: object, place: str) -> UploadedFile:
    if not isinstance(entry, dict):
        raise PayloadError("an object with the ids of an uploaded file was due", place)
    ids = {key: read_id(entry.get(key), f"{place}.{key}") for key in ("batch_id", "file_uuid", "document_id")}
    if not any(ids.values()):
        raise PayloadError("this entry has none of batch_id, file_uuid and document_id", place)
    return UploadedFile(**ids)


def _masked(value: object) -> str:
    return mask_text(raw_text(value))[0]
