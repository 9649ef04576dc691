"""The books on the disk: how large, how much room is left, what was copied, checked and upgraded when."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from atlas_core.books.backups import cadence_of, copies_in, seconds_until_due
from atlas_core.books.copies import Copy
from atlas_core.books.log_size import LARGE_BYTES
from atlas_core.books.queries import WorkerState
from atlas_core.books.room import in_bytes
from atlas_core.books.sizes import sizes_of
from atlas_core.clock import now_ms
from atlas_core.settings import Settings
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.health import is_alive
from atlas_core.web.tables import moment_column, moments, table_height
from atlas_core.web.words import age_in_words, count_of, span_in_words, time_in_words, viewer_zone

_LISTED = 10


def show_storage() -> None:
    """Sizes, backups, checks and upgrades."""
    settings = loaders.desk_settings()
    _show_sizes(settings)
    st.subheader("Backups", anchor=False)
    copies = copies_in(settings.backup_dir)
    states = loaders.load_worker_state()
    _show_upkeep(settings, copies, states)
    _show_copies(copies)
    _show_editions()


def _show_sizes(settings: Settings) -> None:
    sizes = sizes_of(settings.atlas_book, settings.desk_book, settings.backup_dir)
    log = "as it should be" if sizes.log <= LARGE_BYTES else "large: somebody keeps it from being emptied"
    shown = (
        ("atlas.db", sizes.atlas, "what Atlas said"),
        ("Its log (WAL)", sizes.log, log),
        ("desk.db", sizes.desk, "what we said"),
        ("Column mirror", sizes.mirror, "made anew from atlas.db at any time"),
        ("Backups", sizes.backups, "all copies that are kept"),
        ("Free disk", sizes.free, f"of {_size(sizes.whole_disk)}"),
    )
    with st.grid(6, min_column_width=150, gap="small"):
        for label, size, sentence in shown:
            with st.container(border=True, gap="xsmall", height="stretch"):
                st.metric(label, _size(size))
                st.caption(sentence)
    st.caption("Backups are kept in this folder; better one on another disk:")
    st.code(str(settings.backup_dir), language=None, wrap_lines=True)


def _size(size: int | None) -> str:
    return "unknown" if size is None else in_bytes(size)


def _show_upkeep(settings: Settings, copies: list[Copy], states: dict[str, WorkerState]) -> None:
    now = now_ms()
    worker, backup = states.get("worker"), states.get("backup")
    alive = worker is not None and is_alive(worker, now)
    if backup is not None and backup.state == "failed":
        st.warning("The newest backup failed.", icon=":material/warning:")
        st.text(backup.sentence)
    with st.grid(2, min_column_width=320):
        for book in (settings.desk_book, settings.atlas_book):
            with st.container(border=True, gap="xsmall", height="stretch"):
                st.markdown(f"**{book.name}**")
                _show_newest([copy for copy in copies if copy.book == book.name and not copy.label], now)
                st.text(f"Next: {_next(settings, book, alive=alive, now=now)}")


def _show_newest(copies: list[Copy], now: int) -> None:
    if not copies:
        st.text("Newest: none yet")
        st.text("Read through and found sound: unknown, until the first backup is taken")
        return
    newest = copies[-1]
    when = f"{time_in_words(newest.taken_at, viewer_zone())} ({age_in_words(newest.taken_at, now)})"
    st.text(f"Newest: {when}, {in_bytes(newest.size)}")
    st.text("Read through and found sound: then. A backup counts only once it was read and counted.")


def _next(settings: Settings, book: Path, *, alive: bool, now: int) -> str:
    if not settings.backup_hours:
        return "none, for ATLAS_BACKUP_HOURS is 0"
    if not book.exists():
        return "when there is a book"
    if not alive:
        return "when the worker runs again"
    seconds = seconds_until_due(book, settings.backup_dir, hours=settings.backup_hours, now=now)
    hours = cadence_of(book.stem, book.stat().st_size).every * settings.backup_hours
    due = f"in {span_in_words(int(seconds * 1000))}" if seconds >= 1 else "due now"
    return f"{due} (one every {span_in_words(int(hours * 3_600_000))})"


def _show_copies(copies: list[Copy]) -> None:
    if not copies:
        return
    shown = copies[::-1][:_LISTED]
    with st.expander(f"{count_of(len(copies), 'backup')} kept", icon=":material/inventory_2:"):
        st.dataframe(
            pd.DataFrame(
                {
                    "name": [copy.name for copy in shown],
                    "at": moments(pd.Series([copy.taken_at for copy in shown])),
                    "size": [in_bytes(copy.size) for copy in shown],
                    "rows": [sum(copy.inventory.rows.values()) for copy in shown],
                    "why": ["before an upgrade" if copy.label else "regular" for copy in shown],
                }
            ),
            hide_index=True,
            height=table_height(len(shown)),
            alt="Backups, newest first",
            column_config={
                "name": st.column_config.TextColumn("Name, for restore", width="medium"),
                "at": moment_column("Taken"),
                "size": "Size",
                "rows": st.column_config.NumberColumn("Rows counted", format="localized"),
                "why": "Why",
            },
        )
        st.caption(
            f"{len(shown)} of {len(copies)}, newest first. This lists them all and makes one the book:"
        )
        st.code("python -m atlas_core restore", language=None)


def _show_editions() -> None:
    st.subheader("Upgrades", anchor=False)
    zone, now = viewer_zone(), now_ms()
    for book, edition in operations_loaders.load_editions().items():
        if edition.upgraded_at is None:
            last = f"never; it was made {time_in_words(edition.made_at, zone)}"
        else:
            last = f"{time_in_words(edition.upgraded_at, zone)} ({age_in_words(edition.upgraded_at, now)})"
        st.text(f"{book}: edition “{edition.name}”. Last upgraded: {last}.")
