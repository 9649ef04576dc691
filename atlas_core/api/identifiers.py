"""Ids in Atlas's answers: opaque texts, with few rules."""

from __future__ import annotations

import re

from atlas_core.api.masking import mask_text
from atlas_core.errors import PayloadError

_FLOW_UUID = re.compile(r"[A-Za-z0-9-]{8,64}")


def read_flow_uuid(value: object, place: str = "flow_uuid") -> str | None:
    """A flow's id, which need not be a UUID; None where there is none."""
    if value is None:
        return None
    if not isinstance(value, str) or not _FLOW_UUID.fullmatch(value):
        raise PayloadError("a flow id has 8 to 64 letters, digits and dashes; this is none", place)
    if mask_text(value)[1]:
        raise PayloadError("this flow id is a personal number by its check digit; it is not kept", place)
    return value


def read_id(value: object, place: str) -> str | None:
    """An id of any other kind as masked text; None where there is none or it is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise PayloadError("an id was due, as text", place)
    return None if value is None or value == "" else mask_text(str(value))[0]
