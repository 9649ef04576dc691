"""What Atlas could not use, part by part; every bar, cell and row opens its documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.addresses import NONE
from atlas_core.insight.charts_errors import (
    NOT_RECOGNISED,
    codes_shown,
    errors_per_code_chart,
    errors_per_day_chart,
    errors_per_trait_chart,
    errors_per_type_chart,
)
from atlas_core.insight.cures import cured_codes, flows_to_ask
from atlas_core.insight.errors import (
    documents_without_type,
    errors_per_code,
    errors_per_day,
    errors_per_dealer,
    errors_per_product,
    errors_per_reason,
    errors_per_type,
)
from atlas_core.insight.groups import OTHERS
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.periods import DAY_MS, Step
from atlas_core.insight.screen_masks import masked_reason
from atlas_core.insight.selection import Selection
from atlas_core.web import loaders
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.opened import opening_cases, period_parts
from atlas_core.web.parts import show_empty
from atlas_core.web.period_parts import ask_for_step
from atlas_core.web.selection_filters import text_of
from atlas_core.web.tables import show_rows
from atlas_core.web.tiles import show_opening_number
from atlas_core.web.words import count_of, span_in_words

TILES, CODES, TIME, WHO, CURED = "tiles", "codes", "time", "who", "cured"
ANY = "any"
"""The part of what is open that also takes in documents without an error."""
_REASONS = 20
ShowOpened = Callable[[str], None]


def show_tiles(columns: Columns, selection: Selection) -> None:
    """How many documents have an error, and how many no type that Atlas recognised."""
    products = errors_per_product(columns, selection)
    untyped = documents_without_type(columns, selection)
    errors, documents = int(products["documents"].sum()), int(products["n"].sum())
    tiles: tuple[tuple[str, int, int, str, dict[str, str]], ...] = (
        ("Documents with an error", errors, documents, "Atlas gave an error code instead of a reading.", {}),
        (
            "Documents without a recognised type",
            untyped.documents,
            untyped.n,
            "Atlas named no type of document; with an error code or without.",
            {"type": NONE, ANY: "document"},
        ),
    )
    with st.grid(2, min_column_width=260):
        for label, count, n, meaning, parts in tiles:
            share = f"{share_in_words(count, n)} documents"
            show_opening_number(label, count, share, meaning, "document", at=TILES, **parts)


def show_codes(columns: Columns, selection: Selection, show_opened: ShowOpened) -> None:
    """Which codes, on which types of document, and with which of Atlas's reasons."""
    with st.grid(2, min_column_width=400, gap="medium"):
        show_chart(
            errors_per_code_chart(errors_per_code(columns, selection), viewer_palette()),
            "pareto",
            lambda point: {"at": CODES, "code": str(point["customdata"][0])},
        )
        show_chart(
            errors_per_type_chart(errors_per_type(columns, selection), viewer_palette()),
            "heat",
            _cell_of_type,
        )
    st.caption("Select a bar or a cell to see its documents below.")
    show_opened(CODES)
    reasons = errors_per_reason(columns, selection)
    shown = reasons.head(_REASONS).to_dict("records")
    st.subheader("Atlas's reasons", anchor=False)
    show_rows(
        pd.DataFrame(
            {
                "reason": [masked_reason(row["reason"]) if row["reason"] else None for row in shown],
                "code": [theme.words_of_error(row["code"]) for row in shown],
                "documents": [row["documents"] for row in shown],
                "share": [share_in_words(row["documents"], row["n"]) for row in shown],
            }
        ),
        "reasons",
        opening_cases([_reason(row) for row in shown]),
        alt="Reasons for errors, the most frequent first",
        placeholder="no reason given",
        columns={
            "reason": st.column_config.TextColumn("Reason, in Atlas's words", width="large"),
            "code": st.column_config.TextColumn("Error"),
            "documents": st.column_config.NumberColumn("Documents", format="%d"),
            "share": st.column_config.TextColumn("Share of the code's documents"),
        },
    )
    st.caption(f"{len(shown)} of {count_of(len(reasons), 'reason')}, the most frequent first.")


def show_time(columns: Columns, selection: Selection, show_opened: ShowOpened) -> None:
    """How many documents have an error in each day, week or month."""
    step = ask_for_step()
    frame = errors_per_day(columns, selection, step)
    show_chart(
        errors_per_day_chart(frame, step, viewer_palette()),
        f"errors_per_{step}",
        partial(_bar_of_step, step, codes_shown(frame)),
    )
    st.caption("Select a bar to see its documents below. A document belongs to the day its flow began.")
    show_opened(TIME)


def show_who(columns: Columns, selection: Selection, show_opened: ShowOpened) -> None:
    """Which products and dealers have the errors."""
    with st.grid(2, min_column_width=400, gap="medium"):
        for trait, frame in (
            ("product", errors_per_product(columns, selection)),
            ("dealer", errors_per_dealer(columns, selection)),
        ):
            show_chart(
                errors_per_trait_chart(frame, trait, viewer_palette()),
                f"per_{trait}",
                partial(_point_of_trait, trait),
            )
    st.caption(
        "Select a point to see its documents below. The line through it is the 95% interval of its rate: "
        "where two lines overlap widely, the difference may be chance. A hollow point has fewer than 30 "
        "documents: too few to say. Dealers are spelled as Atlas read "
        "them."
    )
    show_opened(WHO)


def show_cured(columns: Columns, selection: Selection, show_opened: ShowOpened) -> None:
    """What became of an error later in the same application."""
    cures = cured_codes(columns, selection, loaders.load_later_flows(flows_to_ask(columns, selection)))
    if cures.frame.empty:
        show_empty("Nothing to cure", "No selected document has an error.", ":material/task_alt:")
        return
    rows = cures.frame.to_dict("records")
    st.caption(
        f"Of {cures.flows:,} of {count_of(cures.of_flows, 'flow')} with an error, the newest: whether a "
        "later flow of the same application had a document of the type, all of them without an error."
    )
    show_rows(
        pd.DataFrame(
            {
                "code": [theme.words_of_error(row["code"]) for row in rows],
                "type": [_type_words(row["document_type"]) for row in rows],
                "documents": [row["documents"] for row in rows],
                "again": [row["sent_again"] for row in rows],
                "cured": [row["cured"] for row in rows],
                "share": [
                    share_in_words(row["cured"], row["sent_again"]) if row["sent_again"] else None
                    for row in rows
                ],
                "wait": [
                    None if pd.isna(row["median_ms"]) else span_in_words(int(row["median_ms"]))
                    for row in rows
                ],
            }
        ),
        "cured",
        opening_cases([_error(row) for row in rows]),
        alt="What became of errors later",
        columns={
            "code": st.column_config.TextColumn("Error"),
            "type": st.column_config.TextColumn("Document type"),
            "documents": st.column_config.NumberColumn("Documents", format="%d"),
            "again": st.column_config.NumberColumn("Sent again", format="%d"),
            "cured": st.column_config.NumberColumn("Cured", format="%d"),
            "share": st.column_config.TextColumn("Cured, of those sent again"),
            "wait": st.column_config.TextColumn("Median time to cure"),
        },
    )
    show_opened(CURED)


def _type_words(document_type: str | None) -> str:
    return theme.words_of_code(document_type) if document_type else NOT_RECOGNISED


def _cell_of_type(point: Point) -> dict[str, str]:
    document_type, code = point["customdata"]
    return {"at": CODES, "code": str(code), "type": text_of(document_type)}


def _bar_of_step(step: Step, codes: list[str], point: Point) -> dict[str, str]:
    start_at = int(point["customdata"]) * DAY_MS
    return {"at": TIME, "code": codes[point["curve_number"]], **period_parts(start_at, step)}


def _point_of_trait(trait: str, point: Point) -> dict[str, str]:
    name = point["customdata"][0]
    return {} if name == OTHERS else {"at": WHO, trait: text_of(name)}


def _reason(row: dict[Any, Any]) -> dict[str, str]:
    return {"at": CODES, "code": row["code"], "reason": text_of(row["reason"])}


def _error(row: dict[Any, Any]) -> dict[str, str]:
    return {"at": CURED, "code": row["code"], "type": text_of(row["document_type"])}
