"""Parts of the audit page: filters in its address, the entries, their proof and their file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.exporting.cells import csv_cell, time_text
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.parts import show_empty
from atlas_core.web.selection_filters import put
from atlas_core.web.steps import number_in_address, show_rows_before
from atlas_core.web.tables import moment_column, moments, table_height
from atlas_core.web.words import count_of

WHO, ACTION, SUBJECT, BEFORE = "who", "action", "subject", "before"
PER_PAGE = 50
FILE_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which entries are wanted; None does not narrow."""

    who: str | None
    action: str | None
    subject: str | None


def ask_for_entries() -> Narrowing:
    """Draws the filters and gives what the address asks for."""
    asked = Narrowing(*(st.query_params.get(name) or None for name in (WHO, ACTION, SUBJECT)))
    with st.grid(3, min_column_width=200, vertical_alignment="bottom"):
        _choose("Who", WHO, asked.who)
        _choose("Did what", ACTION, asked.action)
        st.session_state["audit_subject"] = asked.subject or ""
        st.text_input(
            "To which case",
            key="audit_subject",
            placeholder="A flow's id, an application's id, a set of thresholds",
            max_chars=100,
            on_change=_keep,
            args=(SUBJECT, "audit_subject"),
        )
    return asked


def show_entries(asked: Narrowing) -> None:
    """A page of entries, the newest first, and the way to older ones."""
    before = number_in_address(BEFORE)
    entries = operations_loaders.load_audit_entries(
        asked.who, asked.action, asked.subject, before, PER_PAGE + 1
    )
    if entries.empty:
        show_empty("No entry", "Nothing that fits the filters is in the log.", icon=":material/search_off:")
        return
    shown = entries.head(PER_PAGE)
    st.dataframe(
        pd.DataFrame(
            {
                "entry": shown["entry_id"],
                "at": moments(shown["acted_at"]),
                "who": shown["who"],
                "roles": shown["roles"],
                "action": [str(action).capitalize() for action in shown["action"]],
                "subject": shown["subject"],
                "reason": shown["reason"],
                "detail": [_detail_in_words(json.loads(detail)) for detail in shown["detail"]],
            }
        ),
        hide_index=True,
        height=table_height(len(shown), at_most=PER_PAGE),
        alt="Entries of the audit log, newest first",
        placeholder="-",
        column_config={
            "entry": st.column_config.NumberColumn("Entry", format="%d"),
            "at": moment_column("When"),
            "who": st.column_config.TextColumn("Who", width="medium"),
            "roles": st.column_config.TextColumn("In the role"),
            "action": st.column_config.TextColumn("Did what"),
            "subject": st.column_config.TextColumn("To which case", width="medium"),
            "reason": st.column_config.TextColumn("Why", width="medium"),
            "detail": st.column_config.TextColumn("With", width="large"),
        },
    )
    oldest = int(shown["entry_id"].iloc[-1]) if len(entries) > PER_PAGE else None
    show_rows_before(BEFORE, "audit", oldest)


def show_proof(asked: Narrowing, user: User) -> None:
    """The log as a file, and its proof: reads the whole chain where somebody asks."""
    with st.container(horizontal=True, vertical_alignment="center"):
        wants_proof = st.button(
            "Check the chain",
            icon=":material/verified_user:",
            help="Each entry holds a hash of the one before: what was changed, put in or taken out shows.",
        )
        _show_file(asked, user)
    if not wants_proof:
        return
    with st.spinner("Reading the whole log"):
        found = loaders.desk().verify_audit()
    if found.broken_at is not None:
        st.error(f"The log is not what was written: {found.sentence}", icon=":material/gpp_bad:")
        return
    st.success(
        f"The log is whole: {count_of(found.entries, 'entry', 'entries')}. The hash of the last one, "
        "to be noted elsewhere:",
        icon=":material/verified_user:",
    )
    st.code(found.head, language=None)


def _show_file(asked: Narrowing, user: User) -> None:
    """The entries that fit as a file; that somebody took it is an entry too."""
    st.download_button(
        "Download what fits",
        data=lambda: _file_of(asked, user),
        file_name="audit.csv",
        icon=":material/download:",
        on_click="ignore",
        help=f"The newest {FILE_AT_MOST:,} entries. The whole log with its hashes: python -m atlas_core "
        "verify-audit --to FILE",
    )


def _file_of(asked: Narrowing, user: User) -> bytes:
    with loaders.desk().acting(user, Action.READ_AUDIT, "as a file"):
        pass
    entries = operations_loaders.load_audit_entries(
        asked.who, asked.action, asked.subject, None, FILE_AT_MOST
    )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(entries.columns)
    for row in entries.itertuples(index=False):
        entry_id, acted_at, *others = row
        writer.writerow([entry_id, time_text(acted_at), *(csv_cell(str(cell)) for cell in others)])
    return text.getvalue().encode()


def _choose(label: str, name: str, asked: str | None) -> None:
    words = operations_loaders.load_audit_words(name)
    widget = f"audit_{name}"
    st.session_state[widget] = asked
    st.selectbox(
        label,
        words if asked in (None, *words) else [*words, asked],
        index=None,
        key=widget,
        placeholder="Everybody" if name == WHO else "Everything",
        on_change=_keep,
        args=(name, widget),
    )


def _keep(name: str, widget: str) -> None:
    put(name, st.session_state[widget] or None)
    put(BEFORE, None)


def _detail_in_words(detail: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in detail.items())
