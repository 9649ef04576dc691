"""Which flows, cross-checks and documents a number is about: a filter, and its masks over the columns."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import OUTCOMES, Columns, Flags, Kind

P = ParamSpec("P")
T = TypeVar("T")

_KEPT = 12  # answers of one measure: a page asks the same few again and again


@dataclass(frozen=True, slots=True)
class Selection:
    """What to count; what is empty does not narrow. Texts as Atlas spelled them, None for "none given".

    Of flows: created_from ≤ created_at < created_to (milliseconds since 1970, UTC), product, outcome,
    dealer and quality flag. Of the cross-checks of those flows besides: their names, their `kinds`, and
    document types (on either side). Of the documents of those flows besides: type, error code and reason.
    """

    created_from: int | None = None
    created_to: int | None = None
    products: tuple[str | None, ...] = ()
    outcomes: tuple[str, ...] = ()
    dealers: tuple[str | None, ...] = ()
    qualities: tuple[str | None, ...] = ()
    checks: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    document_types: tuple[str | None, ...] = ()
    codes: tuple[str | None, ...] = ()
    reasons: tuple[str | None, ...] = ()

    def before(self) -> Selection | None:
        """The same over the period of equal length just before; None where the period is open."""
        if self.created_from is None or self.created_to is None:
            return None
        length = self.created_to - self.created_from
        return replace(self, created_from=self.created_from - length, created_to=self.created_from)

    def of_flows(self) -> Selection:
        """Without what narrows cross-checks and documents alone."""
        return replace(self, checks=(), kinds=(), document_types=(), codes=(), reasons=())


def kept(
    measure: Callable[Concatenate[Columns, P], T],
) -> Callable[Concatenate[Columns, P], T]:
    """Remembers a measure's latest answers, each for one version of the columns.

    Arguments must be hashable, and whoever asks must not change the answer.
    """
    answers: OrderedDict[tuple[Any, ...], tuple[Columns, T]] = OrderedDict()
    door = threading.Lock()

    @functools.wraps(measure)
    def ask(columns: Columns, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Two books may share a version's number, never the object; the answer holds on to it.
        key = (id(columns), args, tuple(sorted(kwargs.items())))
        with door:
            if key in answers:
                answers.move_to_end(key)
                return answers[key][1]
        answer = measure(columns, *args, **kwargs)
        with door:
            answers[key] = (columns, answer)
            if len(answers) > _KEPT:
                answers.popitem(last=False)
        return answer

    return ask


@kept
def _flow_mask(columns: Columns, selection: Selection) -> Flags:
    flows, names = columns.flows, columns.names
    mask = flows.exists
    if selection.created_from is not None:
        mask &= flows.created_at >= selection.created_from
    if selection.created_to is not None:
        mask &= flows.created_at < selection.created_to
    outcomes = tuple(str(outcome) for outcome in OUTCOMES)
    for codes, texts, wanted in (
        (flows.product, names.products, selection.products),
        (flows.outcome, outcomes, selection.outcomes),
        (flows.dealer, names.dealers, selection.dealers),
        (flows.quality, names.qualities, selection.qualities),
    ):
        if wanted:
            mask &= among(codes, texts, wanted)
    mask.flags.writeable = False
    return mask


def selected_flows(columns: Columns, selection: Selection) -> Flags:
    """Which flows are selected: one place for each flow_id, False where there is no flow. Read-only."""
    return _flow_mask(columns, selection.of_flows())


def selected_kinds(columns: Columns, selection: Selection) -> Flags:
    """Which kinds of cross-check are selected: one place for each of `names.kinds`."""
    return np.array(
        [
            (not selection.checks or kind.name in selection.checks)
            and (not selection.kinds or kind in selection.kinds)
            and (
                not selection.document_types
                or kind.source_doc in selection.document_types
                or kind.target_doc in selection.document_types
            )
            for kind in columns.names.kinds
        ],
        np.bool_,
    )


@kept
def selected_documents(
    columns: Columns, selection: Selection, errors_only: bool = False
) -> npt.NDArray[np.intp]:
    """The places, in the mirror's documents, of the selected ones (with an error code). Read-only."""
    documents, names = columns.documents, columns.names
    mask = selected_flows(columns, selection)[documents.flow]
    if errors_only:
        mask &= documents.code > 0
    for codes, texts, wanted in (
        (documents.type, names.types, selection.document_types),
        (documents.code, names.codes, selection.codes),
        (documents.reason, names.reasons, selection.reasons),
    ):
        if wanted:
            mask &= among(codes, texts, wanted)
    places = np.flatnonzero(mask)
    places.flags.writeable = False
    return places


def error_rows(columns: Columns, selection: Selection) -> npt.NDArray[np.intp]:
    """The places, in the mirror's documents, of the selected documents with an error code. Read-only."""
    return selected_documents(columns, selection, True)


def among(codes: npt.NDArray[Any], texts: Sequence[str | None], wanted: Sequence[str | None]) -> Flags:
    """Where a code's text is one of those wanted. A code that has no text yet is none of them."""
    is_wanted = np.array([*(text in wanted for text in texts), False])
    return is_wanted.take(codes, mode="clip")


def flow_ids(mask: Flags) -> npt.NDArray[np.intp]:
    """The flow_ids a mask over flows picks, the newest (highest) first."""
    return np.flatnonzero(mask)[::-1]
