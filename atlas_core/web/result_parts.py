"""Parts of Results: its pages, saved views and exports."""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st

from atlas_core.books.queries import SavedView, What
from atlas_core.books.queries.found import FOUND_AT_MOST
from atlas_core.exporting import jobs
from atlas_core.exporting.exports import count_rows, fitting_flows, in_words, write_export
from atlas_core.exporting.jobs import Job
from atlas_core.exporting.sheets import Format
from atlas_core.insight.addresses import address_text
from atlas_core.insight.finding import FlowFilter, Found
from atlas_core.insight.paging import SORTS, Key, Page
from atlas_core.web import loaders
from atlas_core.web.parts import told_in_words
from atlas_core.web.result_filters import SORT_LABELS, asked_sort, go_to_page, keep_sort
from atlas_core.web.words import count_of, markdown_safe, span_in_words

AT_ONCE_ROWS = 10_000
AT_ONCE_FLOWS = 2_000
DOWNLOADED_AT_MOST = 200_000_000
_FORMATS = {"csv": "CSV", "xlsx": "Excel (XLSX)", "parquet": "Parquet"}
_ONE_OF = {"flows": "Flow", "documents": "Document", "fields": "Field", "cross-checks": "Cross-check"}


def show_place(found: Found) -> None:
    """Which of how many flows are shown."""
    page, shown = found.page, len(found.page.flow_ids)
    total = f"more than {page.total:,} flows" if found.cut else count_of(page.total, "flow")
    st.markdown(f"**{page.skipped + 1:,}-{page.skipped + shown:,}** of {total}", width="content")


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
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", width="content"):
        for label, icon, key, is_there in steps:
            st.button(
                label,
                icon=icon,
                key=f"results_{label.lower()}",
                disabled=not is_there,
                on_click=go_to_page,
                args=(key,),
            )


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
                    loaders.desk().save_view(owner, name, address, is_shared=is_shared)
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


@st.dialog("Export what is found", width="medium")
def show_export(wanted: FlowFilter, total: int) -> None:
    """Asks what to export and how, gives it, and lists the exports of the last day."""
    what = What(
        st.selectbox(
            "One row for each",
            [one.value for one in What],
            format_func=lambda one: _ONE_OF[one],
            key="export_what",
        )
    )
    kind = Format(
        st.segmented_control(
            "File",
            [one.value for one in Format],
            default=Format.CSV.value,
            format_func=lambda one: _FORMATS[one],
            key="export_format",
            required=True,
        )
    )
    with told_in_words():
        rows = _rows_at_once(wanted, what, total)
        if rows is not None:
            st.caption(f"All {count_of(total, 'flow')} found: {rows:,} of {rows:,} rows.")
            st.download_button(
                "Download",
                data=lambda: _bytes_of(wanted, what, kind),
                file_name=f"{what.value}.{kind.value}",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
            )
        else:
            st.caption(
                f"All {count_of(total, 'flow')} found, however many pages. It is written in the background; "
                "you may close this and come back."
            )
            if st.button("Write the file", icon=":material/play_arrow:", type="primary"):
                jobs.start_job(loaders.desk_settings(), wanted, what, kind)
        _show_jobs()
    st.caption(
        "Texts that a spreadsheet would calculate begin with an apostrophe in CSV; in XLSX and Parquet they "
        "are plain text. Personal numbers are masked."
    )


def _rows_at_once(wanted: FlowFilter, what: What, total: int) -> int | None:
    """How many rows there are where they are few enough to be written while somebody waits."""
    if total > AT_ONCE_FLOWS:
        return None
    rows = count_rows(loaders.desk_settings(), what, fitting_flows(loaders.desk_settings(), wanted))
    return rows if rows <= AT_ONCE_ROWS else None


def _bytes_of(wanted: FlowFilter, what: What, kind: Format) -> bytes:
    settings = loaders.desk_settings()
    path = jobs.new_file(settings, kind)
    try:
        write_export(settings, wanted, what, kind, path)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


@st.fragment(run_every="1s")
def _show_jobs() -> None:
    with told_in_words():
        found = jobs.jobs(loaders.desk_settings())
        if found:
            st.subheader("Exports of the last 24 hours", anchor=False)
        for job in found[:8]:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                _show_job(job)
        if len(found) > 8:
            st.caption(f"8 of {len(found)} are shown.")


def _show_job(job: Job) -> None:
    settings = loaders.desk_settings()
    name = f"{job.what.value.capitalize()} as {_FORMATS[job.format]}"
    if job.state == "running":
        progress = job.progress
        share = progress.flows / progress.flows_expected if progress.flows_expected else 0.0
        st.progress(min(share, 1.0), f"{name}: {in_words(progress, job.what)}")
        st.button("Stop", key=f"stop_{job.job_id}", on_click=jobs.cancel_job, args=(settings, job.job_id))
        return
    age = span_in_words(loaders.this_second() - job.asked_at)
    st.markdown(f"{name}: {markdown_safe(job.sentence)}  \n:small[{age} ago]", width="stretch")
    path = jobs.job_file(settings, job)
    if job.state != "done" or not path.exists():
        return
    if path.stat().st_size > DOWNLOADED_AT_MOST:
        st.text(f"{path.stat().st_size / 1e6:,.0f} MB, too large for the browser: {path}")
        return
    st.download_button(
        "Download",
        data=path.read_bytes,
        file_name=job.file_name,
        key=f"download_{job.job_id}",
        icon=":material/download:",
        on_click="ignore",
    )
