"""A case as one screen shows it: its findings in order, each with its cross-checks and one's own verdict.

Where scores are hidden, nothing tells a cross-check that was drawn from one that asks for review: not its
place, not its words, not what stands around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from atlas_core.books.claims import CaseSeen
from atlas_core.books.queries import FlowDetail
from atlas_core.books.queries.reviews import CaseRecord
from atlas_core.books.reading import Record
from atlas_core.books.verdicts import Drawn, JudgedCheck
from atlas_core.insight.differences import Difference, Mark, Piece, compare_values, normal_form
from atlas_core.insight.findings import Finding, FindingKind, findings_of
from atlas_core.insight.review_queue import NextCase
from atlas_core.insight.screen_masks import Sensitivity, is_personal, masked, masked_pieces, sensitivity_of
from atlas_core.thresholds import Thresholds

QUALITY_FIELD = "document_quality_flag"

_SINGLE = (FindingKind.CHECK, FindingKind.LOT)


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding with its cross-checks (of `FlowDetail.cross_checks`), and what the person found of them so
    far: a verdict, or None."""

    finding: Finding
    checks: tuple[Record, ...]
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
    def last_decision(self) -> Record | None:
        """The newest decision on the case that was not taken back, one of `CaseRecord.decisions`."""
        decisions = self.record.decisions
        return decisions[-1] if decisions and decisions[-1]["decision"] != "undone" else None


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
    checks = {check["position"]: check for check in flow.cross_checks}
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
    return next((one["digest"] for one in flow.versions if one["version"] == flow.version), None)


def newest_decision(record: CaseRecord) -> int:
    """The decision_id of the newest decision on a case, also of one that takes another back; 0: none."""
    return record.decisions[-1]["decision_id"] if record.decisions else 0


def judged_checks(view: FindingView, lots: Mapping[int, float], case: CaseView) -> list[JudgedCheck]:
    """The cross-checks of a finding as a verdict on them is kept; one that was drawn stands for as many as
    its share says."""

    def drawn_as(position: int) -> Drawn:
        if case.is_second:
            return "second"
        return "lot" if position in lots else "queue"

    return [
        JudgedCheck(
            position=check["position"],
            name=check["name"],
            source_doc=check["source_doc"],
            source_field_name=check["source_field_name"],
            target_doc=check["target_doc"],
            target_field_name=check["target_field_name"],
            similarity=check["similarity"],
            values=values_of(check),
            drawn=drawn_as(check["position"]),
            weight=1 / lots[check["position"]] if lots.get(check["position"]) else 1.0,
            score_shown=not case.hides_scores,
        )
        for check in view.checks
    ]


def values_of(check: Record) -> tuple[str, str]:
    """Both values of a cross-check in their normal form."""
    return normal_form(check["source_value"] or ""), normal_form(check["target_value"] or "")


def compared(
    check: Record, *, shows_all: bool, shows_differences: bool
) -> tuple[Difference, tuple[Piece, ...], tuple[Piece, ...]]:
    """How both values of a cross-check differ, and the pieces of each as this person may see them.

    Personal values are masked where both sides say the same; what differs is for those who judge it.
    """
    difference = compare_values(check["source_value"] or "", check["target_value"] or "")
    is_same = all(piece.mark is Mark.SAME for piece in (*difference.source, *difference.target))

    def shown(field_name: str, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        if shows_all or sensitivity_of(field_name) is Sensitivity.OPEN:
            return pieces
        if is_same:  # on both sides: masked by two rules, equal words would look different
            return tuple(Piece(masked(field_name, piece.text), piece.mark) for piece in pieces)
        return masked_pieces(pieces, shows_differences=shows_differences)

    if not shows_all and any(is_personal(check[f"{side}_field_name"]) for side in ("source", "target")):
        # What was passed over may be quoted: an initial and the name that it stands for.
        notes = dict.fromkeys(note.partition(":")[0].partition(" = ")[0] for note in difference.notes)
        difference = replace(difference, notes=tuple(notes))
    return (
        difference,
        shown(check["source_field_name"], difference.source),
        shown(check["target_field_name"], difference.target),
    )


def qualities_of(flow: FlowDetail) -> dict[str, str]:
    """The quality flag of each type of document, where Atlas gave one; of the first, where there are several
    of a type."""
    types = {document["position"]: document["document_type"] for document in flow.documents}
    flags = [field for field in flow.fields if field["name"] == QUALITY_FIELD and field["value"]]
    return {types[flag["position"]]: flag["value"] for flag in reversed(flags) if types[flag["position"]]}


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
    return {
        verdict["position"]: (verdict["verdict"], verdict["reason"])
        for verdict in record.verdicts
        if verdict["judged_by"] == who and verdict["digest"] == digest
    }
