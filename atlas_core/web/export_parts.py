"""The dialog of exports: what, how, with or without personal values, and the exports of the last day."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from atlas_core.access import Action, User, require
from atlas_core.books.queries import What
from atlas_core.exporting import jobs
from atlas_core.exporting.exports import count_rows, fitting_flows, in_words, write_export
from atlas_core.exporting.jobs import Job
from atlas_core.exporting.orders import Order, note_order
from atlas_core.exporting.sheets import Format
from atlas_core.insight.finding import FlowFilter
from atlas_core.web import loaders
from atlas_core.web.parts import told_in_words
from atlas_core.web.signing_in import require_user, visitor
from atlas_core.web.words import count_of, markdown_safe, span_in_words

AT_ONCE_ROWS = 10_000
AT_ONCE_FLOWS = 2_000
DOWNLOADED_AT_MOST = 200_000_000
_FORMATS = {"csv": "CSV", "xlsx": "Excel (XLSX)", "parquet": "Parquet"}
_ONE_OF = {"flows": "Flow", "documents": "Document", "fields": "Field", "cross-checks": "Cross-check"}


@st.dialog("Export what is found", width="medium")
def show_export(wanted: FlowFilter, total: int) -> None:
    """Asks what to export and how, gives it, and lists the exports of the last day."""
    user = require_user()
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
    is_masked, reason = _ask_for_mask(user)
    order = Order(wanted, what, kind, is_masked)
    with told_in_words():
        if not user.may(Action.EXPORT):
            st.info("Exports are made by leads. Copy the address of this page, and ask one.")
        elif not is_masked and not reason.strip():
            st.info("Say why personal values are needed; then the export can be made.")
        else:
            _show_ways(order, total, user, reason)
        _show_jobs()
    st.caption(
        "Texts that a spreadsheet would calculate begin with an apostrophe in CSV; in XLSX and Parquet they "
        "are plain text. Aadhaar numbers are never kept, and so in no export."
    )


def _ask_for_mask(user: User) -> tuple[bool, str]:
    """Whether personal values are masked, and if not, why they are needed."""
    if not user.may(Action.EXPORT_UNMASKED):
        return True, ""
    is_unmasked = st.checkbox(
        "With personal values",
        help="Names, addresses, birthdays, telephone, account and PAN numbers as they were read. Otherwise "
        "they are masked.",
        key="export_unmasked",
    )
    if not is_unmasked:
        return True, ""
    reason = st.text_input("Why they are needed (the audit log keeps it)", max_chars=200, key="export_reason")
    return False, reason


def _show_ways(order: Order, total: int, user: User, reason: str) -> None:
    """The file at once, where somebody can wait for it, or else a start in the background."""
    rows = _rows_at_once(order, total)
    if rows is not None:
        st.caption(f"All {count_of(total, 'flow')} found: {rows:,} of {rows:,} rows.")
        st.download_button(
            "Download",
            data=lambda: _bytes_of(order, total, user, reason),
            file_name=f"{order.what.value}.{order.format.value}",
            icon=":material/download:",
            type="primary",
            on_click="ignore",
        )
        return
    st.caption(
        f"All {count_of(total, 'flow')} found, however many pages. It is written in the background; you may "
        "close this and come back."
    )
    if st.button("Write the file", icon=":material/play_arrow:", type="primary"):
        settings = loaders.desk_settings()
        note_order(settings, user, order, flows=total, reason=reason)
        jobs.start_job(settings, user, order)


def _rows_at_once(order: Order, total: int) -> int | None:
    """How many rows there are where they are few enough to be written while somebody waits."""
    if total > AT_ONCE_FLOWS:
        return None
    settings = loaders.desk_settings()
    rows = count_rows(settings, order.what, fitting_flows(settings, order.wanted))
    return rows if rows <= AT_ONCE_ROWS else None


def _bytes_of(order: Order, flows: int, user: User, reason: str) -> bytes:
    settings = loaders.desk_settings()
    note_order(settings, user, order, flows=flows, reason=reason)
    path = jobs.new_file(settings, order.format)
    try:
        write_export(settings, order, path)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def _file_of(path: Path, user: User) -> bytes:
    require(user, Action.EXPORT)
    return path.read_bytes()


@st.fragment(run_every="1s")
def _show_jobs() -> None:
    user = visitor(is_active=False).user  # it runs by itself, and is no use of the page
    if user is None or not user.may(Action.EXPORT):
        return
    with told_in_words():
        found = jobs.jobs(loaders.desk_settings(), user)
        if found:
            st.subheader("Exports of the last 24 hours", anchor=False)
        for job in found[:8]:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                _show_job(job, user)
        if len(found) > 8:
            st.caption(f"8 of {len(found)} are shown.")


def _show_job(job: Job, user: User) -> None:
    settings = loaders.desk_settings()
    name = f"{job.what.value.capitalize()} as {_FORMATS[job.format]}"
    if not job.is_masked:
        name += ", with personal values"
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
        data=partial(_file_of, path, user),
        file_name=job.file_name,
        key=f"download_{job.job_id}",
        icon=":material/download:",
        on_click="ignore",
    )
