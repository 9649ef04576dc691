"""The screen of one case: its findings, both values of each, and the keys that judge and decide."""

from __future__ import annotations

import streamlit as st

from atlas_core.access import User
from atlas_core.books.case_decisions import CaseDecision
from atlas_core.books.claims import REASON_AT_MOST
from atlas_core.books.verdicts import Verdict
from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.insight.case_view import CaseView, FindingView, qualities_of
from atlas_core.insight.findings import FindingKind
from atlas_core.insight.measures import reasons_for_outcome
from atlas_core.insight.screen_masks import masked_reason
from atlas_core.thresholds import Thresholds
from atlas_core.web import judged_loaders, review_actions
from atlas_core.web.chart_parts import viewer_palette
from atlas_core.web.check_parts import CheckLook, show_check
from atlas_core.web.parts import show_look
from atlas_core.web.review_case import Sitting, sitting
from atlas_core.web.tables import records
from atlas_core.web.words import age_in_words, count_of, markdown_safe

VERDICTS: tuple[tuple[str, Verdict, str], ...] = (
    ("1", "same", "Same"),
    ("2", "different", "Different"),
    ("3", "cannot tell", "Cannot tell"),
)
DECISIONS: tuple[tuple[str, CaseDecision, str, str], ...] = (
    ("A", "accept", "Accept", ":material/check:"),
    ("X", "reject", "Reject", ":material/close:"),
    ("P", "second person", "Second person", ":material/group:"),
)
KEYS = (
    "Keys: 1 same, 2 different, 3 cannot tell · A accept, X reject, N new document, P second person · "
    "U undo, L later, D documents{}. They rest while you type."
)
_COLORS: dict[str | None, theme.Color] = {"same": "green", "different": "red", "cannot tell": "gray"}


def show_findings(user: User, view: CaseView) -> None:
    """The findings one after the other; the keys judge the first that is open, or the one to be changed."""
    at = sitting()
    if not view.findings:
        st.info("Nothing in this result asks for a person.", icon=":material/check:")
    open_places = view.open_findings
    active = at.active if at.active is not None else (open_places[0] if open_places else None)
    thresholds = at.in_force.thresholds if at.in_force is not None and not view.hides_scores else None
    qualities, palette = qualities_of(view.flow), viewer_palette()
    for place, one in enumerate(view.findings):
        number = f"{place + 1} of {len(view.findings)}: " if len(view.findings) > 1 else ""
        is_single = one.finding.kind in (FindingKind.CHECK, FindingKind.LOT)
        with st.container(border=True, gap="small"):
            if not is_single:
                _show_cause(view, one, number)
            for check in one.checks:
                look = CheckLook(number if is_single else "", True, at.reveals(user), qualities)
                show_check(user, check, thresholds, palette, look)
            if one.finding.is_judged and not at.is_locked:
                if place == active:
                    _ask_for_verdict(user, at, view, place)
                else:
                    _show_verdict(view, place)


def show_decisions(user: User, view: CaseView) -> None:
    """What can become of the case, one key each."""
    at, flow_uuid = sitting(), view.flow.flow_uuid
    reason = f"decision_reason_{flow_uuid}"
    left, suggested = len(view.open_findings), _suggested(view)
    with st.container(border=True, gap="small"):
        if at.asks_for_document:
            _ask_for_document(user, view)
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            for key, decision, label, icon in DECISIONS:
                st.button(
                    label,
                    key=f"decide_{decision}_{flow_uuid}",
                    icon=icon,
                    shortcut=key,
                    type="primary" if decision == suggested else "secondary",
                    on_click=review_actions.decide,
                    args=(user, flow_uuid, decision, reason),
                )
            st.button(
                "New document",
                key=f"ask_{flow_uuid}",
                icon=":material/mark_email_unread:",
                shortcut="N",
                on_click=review_actions.turn_request,
            )
            st.button(
                "Later",
                key=f"later_{flow_uuid}",
                icon=":material/schedule:",
                shortcut="L",
                type="tertiary",
                on_click=review_actions.skip,
                args=(user, flow_uuid),
            )
        st.text_input(
            "Reason for the decision, if any",
            key=reason,
            max_chars=REASON_AT_MOST,
            label_visibility="collapsed",
            placeholder="Reason for the decision (optional)",
        )
        keys = KEYS.format(", V whole values" if at.offers_whole_values(user) else "")
        st.caption(f"Accept and reject wait for {count_of(left, 'more verdict')}. {keys}" if left else keys)


def _suggested(view: CaseView) -> str | None:
    """What the verdicts lead to, where they are given and of one mind."""
    verdicts = {one.verdict for one in view.findings if one.finding.is_judged}
    if verdicts == {"same"}:
        return "accept"
    return "reject" if "different" in verdicts and None not in verdicts else None


def _show_cause(view: CaseView, one: FindingView, number: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{number}{markdown_safe(_cause_in_words(one))}**", width="content")
        if one.finding.kind is FindingKind.BAD_DOCUMENT:
            show_look(theme.error_look(one.finding.words))
    if one.finding.kind is FindingKind.BAD_DOCUMENT:
        for document in view.flow.documents:
            if document["position"] == one.finding.document and document["error_reason"]:
                st.text(f"Atlas says: {masked_reason(document['error_reason'])}")
        if not one.checks:
            st.caption("There is nothing to compare here. Ask for a new document, or decide without it.")
    if one.finding.kind is FindingKind.FAILED:
        st.text(reasons_for_outcome(view.flow, Thresholds())[0])
    if one.finding.kind is FindingKind.ODD_DOCUMENT:
        st.caption("It disagrees with the other documents in every comparison below. One verdict for all.")


def _cause_in_words(one: FindingView) -> str:
    kind, document = one.finding.kind, one.finding.document_type
    name = theme.words_of_code(document) if document else "A document without a type"
    if kind is FindingKind.FAILED:
        return "The flow failed"
    if kind is FindingKind.BAD_DOCUMENT:
        return name
    if kind is FindingKind.ODD_DOCUMENT:
        return f"{name} differs from the others"
    return f"Something is odd in the result: {one.finding.words}"


def _ask_for_verdict(user: User, at: Sitting, view: CaseView, place: int) -> None:
    flow_uuid, one = view.flow.flow_uuid, view.findings[place]
    reason = f"verdict_reason_{flow_uuid}_{place}"
    with st.container(horizontal=True, vertical_alignment="center"):
        for key, verdict, label in VERDICTS:
            st.button(
                label,
                key=f"verdict_{verdict}_{flow_uuid}_{place}",
                shortcut=key,
                type="primary" if one.verdict == verdict else "secondary",
                on_click=review_actions.judge,
                args=(user, flow_uuid, place, verdict, reason),
            )
        st.text_input(
            "Reason for the verdict, if any",
            key=reason,
            max_chars=REASON_AT_MOST,
            label_visibility="collapsed",
            placeholder="Reason (optional)",
            width=260,
        )
    _show_earlier(at, view, one)


def _show_verdict(view: CaseView, place: int) -> None:
    one = view.findings[place]
    if one.verdict is None:
        st.caption("Not judged yet.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(f"You said: {one.verdict}", color=_COLORS[one.verdict], icon=":material/gavel:")
        if one.reason:
            st.text(one.reason, width="content")
        st.button(
            "Change",
            key=f"change_{view.flow.flow_uuid}_{place}",
            type="tertiary",
            on_click=review_actions.change_verdict,
            args=(place,),
        )


def _show_earlier(at: Sitting, view: CaseView, one: FindingView) -> None:
    dealer = at.place.dealer if at.place else None
    earlier = judged_loaders.load_earlier_verdicts(one.checks[0], dealer, view.flow.flow_uuid)
    now, lines = now_ms(), []
    for row in records(earlier):
        what = "The same two values" if row["is_same_pair"] else "This comparison at the same dealer"
        who, when = row["judged_by"], age_in_words(int(row["judged_at"]), now)
        lines.append(f"{what}: {row['verdict']} ({row['application_id']}, {who}, {when})")
    if lines:
        st.text("\n".join(lines))


def _ask_for_document(user: User, view: CaseView) -> None:
    flow_uuid = view.flow.flow_uuid
    document, why = f"ask_document_{flow_uuid}", f"ask_why_{flow_uuid}"
    checks = [check for one in view.findings for check in one.checks]
    offered = dict.fromkeys(
        [
            *(one.finding.document_type for one in view.findings if one.finding.document_type),
            *(check[f"{side}_doc"] for check in checks for side in ("target", "source")),
            *(document["document_type"] for document in view.flow.documents if document["document_type"]),
        ]
    )
    st.markdown("**Ask for a new document**")
    with st.grid(2, min_column_width=230):
        st.selectbox(
            "Which one",
            list(offered),
            format_func=theme.words_of_code,
            key=document,
            accept_new_options=True,
            placeholder="Type its name",
        )
        st.selectbox(
            "Why",
            [
                "It is cut off or blurred",
                "It is a photocopy or a picture of a picture",
                "It belongs to somebody else",
                "What it says differs from the other documents",
            ],
            key=why,
            accept_new_options=True,
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Ask for it",
            key=f"ask_now_{flow_uuid}",
            type="primary",
            icon=":material/send:",
            shortcut="Ctrl+Enter",
            on_click=review_actions.decide,
            args=(user, flow_uuid, "ask for a new document", why, document),
        )
        st.button("Back", key=f"ask_back_{flow_uuid}", shortcut="N", on_click=review_actions.turn_request)
    st.caption("This decides the case. The text to send is shown with the next one, ready to copy.")
