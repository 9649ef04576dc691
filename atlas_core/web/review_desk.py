"""The desk of one reviewer: how far the work is, what has to be told, and the case to judge now."""

from __future__ import annotations

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.claims import NOTE_AT_MOST
from atlas_core.clock import now_ms
from atlas_core.insight.case_view import CaseView
from atlas_core.insight.finding import FlowFilter
from atlas_core.web import judged_loaders, loaders, review_actions
from atlas_core.web.filters import link_to_flow
from atlas_core.web.health import is_alive
from atlas_core.web.parts import show_empty, told_in_words
from atlas_core.web.reveal_parts import mask_again
from atlas_core.web.review_case import Sitting, current_case, name_of, sitting
from atlas_core.web.review_documents import show_documents
from atlas_core.web.review_evidence import show_evidence_of
from atlas_core.web.review_filters import ask_for_cases, show_passed_over, waiting_in_words, wanted_cases
from atlas_core.web.review_parts import show_decisions, show_findings
from atlas_core.web.signing_in import require_user
from atlas_core.web.words import age_in_words, count_of, markdown_safe, time_in_words, viewer_zone


def show_reviewing(user: User) -> None:
    """The next case, and everything around it."""
    with told_in_words():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The worst case first. Judge whether two values say the same, then decide.")
            ask_for_cases(user)
        show_passed_over()
        _show_next_case()


@st.fragment
def _show_next_case() -> None:
    """What each key draws anew, and nothing else: what is left out here is what makes the next case quick."""
    user = require_user()  # at every key: a role may have been taken away since the page was drawn
    if not user.may(Action.JUDGE):
        st.rerun()
    with told_in_words():
        view = current_case(user)
        at = sitting()
        _show_progress(user, at)
        _show_notices(at)
        if view is None:
            _show_none(at)
            return
        _show_head(user, at, view)
        judged, papers = st.columns([1.8, 1], gap="medium")
        with judged:
            show_findings(user, view)
            if not at.is_locked:
                show_decisions(user, view)
        with papers:
            show_documents(user, view)
            _show_notes(view)
            _show_more(user, at, view)


def _show_progress(user: User, at: Sitting) -> None:
    done = at.work.cases if at.work else 0
    waiting = at.waiting.total if at.waiting else 0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            done / (done + waiting) if done + waiting else 1.0,
            f"{count_of(done, 'case')} decided by you in 24 hours, {waiting:,} waiting"
            + (f". Last: {markdown_safe(at.last_words)}" if at.last_words else ""),
        )
        st.button(
            "Undo",
            key="review_undo",
            icon=":material/undo:",
            shortcut="U",
            help="Takes back your last verdict on this case, or else your last decision.",
            on_click=review_actions.undo,
            args=(user,),
        )
    if at.waiting and waiting:
        st.caption(f"Waiting: {waiting_in_words(at.waiting)}")
    worker = loaders.load_worker_state().get("worker")
    if worker is None or not is_alive(worker, now_ms()):
        st.caption("While the worker is not running, no new result comes in. What you decide is kept anyway.")


def _show_notices(at: Sitting) -> None:
    for notice in at.notices:
        show = {"info": st.info, "warning": st.warning, "error": st.error, "success": st.success}[notice.kind]
        show(notice.words)
        if notice.to_copy:
            st.code(notice.to_copy, language=None, wrap_lines=True)
    at.notices.clear()


def _show_none(at: Sitting) -> None:
    if at.skipped:
        show_empty(
            "Only what you left for later",
            f"{count_of(len(at.skipped), 'case')} that you left for later still wait.",
            icon=":material/schedule:",
        )
        st.button("Show them again", icon=":material/replay:", on_click=review_actions.meet_skipped_again)
    elif wanted_cases() != FlowFilter():
        show_empty("No case fits", "No waiting case fits the filters.", icon=":material/search_off:")
    else:
        show_empty(
            "Nothing waits for you",
            "Every case that asks for a person is decided, or somebody else has it. New results may bring "
            "new ones: reload the page to look again.",
            icon=":material/task_alt:",
        )


def _show_head(user: User, at: Sitting, view: CaseView) -> None:
    flow, now = view.flow, now_ms()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(name_of(view), anchor=False, width="content")
        st.text(f"{flow.product_type}, made {age_in_words(flow.created_at, now)}")
        if view.record.assigned_to == user.who:
            st.badge("Assigned to you", icon=":material/person_pin:", color="blue")
        if at.offers_whole_values(user):
            st.button(
                "Show whole values",
                key=f"reveal_{flow.flow_uuid}",
                icon=":material/visibility:",
                shortcut="V",
                type="tertiary",
                help="Personal values are masked where both sides agree. Shown for 60 seconds; the "
                "audit log keeps your look.",
                on_click=review_actions.reveal,
                args=(user, flow.flow_uuid),
            )
        if at.reveals(user):
            mask_again()
        if not view.hides_scores:
            st.page_link(
                "pages/flow.py",
                label="Open the flow",
                icon=":material/arrow_forward:",
                query_params=link_to_flow(flow.flow_uuid),
            )
    if at.holder is not None:
        until = time_in_words(view.record.claim_ends_at, viewer_zone())
        st.warning(
            f"**{markdown_safe(at.holder)} is looking at this case**, until {until} at the latest. You can "
            "read it; it becomes yours when they leave it.",
            icon=":material/lock:",
        )
    elif at.is_locked:
        st.button("Judge it anew", icon=":material/replay:", on_click=review_actions.judge_anew)
    if at.is_locked:
        st.button(
            "Next case",
            key="review_next",
            icon=":material/arrow_forward:",
            shortcut="L",
            on_click=review_actions.skip,
            args=(user, flow.flow_uuid),
        )
    _show_history(user, view)


def _show_history(user: User, view: CaseView) -> None:
    """What was decided of it before; nothing for a second look, which is made apart from the first."""
    last, now = view.last_decision, now_ms()
    if last is not None and not view.is_second:
        who = "You" if last["decided_by"] == user.who else str(last["decided_by"])
        said = f"{who} decided {age_in_words(last['decided_at'], now)}: {last['decision']}"
        said += f" ({last['reason']})." if last["reason"] else "."
        if last["digest"] != view.digest:
            said += " A newer result came since: look again."
        st.info(markdown_safe(said), icon=":material/history:")
    stale = sum(
        verdict["judged_by"] == user.who and verdict["digest"] != view.digest
        for verdict in view.record.verdicts
    )
    if stale:
        st.caption(f"{count_of(stale, 'verdict')} of yours belong to an earlier result of this case.")


def _show_notes(view: CaseView) -> None:
    now = now_ms()
    for kept in view.record.notes:
        st.text(kept["text"])
        st.caption(f"{markdown_safe(kept['noted_by'])}, {age_in_words(kept['noted_at'], now)}")


def _show_more(user: User, at: Sitting, view: CaseView) -> None:
    """What is wanted now and then, behind one button."""
    flow_uuid = view.flow.flow_uuid
    # Evidence names scores, which are not to be known before the verdict where they are hidden.
    has_evidence = not view.hides_scores and user.may(Action.EXPORT) and at.place is not None
    parts = [
        *([] if at.is_locked else ["note"]),
        *(["assign"] if user.may(Action.ASSIGN) and not at.is_locked else []),
        *(["evidence"] if has_evidence else []),
    ]
    if not parts:
        return
    popover = st.popover(
        ", ".join(parts).capitalize(),
        icon=":material/more_horiz:",
        key=f"more_{flow_uuid}",
        on_change="rerun",
    )
    if not popover.open:
        return
    with popover:
        if not at.is_locked:
            _ask_for_note(user, flow_uuid)
        if has_evidence and at.place is not None:
            show_evidence_of(user, [at.place.flow_id], flow_uuid)


def _ask_for_note(user: User, flow_uuid: str) -> None:
    note, person = f"note_{flow_uuid}", f"assign_{flow_uuid}"
    st.text_area("Note", key=note, max_chars=NOTE_AT_MOST, placeholder="For whoever meets this case next")
    st.button(
        "Keep the note", key=f"keep_{note}", on_click=review_actions.keep_note, args=(user, flow_uuid, note)
    )
    if not user.may(Action.ASSIGN):
        return
    st.selectbox(
        "Assign the case to",
        judged_loaders.load_reviewers(),
        index=None,
        key=person,
        accept_new_options=True,
        placeholder="Choose, or type a name",
    )
    st.button("Assign", key=f"do_{person}", on_click=review_actions.assign, args=(user, flow_uuid, person))
