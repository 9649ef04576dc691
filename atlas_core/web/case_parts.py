"""The cases behind a number: cross-checks with both values and their differences, documents, flows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.cases import CheckRange, check_cases, document_cases
from atlas_core.insight.differences import LABEL
from atlas_core.insight.screen_masks import masked_reason
from atlas_core.insight.selection import Selection
from atlas_core.thresholds import Thresholds
from atlas_core.web import loaders
from atlas_core.web.chart_parts import viewer_palette
from atlas_core.web.check_parts import show_check
from atlas_core.web.filters import PAGES_WIDTH, link_to_flow
from atlas_core.web.opened import close_cases
from atlas_core.web.selection_filters import PAGE, put
from atlas_core.web.signing_in import require_user
from atlas_core.web.tables import moment_column, moments, opening_flows, show_flows, show_rows
from atlas_core.web.words import count_of, markdown_safe

CASES_PER_PAGE = 10


def show_check_cases(
    columns: Columns, selection: Selection, within: CheckRange, thresholds: Thresholds, words: str
) -> None:
    """The cross-checks of a selection within a range, a page at a time, each with both values."""
    page = _page()
    found = check_cases(columns, selection, within, page, CASES_PER_PAGE)
    _show_heading(f"{count_of(found.total, 'cross-check')}: {words}")
    if not found.total:
        st.text("None of the selected cross-checks lies here any more.")
        return
    st.caption(LABEL)
    user, palette = require_user(), viewer_palette()
    for check in loaders.load_checks_at(found.flow_ids.tolist(), found.ordinals.tolist()):
        with st.container(border=True, gap="small"):
            show_check(user, check, thresholds, palette)
            st.page_link(
                "pages/flow.py",
                label=f"Open {markdown_safe(check['application_id'] or 'flow')}",
                icon=":material/arrow_forward:",
                query_params=link_to_flow(check["flow_uuid"]),
            )
    _show_pages(found.total, CASES_PER_PAGE)


def show_document_cases(
    columns: Columns, selection: Selection, words: str, *, errors_only: bool = True
) -> None:
    """The documents of a selection, a page at a time."""
    found = document_cases(
        columns, selection, errors_only=errors_only, page=_page(), per_page=loaders.PER_PAGE
    )
    _show_heading(f"{count_of(found.total, 'document')}: {words}")
    if not found.total:
        st.text("None of the selected documents lies here any more.")
        return
    rows = loaders.load_documents_at(found.flow_ids.tolist(), found.ordinals.tolist())
    show_rows(
        pd.DataFrame(
            {
                "application": rows["application_id"],
                "type": [theme.words_of_code(kind) if kind else None for kind in rows["document_type"]],
                "code": [theme.words_of_error(code) if code else None for code in rows["error_code"]],
                "reason": [masked_reason(reason or "") or None for reason in rows["error_reason"]],
                "document": rows["document_id"],
                "created": moments(rows["created_at"]),
                "product": rows["product_type"],
            }
        ),
        "documents",
        opening_flows(rows["flow_uuid"].tolist()),
        alt="Documents, newest first",
        columns={
            "application": st.column_config.TextColumn("Application", width="medium"),
            "type": st.column_config.TextColumn("Document type"),
            "code": st.column_config.TextColumn("Error"),
            "reason": st.column_config.TextColumn("Atlas's reason", width="medium"),
            "document": st.column_config.TextColumn("Document id"),
            "created": moment_column("Flow begun"),
            "product": st.column_config.TextColumn("Product"),
        },
    )
    _show_pages(found.total, loaders.PER_PAGE)


def show_flow_cases(
    flow_ids: Sequence[int], words: str, key: str, *, closes: bool = True, order: str = "newest first"
) -> None:
    """Some flows, a page at a time, in their order, which is told in words."""
    _show_heading(f"{count_of(len(flow_ids), 'flow')}: {words}", closes=closes)
    if len(flow_ids):
        # Two lists on one screen turn together, and the shorter one stays at its last page.
        first = min(_page() - 1, (len(flow_ids) - 1) // loaders.PER_PAGE) * loaders.PER_PAGE
        rows = loaders.load_flow_rows(flow_ids[first : first + loaders.PER_PAGE])
        show_flows(rows, key=key, order=order)
        _show_pages(len(flow_ids), loaders.PER_PAGE, order)


def _show_heading(words: str, *, closes: bool = True) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(markdown_safe(words), anchor=False, width="content")
        if closes:
            st.button("Close", icon=":material/close:", type="tertiary", on_click=close_cases)


def _page() -> int:
    text = st.query_params.get(PAGE, "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _show_pages(total: int, per_page: int, order: str = "newest first") -> None:
    pages = -(-total // per_page)
    page = min(_page(), pages)
    first = (page - 1) * per_page + 1
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{first:,}-{min(first + per_page - 1, total):,} of {total:,}, {order}")
        if pages > 1:
            # Other cases are another widget, which begins at the page of the address.
            asked = [(name, st.query_params.get_all(name)) for name in st.query_params if name != PAGE]
            key = f"pages_of_{asked}"
            st.pagination(pages, default=page, key=key, width=PAGES_WIDTH, on_change=_keep_page, args=(key,))


def _keep_page(key: str) -> None:
    page = st.session_state[key]
    put(PAGE, str(page) if page > 1 else None)
