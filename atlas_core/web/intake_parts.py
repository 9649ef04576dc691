"""The form and the CSV: asked for, checked, shown, and only then sent."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd
import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.intake import (
    CSV_TEMPLATE,
    Checked,
    Finding,
    Row,
    check_product_type,
    check_rows,
    read_csv,
    rows_of_form,
)
from atlas_core.models import SubmissionToSave
from atlas_core.settings import Settings
from atlas_core.web import loaders
from atlas_core.web.parts import told_in_words
from atlas_core.web.signing_in import require_user
from atlas_core.web.tables import table_height
from atlas_core.web.words import count_of, markdown_safe

SHOWN_FINDINGS = 100
GROUP = "group"
FORM, EXAMPLE = "submit_form", "submit_example"
_BOXES = {"application_id": "Application id", "flow_params": "Parameters"}
"""What the form asks for once, by the column of a CSV that has it."""
EXAMPLE_DOCUMENTS = ("invoice", "delivery-order", "aadhaar", "pan", "imei-closeup")


def ask_for_one(settings: Settings) -> None:
    """One application with an editable table of its documents."""
    form = st.session_state.setdefault(FORM, 0)  # a new number is a new, empty form
    example: list[Row] = st.session_state.get(f"{EXAMPLE}_{form}", [])
    with st.grid(2, min_column_width=260):
        application_id = st.text_input(
            "Application id",
            value=example[0].application_id if example else "",
            key=f"application_{form}",
            max_chars=64,
            placeholder="LOAN-0001",
            help="Your own number of the loan case. Letters, digits, dots, dashes, underscores and slashes.",
        )
        product_type = st.text_input(
            "Product type",
            value=settings.product_type,
            key=f"product_{form}",
            max_chars=64,
            help="Given to you by Atlas; it picks which documents and cross-checks belong to the flow.",
        )
    st.markdown("**Documents**: one row each. Atlas finds out by itself what kind of document each one is.")
    documents = pd.DataFrame(
        {
            "document_id": pd.Series([row.document_id for row in example] or [""] * 3, dtype=str),
            "file_url": pd.Series([row.file_url for row in example] or [""] * 3, dtype=str),
        }
    )
    edited = st.data_editor(
        documents,
        key=f"documents_{form}",
        num_rows="dynamic",
        hide_index=True,
        alt="Documents of the application",
        column_config={
            "document_id": st.column_config.TextColumn(
                "Document id", width="medium", max_chars=128, help="Your own name for it, such as invoice."
            ),
            "file_url": st.column_config.TextColumn(
                "Link to the document",
                width="large",
                help="An https link that Atlas can open; may be signed.",
            ),
        },
    )
    with st.expander("Parameters (optional)", icon=":material/data_object:"):
        flow_params = st.text_area(
            "A JSON object that Atlas keeps with the flow",
            key=f"params_{form}",
            placeholder='{"branch": "PUNE"}',
            height=80,
        )
    rows = rows_of_form(application_id or "", flow_params or "", _texts(edited))
    checked = _check(rows, settings, "row")
    problem = _product_problem(product_type or "")
    if problem:
        st.error(problem, icon=":material/error:")
    if rows:
        _show_findings(_by_box(checked.findings), _of_form)
    with st.container(horizontal=True):
        can_send = bool(checked.applications) and not checked.problems and not problem
        if st.button(
            "Send to Atlas", type="primary", icon=":material/send:", disabled=not can_send, key=f"send_{form}"
        ):
            _send(rows, settings, product_type or "", "form")
        if settings.uses_sandbox and st.button(
            "Fill in an example", icon=":material/edit_note:", help="The sandbox invents what it reads."
        ):
            st.session_state[FORM] = form + 1
            st.session_state[f"{EXAMPLE}_{form + 1}"] = _example()
            st.rerun()


def _texts(edited: pd.DataFrame) -> list[dict[str, str | None]]:
    """The edited rows, with None where a cell was never filled."""
    return [
        {str(name): None if pd.isna(value) else str(value) for name, value in row.items()}
        for row in edited.to_dict("records")
    ]


def ask_for_csv(settings: Settings) -> None:
    """A CSV of many applications: every row is checked before anything is sent."""
    form = st.session_state.setdefault(FORM, 0)
    st.markdown(
        "One row for each document, with the columns **application_id**, **file_url**, **document_id** and, "
        "if wanted, **flow_params** (JSON). Rows of one application form one flow."
    )
    st.download_button(
        "Download a template",
        CSV_TEMPLATE,
        file_name="atlas-desk-template.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    file = st.file_uploader("CSV file, at most 10 MB", type="csv", key=f"csv_{form}")
    if file is None:
        return
    with told_in_words():
        rows = _rows_of(file.getvalue())
        checked = _check(rows, settings)
        ready = checked.applications
        with st.grid(4, min_column_width=140):
            st.metric("Rows", f"{checked.row_count:,}", border=True)
            st.metric("Applications ready", f"{len(ready):,}", border=True)
            st.metric(
                "Problems",
                f"{len(checked.problems):,}",
                border=True,
                help="These keep a row from being sent.",
            )
            st.metric("Warnings", f"{len(checked.warnings):,}", border=True, help="These are left to you.")
        _show_findings(checked.findings, _of_csv)
        if checked.problems and ready:
            st.caption("Applications with a problem in any of their rows are not sent; the others can be.")
        label = f"Send {count_of(len(ready), 'application')} to Atlas"
        if st.button(
            label, type="primary", icon=":material/send:", disabled=not ready, key=f"send_csv_{form}"
        ):
            _send(rows, settings, settings.product_type, "csv")


def _rows_of(content: bytes) -> list[Row]:
    """The rows of a CSV, read once for each content of this session."""
    digest = hashlib.sha256(content).hexdigest()
    kept: tuple[str, list[Row]] | None = st.session_state.get("submit_csv")
    if kept is None or kept[0] != digest:
        kept = (digest, read_csv(content))
        st.session_state["submit_csv"] = kept
    return kept[1]


def _check(rows: Sequence[Row], settings: Settings, place: Literal["line", "row"] = "line") -> Checked:
    applications = tuple(dict.fromkeys(row.application_id for row in rows if row.application_id))
    sent = loaders.load_applications_sent(applications) if applications else {}
    return check_rows(
        rows,
        now=now_ms(),
        sent_before=sent,
        local_atlas=settings.local_atlas,
        file_hosts=settings.file_hosts,
        place=place,
    )


def _product_problem(product_type: str) -> str | None:
    try:
        check_product_type(product_type)
    except InputError as error:
        return markdown_safe(str(error))
    return None


def _show_findings(findings: Sequence[Finding], place_of: Callable[[Finding], dict[str, object]]) -> None:
    """The findings as a table. `place_of` has the columns that tell where each one is: `line` and `column`,
    or `box`."""
    if not findings:
        st.success("Checked: nothing stands against sending this.", icon=":material/check_circle:")
        return
    shown = findings[:SHOWN_FINDINGS]
    problems = sum(finding.is_problem for finding in findings)
    warnings = len(findings) - problems
    st.markdown(
        f"**{count_of(problems, 'problem')}** and **{count_of(warnings, 'warning')}**"
        + (f"; the first {len(shown)} are shown." if len(shown) < len(findings) else "")
    )
    st.dataframe(
        pd.DataFrame([_finding_row(finding, place_of(finding)) for finding in shown]),
        hide_index=True,
        height=table_height(len(shown), at_most=10),
        alt="What the check found",
        column_config={
            "line": st.column_config.NumberColumn("Line", format="%d", width=52),
            "box": st.column_config.TextColumn("Where", width=135),
            "kind": st.column_config.MultiselectColumn(
                "Kind", options=["Problem", "Warning"], color=["red", "orange"], width=82
            ),
            "column": st.column_config.TextColumn("Column", width=105),
            # Wide enough to leave nothing to share out: what is left over widens every column alike.
            "sentence": st.column_config.TextColumn("What", width=660),
        },
    )


def _of_csv(finding: Finding) -> dict[str, object]:
    return {"line": finding.row, "column": finding.column}


def _of_form(finding: Finding) -> dict[str, object]:
    return {"box": _BOXES.get(finding.column, f"Documents, row {finding.row}")}


def _by_box(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of the form, each once: of what is asked for once, every row has the same."""
    return list(dict.fromkeys(replace(one, row=0) if one.column in _BOXES else one for one in findings))


def _finding_row(finding: Finding, place: dict[str, object]) -> dict[str, object]:
    kind = ["Problem" if finding.is_problem else "Warning"]
    first, *rest = place.items()
    return dict([first, ("kind", kind), *rest, ("sentence", finding.sentence)])


def _send(rows: Sequence[Row], settings: Settings, product_type: str, source: str) -> None:
    """Checks once more, keeps everything in one transaction, and shows the progress of this group."""
    checked = _check(rows, settings)
    if not checked.applications:
        st.error("Something changed since the check; look at the problems again.", icon=":material/error:")
        return
    group_id = secrets.token_hex(8)
    with told_in_words():
        loaders.desk().save_submissions(
            [
                SubmissionToSave(
                    application.application_id, product_type, application.flow_params, application.files
                )
                for application in checked.applications
            ],
            source,
            group_id,
            by=require_user(),
        )
        st.session_state[FORM] += 1
        st.query_params[GROUP] = group_id
        st.rerun()


def _example() -> list[Row]:
    """An invented application, for somebody who tries the sandbox."""
    application_id = f"TRIAL-{secrets.token_hex(3).upper()}"
    return [
        Row(number, application_id, f"https://documents.example.com/{application_id}/{name}.jpg", name)
        for number, name in enumerate(EXAMPLE_DOCUMENTS, start=1)
    ]
