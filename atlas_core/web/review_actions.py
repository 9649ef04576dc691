"""What the keys of the review page do. Each is kept before the next case shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.case_decisions import CaseDecision, decide_case, undo_decision
from atlas_core.books.claims import assign_cases, note_case
from atlas_core.books.queries.review_work import case_place, own_work, result_version
from atlas_core.books.queries.reviews import case_record
from atlas_core.books.verdicts import Verdict, give_verdict, undo_verdict
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError, CaseMoved
from atlas_core.insight.case_view import CaseView, case_view, judged_checks, request_text
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.theme import words_of_code
from atlas_core.web import loaders, reveal_parts
from atlas_core.web.review_case import Notice, give_back, name_of, sitting, tell_moved
from atlas_core.web.words import count_of, markdown_safe

TOO_SOON_MS = 500
"""A case with nothing to judge is not decided so soon: that key was meant for the one before."""

_PAST: dict[str, str] = {
    "accept": "accepted",
    "reject": "rejected",
    "ask for a new document": "a new document is asked for",
    "second person": "sent to a second person",
}


@contextmanager
def _acting(flow_uuid: str) -> Iterator[CaseView | None]:
    """The case as it was on the screen, if it still is this one; what goes wrong is told."""
    at = sitting()
    view = at.view if at.view and at.view.flow.flow_uuid == flow_uuid and not at.is_locked else None
    try:
        yield view
    except CaseMoved as error:
        tell_moved(markdown_safe(str(error)))
    except AtlasDeskError as error:
        at.tell("error", markdown_safe(str(error)))


def judge(user: User, flow_uuid: str, place: int, verdict: Verdict, reason_key: str) -> None:
    """A verdict on one finding of the case on the screen."""
    at = sitting()
    with _acting(flow_uuid) as view:
        if view is None or at.case is None or at.in_force is None or place >= len(view.findings):
            return
        give_verdict(
            loaders.desk(),
            user,
            view.seen,
            judged_checks(view.findings[place], at.case.lots, view),
            verdict,
            reason=str(st.session_state.get(reason_key) or ""),
            adoption_id=at.in_force.adoption_id,
        )
        at.active = None


def decide(
    user: User, flow_uuid: str, decision: CaseDecision, reason_key: str, document_key: str = ""
) -> None:
    """What becomes of the case on the screen; reason and document are read from their fields."""
    at = sitting()
    reason = str(st.session_state.get(reason_key) or "")
    document = str(st.session_state.get(document_key) or "") if document_key else ""
    with _acting(flow_uuid) as view:
        if view is None or at.case is None or at.in_force is None:
            return
        with loaders.reading() as books:
            newest = result_version(books, flow_uuid)
            record = case_record(books, flow_uuid, now=now_ms())
        fresh = case_view(
            view.flow, record, at.case, at.in_force.thresholds, user.who, scores_hidden=view.hides_scores
        )
        if newest is None or newest[0] != view.flow.version:
            return  # the run that follows shows the newer result, and says so
        if decision in ("accept", "reject") and fresh.open_findings:
            at.tell(
                "info", f"{count_of(len(fresh.open_findings), 'verdict')} missing: press 1, 2 or 3 first."
            )
            return
        if not any(one.finding.is_judged for one in fresh.findings) and now_ms() - at.shown_at < TOO_SOON_MS:
            return
        decide_case(
            loaders.desk(),
            user,
            view.seen,
            decision,
            outcome=view.flow.outcome,
            in_force=at.in_force,
            document=document,
            reason=reason,
            seconds=(now_ms() - at.shown_at) // 1000,
            second_share=at.second_share,
        )
        at.last_words = f"{view.flow.application_id}: {_PAST[decision]}"
        if document:
            text = request_text(view.flow.application_id, words_of_code(document), reason)
            at.notices.append(Notice("success", f"{name_of(view)}: text to copy and send.", text))
        at.leave()


def undo(user: User) -> None:
    """Takes back the last verdict on this case, or else the last decision, whose case is shown again."""
    at = sitting()
    view = at.view
    try:
        if view is not None and not at.is_locked:
            is_judged = any(
                verdict["judged_by"] == user.who and verdict["digest"] == view.digest
                for verdict in view.record.verdicts
            )
            if is_judged and undo_verdict(loaders.desk(), user, view.flow.flow_uuid):
                at.active = None
                return
        with loaders.reading() as books:
            work = own_work(books, user.who, decided_from=now_ms() - DAY_MS)
            if work.last_decision is None or work.last_flow is None:
                at.tell("info", "There is nothing of yours to take back.")
                return
            place = case_place(books, flow_uuid=work.last_flow)
        undo_decision(loaders.desk(), user, work.last_decision)
        give_back(user)
        if place is not None:
            at.sit_at(place)
        at.last_words = ""
    except AtlasDeskError as error:
        at.tell("warning", markdown_safe(str(error)))


def skip(user: User, flow_uuid: str) -> None:
    """Leaves the case for later, and for others."""
    at = sitting()
    if at.place is not None and at.place.flow_uuid == flow_uuid:
        if not at.is_locked:
            at.skipped.add(at.place.flow_id)
        give_back(user)


def change_verdict(place: int) -> None:
    """Makes a finding that was judged the one that the keys judge."""
    sitting().active = place


def judge_anew() -> None:
    """Unlocks a case that is decided already."""
    sitting().is_anew = True


def turn_request() -> None:
    """Opens or closes what asks for a new document."""
    at = sitting()
    at.asks_for_document = not at.asks_for_document


def turn_documents() -> None:
    """Opens or closes the documents."""
    at = sitting()
    at.reads_documents = not at.reads_documents


def show_picture(user: User, flow_uuid: str, document_id: str) -> None:
    """Lets the browser load a document; the audit log keeps that."""
    with _acting(flow_uuid) as view:
        if view is not None:
            detail = {"document": document_id, "shown": True}
            with loaders.desk().acting(user, Action.JUDGE, flow_uuid, detail=detail):
                sitting().pictures.add(document_id)


def meet_skipped_again() -> None:
    """What was left for later comes again."""
    sitting().skipped.clear()


def reveal(user: User, flow_uuid: str) -> None:
    """Shows the whole values of the case for a minute; the audit log keeps that."""
    with _acting(flow_uuid) as view:
        if view is not None:
            reveal_parts.reveal(
                user, view.flow, reveal_parts.WHOLE_CASE, "All values of the case", "judging the case"
            )


def keep_note(user: User, flow_uuid: str, key: str) -> None:
    """A note beside the case."""
    with _acting(flow_uuid):
        note_case(loaders.desk(), user, flow_uuid, str(st.session_state.get(key) or ""))
        st.session_state[key] = ""


def assign(user: User, flow_uuid: str, key: str) -> None:
    """Gives the case to somebody, and away from here."""
    who = st.session_state.get(key)
    with _acting(flow_uuid) as view:
        if view is None or not who:
            return
        assign_cases(loaders.desk(), user, [flow_uuid], who)
        sitting().tell("success", f"{name_of(view)} is assigned to {markdown_safe(who)}.")
        if who != user.who:
            give_back(user)
