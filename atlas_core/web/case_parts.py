"""The cases behind a number: cross-checks with both values and their differences, documents, flows."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight import theme
from atlas_core.insight.cases import CheckRange, check_cases, document_cases
from atlas_core.insight.differences import LABEL, Mark, Piece, compare_values, visible
from atlas_core.insight.palette import Palette
from atlas_core.insight.selection import Selection
from atlas_core.insight.thresholds import Thresholds
from atlas_core.models import band_of
from atlas_core.web import loaders
from atlas_core.web.chart_parts import viewer_palette
from atlas_core.web.filters import PAGES_WIDTH, link_to_flow
from atlas_core.web.opened import close_cases
from atlas_core.web.parts import show_look
from atlas_core.web.selection_filters import PAGE, put
from atlas_core.web.tables import moment_column, moments, open_column, show_flows, table_height
from atlas_core.web.words import count_of, markdown_safe

CASES_PER_PAGE = 10
_TAGS = {Mark.MISSING: "del", Mark.ADDED: "ins", Mark.CHANGED: "mark"}
_COLORS: dict[Mark, theme.Color] = {Mark.MISSING: "red", Mark.ADDED: "green", Mark.CHANGED: "orange"}


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
    rows = loaders.load_checks_at(found.flow_ids.tolist(), found.ordinals.tolist())
    palette = viewer_palette()
    for check in _records(rows):
        with st.container(border=True, gap="small"):
            review_below, strong_from = thresholds.of(check["name"])
            with st.container(horizontal=True, vertical_alignment="center"):
                show_check_head(check, strong_from=strong_from, review_below=review_below)
                st.page_link(
                    "pages/flow.py",
                    label=f"Open {markdown_safe(check['application_id'] or 'flow')}",
                    icon=":material/arrow_forward:",
                    query_params=link_to_flow(check["flow_uuid"]),
                )
            show_sides(check, palette)
    _show_pages(found.total, CASES_PER_PAGE)


def show_check_head(check: dict[str, Any], *, strong_from: float, review_below: float) -> None:
    """A cross-check's name, band and similarity, and (ours) the kind of difference."""
    score = None if pd.isna(check["similarity"]) else check["similarity"]
    st.markdown(f"**{markdown_safe(theme.words_of_code(check['name']))}**", width="content")
    show_look(theme.BANDS[band_of(score, strong_from=strong_from, review_below=review_below)])
    st.text("no similarity" if score is None else f"similarity {score:g} of 100", width="content")
    kind = compare_values(check["source_value"] or "", check["target_value"] or "").kind
    st.badge(str(kind).capitalize(), icon=":material/difference:", color="gray", help=LABEL)


def show_sides(check: dict[str, Any], palette: Palette) -> None:
    """Both values of a cross-check side by side, their differences marked."""
    difference = compare_values(check["source_value"] or "", check["target_value"] or "")
    with st.grid(2, min_column_width=260, gap="medium"):
        for side, pieces in (("source", difference.source), ("target", difference.target)):
            with st.container(gap="xsmall"):
                document = theme.words_of_code(check[f"{side}_doc"])
                field = theme.words_of_code(check[f"{side}_field_name"]).lower()
                sure = check[f"{side}_confidence"]
                how_sure = "" if pd.isna(sure) else f" · confidence {sure:.2f} of 1"
                st.caption(f"{markdown_safe(document)} · {markdown_safe(field)}{how_sure}")
                st.html(marked(pieces, palette) or "(empty)")
    if difference.notes:
        st.caption(f"Passed over: {', '.join(difference.notes)}.")


def marked(pieces: Sequence[Piece], palette: Palette) -> str:
    """A value as HTML in which every character of it is text, and only the marks are ours."""
    return "".join(_marked(piece, palette) for piece in pieces)


def _marked(piece: Piece, palette: Palette) -> str:
    text = html.escape(visible(piece.text))
    tag = _TAGS.get(piece.mark)
    if tag is None:
        return text
    color = palette.named[_COLORS[piece.mark]]
    style = (
        f"color:inherit;background:{color}26;border-bottom:2px solid {color};border-radius:2px;"
        "text-decoration:none;padding:0 1px"
    )
    return f'<{tag} title="{piece.mark}" style="{style}">{text}</{tag}>'


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
    st.dataframe(
        pd.DataFrame(
            {
                "open": "Open",
                "application": rows["application_id"],
                "type": [theme.words_of_code(kind) if kind else None for kind in rows["document_type"]],
                "code": [theme.words_of_error(code) if code else None for code in rows["error_code"]],
                "reason": rows["error_reason"],
                "document": rows["document_id"],
                "created": moments(rows["created_at"]),
                "product": rows["product_type"],
            }
        ),
        hide_index=True,
        height=table_height(len(rows)),
        alt="Documents, newest first",
        placeholder="-",
        column_config={
            "open": open_column("documents", rows["flow_uuid"].tolist()),
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


def show_flow_cases(flow_ids: Sequence[int], words: str, key: str, *, closes: bool = True) -> None:
    """Some flows, a page at a time, in their order."""
    _show_heading(f"{count_of(len(flow_ids), 'flow')}: {words}", closes=closes)
    if len(flow_ids):
        first = (_page() - 1) * loaders.PER_PAGE
        show_flows(loaders.load_flow_rows(flow_ids[first : first + loaders.PER_PAGE]), key=key)
        _show_pages(len(flow_ids), loaders.PER_PAGE)


def _show_heading(words: str, *, closes: bool = True) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(markdown_safe(words), anchor=False, width="content")
        if closes:
            st.button("Close", icon=":material/close:", type="tertiary", on_click=close_cases)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _page() -> int:
    text = st.query_params.get(PAGE, "")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _show_pages(total: int, per_page: int) -> None:
    pages = -(-total // per_page)
    page = min(_page(), pages)
    first = (page - 1) * per_page + 1
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{first:,}-{min(first + per_page - 1, total):,} of {total:,}, newest first")
        if pages > 1:
            # Other cases are another widget, which begins at the page of the address.
            asked = [(name, st.query_params.get_all(name)) for name in st.query_params if name != PAGE]
            key = f"pages_of_{asked}"
            st.pagination(pages, default=page, key=key, width=PAGES_WIDTH, on_change=_keep_page, args=(key,))


def _keep_page(key: str) -> None:
    page = st.session_state[key]
    put(PAGE, str(page) if page > 1 else None)
