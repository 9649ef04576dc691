"""Parts of Results: its pages and saved views."""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st

from atlas_core.books.queries import SavedView
from atlas_core.books.queries.found import FOUND_AT_MOST
from atlas_core.insight.addresses import address_text
from atlas_core.insight.finding import FlowFilter, Found
from atlas_core.insight.paging import SORTS, Key, Page
from atlas_core.web import loaders
from atlas_core.web.parts import show_empty, told_in_words
from atlas_core.web.result_filters import SORT_LABELS, asked_sort, go_to_page, keep_sort
from atlas_core.web.signing_in import require_user
from atlas_core.web.steps import show_steps
from atlas_core.web.words import count_of, markdown_safe


def show_place(found: Found) -> None:
    """Which of how many flows are shown."""
    page, shown = found.page, len(found.page.flow_ids)
    total = f"more than {page.total:,} flows" if found.cut else count_of(page.total, "flow")
    st.markdown(f"**{page.skipped + 1:,}-{page.skipped + shown:,}** of {total}", width="content")


def show_none(wanted: FlowFilter) -> None:
    """Says that no flow fits, and how what was typed is compared."""
    rules = {
        "ids are compared from their beginning, letter by letter": wanted.text,
        "words are whole unless a star ends them": wanted.words,
    }
    told = "; ".join(rule for rule, typed in rules.items() if typed)
    sentence = f" {told[0].upper()}{told[1:]}." if told else ""
    show_empty("No flow fits", f"No flow fits every filter.{sentence}", icon=":material/search_off:")


def show_cut(found: Found) -> None:
    """Says so where a search met too many flows to look at all of them."""
    if "find" in found.cut:
        st.info(
            "Very many ids begin so: only some of their flows were looked at. Type more of the id.",
            icon=":material/filter_alt:",
        )
    if "words" in found.cut:
        st.info(
            f"Very many flows have these words: the newest {FOUND_AT_MOST:,} of them were looked at, and "
            "counts are of those. Add a word or days. An export is always whole.",
            icon=":material/filter_alt:",
        )


def ask_for_sort() -> None:
    """Draws the order of the list."""
    widget = "results_sort"
    st.session_state[widget] = asked_sort()
    st.selectbox(
        "Order",
        SORTS,
        format_func=lambda sort: SORT_LABELS[sort],
        key=widget,
        help="By similarity: whole points, newest first among equals. By length: from submission to the end, "
        "or until now.",
        label_visibility="collapsed",
        on_change=keep_sort,
        args=(widget,),
        width=230,
    )


def show_pages(page: Page) -> None:
    """The way to the first, previous, next and last page. Each page's key is in its address."""
    if page.skipped == 0 and page.next is None:
        return
    steps: tuple[tuple[str, str, Key | None, bool], ...] = (
        ("First", ":material/first_page:", None, page.skipped > 0),
        ("Previous", ":material/chevron_left:", page.before, page.skipped > 0),
        ("Next", ":material/chevron_right:", page.next, page.next is not None),
        ("Last", ":material/last_page:", page.last, page.last is not None),
    )
    show_steps(steps, "results", go_to_page)


def show_saved_views(wanted: FlowFilter, owner: str) -> None:
    """The saved views as links, and a way to save the present filter as one."""
    views = loaders.load_saved_views(owner)
    with st.popover(f"Saved views ({len(views)})" if views else "Saved views", icon=":material/bookmark:"):
        for view in views:
            _show_view(view, owner)
        address = address_text(wanted)
        if not address:
            st.caption("Choose filters first; then they can be saved here under a name.")
            return
        with st.form("save_view", clear_on_submit=True, border=False):
            name = st.text_input("Save these filters as", max_chars=80)
            is_shared = st.checkbox("For everybody", help="Otherwise only you see it.")
            if st.form_submit_button("Save", icon=":material/bookmark_add:"):
                with told_in_words():
                    loaders.desk().save_view(owner, name, address, is_shared=is_shared, by=require_user())
                    st.rerun()


def _show_view(view: SavedView, owner: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/results.py",
            label=markdown_safe(view.name),
            icon=":material/group:" if view.is_shared else ":material/person:",
            query_params=parse_qs(view.address),
            help=None if view.is_own else "Shared by somebody else",
            width="stretch",
        )
        if view.is_own:
            st.button(
                "Forget",
                key=f"forget_view_{view.view_id}",
                icon=":material/delete:",
                type="tertiary",
                on_click=loaders.desk().forget_view,
                args=(owner, view.view_id),
            )
