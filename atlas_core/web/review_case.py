"""The case that a session is at: taking one, holding it, and being told when it moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.claims import claim_case, release_case
from atlas_core.books.columns import Columns, Flags
from atlas_core.books.queries import FlowDetail, flow_detail, thresholds_now
from atlas_core.books.queries.review_work import (
    CasePlace,
    OwnWork,
    case_place,
    newest_claim,
    own_work,
    result_version,
)
from atlas_core.books.queries.reviews import case_record, rules_now
from atlas_core.books.reading import Books
from atlas_core.books.threshold_sets import InForce
from atlas_core.clock import now_ms
from atlas_core.errors import CaseMoved
from atlas_core.insight.case_view import CaseView, case_view
from atlas_core.insight.periods import DAY_MS
from atlas_core.insight.review_queue import QUEUE, NextCase, Waiting
from atlas_core.web import loaders
from atlas_core.web.reveal_parts import WHOLE_CASE, hides_values, is_revealed
from atlas_core.web.review_filters import CASE, fitting, wanted_cases
from atlas_core.web.words import markdown_safe

CLAIMED_AGAIN_MS = 60_000
_SITTING = "review_sitting"
_TRIES = 20


@dataclass(frozen=True)
class Notice:
    """Something to be told once: markdown of ours, and a text to copy."""

    kind: Literal["info", "warning", "error", "success"]
    words: str
    to_copy: str = ""


@dataclass
class Sitting:
    """What one browser session is at. `view` is what was on the screen last; `holder` somebody else who has
    the case. `is_locked`: it can only be read, for somebody has it, or decided it and it is not judged
    anew."""

    place: CasePlace | None = None
    case: NextCase | None = None
    view: CaseView | None = None
    in_force: InForce | None = None
    second_share: float = 0.0
    is_opened: bool = False
    holder: str | None = None
    is_locked: bool = False
    is_anew: bool = False
    shown_at: int = 0
    claimed_at: int = 0
    active: int | None = None
    asks_for_document: bool = False
    reads_documents: bool = False
    pictures: set[str] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)
    waiting: Waiting | None = None
    work: OwnWork | None = None
    last_words: str = ""
    has_resumed: bool = False
    notices: list[Notice] = field(default_factory=list)

    def reveals(self, user: User) -> bool:
        """Whether the whole values of the case are shown to this person now."""
        return self.view is not None and is_revealed(user, self.view.flow, WHOLE_CASE)

    def offers_whole_values(self, user: User) -> bool:
        """Whether values of the case are masked now that this person may have shown whole."""
        return (
            user.may(Action.REVEAL)
            and self.view is not None
            and not self.is_locked
            and not self.reveals(user)
            and hides_values(self.view.flow)
        )

    def leave(self) -> None:
        """Away from the case; the next run takes another."""
        self.place = self.case = self.view = self.holder = self.active = self.work = None
        self.is_opened = self.is_locked = self.is_anew = self.asks_for_document = False
        self.pictures = set()
        self.claimed_at = 0

    def sit_at(self, place: CasePlace, *, is_opened: bool = False) -> None:
        """To a case."""
        self.leave()
        self.place, self.is_opened, self.shown_at = place, is_opened, now_ms()

    def tell(self, kind: Literal["info", "warning", "error", "success"], words: str) -> None:
        """Something to be shown with the next run."""
        self.notices.append(Notice(kind, words))


def sitting() -> Sitting:
    """This session's."""
    found: Sitting = st.session_state.setdefault(_SITTING, Sitting())
    return found


def current_case(user: User) -> CaseView | None:
    """The case to show now, claimed for the person; None where none waits."""
    at = sitting()
    with loaders.reading() as books:
        columns = loaders.load_columns()
        fits = fitting(books, columns, wanted_cases())
        asked = st.query_params.pop(CASE, None)
        if asked:
            _open_asked(books, user, asked)
        elif at.place and fits is not None and not at.is_opened and not fits[at.place.flow_id]:
            give_back(user)
        for _ in range(_TRIES):
            place = at.place or _sit_down(books, columns, user, fits)
            at.view = _look(books, columns, user, place) if place is not None else None
            if place is None or at.view is not None:
                break
        if at.work is None:
            _count(books, columns, user, fits)
    return at.view


# ------------------------------------------------------------------------------------------- taking a case


def _open_asked(books: Books, user: User, flow_uuid: str) -> None:
    place = case_place(books, flow_uuid=flow_uuid)
    if place is None:
        sitting().tell("warning", "The address asks for a case that these books do not hold.")
        return
    if sitting().place != place:
        give_back(user)
        sitting().sit_at(place, is_opened=True)


def _sit_down(books: Books, columns: Columns, user: User, fits: Flags | None) -> CasePlace | None:
    at, now, queue = sitting(), now_ms(), QUEUE
    place, found = None, None
    if not at.has_resumed:
        at.has_resumed = True
        held = newest_claim(books, user.who, now=now)
        place = case_place(books, flow_uuid=held) if held else None
    if place is None:
        found = queue.next_case(books, columns, user.who, now=now, fits=_unskipped(columns, fits, at.skipped))
        place = case_place(books, flow_id=found.flow_id) if found else None
    if place is not None:
        at.sit_at(place)
        at.case = found
    return place


def _count(books: Books, columns: Columns, user: User, fits: Flags | None) -> None:
    at, now = sitting(), now_ms()
    at.waiting = QUEUE.waiting(books, columns, user.who, now=now, fits=fits)
    at.work = own_work(books, user.who, decided_from=now - DAY_MS)


def _unskipped(columns: Columns, fits: Flags | None, skipped: set[int]) -> Flags | None:
    if not skipped:
        return fits
    left = columns.flows.exists.copy() if fits is None else fits.copy()
    left[[flow_id for flow_id in skipped if flow_id < len(left)]] = False
    return left


def _look(books: Books, columns: Columns, user: User, place: CasePlace) -> CaseView | None:
    """The case as it is now; None, and why is told, where it is no longer the person's."""
    at, now = sitting(), now_ms()
    if now - at.claimed_at > CLAIMED_AGAIN_MS and not _claim(user, place, now):
        return None
    with books.snapshot():
        flow = _flow_now(books, place)
        record = case_record(books, place.flow_uuid, now=now)
        rules = rules_now(books)
        # Read here, for what is cached is read anew after every verdict.
        in_force = thresholds_now(books, loaders.desk_settings().thresholds)
    at.in_force = in_force
    at.second_share = rules.second_share
    if flow is None:
        at.leave()
        return None
    if at.case is None:
        at.case = QUEUE.case(books, columns, place.flow_id, user.who, now=now)

    def shown(case: NextCase) -> CaseView:
        return case_view(flow, record, case, in_force.thresholds, user.who, scores_hidden=rules.scores_hidden)

    view, before = shown(at.case), at.view
    if before is None or before.flow.flow_uuid != view.flow.flow_uuid:
        if not at.is_opened and _is_settled(view):
            # Decided between the look at the queue and the claim, which the decision had freed.
            give_back(user)
            return None
        at.is_locked = at.holder is not None or (at.is_opened and not at.is_anew and _is_settled(view))
        return view
    at.is_locked = at.holder is not None or (at.is_locked and not at.is_anew and _is_settled(view))
    last = view.last_decision
    if view.decision_id != before.decision_id and last is not None:
        who = "You have" if last["decided_by"] == user.who else f"{markdown_safe(last['decided_by'])} has"
        tell_moved(f"{who} decided it meanwhile ({last['decision']}).")
        return None
    if view.digest != before.digest:
        at.case = QUEUE.case(books, columns, place.flow_id, user.who, now=now)
        at.active, at.shown_at = None, now
        at.tell(
            "warning",
            f"**The result of {name_of(view)} changed while you were reading.** You now see version "
            f"{flow.version}: look again. Verdicts on the earlier version are kept with it.",
        )
        return shown(at.case)
    return view


def _is_settled(view: CaseView) -> bool:
    last = view.last_decision
    if last is None or last["decision"] == "second person" or view.is_second:
        return False
    return bool(last["digest"] == view.digest)


def _flow_now(books: Books, place: CasePlace) -> FlowDetail | None:
    """The flow with its result that counts: as it was last shown, where it is still that."""
    shown = sitting().view
    if shown is not None and shown.flow.flow_uuid == place.flow_uuid:
        known = (shown.flow.newest_version, shown.flow.outcome)
        if result_version(books, place.flow_uuid) == known:
            return shown.flow
    return flow_detail(books, place.flow_uuid, with_history=False)


def _claim(user: User, place: CasePlace, now: int) -> bool:
    at = sitting()
    try:
        claim_case(loaders.desk(), user, place.flow_uuid, now)
    except CaseMoved as error:
        if at.is_opened:
            at.holder = str(error).partition(" is working")[0]
            return True
        tell_moved(markdown_safe(str(error)))
        return False
    at.holder, at.claimed_at = None, now
    return True


def tell_moved(words: str) -> None:
    """Away from a case that somebody else has, or decided; says so."""
    at = sitting()
    name = name_of(at.view) if at.view else "The case"
    if at.view is not None:  # else nobody saw it: the next one is taken without a word
        at.tell("warning", f"**{name} is no longer yours.** {words} Here is the next case.")
    at.leave()


def give_back(user: User) -> None:
    """Away from the case, which is anybody's again."""
    at = sitting()
    if at.place is not None and at.holder is None:
        release_case(loaders.desk(), user, at.place.flow_uuid)
    at.leave()


def name_of(view: CaseView) -> str:
    """The case for a sentence: its application."""
    return markdown_safe(view.flow.application_id)
