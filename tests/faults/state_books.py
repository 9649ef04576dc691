"""What Atlas says in the rehearsal of states, and how a book and its model are laid side by side."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any

from atlas_core.api.payloads import parse_result
from tests.faults.state_model import Model
from tests.faults.state_rows import STAGES, Key

KEYS = {
    "upload": "upload_status",
    "processing": "processing_status",
    "crosscheck": "crossheck_status",
    "master": "master_status",
}
WORDS = {
    "upload": ("NOT_STARTED", "IN_PROGRESS", "SUCCESS", "FAILED"),
    "processing": ("NOT_STARTED", "PENDING", "IN_PROGRESS", "SUCCESS", "FAILED"),
    "crosscheck": ("NOT_STARTED", "PENDING", "COMPLETED"),
    "master": ("NOT_STARTED", "IN_PROGRESS", "SUCCESS", "SUCCESS", "FAILED", "ON_HOLD"),
}
DONE = dict(zip(STAGES, ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS"), strict=True))
FAILED = dict(zip(STAGES, ("SUCCESS", "FAILED", "NOT_STARTED", "FAILED"), strict=True))
UNTOUCHED = dict.fromkeys(STAGES, "NOT_STARTED")


def payload(content: str, claimed: str | None = None, *, other_application: bool = False) -> dict[str, Any]:
    """Results with one content: A is clear, B has a low score, C a document with an error."""
    item = {
        "data": {"document_type": "PAN", "name": {"value": content, "confidence_score": 0.9}},
        "document_id": "D1",
        "error_code": "INVALID_DOC" if content == "C" else "",
        "error_reason": "",
    }
    sides = {
        f"{side}_{part}": "x" for side in ("source", "target") for part in ("doc", "field_name", "value")
    }
    check = {"name": "NAME", "similarity_score": 40 if content == "B" else 95, **sides}
    names = {"flow_uuid": claimed} if claimed else {}
    if other_application:
        names["application_id"] = "OTHER"
    return {"ocr_data": [item], "cross_checks": [check], **names}


DIGESTS = {parse_result(json.dumps(payload(content)).encode()).digest: content for content in "ABC"}


def shown(book: sqlite3.Connection, ids: dict[Key, int]) -> dict[str, Any]:
    """What the book says; `ids` are its attempt_ids."""
    keys = {attempt_id: key for key, attempt_id in ids.items()}
    ask = book.execute
    versions: dict[int, list[Any]] = {}
    for result_id, flow_id, digest, confirmed in ask(
        "SELECT result_id, flow_id, digest, confirmed FROM results ORDER BY flow_id, version"
    ).fetchall():
        flags = ask("SELECT kind FROM flags WHERE result_id = ?", (result_id,)).fetchall()
        line = (DIGESTS[digest], bool(confirmed), Counter(kind for (kind,) in flags))
        versions.setdefault(flow_id, []).append(line)
    flows = {
        uuid: (
            words,
            bool(watched),
            bool(ended),
            bool(confirmed),
            bool(trouble),
            outcome,
            versions.get(flow_id, []),
        )
        for uuid, flow_id, *words, watched, ended, confirmed, trouble, outcome in ask(
            "SELECT flow_uuid, flow_id, upload_status, processing_status, crosscheck_status, master_status,"
            " watched, ended_at IS NOT NULL, confirmed_at IS NOT NULL, trouble IS NOT NULL, outcome"
            " FROM flows"
        )
    }
    names = dict(ask("SELECT flow_id, flow_uuid FROM flows").fetchall())
    newest = ask(
        "SELECT count(*) FROM flows f WHERE result_id IS NOT (SELECT result_id FROM results r"
        " WHERE r.flow_id = f.flow_id ORDER BY version DESC LIMIT 1)"
    ).fetchone()[0]
    assert newest == 0, "the newest version does not count"
    return {
        "attempts": {
            (submission, number): (state, names.get(flow_id))
            for submission, number, state, flow_id in ask(
                "SELECT submission_id, number, state, flow_id FROM attempts"
            )
        },
        "flows": flows,
        "ledger": [
            (channel, keys.get(attempt_id), names.get(flow_id), outcome, times)
            for channel, attempt_id, flow_id, outcome, times in ask(
                "SELECT channel, attempt_id, flow_id, outcome, times_seen FROM deliveries"
                " ORDER BY delivery_id"
            )
        ],
        "alarms": Counter(
            (kind, names.get(flow_id), keys.get(attempt_id))
            for kind, flow_id, attempt_id in ask("SELECT kind, flow_id, attempt_id FROM alarms")
        ),
    }


def expected(model: Model) -> dict[str, Any]:
    """What the model says, in the same form."""
    return {
        "attempts": {key: (attempt["state"], attempt["flow"]) for key, attempt in model.attempts.items()},
        "flows": {
            uuid: (
                [flow.words[stage] for stage in STAGES],
                flow.watched,
                flow.ended,
                flow.confirmed,
                flow.trouble,
                flow.outcome,
                [(one.content, one.confirmed, Counter(one.flags)) for one in flow.versions],
            )
            for uuid, flow in model.flows.items()
        },
        "ledger": [(one.channel, one.attempt, one.flow, one.outcome, one.times) for one in model.ledger],
        "alarms": Counter(model.alarms),
    }
