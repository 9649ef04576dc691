"""The evidence of the cases that fit the filters: one case, a batch or a period, as a file to keep."""

from __future__ import annotations

import secrets
from pathlib import Path

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.queries.review_work import flow_uuids_of
from atlas_core.exporting.evidence import CASES_AT_MOST, write_evidence
from atlas_core.exporting.exports import fitting_flows
from atlas_core.exporting.jobs import exports_folder
from atlas_core.insight.finding import FlowFilter
from atlas_core.web import loaders
from atlas_core.web.review_filters import wanted_cases
from atlas_core.web.words import count_of


def show_evidence(user: User) -> None:
    """Offers the evidence of the flows that fit the filters, decided or not."""
    st.subheader("Evidence", anchor=False)
    if not user.may(Action.EXPORT):
        st.text("Evidence is made by leads.")
        return
    st.caption(
        "One ZIP: what Atlas said, with digests and tracking ids, the thresholds, every verdict and decision "
        "with who and when, and a manifest of hashes. Personal values are masked."
    )
    wanted = wanted_cases()
    if wanted == FlowFilter():
        st.text("Filter first: by an id for one case or a batch, or by days for a period.")
        return
    flow_ids = fitting_flows(loaders.desk_settings(), wanted)
    if not 1 <= len(flow_ids) <= CASES_AT_MOST:
        st.text(
            f"{count_of(len(flow_ids), 'flow fits', 'flows fit')} the filters; evidence is of 1 to "
            f"{CASES_AT_MOST:,}."
        )
        return
    show_evidence_of(user, flow_ids, "filtered")


def show_evidence_of(user: User, flow_ids: list[int], key: str) -> None:
    """Offers the evidence of these flows, once a reason is given."""
    reason = st.text_input(
        "What it is for (the audit log keeps it)", key=f"evidence_reason_{key}", placeholder="Audit of June"
    )
    st.download_button(
        f"Download the evidence of {count_of(len(flow_ids), 'case')}",
        data=lambda: _bytes_of(user, flow_ids, reason),
        file_name="evidence.zip",
        mime="application/zip",
        key=f"evidence_{key}",
        icon=":material/inventory_2:",
        disabled=not reason.strip(),
        on_click="ignore",
    )


def _bytes_of(user: User, flow_ids: list[int], reason: str) -> bytes:
    settings = loaders.desk_settings()
    folder = exports_folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    with loaders.reading() as books:
        flow_uuids = flow_uuids_of(books, flow_ids)
    path: Path = folder / f"evidence-{secrets.token_hex(8)}.zip"
    try:
        write_evidence(settings, user, flow_uuids, path, reason=reason)
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)
