"""Whether the worker lives and Atlas answers, told on every page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from atlas_core.books.last_words import last_words
from atlas_core.books.room import MARGIN_BYTES
from atlas_core.clock import now_ms
from atlas_core.errors import BookError, BookMissing
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.words import age_in_words, markdown_safe, time_in_words, viewer_zone

if TYPE_CHECKING:
    from atlas_core.books.queries import WorkerState

SILENT_AFTER_MS = 10_000
FULL_BYTES = 4 * 1024 * 1024
OPERATIONS = Path(__file__).parents[2] / "pages" / "operations.py"
ATLAS_TROUBLES = {
    "refused": (
        "Atlas refuses our credentials",
        "Nothing is sent and nothing new comes until they are right: check ATLAS_CLIENT_ID and "
        "ATLAS_CLIENT_SECRET. What you see is what was last known.",
    ),
    "unreachable": (
        "Atlas cannot be reached",
        "We keep trying, and go on by ourselves when it answers. What you see is what was last known.",
    ),
    "failing": (
        "Atlas answers with errors",
        "We ask less often, and go on by ourselves when it answers well again. What you see is what was last "
        "known.",
    ),
    "busy": (
        "Atlas is busy",
        "It asked us to slow down, so new results come later. Everything goes on by itself.",
    ),
    "retired": (
        "Atlas has retired this version of its interface",
        "Nothing more is sent. Atlas Desk itself must be renewed.",
    ),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: what it is, since when, and what it means for the reader.

    Of what `is_explained` the page Operations says more; what `is_final` does not mend by itself or by a
    setting.
    """

    headline: str
    since: int | None
    sentence: str
    is_explained: bool = False
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Signs:
    """What a page sees for itself beside the books, because a worker that cannot write cannot say it."""

    last_words: str | None = None  # why the worker could not start or go on
    free_bytes: int | None = None  # on the disk of the books


def signs_of(data_dir: Path) -> Signs:
    """What is to be seen in the folder of the books."""
    try:
        free = shutil.disk_usage(data_dir).free
    except OSError:
        free = None
    return Signs(last_words(data_dir), free)


def troubles_of(
    states: Mapping[str, WorkerState] | None,
    now: int,
    signs: Signs = Signs(),
    alerts: pd.DataFrame | None = None,
) -> list[Trouble]:
    """What the worker's own notes (None where they cannot be read), other signs and the alerts that last
    (as `current_alerts`) say is wrong; empty where all is well."""
    return [
        *_of_disk(signs),
        *_of_worker(states, now, signs),
        *_of_upkeep(states or {}, now),
        *_of_alerts(alerts, states or {}),
    ]


def _of_disk(signs: Signs) -> list[Trouble]:
    if signs.free_bytes is None or signs.free_bytes >= MARGIN_BYTES:
        return []
    if signs.free_bytes >= FULL_BYTES:
        left = f"{signs.free_bytes / 1e6:,.0f} MB are left where the books are."
        return [
            Trouble("The disk is nearly full", None, f"{left} Make room: no backup is taken any more.", True)
        ]
    return [
        Trouble(
            "The disk is full",
            None,
            "Nothing new can be kept. What was acknowledged is safe, Atlas is asked to bring the rest later, "
            "and everything goes on by itself when there is room.",
            is_explained=True,
        )
    ]


def _of_worker(states: Mapping[str, WorkerState] | None, now: int, signs: Signs) -> list[Trouble]:
    worker = None if states is None else states.get("worker")
    if worker is not None and is_alive(worker, now):
        atlas = None if states is None else states.get("atlas")
        if atlas is None or atlas.state == "ok":
            return []
        headline, advice = ATLAS_TROUBLES.get(atlas.state, (f"Atlas is {markdown_safe(atlas.state)}", ""))
        sentence = f"{advice} {markdown_safe(atlas.sentence)}"
        return [Trouble(headline, atlas.since, sentence, True, atlas.state == "retired")]
    if signs.last_words:
        since = None if worker is None else worker.seen_at
        return [Trouble("The worker is not running", since, markdown_safe(signs.last_words))]
    if states is None or (signs.free_bytes is not None and signs.free_bytes < FULL_BYTES):
        return []  # the page says what is wrong with the books; a full disk silences a running worker, too
    if worker is None:
        return [
            Trouble(
                "The worker has not run yet",
                None,
                "Nothing is sent to Atlas and nothing comes back until it runs. Start everything with "
                "`python -m atlas_core up`, or the worker alone with `python -m atlas_core worker`.",
            )
        ]
    return [
        Trouble(
            "The worker is not running",
            worker.seen_at,
            "What you see is what it last knew. Submissions are kept and go out when it runs again: "
            "`python -m atlas_core worker`.",
        )
    ]


def _of_upkeep(states: Mapping[str, WorkerState], now: int) -> list[Trouble]:
    troubles = []
    backup, last = states.get("backup"), states.get("backup of desk.db")
    if backup is not None and backup.state == "failed":
        good = "There is no good one of desk.db."
        if last is not None:
            good = f"The newest good one of desk.db was taken {age_in_words(last.seen_at, now)}."
        troubles.append(
            Trouble("Backups fail", backup.since, f"{markdown_safe(backup.sentence)} {good}", True)
        )
    log = states.get("log")
    if log is not None and log.state == "growing":
        troubles.append(Trouble("The log of the book grows", log.since, markdown_safe(log.sentence)))
    return troubles


def _of_alerts(alerts: pd.DataFrame | None, states: Mapping[str, WorkerState]) -> list[Trouble]:
    """What of the alerts matters on every page and is not told there already."""
    if alerts is None or alerts.empty:
        return []
    troubles = []
    letters = alerts[alerts["rule"] == "dead letter"]
    if not letters.empty:
        troubles.append(
            Trouble(
                f"Unreadable callbacks: {int(letters['cases'].sum()):,}",
                int(letters["raised_at"].min()),
                "What they should have brought is fetched from Atlas instead. Read why, then replay or "
                "dismiss them.",
                is_explained=True,
            )
        )
    backups, keeper = alerts[alerts["rule"] == "backup"], states.get("backup")
    if not backups.empty and (keeper is None or keeper.state != "failed"):
        words = markdown_safe(" ".join(backups["words"]))
        troubles.append(Trouble("Backups are old", int(backups["raised_at"].min()), words, True))
    return troubles


def is_alive(worker: WorkerState, now: int) -> bool:
    """Whether the worker said lately that it runs. What it said in the future it said before the clock was
    set back."""
    return worker.state == "running" and abs(now - worker.seen_at) <= SILENT_AFTER_MS


@st.fragment(run_every="5s")
def show_troubles(page: str) -> None:
    """A banner over the page of that title for each thing that is wrong, gone by itself when it is well
    again; and the way to where more is said of it."""
    states: dict[str, WorkerState] | None = None
    alerts: pd.DataFrame | None = None
    with suppress(BookError):  # the page itself says what is wrong with the books
        states, alerts = loaders.load_worker_state(), operations_loaders.load_current_alerts()
    zone, now = viewer_zone(), now_ms()
    troubles = troubles_of(states, now, signs_of(loaders.desk_settings().data_dir), alerts)
    for trouble in troubles:
        _show_trouble(trouble, now, zone)
    if page != "Operations" and any(trouble.is_explained for trouble in troubles):
        st.page_link(OPERATIONS, label="Open Operations", icon=":material/arrow_forward:")


def _show_trouble(trouble: Trouble, now: int, zone: ZoneInfo) -> None:
    since = f" since {_since(trouble.since, now, zone)}" if trouble.since is not None else ""
    words = f"**{trouble.headline}{since}.** {trouble.sentence}"
    if trouble.is_final:
        st.error(words, icon=":material/error:")
    else:
        st.warning(words, icon=":material/warning:")


@st.fragment(run_every="5s")
def show_freshness() -> None:
    """One line: is the worker alive, and in which zone are the times."""
    now = now_ms()
    try:
        worker = loaders.load_worker_state().get("worker")
        is_known = True
    except BookMissing:
        worker, is_known = None, True
    except BookError:
        worker, is_known = None, False
    if not is_known:
        st.badge("Worker not known", color="gray", icon=":material/cloud_off:")
    elif worker is None:
        st.badge("Worker has not run yet", color="gray", icon=":material/cloud_off:")
    elif not is_alive(worker, now):
        st.badge("Worker not running", color="red", icon=":material/cloud_off:")
    else:
        st.badge("Worker running", color="green", icon=":material/cloud_done:")
    st.caption(f"Times are {viewer_zone().key}")


def _since(at: int, now: int, zone: ZoneInfo) -> str:
    return f"{time_in_words(at, zone)} ({age_in_words(at, now)})"
