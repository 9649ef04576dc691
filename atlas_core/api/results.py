"""The results payload (callback and GET /extracts) as a masked `Result`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from atlas_core.api.identifiers import read_flow_uuid, read_id
from atlas_core.api.masking import mask_text, mask_value
from atlas_core.api.readings import (
    hidden_characters,
    is_possible_date,
    names_date,
    raw_text,
    read_confidence,
    read_similarity,
    read_text,
    read_value,
)
from atlas_core.api.strict_json import (
    MAX_VALUE_BYTES,
    Path,
    canonical_json,
    cut_values,
    parse_json,
    place_of,
)
from atlas_core.errors import PayloadError
from atlas_core.models import CrossCheck, Document, Field, Flag, FlagKind, Result

_KEYS_OF_FIELD = ("value", "confidence_score", "redact_url")
_UNRECOGNISED = "UNRECOGNISED"
# What only names the flow and its files. Atlas's pages show some of it in callbacks and not in extracts.
_NAMES_THE_FLOW = frozenset({"flow_uuid", "application_id", "flow_params"})
_NAMES_THE_FILE = frozenset({"batch_id", "file_uuid"})


def parse_result(body: bytes) -> Result:
    """The results of a flow, masked, with every anomaly flagged.

    Raises `PayloadError` where it is not JSON, no object, its lists are no lists or its flow_uuid cannot be
    one. Whether it is about the flow we asked for is the caller's to compare. Reading `canonical` again gives
    the same digest; only what was said of broken JSON (repeated keys, NaN) is not said again.
    """
    value, flags = parse_json(body)
    if not isinstance(value, dict):
        raise PayloadError("an object was due", "byte 0")
    flow_uuid = read_flow_uuid(value.get("flow_uuid"))
    masked, cuts = mask_value(value)
    canonical = canonical_json(masked).encode()
    cut_flags: tuple[Flag, ...] = ()
    if len(canonical) > MAX_VALUE_BYTES:  # not the body: a masked address may be longer than it was
        masked, cut_flags = cut_values(masked)
        canonical = canonical_json(masked).encode() if cut_flags else canonical
    assert isinstance(masked, dict)  # noqa: S101 -- tells mypy what mask_value keeps
    reading = _Reading([*flags, *cut_flags])
    if not canonical.isascii() or b"\x7f" in canonical:
        reading.note_hidden(masked, ())
    return Result(
        flow_uuid=flow_uuid,
        application_id=read_id(masked.get("application_id"), "application_id"),
        documents=reading.documents(masked.get("ocr_data")),
        cross_checks=reading.cross_checks(masked.get("cross_checks")),
        flags=tuple(reading.flags),
        canonical=canonical,
        digest=hashlib.sha256(canonical_json(_content(masked)).encode()).hexdigest(),
        size=len(body),
        masked=cuts,
    )


def _content(payload: dict[str, object]) -> dict[str, object]:
    """The payload without what only names the flow and its files."""
    content = {key: value for key, value in payload.items() if key not in _NAMES_THE_FLOW}
    items = content.get("ocr_data")
    if isinstance(items, list):
        content["ocr_data"] = [
            {key: value for key, value in item.items() if key not in _NAMES_THE_FILE}
            if isinstance(item, dict) and not _NAMES_THE_FILE.isdisjoint(item)
            else item
            for item in items
        ]
    return content


def compare_documents(result: Result, sent: Sequence[str]) -> tuple[Flag, ...]:
    """How the documents of a result differ from the document ids sent.

    Ids that are empty, repeated, never sent, or missing from the reply. Where nothing is known to have been
    sent (`sent` is empty), only empty and repeated ones are told.
    """
    if result.documents is None:
        return ()
    ours = {mask_text(document_id)[0]: None for document_id in sent}
    flags: list[Flag] = []
    seen: set[str] = set()
    for document in result.documents:
        place, document_id = f"ocr_data[{document.position}].document_id", document.document_id
        if not document_id:
            flags.append(Flag(FlagKind.DOCUMENT_ID_EMPTY, place))
            continue
        if document_id in seen:
            flags.append(Flag(FlagKind.DOCUMENT_ID_REPEATED, place, document_id[:200]))
        elif ours and document_id not in ours:
            flags.append(Flag(FlagKind.DOCUMENT_ID_FOREIGN, place, document_id[:200]))
        seen.add(document_id)
    missing = (document_id for document_id in ours if document_id not in seen)
    flags.extend(Flag(FlagKind.DOCUMENT_MISSING, "ocr_data", document_id[:200]) for document_id in missing)
    return tuple(flags)


class _Reading:
    """One masked payload being read; gathers flags as it goes."""

    def __init__(self, flags: list[Flag]) -> None:
        self.flags = flags

    def note(self, kind: FlagKind, path: Path, raw: str = "") -> None:
        self.flags.append(Flag(kind, place_of(path), raw[:200]))

    def note_hidden(self, value: object, path: Path) -> None:
        if isinstance(value, str):
            if found := hidden_characters(value):
                self.note(FlagKind.HIDDEN_CHARACTERS, path, found)
        elif isinstance(value, list):
            for place, item in enumerate(value):
                self.note_hidden(item, (*path, place))
        elif isinstance(value, dict):
            for key, member in value.items():
                self.note_hidden(key, (*path, key))
                self.note_hidden(member, (*path, key))

    def documents(self, items: object) -> tuple[Document, ...] | None:
        if items is None:
            self.note(FlagKind.DOCUMENTS_NOT_DELIVERED, ("ocr_data",))
            return None
        if not isinstance(items, list):
            raise PayloadError("a list was due", "ocr_data")
        if not items:
            self.note(FlagKind.NO_DOCUMENTS, ("ocr_data",))
        documents = (self.document(item, position) for position, item in enumerate(items))
        return tuple(document for document in documents if document is not None)

    def document(self, item: object, position: int) -> Document | None:
        path: Path = ("ocr_data", position)
        if not isinstance(item, dict):
            self.note(FlagKind.ITEM_UNREADABLE, path, raw_text(item))
            return None
        members = item.get("data")
        if members is None:
            members = {}
        elif not isinstance(members, dict):
            self.note(FlagKind.ITEM_UNREADABLE, (*path, "data"), raw_text(members))
            members = {}
        error_code = read_text(item.get("error_code"))
        document_type = read_text(_bare(members.get("document_type"))) or None
        if document_type is None and error_code != _UNRECOGNISED:
            self.note(FlagKind.TYPE_MISSING, (*path, "data", "document_type"))
        fields: list[Field] = []
        for name, member in members.items():
            if name != "document_type":
                self.field(name, member, path, fields)
        return Document(
            position=position,
            document_id=read_text(item.get("document_id")),
            document_type=document_type,
            error_code=error_code,
            error_reason=read_text(item.get("error_reason")),
            fields=tuple(fields),
            file_uuid=read_text(item.get("file_uuid")) or None,
            batch_id=read_text(item.get("batch_id")) or None,
        )

    def field(self, name: str, member: object, document: Path, fields: list[Field]) -> None:
        """Adds the field, and one of its own (`pan_number.issuer`) for each unforeseen key beside it."""
        confidence = None
        value = member
        beside: list[str] = []
        if isinstance(member, dict) and "value" in member:
            value = member["value"]
            confidence = member.get("confidence_score")
            if len(member) > 2 or "confidence_score" not in member:
                beside = [key for key in member if key not in _KEYS_OF_FIELD]
        scalar, shape, is_cut = read_value(value)
        score = read_confidence(confidence)
        if score.flag:
            self.note(score.flag, (*document, "data", name, "confidence_score"), score.raw or "")
        if is_cut:
            self.note(FlagKind.VALUE_CUT, (*document, "data", name))
        if shape == "text" and names_date(name) and not is_possible_date(str(scalar)):
            self.note(FlagKind.DATE_UNUSABLE, (*document, "data", name), str(scalar))
        fields.append(Field(name, scalar, shape, score.value, score.raw))
        for key in beside:
            scalar, shape, is_cut = read_value(member[key])  # type: ignore[index]
            if is_cut:
                self.note(FlagKind.VALUE_CUT, (*document, "data", name, key))
            fields.append(Field(f"{name}.{key}", scalar, shape, None))

    def cross_checks(self, items: object) -> tuple[CrossCheck, ...] | None:
        if items is None:
            self.note(FlagKind.CHECKS_NOT_DELIVERED, ("cross_checks",))
            return None
        if not isinstance(items, list):
            raise PayloadError("a list was due", "cross_checks")
        checks = (self.cross_check(item, position) for position, item in enumerate(items))
        return tuple(check for check in checks if check is not None)

    def cross_check(self, item: object, position: int) -> CrossCheck | None:
        path: Path = ("cross_checks", position)
        if not isinstance(item, dict):
            self.note(FlagKind.ITEM_UNREADABLE, path, raw_text(item))
            return None
        score = read_similarity(item.get("similarity_score"))
        if score.flag:
            self.note(score.flag, (*path, "similarity_score"), score.raw or "")
        return CrossCheck(
            position=position,
            name=read_text(item.get("name")),
            source_doc=read_text(item.get("source_doc")),
            source_field_name=read_text(item.get("source_field_name")),
            source_value=read_text(item.get("source_value")),
            target_doc=read_text(item.get("target_doc")),
            target_field_name=read_text(item.get("target_field_name")),
            target_value=read_text(item.get("target_value")),
            similarity=score.value,
            similarity_raw=score.raw,
        )


def _bare(value: object) -> object:
    return value["value"] if isinstance(value, dict) and "value" in value else value
