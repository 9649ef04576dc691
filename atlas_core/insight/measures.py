"""Named readings of a flow's results; frames in, frames and sentences out."""

from __future__ import annotations

import pandas as pd

from atlas_core.books.queries import FlowDetail
from atlas_core.insight.theme import words_of_code
from atlas_core.models import REVIEW_FLAGS, Band, Outcome
from atlas_core.thresholds import Thresholds

_WORST_FIRST = {Band.REVIEW: 0, Band.NO_SCORE: 1, Band.UNCLEAR: 2, Band.STRONG: 3}


def checks_worst_first(checks: pd.DataFrame, *, strong_from: float, review_below: float) -> pd.DataFrame:
    """The cross-checks with their `band`, the ones that ask for a person first, the lowest score above."""
    bands = [
        Thresholds(round(review_below), round(strong_from)).band("", None if pd.isna(score) else score)
        for score in checks["similarity"]
    ]
    ranked = checks.assign(band=bands, rank=[_WORST_FIRST[band] for band in bands])
    return ranked.sort_values(["rank", "similarity", "position"], kind="stable").drop(columns="rank")


def reasons_for_outcome(flow: FlowDetail, *, review_below: float) -> list[str]:
    """Why the flow has its outcome, in sentences of ours, the most telling first."""
    if flow.outcome == Outcome.FAILED:
        return ["Atlas says that the flow failed. " + _failed_stage(flow)]
    if flow.outcome == Outcome.UNKNOWN:
        return ["Atlas's status for the whole flow is a word we do not know; nothing is assumed from it."]
    if flow.outcome == Outcome.RUNNING:
        if flow.master_status == "SUCCESS":
            return ["Atlas has finished; its results have not been fetched yet."]
        return ["Atlas has not finished yet."]
    low = int((flow.cross_checks["similarity"] < review_below).sum())
    wrong = int((flow.documents["error_code"] != "").sum())
    kinds = flow.flags["kind"]
    odd = kinds[kinds.isin([str(kind) for kind in REVIEW_FLAGS])]
    reasons = []
    if low:
        names = flow.cross_checks.loc[flow.cross_checks["similarity"] < review_below, "name"]
        listed = ", ".join(words_of_code(name).lower() for name in names[:3]) + (
            " and more" if low > 3 else ""
        )
        reasons.append(f"{_of(low, len(flow.cross_checks), 'cross-check')} below {review_below:g}: {listed}.")
    if wrong:
        reasons.append(f"{_of(wrong, len(flow.documents), 'document')} could not be used by Atlas.")
    reasons += [f"Something is odd in the results: {kind}." for kind in dict.fromkeys(odd)]
    if reasons or flow.outcome == Outcome.REVIEW:
        return reasons
    documents = _all(len(flow.documents), "document")
    if flow.cross_checks.empty:
        return [f"Atlas read {documents} and made no cross-check."]
    checks = _all(len(flow.cross_checks), "cross-check")
    return [f"Atlas read {documents}, and {checks} reached {review_below:g} or more."]


def asks_about_documents(flow: FlowDetail, *, review_below: float) -> bool:
    """Whether it is the documents, and no cross-check, that ask for a person."""
    return bool((flow.documents["error_code"] != "").any()) and not bool(
        (flow.cross_checks["similarity"] < review_below).any()
    )


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
