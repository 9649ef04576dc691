"""What in a flow asks for a person, grouped by cause: one bad document is one finding, not six.

Findings come the gravest first: the flow failed; a document that Atlas could not use, with the cross-checks
that suffer from it; a document that disagrees with all others; a single cross-check below its threshold; an
oddity in the result; and what was drawn to be judged blind.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from atlas_core.books.queries import FlowDetail
from atlas_core.books.reading import Record
from atlas_core.models import REVIEW_FLAGS, Outcome
from atlas_core.thresholds import Thresholds


class FindingKind(enum.StrEnum):
    """What sort of cause it is."""

    FAILED = "failed"
    BAD_DOCUMENT = "bad document"
    ODD_DOCUMENT = "odd document"
    CHECK = "cross-check"
    ODDITY = "oddity"
    LOT = "lot"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause.

    `checks` are the positions of its cross-checks, the lowest similarity first; `document` the position of
    the document it is about, None where it is about none or cannot be told; `document_type` that document's
    type; `words` the error code, or the kind of the oddity.
    """

    kind: FindingKind
    checks: tuple[int, ...] = ()
    document: int | None = None
    document_type: str | None = None
    words: str = ""

    @property
    def is_judged(self) -> bool:
        """Whether there are two values to be called the same or different."""
        return bool(self.checks)


class _Check(NamedTuple):
    position: int
    sides: frozenset[str]
    similarity: float | None
    is_low: bool


def findings_of(flow: FlowDetail, thresholds: Thresholds, lots: Collection[int] = ()) -> tuple[Finding, ...]:
    """The findings of a flow's result; `lots` are positions of cross-checks that were drawn.

    A cross-check stands in one finding only. One without a score is none by itself: its flag is.
    """
    checks = [_check(row, thresholds) for row in flow.cross_checks]
    low = [check for check in checks if check.is_low]
    found: list[Finding] = []
    if flow.outcome == Outcome.FAILED:
        found.append(Finding(FindingKind.FAILED))
    for position, document_type, error_code in _bad_documents(flow.documents):
        caused = [check for check in low if document_type in check.sides]
        low = [check for check in low if check not in caused]
        found.append(
            Finding(FindingKind.BAD_DOCUMENT, _positions(caused), position, document_type, error_code)
        )
    odd = _odd_document(checks, low)
    if odd is not None:
        caused = [check for check in low if odd in check.sides]
        low = [check for check in low if check not in caused]
        places = [row["position"] for row in flow.documents if row["document_type"] == odd]
        place = places[0] if len(places) == 1 else None
        found.append(Finding(FindingKind.ODD_DOCUMENT, _positions(caused), place, odd))
    found += [Finding(FindingKind.CHECK, (position,)) for position in _positions(low)]
    kinds = dict.fromkeys(flag["kind"] for flag in flow.flags)
    found += [Finding(FindingKind.ODDITY, words=kind) for kind in kinds if kind in REVIEW_FLAGS]
    told = {position for finding in found for position in finding.checks}
    drawn = [check for check in checks if check.position in lots and check.position not in told]
    found += [Finding(FindingKind.LOT, (position,)) for position in sorted(check.position for check in drawn)]
    return tuple(found)


def _check(row: Record, thresholds: Thresholds) -> _Check:
    return _Check(
        row["position"],
        frozenset((row["source_doc"], row["target_doc"])),
        row["similarity"],
        thresholds.is_low(row["name"], row["similarity"]),
    )


def _bad_documents(documents: Iterable[Record]) -> list[tuple[int, str | None, str]]:
    return [
        (row["position"], row["document_type"], row["error_code"])
        for row in documents
        if row["error_code"] != ""
    ]


def _odd_document(checks: Iterable[_Check], low: Collection[_Check]) -> str | None:
    """The type that every one of two or more low cross-checks compares, where it can be told which it is: of
    two such types, the one that agrees with no third while the other does."""
    if len(low) < 2:
        return None
    counts = Counter(side for check in low for side in check.sides)
    shared = [side for side, count in counts.items() if count == len(low)]
    if len(shared) < 2:
        return shared[0] if shared else None
    passed = [check for check in checks if not check.is_low and check.similarity is not None]
    agrees = {
        side: any(side in check.sides and check.sides - set(shared) for check in passed) for side in shared
    }
    alone = [side for side in shared if not agrees[side]]
    return alone[0] if len(alone) == 1 else None


def _positions(checks: Iterable[_Check]) -> tuple[int, ...]:
    def worst_first(check: _Check) -> tuple[float, int]:
        return (-1.0 if check.similarity is None else check.similarity, check.position)

    return tuple(check.position for check in sorted(checks, key=worst_first))
