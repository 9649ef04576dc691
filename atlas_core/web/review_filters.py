"""Which cases are met: the filters of Results, but for those by which a drawn pass could be told.

Results finds flows by outcome, by a cross-check in review and by reason; a pass that is judged blind has none
of these. Asking for them here would show which cases are blind, so they are passed over.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from atlas_core.access import User
from atlas_core.books.columns import Columns, Flags
from atlas_core.books.reading import Books
from atlas_core.clock import now_ms
from atlas_core.insight.addresses import REASON
from atlas_core.insight.facets import Facet
from atlas_core.insight.finding import FlowFilter, Rules, count_facets, flows_that_fit
from atlas_core.insight.review_queue import QUEUE, Waiting
from atlas_core.web import loaders, result_filters

CASE = "case"
"""The part of an address that asks for one case."""

_TELLING = ("outcome", "check", REASON)
_FEW = 10
_FACETS: tuple[Facet, ...] = ("product", "type", "code", "dealer")


def wanted_cases() -> FlowFilter:
    """The filter in the address, less what would tell a drawn pass."""
    return replace(result_filters.wanted_flows(), outcomes=(), checks=(), attention=None)


def waiting_in_words(waiting: Waiting) -> str:
    """`121 to review, 20 failed, 219 drawn by lot`; without numbers under a filter, and where ten of either
    kind are not there: they would tell which cases were drawn."""
    at_random, others = waiting.by_lot, waiting.total - waiting.by_lot
    if wanted_cases() != FlowFilter() or 0 < at_random < _FEW or others < _FEW:
        return "to review, failed or drawn by lot"
    counts = (waiting.to_review, "to review"), (waiting.failed, "failed"), (at_random, "drawn by lot")
    return ", ".join(f"{number:,} {words}" for number, words in counts if number)


def fitting(books: Books, columns: Columns, wanted: FlowFilter) -> Flags | None:
    """The flows that fit; None where all do."""
    if wanted == FlowFilter():
        return None
    return flows_that_fit(books, columns, wanted, _rules(), at_most=None).mask


def ask_for_cases(user: User) -> None:
    """Draws the filters, with how many waiting cases would be left for each value."""
    wanted = wanted_cases()
    chosen = sum(
        bool(part) for part in (wanted.text, wanted.words, wanted.created_from or wanted.created_to)
    ) + sum(len(wanted.chosen(facet)) for facet in _FACETS)
    label = f"Filters ({chosen})" if chosen else "Filters"
    popover = st.popover(label, icon=":material/filter_alt:", key="review_filters", on_change="rerun")
    if popover.open:
        with popover, st.container(width=760):
            _ask(user, wanted)


def show_passed_over() -> None:
    """Says so where the address asks for what is not asked here."""
    if any(name in st.query_params for name in _TELLING):
        st.caption(
            "The address also filters by outcome, cross-check or reason. Review passes over these: they "
            "would tell which cases are judged blind."
        )


def _ask(user: User, wanted: FlowFilter) -> None:
    result_filters.ask_for_search(wanted, by_reason=False)
    columns = loaders.load_columns()
    with loaders.reading() as books:
        waiting = QUEUE.mask(books, columns, user.who, now=now_ms())
        fit = flows_that_fit(books, columns, wanted, _rules(), at_most=None)
    counts = count_facets(columns, fit, _rules(), facets=_FACETS, within=waiting)
    result_filters.ask_for_facets(wanted, counts)
    result_filters.ask_to_clear(wanted)


def _rules() -> Rules:
    return Rules(loaders.load_thresholds(), loaders.overdue_ms(), loaders.this_second())
