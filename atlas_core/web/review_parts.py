"""The screen of one case: its findings, both values of each, and the keys that judge and decide."""

from __future__ import annotations

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.case_decisions import CaseDecision
from atlas_core.books.claims import REASON_AT_MOST
from atlas_core.books.reading import Record
from atlas_core.books.verdicts import Verdict
from atlas_core.clock import now_ms
from atlas_core.insight import theme
from atlas_core.insight.case_view import CaseView, FindingView, compared, quality_of
from atlas_core.insight.findings import FindingKind
from atlas_core.insight.measures import reasons_for_outcome
from atlas_core.thresholds import Thresholds
from atlas_core.web import judged_loaders, review_actions
from atlas_core.web.chart_parts import viewer_palette
from atlas_core.web.check_parts import show_value, similarity_in_words
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
_COLORS: dict[str | None, theme.Color] = {"same": "green", "different": "red", "cannot tell": "gray"}


def show_findings(user: User, view: CaseView) -> None:
    """The findings one after the other; the keys judge the first that is open, or the one to be changed."""
    at = sitting()
    if not view.findings:
        st.info("Nothing in this result asks for a person.", icon=":material/check:")
    open_places = view.open_findings
    active = at.active if at.active is not None else (open_places[0] if open_places else None)
    for place, one in enumerate(view.findings):
        with st.container(border=True, gap="small"):
            _show_cause(view, one, place)
            for check in one.checks:
                _show_check(user, at, view, check, is_named=one.finding.kind is not FindingKind.CHECK)
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
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
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
        if left:
            st.caption(f"Accept and reject wait for {count_of(left, 'verdict')} more.")


def _suggested(view: CaseView) -> str | None:
    """What the verdicts lead to, where they are given and of one mind."""
    verdicts = {one.verdict for one in view.findings if one.finding.is_judged}
    if verdicts == {"same"}:
        return "accept"
    return "reject" if "different" in verdicts and None not in verdicts else None


def _show_cause(view: CaseView, one: FindingView, place: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        number = f"{place + 1} of {len(view.findings)}: " if len(view.findings) > 1 else ""
        st.markdown(f"**{number}{markdown_safe(_cause_in_words(one))}**", width="content")
        if one.finding.kind is FindingKind.BAD_DOCUMENT:
            show_look(theme.error_look(one.finding.words))
    if one.finding.kind is FindingKind.BAD_DOCUMENT:
        for document in view.flow.documents:
            if document["position"] == one.finding.document and document["error_reason"]:
                st.text(f"Atlas says: {document['error_reason']}")
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
    if kind is FindingKind.ODDITY:
        return f"Something is odd in the result: {one.finding.words}"
    return theme.words_of_code(str(one.checks[0]["name"]))


def _show_check(user: User, at: Sitting, view: CaseView, check: Record, *, is_named: bool) -> None:
    difference, source, target = compared(
        check, shows_all=at.reveals, shows_differences=user.may(Action.COMPARE)
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if is_named:
            st.text(theme.words_of_code(check["name"]), width="content")
        if view.hides_scores:
            st.badge(
                "Score hidden",
                icon=":material/visibility_off:",
                color="gray",
                help="Judge by the values alone. In some cases the score is hidden, so that people and Atlas "
                "can be compared honestly.",
            )
        else:
            _show_score(at, check)
        st.badge(
            str(difference.kind).capitalize(),
            icon=":material/difference:",
            color="gray",
            help="How the two values differ, worked out by Atlas Desk.",
        )
    palette = viewer_palette()
    with st.grid(2, min_column_width=250, gap="medium"):
        for side, pieces in (("source", source), ("target", target)):
            with st.container(gap="xsmall"):
                st.caption(_side_in_words(view, check, side))
                show_value(pieces, palette)
    if difference.notes:
        st.caption(f"Passed over: {', '.join(difference.notes)}.")


def _show_score(at: Sitting, check: Record) -> None:
    score = check["similarity"]
    if at.in_force is not None:
        show_look(theme.BANDS[at.in_force.thresholds.band(check["name"], score)])
    st.text(similarity_in_words(score, check.get("similarity_raw")), width="content")


def _side_in_words(view: CaseView, check: Record, side: str) -> str:
    document, sure = check[f"{side}_doc"], check[f"{side}_confidence"]
    parts = [
        markdown_safe(theme.words_of_code(document)),
        markdown_safe(theme.words_of_code(check[f"{side}_field_name"]).lower()),
        "confidence not given" if sure is None else f"confidence {sure:.2f} of 1",
    ]
    if quality := quality_of(view.flow, document):
        parts.append(markdown_safe(theme.words_of_code(quality).lower()))
    return " · ".join(parts)


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
    now = now_ms()
    for row in records(earlier):
        what = "The same two values" if row["is_same_pair"] else "This comparison at the same dealer"
        who, when = row["judged_by"], age_in_words(int(row["judged_at"]), now)
        st.text(f"{what}: {row['verdict']} ({row['application_id']}, {who}, {when})")


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
