"""Cross-checks that never ran, and documents that disagree with all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns, Kind
from atlas_core.insight import theme
from atlas_core.insight.charts_checks import coverage_chart
from atlas_core.insight.coverage import Expected, coverage, expected_checks
from atlas_core.insight.gaps import EMPTY, READ, UNKNOWN, Gap, flows_per_gap, gaps, split_read
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.odd_one_out import OddOnes, odd_documents
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from atlas_core.web import loaders
from atlas_core.web.case_parts import show_flow_cases
from atlas_core.web.chart_parts import Point, show_chart, viewer_palette
from atlas_core.web.opened import close_cases, opened_cases, opening_cases
from atlas_core.web.parts import show_empty
from atlas_core.web.selection_filters import put
from atlas_core.web.tables import show_rows, table_height
from atlas_core.web.words import count_of, markdown_safe

COVERAGE, ODD = "coverage", "odd"
EXPECT = "expect"
"""Part of the address: PRODUCT:CHECK, once for each check expected of a product whose list was edited."""


def show_coverage(columns: Columns, selection: Selection, thresholds: Thresholds) -> None:
    """How often each expected check ran, what its absence does to the match rate, and why it is absent."""
    learnt = expected_checks(columns, selection)
    if not learnt:
        show_empty(
            "Too few flows to say",
            "What to expect of a product is learnt from 30 of its flows that ended well.",
            ":material/search_off:",
        )
        return
    expected = _ask(columns, learnt)
    frame = coverage(columns, selection, expected, thresholds)
    show_chart(coverage_chart(frame, viewer_palette()), "coverage", _cell)
    st.caption("Select a cell, or a row of the second table, to see the flows that lack the check.")
    _show_match_rates(frame)
    found = gaps(columns, selection, expected)
    _show_gaps(found)
    _show_lacking(found)


def show_odd_ones(columns: Columns, selection: Selection, thresholds: Thresholds) -> None:
    """Which document disagrees with all others, each cause counted once."""
    odd = odd_documents(columns, selection, thresholds)
    if not odd.flows:
        show_empty(
            "No odd one out", "No selected flow has two cross-checks in review.", ":material/task_alt:"
        )
        return
    st.caption(
        f"Of {count_of(odd.flows, 'flow')} with two or more cross-checks in review, "
        f"{share_in_words(odd.flows - odd.without_one, odd.flows)} share one document: the cause is counted "
        "once, and the document is named. Where two are named, it cannot be told which of them it is."
    )
    rows = odd.frame.to_dict("records")
    show_rows(
        pd.DataFrame(
            {
                "document": [_documents(row) for row in rows],
                "flows": [row["flows"] for row in rows],
                "checks": [row["checks"] for row in rows],
            }
        ),
        "odd",
        opening_cases([{"at": ODD, "odd": _documents(row)} for row in rows]),
        alt="Odd documents, the most flows first",
        columns={
            "document": st.column_config.TextColumn("The odd one out", width="large"),
            "flows": st.column_config.NumberColumn("Flows (causes)", format="%d"),
            "checks": st.column_config.NumberColumn("Cross-checks in review there", format="%d"),
        },
    )
    _show_odd_flows(odd, [_documents(row) for row in rows])


def _ask(columns: Columns, learnt: Expected) -> Expected:
    """The checks expected of each product: what usually runs, or what the reader made of it."""
    asked: dict[str, list[str]] = {}
    for text in st.query_params.get_all(EXPECT):
        product, _, check = text.rpartition(":")
        asked.setdefault(product, []).append(check)
    names = sorted({kind.name for kind in columns.names.kinds})
    expected = tuple((product, tuple(asked.get(product, checks))) for product, checks in learnt)
    with st.expander(
        f"Expected: {sum(len(checks) for _, checks in expected)} checks of "
        f"{count_of(len(expected), 'product')}",
        icon=":material/checklist:",
    ):
        st.caption(
            "Learnt from what ran in at least half of a product's flows; add or remove as you know it."
        )
        for product, checks in expected:
            widget = f"expected_{product}"
            st.session_state[widget] = list(checks)
            st.multiselect(
                markdown_safe(product),
                names,
                format_func=theme.words_of_code,
                key=widget,
                on_change=_keep_expected,
                args=(widget, product, asked),
            )
    return expected


def _keep_expected(widget: str, product: str, asked: dict[str, list[str]]) -> None:
    close_cases()
    asked = asked | {product: st.session_state[widget]}
    put(EXPECT, [f"{name}:{check}" for name, checks in asked.items() for check in checks])


def _show_match_rates(frame: pd.DataFrame) -> None:
    rows = frame.to_dict("records")
    st.subheader("Match rates with and without the flows that lack the check", anchor=False)
    st.dataframe(
        pd.DataFrame(
            {
                "product": frame["product"],
                "check": [theme.words_of_code(row["check"]) for row in rows],
                "ran": [share_in_words(row["ran"], row["flows"]) for row in rows],
                "lacking": frame["lacking"],
                "of_ran": [share_in_words(row["matched"], row["ran"]) for row in rows],
                "of_flows": [share_in_words(row["matched"], row["flows"]) for row in rows],
            }
        ),
        hide_index=True,
        height=table_height(len(rows), at_most=12),
        alt="Match rates of expected checks",
        column_config={
            "product": st.column_config.TextColumn("Product"),
            "check": st.column_config.TextColumn("Cross-check"),
            "ran": st.column_config.TextColumn("Ran, of its flows"),
            "lacking": st.column_config.NumberColumn("Flows that lack it", format="%d"),
            "of_ran": st.column_config.TextColumn("Strong, where it ran"),
            "of_flows": st.column_config.TextColumn(
                "Strong, of all", help="A check that never ran has matched nothing."
            ),
        },
    )


def _show_gaps(found: tuple[Gap, ...]) -> None:
    if not found:
        st.text("Every expected check ran in every flow.")
        return
    rows = flows_per_gap(found).sort_values("flows", ascending=False, kind="stable").to_dict("records")
    st.subheader("Why it did not run", anchor=False)
    show_rows(
        pd.DataFrame(
            {
                "product": [row["product"] for row in rows],
                "check": [theme.words_of_code(row["check"]) for row in rows],
                "reason": [_reason(row["reason"]) for row in rows],
                "flows": [row["flows"] for row in rows],
            }
        ),
        "gaps",
        opening_cases([_gap(row) for row in rows]),
        at_most=12,
        alt="Why expected checks did not run, the most flows first",
        columns={
            "product": st.column_config.TextColumn("Product"),
            "check": st.column_config.TextColumn("Cross-check"),
            "reason": st.column_config.TextColumn("Why", width="medium"),
            "flows": st.column_config.NumberColumn("Flows", format="%d"),
        },
    )


def _show_lacking(found: tuple[Gap, ...]) -> None:
    """The flows behind the cell or row that was opened."""
    parts = opened_cases()
    if parts.get("at") != COVERAGE:
        return
    chosen = [
        gap
        for gap in found
        if (gap.product, gap.check) == (parts.get("product"), parts.get("check"))
        and parts.get("lack", gap.reason) == gap.reason
    ]
    if not chosen:
        return
    flow_ids = np.sort(np.concatenate([gap.flow_ids for gap in chosen]))[::-1]
    words = f"lack {theme.words_of_code(chosen[0].check)}"
    kind = chosen[0].kind
    if parts.get("lack") == READ and kind:
        words += f", {_split_in_words(chosen[0].flow_ids, kind)}"
    elif "lack" in parts:
        words += f", {theme.words_of_error(parts['lack'])}"
    show_flow_cases(flow_ids.tolist(), words, "lacking")


def _split_in_words(flow_ids: npt.NDArray[np.intp], kind: Kind) -> str:
    """Of flows whose two documents were read: how many have an empty field, and how many cannot be told."""
    ids = flow_ids.tolist()
    split = split_read(
        flow_ids,
        loaders.load_flows_with_field(ids, kind.source_doc, kind.source_field_name),
        loaders.load_flows_with_field(ids, kind.target_doc, kind.target_field_name),
    )
    return f"both documents read: {len(split[EMPTY]):,} {EMPTY}, {len(split[UNKNOWN]):,} {UNKNOWN}"


def _show_odd_flows(odd: OddOnes, documents: list[str]) -> None:
    parts = opened_cases()
    if parts.get("at") == ODD and parts.get("odd") in documents:
        flow_ids = odd.flow_ids_of(documents.index(parts["odd"])).tolist()
        show_flow_cases(flow_ids, f"the odd one is {parts['odd']}", "odd_flows")


def _documents(row: dict[Any, Any]) -> str:
    names = [theme.words_of_code(row[name]) for name in ("document_type", "other_document_type") if row[name]]
    return " or ".join(names)


def _reason(reason: str) -> str:
    words = theme.words_of_error(reason)
    return words[:1].upper() + words[1:]


def _cell(point: Point) -> dict[str, str]:
    product, check = point["customdata"]
    return {"at": COVERAGE, "product": str(product), "check": str(check)}


def _gap(row: dict[Any, Any]) -> dict[str, str]:
    return {"at": COVERAGE, "product": row["product"], "check": row["check"], "lack": row["reason"]}
