"""Named readings of a flow's results, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_core.books.queries import FlowDetail
from atlas_core.books.reading import Record
from atlas_core.insight.theme import words_of_code
from atlas_core.models import REVIEW_FLAGS, Band, Outcome
from atlas_core.thresholds import Thresholds

_WORST_FIRST = {Band.REVIEW: 0, Band.NO_SCORE: 1, Band.UNCLEAR: 2, Band.STRONG: 3}


def checks_worst_first(checks: Iterable[Record], thresholds: Thresholds) -> list[Record]:
    """The cross-checks with their `band`, the ones that ask for a person first, the lowest score above."""

    def place(check: Record) -> tuple[int, float, int]:
        return _WORST_FIRST[check["band"]], check["similarity"] or 0.0, check["position"]

    banded = [check | {"band": thresholds.band(check["name"], check["similarity"])} for check in checks]
    return sorted(banded, key=place)


def reasons_for_outcome(flow: FlowDetail, thresholds: Thresholds) -> list[str]:
    """Why the flow has its outcome, in sentences of ours, the most telling first."""
    if flow.outcome == Outcome.FAILED:
        return ["Atlas says that the flow failed. " + _failed_stage(flow)]
    if flow.outcome == Outcome.UNKNOWN:
        return ["Atlas's status for the whole flow is a word we do not know; nothing is assumed from it."]
    if flow.outcome == Outcome.RUNNING:
        if flow.master_status == "SUCCESS":
            return ["Atlas has finished; its results have not been fetched yet."]
        return ["Atlas has not finished yet."]
    low_names = _low_checks(flow, thresholds)
    wrong = sum(document["error_code"] != "" for document in flow.documents)
    odd = [flag["kind"] for flag in flow.flags if flag["kind"] in REVIEW_FLAGS]
    reasons = []
    if low_names:
        listed = ", ".join(words_of_code(name).lower() for name in low_names[:3])
        more = " and more" if len(low_names) > 3 else ""
        part = _of(len(low_names), len(flow.cross_checks), "cross-check")
        reasons.append(f"{part} below {_limits(low_names, thresholds)}: {listed}{more}.")
    if wrong:
        reasons.append(f"{_of(wrong, len(flow.documents), 'document')} could not be used by Atlas.")
    reasons += [f"Something is odd in the results: {kind}." for kind in dict.fromkeys(odd)]
    if reasons or flow.outcome == Outcome.REVIEW:
        return reasons
    documents = _all(len(flow.documents), "document")
    if not flow.cross_checks:
        return [f"Atlas read {documents} and made no cross-check."]
    checks = _all(len(flow.cross_checks), "cross-check")
    limits = _limits([check["name"] for check in flow.cross_checks], thresholds)
    return [f"Atlas read {documents}, and {checks} reached {limits} or more."]


def asks_about_documents(flow: FlowDetail, thresholds: Thresholds) -> bool:
    """Whether it is the documents, and no cross-check, that ask for a person."""
    is_wrong = any(document["error_code"] != "" for document in flow.documents)
    return is_wrong and not _low_checks(flow, thresholds)


def share_in_words(part: int, whole: int) -> str:
    """A share with its n: `24.5% of 2,024`; never a rounded 0% or 100% that is not one."""
    if not whole:
        return "of 0"
    share = part / whole
    if 0 < share < 0.001:
        return f"under 0.1% of {whole:,}"
    if 0.999 < share < 1:
        return f"over 99.9% of {whole:,}"
    return f"{share:.1%} of {whole:,}"


def _low_checks(flow: FlowDetail, thresholds: Thresholds) -> list[str]:
    """The names of the cross-checks that ask for review, in Atlas's order."""
    return [
        check["name"] for check in flow.cross_checks if thresholds.is_low(check["name"], check["similarity"])
    ]


def _limits(names: list[str], thresholds: Thresholds) -> str:
    """The one threshold of review of these checks, or words for several."""
    limits = {thresholds.of(name)[0] for name in names}
    return f"{limits.pop()}" if len(limits) == 1 else "their thresholds"


def _failed_stage(flow: FlowDetail) -> str:
    if flow.upload_status == "FAILED":
        return "It could not fetch the documents: their links may have run out or been mistyped."
    if flow.processing_status == "FAILED":
        return "It could not read the documents."
    return "It does not say at which stage."


def _of(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun}{'' if whole == 1 else 's'}"


def _all(number: int, noun: str) -> str:
    return f"the one {noun}" if number == 1 else f"all {number} {noun}s"
