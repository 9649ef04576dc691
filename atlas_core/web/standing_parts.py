"""How the whole stands, in one row: worker, Atlas, what waits, dead letters, backup, disk."""

from __future__ import annotations

import streamlit as st

from atlas_core.books.queries import WorkerState
from atlas_core.books.room import MARGIN_BYTES, in_bytes
from atlas_core.clock import now_ms
from atlas_core.insight.atlas_calls import asked_since, state_began_at
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.health import FULL_BYTES, is_alive, signs_of
from atlas_core.web.parts import told_in_words
from atlas_core.web.words import age_in_words, span_in_words

ATLAS_WORDS = {
    "ok": "Answers",
    "unreachable": "Cannot be reached",
    "failing": "Answers badly",
    "busy": "Asks us to wait",
    "refused": "Refuses us",
    "retired": "Version retired",
    "not asked": "Not asked",
}
ATLAS_MEANINGS = {
    "ok": "Atlas answers as it should.",
    "unreachable": "No answers come. One call every 30 s finds out whether it is back; nothing else is sent.",
    "failing": "Answers come, but not usable ones. One call every 30 s finds out whether that has passed.",
    "busy": "Atlas asked us to slow down. We wait as long as it said, then one call finds out.",
    "refused": "Atlas refuses our credentials. Check ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET.",
    "retired": "Atlas has retired this version of its interface. Atlas Desk itself must be renewed.",
    "not asked": "No worker ran, so nobody asked.",
}

STATES_MS = 14 * 24 * 3_600_000


@st.fragment(run_every="5s")
def show_standing() -> None:
    """Six short answers, renewed by themselves."""
    with told_in_words():
        states, now = loaders.load_worker_state(), now_ms()
        worker = states.get("worker")
        alive = worker is not None and is_alive(worker, now)
        history = operations_loaders.load_atlas_states(loaders.this_minute() - STATES_MS)
        with st.grid(6, min_column_width=150, gap="small"):
            _show("Worker", *_of_worker(worker, alive, asked_since(history), now))
            _show("Atlas", *_of_atlas(states.get("atlas"), alive, state_began_at(history), now))
            waiting = operations_loaders.load_workload().callbacks_waiting
            _show("Callbacks waiting", f"{waiting:,}", _of_waiting(waiting, alive))
            dead = operations_loaders.load_cases("dead letter")
            _show(
                "Dead letters", f"{dead:,}", "not usable, and not dismissed" if dead else "that need somebody"
            )
            _show("Newest backup", *_of_backup(states, now))
            _show("Free disk", *_of_disk())


def _show(label: str, value: str, sentence: str) -> None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.caption(label)
        st.markdown(f"**{value}**")
        st.caption(sentence)


def _of_worker(worker: WorkerState | None, alive: bool, began_at: int | None, now: int) -> tuple[str, str]:
    if worker is None:
        return "Has not run yet", "nothing comes or goes until it runs"
    if alive:
        return "Running", f"for {span_in_words(now - (began_at or worker.since))}"
    return "Not running", f"last heard of {age_in_words(worker.seen_at, now)}"


def _of_atlas(atlas: WorkerState | None, alive: bool, began_at: int | None, now: int) -> tuple[str, str]:
    if atlas is None:
        return "Unknown", "not asked yet"
    if not alive:
        last = ATLAS_WORDS.get(atlas.state, atlas.state).lower()
        return "Unknown", f"nobody asks; last known: {last}"
    return ATLAS_WORDS.get(atlas.state, "Unknown"), f"for {span_in_words(now - (began_at or atlas.since))}"


def _of_waiting(waiting: int, alive: bool) -> str:
    if not waiting:
        return "all are taken up"
    return "the worker takes them up now" if alive else "safe; taken up when the worker runs"


def _of_backup(states: dict[str, WorkerState], now: int) -> tuple[str, str]:
    backup, last = states.get("backup"), states.get("backup of desk.db")
    if backup is not None and backup.state == "off":
        return "Switched off", "ATLAS_BACKUP_HOURS is 0"
    if last is None:
        return "None yet", "of desk.db, that the worker took"
    failing = backup is not None and backup.state == "failed"
    return age_in_words(last.seen_at, now), "the newest ones failed" if failing else "of desk.db, verified"


def _of_disk() -> tuple[str, str]:
    free = signs_of(loaders.desk_settings().data_dir).free_bytes
    if free is None:
        return "Unknown", "the disk cannot be looked at"
    if free < FULL_BYTES:
        return in_bytes(free), "full: nothing new can be kept"
    return in_bytes(free), "nearly full: make room" if free < MARGIN_BYTES else "where the books are"
