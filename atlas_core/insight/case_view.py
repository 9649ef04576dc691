"""A case as one screen shows it: its findings in order, each with its cross-checks and one's own verdict.

Where scores are hidden, nothing tells a cross-check that was drawn from one that asks for review: not its
place, not its words, not what stands around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from atlas_core.books.claims import CaseSeen
from atlas_core.books.queries import FlowDetail
from atlas_core.books.queries.reviews import CaseRecord
from atlas_core.books.verdicts import Drawn, JudgedCheck
from atlas_core.insight.differences import Difference, Mark, Piece, compare_values, normal_form
from atlas_core.insight.findings import Finding, FindingKind, findings_of
from atlas_core.insight.review_queue import NextCase
from atlas_core.insight.screen_masks import Sensitivity, masked, masked_pieces, sensitivity_of
from atlas_core.thresholds import Thresholds

QUALITY_FIELD = "document_quality_flag"

_SINGLE = (FindingKind.CHECK, FindingKind.LOT)


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding with its cross-checks (rows of `FlowDetail.cross_checks`), and what the person found of
    them so far: a verdict, or None."""

    finding: Finding
    checks: tuple[Mapping[str, Any], ...]
    verdict: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case on the screen of one person. `digest` is that of the result shown (None without one)."""

    flow: FlowDetail
    record: CaseRecord
    findings: tuple[FindingView, ...]
    digest: str | None
    decision_id: int
    is_second: bool
    hides_scores: bool

    @property
    def seen(self) -> CaseSeen:
        """What was on the screen, as the books ask for it."""
        return CaseSeen(self.flow.flow_uuid, self.digest, self.decision_id, self.is_second)

    @property
    def open_findings(self) -> tuple[int, ...]:
        """The places of the findings that still want a verdict."""
        return tuple(
            place
            for place, view in enumerate(self.findings)
            if view.finding.is_judged and view.verdict is None
        )

    @property
    def last_decision(self) -> Mapping[str, Any] | None:
        """The newest decision on the case that was not taken back, as a row of `CaseRecord.decisions`."""
        rows = self.record.decisions.to_dict("records")
        if not rows or rows[-1]["decision"] == "undone":
            return None
        return {str(name): value for name, value in rows[-1].items()}


def case_view(
    flow: FlowDetail,
    record: CaseRecord,
    case: NextCase,
    thresholds: Thresholds,
    who: str,
    *,
    scores_hidden: bool = False,
) -> CaseView:
    """The case for that person. `scores_hidden`: in the whole queue, by its rules."""
    hides_scores = case.hides_scores or scores_hidden
    digest = digest_of(flow)
    checks = {int(row["position"]): row for row in _rows(flow.cross_checks)}
    own = _own_verdicts(record, digest, who)
    found = findings_of(flow, thresholds, case.lots)
    if hides_scores:
        found = _untold(found)
    return CaseView(
        flow=flow,
        record=record,
        findings=tuple(
            FindingView(
                finding,
                tuple(checks[position] for position in finding.checks),
                *own.get(finding.checks[0] if finding.checks else -1, (None, "")),
            )
            for finding in found
        ),
        digest=digest,
        decision_id=newest_decision(record),
        is_second=case.is_second,
        hides_scores=hides_scores,
    )


def digest_of(flow: FlowDetail) -> str | None:
    """The digest of the result that is shown; None without one."""
    shown = flow.versions.loc[flow.versions["version"] == flow.version, "digest"]
    return str(shown.iloc[0]) if len(shown) else None


def newest_decision(record: CaseRecord) -> int:
    """The decision_id of the newest decision on a case, also of one that takes another back; 0: none."""
    return int(record.decisions["decision_id"].iloc[-1]) if len(record.decisions) else 0


def judged_checks(view: FindingView, lots: Mapping[int, float], case: CaseView) -> list[JudgedCheck]:
    """The cross-checks of a finding as a verdict on them is kept; one that was drawn stands for as many as
    its share says."""

    def drawn_as(position: int) -> Drawn:
        if case.is_second:
            return "second"
        return "lot" if position in lots else "queue"

    return [
        JudgedCheck(
            position=int(check["position"]),
            name=check["name"],
            source_doc=check["source_doc"],
            source_field_name=check["source_field_name"],
            target_doc=check["target_doc"],
            target_field_name=check["target_field_name"],
            similarity=None if pd.isna(check["similarity"]) else float(check["similarity"]),
            values=values_of(check),
            drawn=drawn_as(int(check["position"])),
            weight=1 / lots[int(check["position"])] if lots.get(int(check["position"])) else 1.0,
            score_shown=not case.hides_scores,
        )
        for check in view.checks
    ]


def values_of(check: Mapping[str, Any]) -> tuple[str, str]:
    """Both values of a cross-check in their normal form."""
    return normal_form(check["source_value"] or ""), normal_form(check["target_value"] or "")


def compared(
    check: Mapping[str, Any], *, shows_all: bool, shows_differences: bool
) -> tuple[Difference, tuple[Piece, ...], tuple[Piece, ...]]:
    """How both values of a cross-check differ, and the pieces of each as this person may see them.

    Personal values are masked where both sides say the same; what differs is for those who judge it.
    """
    difference = compare_values(check["source_value"] or "", check["target_value"] or "")

    def shown(field_name: str, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        if shows_all or sensitivity_of(field_name) is Sensitivity.OPEN:
            return pieces
        if all(piece.mark is Mark.SAME for piece in pieces):
            return tuple(Piece(masked(field_name, piece.text), piece.mark) for piece in pieces)
        return masked_pieces(pieces, shows_differences=shows_differences)

    return (
        difference,
        shown(check["source_field_name"], difference.source),
        shown(check["target_field_name"], difference.target),
    )


def quality_of(flow: FlowDetail, document_type: str) -> str | None:
    """The quality flag of the first document of that type; None where Atlas gave none."""
    places = flow.documents.loc[flow.documents["document_type"] == document_type, "position"]
    fields = flow.fields[(flow.fields["name"] == QUALITY_FIELD) & flow.fields["position"].isin(places)]
    return str(fields["value"].iloc[0]) if len(fields) and fields["value"].iloc[0] else None


def request_text(application_id: str, document: str, why: str) -> str:
    """What to write to whoever sent the documents; it names no person and quotes no value."""
    because = f" {why.strip().rstrip('.')}." if why.strip() else ""
    return (
        f"For application {application_id} we need a new copy of this document: {document}.{because} Please "
        "send a complete, well-lit picture of the original."
    )


def _untold(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Single cross-checks by their place in the result, before oddities: neither their order nor their kind
    says which of them was drawn."""

    def place(finding: Finding) -> tuple[bool, int]:
        return finding.kind is FindingKind.ODDITY, finding.checks[0] if finding.kind in _SINGLE else -1

    plain = [Finding(FindingKind.CHECK, one.checks) if one.kind is FindingKind.LOT else one for one in found]
    return tuple(sorted(plain, key=place))


def _own_verdicts(record: CaseRecord, digest: str | None, who: str) -> dict[int, tuple[str, str]]:
    own = record.verdicts[(record.verdicts["judged_by"] == who) & (record.verdicts["digest"] == digest)]
    return {int(row["position"]): (row["verdict"], row["reason"]) for row in _rows(own)}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
