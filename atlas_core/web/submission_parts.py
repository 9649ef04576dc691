"""What was sent and how far it came; what a person must decide; what waits."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError
from atlas_core.insight import theme
from atlas_core.insight.theme import Look
from atlas_core.web import loaders
from atlas_core.web.parts import show_empty, show_look, told_in_words
from atlas_core.web.signing_in import require_user
from atlas_core.web.tables import moment_column, moments, opening_flows, show_rows, table_height
from atlas_core.web.words import age_in_words, count_of, markdown_safe, time_in_words, viewer_zone

STATES: dict[str, Look] = {
    "waiting": Look("Waiting", "gray", ":material/schedule:", "Not sent yet; it goes out by itself."),
    "sending": Look("Asking for a flow", "blue", ":material/send:", "Atlas was asked for a flow."),
    "initialised": Look(
        "Flow made", "blue", ":material/send:", "Atlas made the flow; the documents come next."
    ),
    "uploading": Look(
        "Sending documents", "blue", ":material/cloud_upload:", "The documents' links are sent."
    ),
    "running": Look("Running", "blue", ":material/progress_activity:", "Atlas is working on it."),
    "ended": Look(
        "Finished", "green", ":material/check_circle:", "Atlas finished, and its results are here."
    ),
    "unknown": Look("Answer lost", "red", ":material/help:", "An answer was lost; a person decides."),
    "refused": Look("Refused", "red", ":material/block:", "Atlas refused it; read why."),
    "given up": Look("Given up", "red", ":material/timer_off:", "It never ended, so we stopped asking."),
    "left": Look("Left", "gray", ":material/block:", "A person decided to leave it."),
}


@st.fragment(run_every="2s")
def show_progress(group_id: str) -> None:
    """How far the applications sent together have come, live."""
    with told_in_words():
        progress = loaders.load_group_progress(group_id)
        total = sum(progress.counts.values())
        if not total:
            show_empty("Nothing was sent under this address", "Send an application or a CSV below.")
            return
        ended = progress.counts.get("ended", 0)
        with st.container(border=True):
            st.subheader(
                f"Sent: {ended:,} of {count_of(total, 'application')} finished",
                anchor=False,
                icon=":material/send:",
            )
            st.progress(ended / total)
            with st.container(horizontal=True):
                for state, number in progress.counts.items():
                    look = STATES[state]
                    st.badge(
                        f"{number:,} {look.label.lower()}",
                        color=look.color,
                        icon=look.icon,
                        help=look.meaning,
                    )
            if progress.needs_person:
                st.caption("Some need a person: see the tab Undecided below.")
            _show_submissions(loaders.load_submissions(group_id), total)


def _show_submissions(rows: pd.DataFrame, total: int) -> None:
    if len(rows) < total:
        st.caption(f"The newest {len(rows)} of {total:,}")
    looks = list(STATES.values())
    outcomes = [theme.outcome_look(outcome).label if outcome else "" for outcome in rows["outcome"]]
    show_rows(
        pd.DataFrame(
            {
                "application": rows["application_id"],
                "state": [[STATES[state].label] for state in rows["state"]],
                "outcome": [
                    outcome if state == "ended" else ""
                    for outcome, state in zip(outcomes, rows["state"], strict=True)
                ],
                "documents": rows["documents"],
                "reason": rows["reason"],
            }
        ),
        "sent",
        opening_flows(rows["flow_uuid"].tolist()),
        words=["Open" if flow_uuid else "" for flow_uuid in rows["flow_uuid"]],
        at_most=10,
        alt="Applications sent together",
        columns={
            "application": st.column_config.TextColumn("Application", width="medium"),
            "state": st.column_config.MultiselectColumn(
                "How far", options=[look.label for look in looks], color=[look.color for look in looks]
            ),
            "outcome": st.column_config.TextColumn("Outcome"),
            "documents": st.column_config.NumberColumn("Documents", format="%d"),
            "reason": st.column_config.TextColumn("Why", width="medium"),
        },
    )


def show_waiting(waiting: pd.DataFrame, now: int) -> None:
    """Submissions that have no flow at Atlas yet."""
    if waiting.empty:
        return
    st.subheader("Not at Atlas yet", anchor=False)
    st.caption(
        "Kept safely, and sent by themselves when their turn comes; those whose answer was lost wait for you."
    )
    st.dataframe(
        pd.DataFrame(
            {
                "application": waiting["application_id"],
                "state": [STATES[state].label for state in waiting["state"]],
                "since": moments(waiting["created_at"]),
                "next": [_next_try(at, now) for at in waiting["next_try_at"]],
                "reason": waiting["reason"],
            }
        ),
        hide_index=True,
        height=table_height(len(waiting), at_most=10),
        alt="Submissions that have no flow at Atlas yet",
        placeholder="-",
        column_config={
            "application": st.column_config.TextColumn("Application", width="medium"),
            "state": "How far",
            "since": moment_column("Submitted"),
            "next": "Next try",
            "reason": st.column_config.TextColumn("Why", width="large"),
        },
    )


def _next_try(at: int | None, now: int) -> str:
    if at is None or pd.isna(at):
        return ""
    return "now" if at <= now else f"in {max(1, (int(at) - now) // 1000)} s"


def show_undecided() -> None:
    """Each attempt that cannot go on without a person: what is known, and what can be done."""
    lost, refused = loaders.load_unknown_outcomes(), loaders.load_submissions(state="refused")
    if lost.empty and refused.empty:
        show_empty(
            "Nothing waits for a decision",
            "No answer was lost and nothing was refused.",
            ":material/task_alt:",
        )
        return
    st.caption(
        "Atlas cannot be asked whether it made a flow, and sending twice makes two. So when an answer is "
        "lost, nothing is sent again by itself."
    )
    for row in lost.to_dict("records"):
        _show_lost(row)
    for row in refused.to_dict("records"):
        _show_refused(row)


def _show_lost(row: dict[object, object]) -> None:
    made_flow = row["flow_uuid"] is not None
    with st.container(border=True):
        _show_heading(row, STATES["unknown"], "changed_at")
        if made_flow:
            st.text(
                "The documents' links were sent to the flow, and the answer was lost. They may have arrived."
            )
            status = theme.status_look(
                row["upload_status"] if isinstance(row["upload_status"], str) else None
            )
            st.text(f"Flow {row['flow_uuid']}; its upload when last asked: {status.label.lower()}.")
        else:
            st.text(
                "Atlas was asked for a flow, and the answer was lost. It may have made one that nobody can "
                "find; no document was sent to it."
            )
        _show_reason(row)
        choices = {
            "start again": "Makes a new flow with the same documents; whatever was made before stays unused."
        }
        if made_flow:
            choices = {"send files again": "Sends the links to the same flow once more."} | choices
        choices["leave"] = "Does nothing more, and takes it off this list."
        _show_choices(row, choices)


def _show_refused(row: dict[object, object]) -> None:
    with st.container(border=True):
        _show_heading(row, STATES["refused"], "created_at")
        _show_reason(row)
        _show_choices(
            row,
            {
                "start again": "Sends the same application once more.",
                "leave": "Does nothing more, and takes it off this list.",
            },
        )


def _show_heading(row: dict[object, object], look: Look, since: str) -> None:
    at = int(str(row[since]))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markdown_safe(str(row['application_id']))}**", width="content")
        show_look(look)
        st.caption(f"{time_in_words(at, viewer_zone())} ({age_in_words(at, now_ms())})")


def _show_reason(row: dict[object, object]) -> None:
    if row["reason"]:
        st.text(f"What came: {row['reason']}")


def _show_choices(row: dict[object, object], choices: dict[str, str]) -> None:
    submission_id, number = int(str(row["submission_id"])), int(str(row["attempt_number"]))
    with st.container(horizontal=True):
        for decision in choices:
            st.button(
                decision.capitalize(),
                key=f"{decision}_{submission_id}_{number}",
                on_click=_decide,
                args=(submission_id, number, decision),
            )
    st.caption(" ".join(f"**{decision.capitalize()}**: {meaning}" for decision, meaning in choices.items()))


def _decide(submission_id: int, number: int, decision: str) -> None:
    try:
        loaders.desk().decide(submission_id, number, decision, by=require_user())
    except AtlasDeskError as error:
        st.toast(markdown_safe(str(error)), icon=":material/error:")
    else:
        st.toast("Noted. The worker acts on it at once.", icon=":material/check:")
