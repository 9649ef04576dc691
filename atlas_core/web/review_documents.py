"""The documents of a case: what was read in each, and the paper itself while its link lives.

A document is loaded by the reader's browser, when asked, from hosts that the settings name. This server never
fetches one.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import pandas as pd
import streamlit as st

from atlas_core.access import User
from atlas_core.books.reading import Record
from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.insight.case_view import CaseView
from atlas_core.links import showing_problem
from atlas_core.web import judged_loaders, loaders, review_actions
from atlas_core.web.review_case import Sitting, sitting
from atlas_core.web.tables import records, table_height
from atlas_core.web.words import count_of, field_in_words, markdown_safe, span_in_words

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})


def show_documents(user: User, view: CaseView) -> None:
    """The documents of the case by name, and where they are opened, what was read in each."""
    at = sitting()
    if not view.flow.documents:
        st.caption("Atlas returned no document of this flow.")
        return
    if not at.reads_documents:
        st.markdown("\n".join(f"- {_in_words(document)}" for document in view.flow.documents))
    st.button(
        "Close the documents" if at.reads_documents else "Read the documents",
        key="review_documents",
        icon=":material/description:",
        shortcut="D",
        help="What was read in each document, and the document itself while its link lives. Stays so for the "
        "next case.",
        on_click=review_actions.turn_documents,
    )
    if at.reads_documents:
        for document in view.flow.documents:
            st.markdown(f"**{_in_words(document)}**")
            _show_paper(user, at, view, document)
            _show_fields(user, at, view, document["position"])


def _in_words(document: Record) -> str:
    kind = document["document_type"]
    name = theme.words_of_code(kind) if kind else "Type not known"
    error = f" · {theme.words_of_error(document['error_code'])}" if document["error_code"] else ""
    return markdown_safe(f"{name} · {count_of(document['fields'], 'field')}{error}")


def _show_paper(user: User, at: Sitting, view: CaseView, document: Record) -> None:
    document_id = document["document_id"]
    links = {row["document_id"]: row for row in records(judged_loaders.load_links(view.flow.flow_uuid))}
    link = links.get(document_id)
    if link is None:
        st.caption("Its link is no longer kept: links are forgotten when they end, after 24 hours at most.")
        return
    settings = loaders.desk_settings()
    problem = showing_problem(
        link["file_url"], hosts=settings.document_hosts, local_atlas=settings.local_atlas
    )
    if problem:
        st.text(problem)
    elif document_id in at.pictures:
        _show_living(link["file_url"], link["url_host"], link["object_name"], int(link["ends_at"]))
    elif not at.is_locked:
        st.button(
            "Show the document",
            key=f"show_{view.flow.flow_uuid}_{document['position']}",
            icon=":material/image:",
            help=f"Your browser loads it from {markdown_safe(link['url_host'])}. The audit log keeps that.",
            on_click=review_actions.show_picture,
            args=(user, view.flow.flow_uuid, document_id),
        )


@st.fragment(run_every="1s")
def _show_living(url: str, host: str, name: str, ends_at: int) -> None:
    left = ends_at - now_ms()
    if left <= 0:
        st.caption("The link has run out. Ask whoever sent the document for a new one.")
        return
    if PurePosixPath(name.lower()).suffix in _PICTURES:
        st.image(url)
    st.caption(f"From {markdown_safe(host)}; the link ends in {span_in_words(left)}.")
    st.link_button("Open in a new tab", url, icon=":material/open_in_new:", type="tertiary")


def _show_fields(user: User, at: Sitting, view: CaseView, position: int) -> None:
    rows = [field for field in view.flow.fields if field["position"] == position]
    if not rows:
        st.caption("Nothing was read in it.")
        return
    is_whole = at.reveals(user)
    st.dataframe(
        pd.DataFrame(
            {
                "field": [theme.words_of_code(row["name"]) for row in rows],
                "value": [field_in_words(row, is_whole=is_whole) for row in rows],
                "confidence": pd.Series([row["confidence"] for row in rows], dtype="float64"),
            }
        ),
        hide_index=True,
        height=table_height(len(rows), at_most=30),
        alt="Fields read in this document",
        placeholder="-",
        column_config={
            "field": st.column_config.TextColumn("Field", width=130),
            "value": st.column_config.TextColumn("Value", width=170),
            "confidence": st.column_config.NumberColumn("Confidence", help="From 0 to 1", format="%.2f"),
        },
    )
