"""The self-test: the whole loop from Atlas's address back to us, step by step, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from atlas_core.insight.atlas_calls import state_began_at
from atlas_core.selftest import WayIn, find_way_in, worker_trouble
from atlas_core.settings import Settings
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.health import is_alive
from atlas_core.web.standing_parts import ATLAS_MEANINGS, STATES_MS
from atlas_core.web.words import age_in_words, time_in_words, viewer_zone

_FOUND = "selftest_found"
Came = Literal["good", "bad", "not tried"]
_ICONS = {
    "good": ":green[:material/check_circle:]",
    "bad": ":red[:material/cancel:]",
    "not tried": ":gray[:material/radio_button_unchecked:]",
}
_NEXT_READY = "Read the worker's log, and make room if the disk is full."
_NEXT_WAY_IN = (
    "Check ATLAS_RECEIVER_URL, your reverse proxy and your firewall. Until it works results still come, by "
    "our own fetch, and later."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the test: how it came out, what was found, and what to do next (empty: nothing)."""

    name: str
    came: Came
    found: str
    advice: str = ""


def show_selftest() -> None:
    """The button, and what the last test of this session found."""
    st.markdown(
        "The worker calls itself at the address that Atlas is given, as Atlas would: it fetches a token and "
        "brings a callback with it. Nothing of it is kept, and no flow is made."
    )
    st.caption("The address Atlas is given:")
    st.code(loaders.desk_settings().receiver_url, language=None, wrap_lines=True)
    if st.button("Run the self-test", type="primary", icon=":material/play_arrow:"):
        with st.spinner("Testing the whole loop; at most a minute"):
            st.session_state[_FOUND] = (now_ms(), run_steps(loaders.desk_settings()))
    if _FOUND not in st.session_state:
        st.caption("Not run in this session yet.")
        return
    at, steps = st.session_state[_FOUND]
    wrong = [step for step in steps if step.came == "bad"]
    if wrong:
        st.error(f"**{wrong[0].name}: no.** What follows from it is told below.", icon=":material/error:")
    else:
        st.success("The whole loop works: Atlas can reach us.", icon=":material/task_alt:")
    for step in steps:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"{_ICONS[step.came]} **{step.name}**")
            st.text(step.found)
            if step.advice:
                st.text(f"Next: {step.advice}")
    st.caption(f"Run {time_in_words(at, viewer_zone())} ({age_in_words(at, now_ms())}).")


def run_steps(settings: Settings) -> list[Step]:
    """Asks the worker, and tells each step. Takes at most about a minute."""
    trouble = worker_trouble(settings)
    if trouble is None:
        return [_without_worker(settings), *_not_tried(), _of_atlas()]
    ready = Step("The worker is ready", "good", "Its book takes a commit, and every part of it runs.")
    if trouble:
        ready = Step("The worker is ready", "bad", trouble, _NEXT_READY)
    return [ready, *_of_loop(find_way_in(settings)), _of_atlas()]


def _without_worker(settings: Settings) -> Step:
    return Step(
        "The worker is ready",
        "bad",
        f"The worker does not answer at {settings.receiver_origin}.",
        "Start it with: python -m atlas_core worker. If it runs, let it listen at this machine's loopback "
        "address too (ATLAS_RECEIVER_ADDRESS).",
    )


def _not_tried() -> list[Step]:
    why = "Not tried: the worker must run first."
    names = ("A token can be fetched", "A callback comes in", "Atlas can come that way")
    return [Step(name, "not tried", why) for name in names]


def _of_loop(way_in: WayIn) -> list[Step]:
    if not way_in.answered:
        return _not_tried()
    through = "Through the address above." if way_in.reached != "nothing" else ""
    token, callback = way_in.reached in ("auth", "callback"), way_in.reached == "callback"
    sentence = f"{way_in.sentence[:1].upper()}{way_in.sentence[1:]}"
    steps = [
        Step("A token can be fetched", "good", through)
        if token
        else Step("A token can be fetched", "bad", sentence, _NEXT_WAY_IN)
    ]
    if callback:
        steps.append(Step("A callback comes in", "good", through))
    elif token:
        steps.append(Step("A callback comes in", "bad", sentence, _NEXT_WAY_IN))
    else:
        steps.append(Step("A callback comes in", "not tried", "Not tried: no token came out."))
    if not callback:
        steps.append(Step("Atlas can come that way", "not tried", "Not known: the call did not come back."))
    else:
        came: Came = "good" if way_in.good else "bad"
        steps.append(Step("Atlas can come that way", came, sentence))
    return steps


def _of_atlas() -> Step:
    """Whether Atlas answers us, as the worker last noted: its own calls find out all the time."""
    name = "Atlas answers us"
    try:
        states = loaders.load_worker_state()
    except BookError as error:
        return Step(name, "not tried", str(error))
    worker, atlas, now = states.get("worker"), states.get("atlas"), now_ms()
    if worker is None or atlas is None or not is_alive(worker, now):
        return Step(name, "not tried", "Not known: nobody asks while the worker does not run.")
    began_at = state_began_at(operations_loaders.load_atlas_states(loaders.this_minute() - STATES_MS))
    since = f"Since {time_in_words(began_at or atlas.since, viewer_zone())}."
    if atlas.state == "ok":
        return Step(name, "good", f"As it should. {since}")
    advice = ATLAS_MEANINGS.get(atlas.state, "")
    return Step(name, "bad", f"{atlas.sentence or atlas.state} {since}", advice)
