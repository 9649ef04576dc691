"""Rows of atlas.db as columns of the mirror: the selects, and the codes of their texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sqlite3 import Connection

import numpy as np

from atlas_core.books.column_files import TABLES, Array
from atlas_core.books.columns import NO_SCORE, OUTCOMES, Kind, Names
from atlas_core.books.store import FINAL_STATUSES

DAY_MS = 86_400_000
OVERFLOW = "(too many different texts)"

# The widest column that holds codes of a list; its largest number is the code of all texts beyond it.
_LIMITS = {
    "kinds": np.iinfo(np.uint16).max,
    "products": np.iinfo(np.uint16).max,
    "masters": np.iinfo(np.uint8).max,
    "dealers": np.iinfo(np.uint32).max,
    "qualities": np.iinfo(np.uint8).max,
    "types": np.iinfo(np.uint16).max,
    "codes": np.iinfo(np.uint16).max,
    "reasons": np.iinfo(np.uint16).max,
}
_OUTCOME_CODES = {str(outcome): code for code, outcome in enumerate(OUTCOMES)}


def _stage_end(stage: str) -> str:
    statuses = ", ".join(f"'{status}'" for status in FINAL_STATUSES[stage])
    return (
        "(SELECT min(s.seen_at) FROM status_changes s WHERE s.flow_id = f.flow_id"  # noqa: S608 constants
        f" AND s.stage = '{stage}' AND s.status IN ({statuses}))"
    )


_FLOWS = f"""
SELECT f.flow_id, f.created_at,
       {_stage_end("upload")},
       {_stage_end("processing")},
       {_stage_end("crosscheck")},
       f.ended_at, f.confirmed_at, f.result_id, f.dealer, f.product_type, f.documents, f.checks,
       f.master_status, f.outcome, f.quality_flag, f.document_errors, f.review_flags,
       CAST(f.min_similarity AS INTEGER)
FROM json_each(?) j CROSS JOIN flows f ON f.flow_id = j.value
"""  # noqa: S608 constants

_FLOW_COLUMNS = (
    *("flow_id", "created_at", "upload_ended_at", "processing_ended_at", "crosscheck_ended_at", "ended_at"),
    *("confirmed_at", "result", "dealer", "product", "documents", "checks", "master", "outcome", "quality"),
    *("document_errors", "review_flags", "min_score"),
)

_CHECKS = """
SELECT f.flow_id,
       min(coalesce(c.source_confidence, c.target_confidence),
           coalesce(c.target_confidence, c.source_confidence)),
       CAST(c.similarity_score AS INTEGER),
       c.name, c.source_doc, c.source_field_name, c.target_doc, c.target_field_name
FROM json_each(?) j CROSS JOIN flows f ON f.flow_id = j.value
CROSS JOIN cross_checks c ON c.result_id = f.result_id
"""

_DOCUMENTS = """
SELECT f.flow_id, d.document_type, d.error_code, d.error_reason, d.position
FROM json_each(?) j CROSS JOIN flows f ON f.flow_id = j.value
CROSS JOIN documents d ON d.result_id = f.result_id
"""


class _Codes(dict[object, int]):
    """The code of each text of one list; a text that is asked for the first time gets the next."""

    def __init__(self, listing: str, known: Sequence[object], added: list[tuple[str, object]]) -> None:
        super().__init__((text, code) for code, text in enumerate(known))
        if listing != "kinds":
            self[""] = 0
        self._listing, self._limit, self._count, self._added = listing, _LIMITS[listing], len(known), added

    def __missing__(self, text: object) -> int:
        code = min(self._count, self._limit)
        if code == self._limit:
            text = Kind(OVERFLOW, "", "", "", "") if self._listing == "kinds" else OVERFLOW
        if self._count <= self._limit:
            self._added.append((self._listing, text))
            self._count += 1
            self[text] = code
        return code


class Coder:
    """Turns texts into codes, and remembers which of them the names file lacks yet."""

    def __init__(self, names: Names) -> None:
        self._added: list[tuple[str, object]] = []
        self._lists = {
            listing: _Codes(listing, getattr(names, listing), self._added) for listing in Names.__slots__
        }

    def codes(self, listing: str, texts: Iterable[object]) -> list[int]:
        """The codes of some texts; of tuples of five for `kinds`."""
        known = self._lists[listing]
        return [known[text] for text in texts]

    def take_added(self) -> bytes:
        """The lines of the names that were added since the last call."""
        lines = "".join(f"{json.dumps(added)}\n" for added in self._added).encode()
        self._added.clear()
        return lines


@dataclass(frozen=True, slots=True)
class FlowRows:
    """The flows there are, by ascending flow_id, and their columns."""

    flow_ids: Array
    columns: dict[str, Array]


def read_flows(connection: Connection, flow_ids: Sequence[int], coder: Coder) -> FlowRows:
    """The mirror's rows of those flows that there are. `flow_ids` ascend."""
    rows = connection.execute(_FLOWS, [json.dumps(flow_ids)]).fetchall()
    columns: dict[str, Sequence[object]] = dict(
        zip(
            _FLOW_COLUMNS,
            zip(*rows, strict=True) if rows else ((),) * len(_FLOW_COLUMNS),
            strict=True,
        )
    )
    for column, listing in (("dealer", "dealers"), ("product", "products"), ("master", "masters")):
        columns[column] = coder.codes(listing, columns[column])
    columns["quality"] = coder.codes("qualities", columns["quality"])
    columns["outcome"] = [_OUTCOME_CODES[str(outcome)] for outcome in columns["outcome"]]
    columns["min_score"] = [NO_SCORE if score is None else score for score in columns["min_score"]]
    flow_ids_found = np.array(columns.pop("flow_id"), np.int64)
    arrays = {name: _numbers(values, TABLES["flows"][name]) for name, values in columns.items()}
    arrays["day"] = (arrays["created_at"] // DAY_MS).astype(np.int32)
    return FlowRows(flow_ids_found, arrays)


def read_erased(connection: Connection, flow_ids: Sequence[int]) -> Array:
    """Which of those flows were erased."""
    rows = connection.execute(
        "SELECT f.flow_id FROM json_each(?) j CROSS JOIN flows f ON f.flow_id = j.value"
        " WHERE f.erased_at IS NOT NULL",
        [json.dumps(flow_ids)],
    ).fetchall()
    return np.array([flow_id for (flow_id,) in rows], np.int64)


def read_checks(connection: Connection, flow_ids: Sequence[int], coder: Coder) -> dict[str, Array]:
    """The mirror's rows of the cross-checks of those flows' results, flow by flow."""
    rows = connection.execute(_CHECKS, [json.dumps(flow_ids)]).fetchall()
    return {
        "flow": np.array([row[0] for row in rows], np.uint32),
        "low_confidence": np.array([row[1] for row in rows], np.float32),
        "score": np.array([NO_SCORE if row[2] is None else row[2] for row in rows], np.uint8),
        "kind": np.array(coder.codes("kinds", [row[3:] for row in rows]), np.uint16),
    }


def read_documents(connection: Connection, flow_ids: Sequence[int], coder: Coder) -> dict[str, Array]:
    """The mirror's rows of the documents of those flows' results, flow by flow."""
    rows = connection.execute(_DOCUMENTS, [json.dumps(flow_ids)]).fetchall()
    flows, types, codes, reasons, positions = zip(*rows, strict=True) if rows else ((),) * 5
    return {
        "flow": np.array(flows, np.uint32),
        "type": np.array(coder.codes("types", types), np.uint16),
        "code": np.array(coder.codes("codes", codes), np.uint16),
        "reason": np.array(coder.codes("reasons", reasons), np.uint16),
        "position": _numbers(positions, "<u2"),
    }


def _numbers(values: Sequence[object], kind: str) -> Array:
    """Whole numbers as a column: nothing is 0, and what is too large for it the largest it holds."""
    exact = np.array([0 if value is None else value for value in values], np.int64)
    largest = np.iinfo(kind).max
    return np.minimum(exact, largest).astype(kind)
