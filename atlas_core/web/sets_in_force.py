"""Which thresholds are in force, the way back to those before, and how far outcomes follow them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.threshold_sets import InForce, set_of_settings
from atlas_core.errors import AtlasDeskError
from atlas_core.web import judged_loaders, loaders
from atlas_core.web.set_links import open_set
from atlas_core.web.set_words import pair_in_words
from atlas_core.web.tables import records
from atlas_core.web.words import markdown_safe, time_in_words, viewer_zone

ADOPTED = "adopted_here"
"""Of the session: the adoption that was made in it last."""
_LOOK_SECONDS = 2.0


def refuse(place: str, error: AtlasDeskError) -> None:
    """Keeps why a click came to nothing, until the page is drawn again."""
    st.session_state[f"refused_{place}"] = str(error)


def show_refusal(place: str) -> None:
    """Tells why the last click at that place came to nothing."""
    words = st.session_state.pop(f"refused_{place}", "")
    if words:
        st.error(markdown_safe(words), icon=":material/error:")


def show_in_force(in_force: InForce, by: User) -> None:
    show_refusal("sets")
    if in_force.adoption_id is not None and in_force.adoption_id == st.session_state.get(ADOPTED):
        st.success(f"You have put {markdown_safe(in_force.name)} in force.", icon=":material/check_circle:")
    with st.container(border=True, gap="xsmall"):
        st.caption("In force")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            name = "Settings" if in_force.set_id is None else in_force.name
            st.subheader(markdown_safe(name), anchor=False, width="content")
            _ask_way_back(in_force, by)
        if in_force.adopted_at is None:
            st.text("The thresholds of the settings: nobody has adopted a set yet.")
        else:
            newest = records(judged_loaders.load_adoptions())[0]
            st.text(
                f"Adopted by {newest['adopted_by']} on "
                f"{time_in_words(in_force.adopted_at, viewer_zone())}: {newest['why']}"
            )
        st.text(pair_in_words(in_force.thresholds))
        _watch_outcomes(in_force)


def _ask_way_back(in_force: InForce, by: User) -> None:
    """A button to what was in force before; it opens that set, to be looked at and adopted again."""
    if in_force.set_id is None:
        return
    adoptions = records(judged_loaders.load_adoptions())
    before = next((row for row in adoptions if row["set_id"] != in_force.set_id), None)
    name = before["name"] if before else "the settings"
    st.button(
        f"Roll back to {markdown_safe(name)}",
        icon=":material/undo:",
        disabled=not by.may(Action.ADOPT_THRESHOLDS),
        help="Shows what that would change; nothing changes before you adopt it.",
        on_click=_open_earlier,
        args=(before["set_id"] if before else None, by),
    )


def _open_earlier(set_id: int | None, by: User) -> None:
    try:
        if set_id is None:
            set_id = set_of_settings(loaders.desk(), by, loaders.desk_settings().thresholds)
    except AtlasDeskError as error:
        refuse("sets", error)
        return
    open_set(set_id)


def _watch_outcomes(in_force: InForce) -> None:
    """How far the worker has come with judging earlier flows anew."""
    move = judged_loaders.load_outcomes_move()
    if in_force.adoption_id is None and not move.was_told:
        return
    is_moving = move.adoption_id != in_force.adoption_id or move.through is not None
    st.fragment(
        partial(_show_move, in_force.adoption_id, is_moving), run_every=_LOOK_SECONDS if is_moving else None
    )()


def _show_move(adoption_id: int | None, was_moving: bool) -> None:
    move = judged_loaders.load_outcomes_move()
    if move.adoption_id != adoption_id:
        st.progress(0.0, text="The worker has not yet begun to judge earlier flows by what is in force.")
    elif move.through is not None:
        done = move.through / max(move.last, 1)
        st.progress(
            min(done, 1.0), text=f"The worker judges earlier flows anew: {move.through:,} of {move.last:,}."
        )
    elif was_moving:
        st.rerun()
    else:
        st.caption(
            "Every outcome follows what is in force. Each flow keeps which set moved its outcome and when, "
            "and each verdict and decision the set under which it was made."
        )
