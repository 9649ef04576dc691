"""Evidence: everything about one case or many in one file that can be checked, for whoever asks later.

A ZIP holds one JSON file a case (`cases/APPLICATION-FLOW.json`), a line for each in `cases.csv`, and
`manifest.json` with the SHA-256 of every file, of whom it was made by, when and why, and the hash with which
the audit log ended. `SHA256SUMS` says the same once more for `sha256sum --check`. Personal values are masked;
links and tokens are in none of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from atlas_core import __version__
from atlas_core.access import Action, User, require
from atlas_core.books.desk import Desk
from atlas_core.books.queries import FlowDetail, flow_detail
from atlas_core.books.queries.reviews import CaseRecord, case_record
from atlas_core.books.queries.threshold_sets import thresholds_now
from atlas_core.books.reading import Record, open_books
from atlas_core.clock import now_ms
from atlas_core.errors import ExportFailed, InputError
from atlas_core.exporting.cells import csv_cell, time_text
from atlas_core.insight.screen_masks import masked, masked_reason
from atlas_core.settings import Settings
from atlas_core.thresholds import Thresholds

CASES_AT_MOST = 5_000

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_SUMMARY = (
    *("file", "application_id", "flow_uuid", "product_type", "created_at", "outcome", "result_version"),
    *("result_digest", "checks", "min_similarity", "verdicts", "decision", "decided_by", "decided_at"),
)
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)  # of every entry, so that the same cases make the same bytes


def write_evidence(
    settings: Settings, by: User, flow_uuids: Sequence[str], path: Path, *, reason: str
) -> dict[str, Any]:
    """Writes the evidence of these flows to `path` (for its owner alone) and returns its manifest.

    A flow that is not there any more is named in the manifest. Raises `NotAllowed`, `InputError` (too many,
    or no reason), `ExportFailed` and errors of `BookError`; then there is no file.
    """
    require(by, Action.EXPORT)
    if not reason.strip():
        raise InputError("Say what the evidence is for; the audit log keeps it.")
    if not 1 <= len(flow_uuids) <= CASES_AT_MOST:
        raise InputError(f"Evidence is of 1 to {CASES_AT_MOST:,} cases; these are {len(flow_uuids):,}.")
    desk = Desk(settings.desk_book)
    with desk.acting(by, Action.EXPORT, "evidence", reason=reason, detail={"cases": len(flow_uuids)}):
        pass
    head = desk.verify_audit().head
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(unfinished, "x", zipfile.ZIP_DEFLATED) as archive:
            unfinished.chmod(0o600)
            manifest = _write(archive, settings, by, flow_uuids, reason, head)
        unfinished.rename(path)
    except OSError as error:
        raise ExportFailed(f"{path.name} could not be written: {error.strerror or error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def _write(
    archive: zipfile.ZipFile, settings: Settings, by: User, flow_uuids: Sequence[str], reason: str, head: str
) -> dict[str, Any]:
    hashes: dict[str, str] = {}

    def add(name: str, content: bytes) -> None:
        hashes[name] = hashlib.sha256(content).hexdigest()
        archive.writestr(zipfile.ZipInfo(name, _OLDEST_DATE), content, zipfile.ZIP_DEFLATED)

    summaries, missing = [], []
    for flow_uuid in dict.fromkeys(flow_uuids):
        told = _case(settings, flow_uuid)
        if told is None:
            missing.append(flow_uuid)
            continue
        name = f"cases/{_UNSAFE.sub('_', told['application_id'])}-{_UNSAFE.sub('_', flow_uuid)}.json"
        add(name, _json(told))
        summaries.append(_summary(name, told))
    add("cases.csv", _csv(summaries))
    manifest = {
        "made_at": time_text(now_ms()),
        "made_by": by.who,
        "reason": reason.strip(),
        "program": f"Atlas Desk {__version__}",
        "cases": len(summaries),
        "missing": missing,
        "values": "personal values are masked",
        "audit_head": head,
        "sha256": hashes,
    }
    add("manifest.json", _json(manifest))
    sums = "".join(f"{digest}  {name}\n" for name, digest in hashes.items())
    archive.writestr(zipfile.ZipInfo("SHA256SUMS", _OLDEST_DATE), sums)
    return manifest


def _case(settings: Settings, flow_uuid: str) -> dict[str, Any] | None:
    with open_books(settings.atlas_book, settings.desk_book) as books, books.snapshot():
        flow = flow_detail(books, flow_uuid)
        if flow is None:
            return None
        record = case_record(books, flow_uuid, now=now_ms())
        in_force = thresholds_now(books, settings.thresholds)
    return {
        "application_id": flow.application_id,
        "flow_uuid": flow.flow_uuid,
        "product_type": flow.product_type,
        "created_at": time_text(flow.created_at),
        "statuses": {
            "upload": flow.upload_status,
            "processing": flow.processing_status,
            "crossheck": flow.crosscheck_status,
            "master": flow.master_status,
        },
        "outcome": flow.outcome,
        "thresholds_now": {"adoption_id": in_force.adoption_id, "set": in_force.name},
        "result": _result(flow, in_force.thresholds),
        "versions": _rows(flow.versions, "version", "received_at", "confirmed", "channel", "digest"),
        "documents": _rows(
            [
                {**document, "error_reason": masked_reason(document["error_reason"] or "")}
                for document in flow.documents
            ],
            *("position", "document_id", "document_type", "error_code", "error_reason"),
            *("file_uuid", "batch_id"),
        ),
        "fields": [
            {
                "position": row["position"],
                "name": row["name"],
                "value": None if row["value"] is None else masked(row["name"], str(row["value"])),
                "confidence": row["confidence"],
            }
            for row in _records(flow.fields)
        ],
        "files": _rows(flow.files.to_dict("records"), "batch_id", "file_uuid", "document_id"),
        "flags": _rows(flow.flags, "kind", "place"),
        "status_changes": _rows(flow.status_changes.to_dict("records"), "stage", "status", "seen_at"),
        "deliveries": _rows(
            flow.deliveries.to_dict("records"),
            *("channel", "received_at", "times_seen", "size", "digest", "outcome", "reason"),
        ),
        **_people(record),
    }


def _result(flow: FlowDetail, thresholds: Thresholds) -> dict[str, Any]:
    version = next((row for row in _records(flow.versions) if row["version"] == flow.version), None)
    return {
        "version": flow.version,
        "digest": version["digest"] if version else None,
        "cross_checks": [
            {
                "position": row["position"],
                "name": row["name"],
                **{
                    f"{side}_{part}": row[f"{side}_{part}"]
                    for side in ("source", "target")
                    for part in ("doc", "field_name", "confidence")
                },
                **{
                    f"{side}_value": masked(row[f"{side}_field_name"], row[f"{side}_value"] or "")
                    for side in ("source", "target")
                },
                "similarity": row["similarity"],
                "band": thresholds.band(row["name"], row["similarity"]),
            }
            for row in _records(flow.cross_checks)
        ],
    }


def _people(record: CaseRecord) -> dict[str, Any]:
    return {
        "verdicts": _rows(
            record.verdicts, "position", "digest", "verdict", "reason", "drawn", "judged_by", "judged_at"
        ),
        "decisions": _rows(
            record.decisions,
            *("decision_id", "decision", "document", "reason", "outcome", "digest", "is_second"),
            *("decided_by", "decided_at"),
        ),
        "notes": _rows(record.notes, "text", "noted_by", "noted_at"),
    }


def _summary(name: str, told: dict[str, Any]) -> dict[str, Any]:
    scores = [row["similarity"] for row in told["result"]["cross_checks"] if row["similarity"] is not None]
    last = told["decisions"][-1] if told["decisions"] else {}
    return {
        **{key: told[key] for key in _SUMMARY[1:6]},
        "file": name,
        "result_version": told["result"]["version"],
        "result_digest": told["result"]["digest"],
        "checks": len(told["result"]["cross_checks"]),
        "min_similarity": min(scores, default=None),
        "verdicts": len(told["verdicts"]),
        **{key: last.get(key) for key in ("decision", "decided_by", "decided_at")},
    }


def _csv(rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(_SUMMARY)
    table.writerows([csv_cell(row[column]) for column in _SUMMARY] for row in rows)
    return text.getvalue().encode()


def _rows(rows: Iterable[Mapping[Any, Any]], *columns: str) -> list[Record]:
    return [{column: row[column] for column in columns} for row in _records(rows)]


def _records(rows: Iterable[Mapping[Any, Any]]) -> Iterator[Record]:
    """The rows with times in words and nothing for what is missing."""
    for row in rows:
        yield {str(name): _plain(str(name), value) for name, value in row.items()}


def _plain(name: str, value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    if name.endswith("_at"):
        return time_text(int(value))
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode()
