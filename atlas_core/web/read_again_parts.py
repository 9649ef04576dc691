"""Reading deliveries again: the count first, then a yes, then what became of each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.queries import Arrival, ReplayPlan
from atlas_core.books.wishes import REPLAYED_AT_MOST, dismiss, want_replay
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.health import is_alive
from atlas_core.web.parts import told_in_words
from atlas_core.web.tables import moment_column, moments, records, table_height
from atlas_core.web.words import age_in_words, count_of, markdown_safe, time_in_words, viewer_zone

_ASKED, _TOLD = "replay_asked", "replay_told"
_TOLD_MS = 15_000  # a page that draws itself anew meanwhile must not take the words away
CAME = {
    "taken up": "taken up",
    "nothing changed": "nothing changed: it had been taken up before",
    "still unreadable": "still cannot be read",
    "not kept": "its text is not kept; its flow was fetched from Atlas instead",
    "not there": "it is no longer in the book",
}
_COUNTS = {
    "taken_up": "taken up",
    "nothing_changed": "as before",
    "still_unreadable": "still unreadable",
    "not_kept": "fetched instead",
    "not_there": "not there",
}


def ask_to_replay(
    user: User, scope: str, which: Hashable, find: Callable[[], Sequence[int]], label: str
) -> None:
    """A button that shows first what a replay of some deliveries would do, and then a second one that asks
    for just those. `scope` names the button's place, `which` the choice that it stands for; `find` gives the
    deliveries once somebody asks."""
    is_good, sentence, until = st.session_state.get(f"{_TOLD}_{scope}", (True, "", 0))
    if now_ms() < until:
        (st.success if is_good else st.error)(sentence)
    if st.session_state.get(_ASKED) != (scope, which):
        st.button(
            label,
            icon=":material/replay:",
            key=f"replay_{scope}",
            disabled=not user.may(Action.REPLAY),
            help=None if user.may(Action.REPLAY) else "A lead or an admin may do this.",
            on_click=_ask,
            args=(scope, which),
        )
        return
    delivery_ids = tuple(find())
    with st.container(border=True):
        if not delivery_ids:
            st.markdown("None of these rows is a delivery that could be read again.")
        else:
            _show_plan(scope, delivery_ids)
        with st.container(horizontal=True, gap="small"):
            if delivery_ids:
                st.button(
                    f"Read {count_of(len(delivery_ids), 'delivery', 'deliveries')} again",
                    type="primary",
                    icon=":material/replay:",
                    key=f"replay_yes_{scope}",
                    on_click=_replay,
                    args=(user, scope, which, delivery_ids),
                )
            st.button("Cancel", key=f"replay_no_{scope}", on_click=_forget_question)


def _show_plan(scope: str, delivery_ids: tuple[int, ...]) -> None:
    for sentence in plan_in_words(operations_loaders.load_replay_plan(delivery_ids), len(delivery_ids)):
        st.markdown(sentence)
    if len(delivery_ids) == REPLAYED_AT_MOST:
        st.markdown(
            f"One replay takes at most {REPLAYED_AT_MOST:,}: these are the newest. If there are more, ask "
            "for them afterwards, with a narrower filter."
        )
    st.text_input("Why (for the audit log; may be empty)", max_chars=500, key=f"replay_why_{scope}")


def plan_in_words(plan: ReplayPlan, deliveries: int) -> list[str]:
    """What a replay would do, in sentences; the count first."""
    letters = plan.readable_letters + plan.unkept_letters
    said = [
        f"**{count_of(deliveries, 'delivery', 'deliveries')}** will be read again; "
        f"{letters:,} {'is a dead letter' if letters == 1 else 'are dead letters'}."
    ]
    if plan.readable_letters:
        said.append(f"Of {plan.readable_letters:,} the masked text is kept, and is read anew.")
    if plan.unkept_letters:
        said.append(
            f"Of {plan.unkept_letters:,} the text was never kept: Atlas is asked for the results instead."
        )
    if plan.taken_up == 1:
        said.append("1 is not a dead letter, and stays as it is.")
    elif plan.taken_up:
        said.append(f"{plan.taken_up:,} are not dead letters, and stay as they are.")
    if plan.missing:
        said.append(f"{plan.missing:,} {_are(plan.missing)} no longer in the book.")
    said.append(
        f"At most {count_of(plan.flows, 'flow')} can change. Reading the same again later changes nothing."
    )
    return said


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def show_dismissal(user: User, arrival: Arrival) -> None:
    """Whether a dead letter was set aside, or a way to do so with a reason."""
    if arrival.dismissed_at is not None:
        when = f"{time_in_words(arrival.dismissed_at, viewer_zone())} ({_age(arrival.dismissed_at)})"
        st.text(f"Dismissed by {arrival.dismissed_by} on {when}: {arrival.dismissed_because}")
        return
    ask_to_dismiss(user, [str(arrival.delivery_id)], "Dismiss")


def ask_to_dismiss(user: User, subjects: Sequence[str], label: str) -> None:
    """A form that sets dead letters aside, with one reason for all of them."""
    with (
        st.form(f"dismiss_{subjects[0]}_{len(subjects)}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        reason = st.text_input(
            f"Why {'it needs' if len(subjects) == 1 else 'they need'} nobody any more",
            max_chars=500,
            placeholder="Such as: told Atlas's support, ticket 123",
        )
        may = user.may(Action.DISMISS)
        if st.form_submit_button(label, icon=":material/task_alt:", disabled=not may):
            with told_in_words():
                for subject in subjects:
                    dismiss(loaders.desk(), user, "dead letter", subject, reason)
                st.rerun()


@st.fragment(run_every="3s")
def show_replays() -> None:
    """What people wanted read again, and what became of it so far."""
    with told_in_words():
        frame = operations_loaders.load_replays()
        if frame.empty:
            return
        st.subheader("Read again", anchor=False)
        rows = records(frame)
        st.dataframe(
            pd.DataFrame(
                {
                    "at": moments(frame["asked_at"]),
                    "by": frame["asked_by"],
                    "deliveries": frame["deliveries"],
                    "state": [_state(row) for row in rows],
                    "came": [_came(row) for row in rows],
                    "reason": [row["reason"] or None for row in rows],
                }
            ),
            hide_index=True,
            height=table_height(len(rows), at_most=6),
            alt="Replays, newest first",
            placeholder="-",
            column_config={
                "at": moment_column("Asked for"),
                "by": st.column_config.TextColumn("By"),
                "deliveries": st.column_config.NumberColumn("Deliveries", format="%d"),
                "state": st.column_config.TextColumn("State"),
                "came": st.column_config.TextColumn("What became of them", width="large"),
                "reason": st.column_config.TextColumn("Why"),
            },
        )


def _state(row: dict[str, Any]) -> str:
    if row["state"] == "done":
        return "done"
    worker = loaders.load_worker_state().get("worker")
    return "under way" if worker and is_alive(worker, now_ms()) else "waits for the worker"


def _came(row: dict[str, Any]) -> str | None:
    return ", ".join(f"{int(row[name]):,} {words}" for name, words in _COUNTS.items() if row[name]) or None


def _age(at: int) -> str:
    return age_in_words(at, now_ms())


def _ask(scope: str, which: Hashable) -> None:
    st.session_state[_ASKED] = (scope, which)


def _forget_question() -> None:
    st.session_state.pop(_ASKED, None)


def _replay(user: User, scope: str, which: Hashable, delivery_ids: tuple[int, ...]) -> None:
    if st.session_state.pop(_ASKED, None) != (scope, which):
        return  # the second click of a double click
    why = st.session_state.get(f"replay_why_{scope}") or ""
    try:
        want_replay(loaders.desk(), user, delivery_ids, why)
    except AtlasDeskError as error:
        st.session_state[f"{_TOLD}_{scope}"] = (False, markdown_safe(str(error)), now_ms() + _TOLD_MS)
        return
    asked = count_of(len(delivery_ids), "delivery", "deliveries")
    sentence = f"Asked for: {asked}. What becomes of them is told under *Read again* below."
    st.session_state[f"{_TOLD}_{scope}"] = (True, sentence, now_ms() + _TOLD_MS)
