"""Finding flows: any filter, in any order, page by page, with the facets that narrow further.

The column mirror tells which flows fit and in what order; SQL tells what only it knows (ids, words, reasons)
and reads the rows of one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import OUTCOMES, Columns, Flags
from atlas_core.books.queries import (
    REASONS,
    attention,
    flow_ids_needing,
    flow_ids_with_id,
    flow_ids_with_words,
    flow_rows,
)
from atlas_core.books.queries.found import FOUND_AT_MOST, FlowIds
from atlas_core.books.reading import Books, typed_frame
from atlas_core.insight.facets import FACETS, Counts, Facet, facet_counts, flows_having
from atlas_core.insight.paging import Key, Page, Sort, page_of
from atlas_core.insight.review_queue import QUEUE
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds

PER_PAGE = 50
Cut = Literal["find", "words"]
_OUTCOMES = {str(outcome): outcome for outcome in (Outcome.FAILED, Outcome.REVIEW)}
"""The reasons that are outcomes: of a million flows the mirror counts them in a tenth of the time."""


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """Which flows to find; what is empty does not narrow, and of several values one is enough.

    `text` is the beginning of any id, literally and case by case: application, flow, batch, file or
    document. `words` are whole words in any field, all of them; `ander*` is any word that begins so.
    `statuses` are master statuses as Atlas spelled them, None for flows that have none yet. `types` and
    `codes` are of the flow's documents, `checks` the names of its cross-checks that ask for review.
    The period is created_from ≤ created_at < created_to, milliseconds since 1970, UTC. `attention` is one
    of `queries.REASONS`.
    """

    text: str = ""
    words: str = ""
    outcomes: tuple[str, ...] = ()
    statuses: tuple[str | None, ...] = ()
    products: tuple[str, ...] = ()
    types: tuple[str | None, ...] = ()
    codes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    dealers: tuple[str, ...] = ()
    created_from: int | None = None
    created_to: int | None = None
    attention: str | None = None

    def chosen(self, facet: Facet) -> tuple[str | None, ...]:
        """The values wanted of one facet."""
        return {
            "outcome": self.outcomes,
            "status": self.statuses,
            "product": self.products,
            "type": self.types,
            "code": self.codes,
            "check": self.checks,
            "dealer": self.dealers,
        }[facet]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the words of a filter mean now: the thresholds in force, the age from which a running flow
    is overdue, and the moment (milliseconds since 1970, UTC)."""

    thresholds: Thresholds
    overdue_ms: int
    now: int


@dataclass(frozen=True, slots=True)
class Fit:
    """The flows that fit: one place for each flow_id. `narrowed` has each filter's own flows; `cut` names
    the filters that met too many flows, of which only some were looked at."""

    mask: Flags
    narrowed: Mapping[str, Flags]
    cut: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found: `rows` as of `queries.flow_rows`, `total` flows in all pages.

    Each facet counts the flows that fit all other filters. `cut` as of `Fit`: then `total` and the counts
    are of the flows that were looked at.
    """

    rows: pd.DataFrame
    page: Page
    facets: Mapping[Facet, Counts]
    cut: tuple[Cut, ...]


def find(
    books: Books,
    columns: Columns,
    wanted: FlowFilter,
    rules: Rules,
    *,
    sort: Sort = "newest",
    after: Key | None = None,
    size: int = PER_PAGE,
) -> Found:
    """The page after a key of the flows that fit, and the facets. Raises `InputError` and `BookError`s."""
    fit = flows_that_fit(books, columns, wanted, rules)
    page = page_of(columns, fit.mask, sort, after, size, now=rules.now)
    return Found(flow_rows(books, page.flow_ids), page, count_facets(columns, fit, rules), fit.cut)


def count_facets(
    columns: Columns,
    fit: Fit,
    rules: Rules,
    *,
    facets: Sequence[Facet] = FACETS,
    within: Flags | None = None,
) -> dict[Facet, Counts]:
    """How many flows each value of a facet has, of those that fit all other filters; `within` bounds them."""
    counts = {}
    for facet in facets:
        mask = _without(columns, fit, facet)
        mask = mask if within is None else mask & within
        counts[facet] = facet_counts(columns, facet, mask, thresholds=rules.thresholds)
    return counts


def flows_that_fit(
    books: Books,
    columns: Columns,
    wanted: FlowFilter,
    rules: Rules,
    *,
    at_most: int | None = FOUND_AT_MOST,
) -> Fit:
    """Which flows fit. Ids and words are looked up among at most `at_most` flows each; None: among all."""
    flows = columns.flows
    narrowed: dict[str, Flags] = {}
    cut: list[Cut] = []
    if wanted.created_from is not None:
        narrowed["from"] = flows.created_at >= wanted.created_from
    if wanted.created_to is not None:
        narrowed["to"] = flows.created_at < wanted.created_to
    if wanted.attention is not None:
        narrowed["reason"] = _needing(books, columns, wanted.attention, rules)
    if wanted.text.strip():
        found, is_cut = flow_ids_with_id(books, wanted.text, at_most=at_most)
        narrowed["find"] = _mask(columns, found)
        cut += ["find"] * is_cut
    if wanted.words.strip():
        # Of a word that very many flows have only the newest are looked at. Facets must not bound them: each
        # is counted as if it did not narrow.
        among = np.flatnonzero(_all(flows.exists, narrowed.values()))
        first, last = (int(among[0]), int(among[-1])) if len(among) else (0, 0)
        found, is_cut = flow_ids_with_words(books, wanted.words, first=first, last=last, at_most=at_most)
        narrowed["words"] = _mask(columns, found)
        cut += ["words"] * is_cut
    for facet in FACETS:
        if chosen := wanted.chosen(facet):
            narrowed[facet] = flows_having(columns, facet, chosen, thresholds=rules.thresholds)
    return Fit(_all(flows.exists, narrowed.values()), narrowed, tuple(cut))


def newest_first(columns: Columns, mask: Flags) -> npt.NDArray[np.intp]:
    """The flow_ids of a mask, the newest first: the order of `find`, whole."""
    ids = np.flatnonzero(mask)
    return ids[np.lexsort((ids, columns.flows.created_at[ids]))[::-1]]


def what_needs_a_person(books: Books, columns: Columns, rules: Rules) -> pd.DataFrame:
    """Each reason that has cases, in the order of `queries.REASONS`; columns reason, flows, oldest_at as of
    `queries.attention`."""
    asked = [reason for reason in REASONS if reason not in _OUTCOMES]
    found = attention(books, now=rules.now, overdue_ms=rules.overdue_ms, reasons=asked)
    rows = {row.reason: (row.reason, row.flows, row.oldest_at) for row in found.itertuples()}
    for reason in _OUTCOMES:
        began = columns.flows.created_at[_needing(books, columns, reason, rules)]
        if len(began):
            rows[reason] = (reason, len(began), int(began.min()))
    return typed_frame(
        ["reason", "flows", "oldest_at"], [rows[reason] for reason in REASONS if reason in rows]
    )


def _needing(books: Books, columns: Columns, reason: str, rules: Rules) -> Flags:
    if reason in _OUTCOMES:
        # What a person decided on, or what was erased, needs nobody any more; its outcome is what it was.
        is_open = QUEUE.is_open(books, columns)
        return np.equal(columns.flows.outcome, OUTCOMES.index(_OUTCOMES[reason]), dtype=np.bool_) & is_open
    return _mask(columns, flow_ids_needing(books, reason, now=rules.now, overdue_ms=rules.overdue_ms))


def _without(columns: Columns, fit: Fit, facet: Facet) -> Flags:
    if facet not in fit.narrowed:
        return fit.mask
    return _all(columns.flows.exists, [mask for name, mask in fit.narrowed.items() if name != facet])


def _all(exists: Flags, masks: Iterable[Flags]) -> Flags:
    fits = exists.copy()
    for mask in masks:
        fits &= mask
    return fits


def _mask(columns: Columns, flow_ids: FlowIds) -> Flags:
    mask = np.zeros(len(columns.flows), np.bool_)
    mask[flow_ids[flow_ids < len(mask)]] = True
    return mask
