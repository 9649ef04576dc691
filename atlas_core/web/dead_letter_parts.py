"""Dead letters: callbacks that could not be used, each with its reason and the place in the payload."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.access import User
from atlas_core.books.wishes import REPLAYED_AT_MOST
from atlas_core.clock import now_ms
from atlas_core.insight.arrivals import problem_and_place
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.ledger_filters import BECAME, DEAD_LETTERS, link_to_ledger, opened_arrival
from atlas_core.web.ledger_parts import opening_arrivals, show_opened
from atlas_core.web.parts import show_empty
from atlas_core.web.read_again_parts import CAME, ask_to_dismiss, ask_to_replay, show_replays
from atlas_core.web.steps import last_of_page, number_in_address, show_rows_before
from atlas_core.web.tables import moment_column, moments, records, show_rows
from atlas_core.web.words import age_in_words, count_of

BEFORE, DISMISSED = "before", "dismissed"


def show_dead_letters(user: User) -> None:
    """A page of dead letters, newest first, and reading them all again."""
    st.markdown(
        "A dead letter is a callback with a good token that could not be used. No result is lost by it: our "
        "own fetch brings what it should have brought."
    )
    with_dismissed = st.toggle(
        "Show dismissed ones too",
        key=DISMISSED,
        bind="query-params",
        help="What somebody dismissed stays in the ledger, and is listed again when it comes again.",
    )
    show_opened(user)
    before_id, waiting = number_in_address(BEFORE), operations_loaders.load_cases("dead letter")
    frame = operations_loaders.load_dead_letters(with_dismissed=with_dismissed, before_id=before_id)
    if frame.empty and before_id is None:
        show_empty(
            "No dead letter",
            "Every callback that came could be used, or was dismissed."
            if not with_dismissed
            else "Every callback that came could be used.",
            ":material/task_alt:",
        )
        show_replays()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{len(frame):,}** shown; {count_of(waiting, 'dead letter')} not dismissed, newest first."
        )
        st.page_link(
            "pages/operations.py",
            label="Show in the ledger",
            icon=":material/arrow_forward:",
            query_params=link_to_ledger(**{BECAME: "dead letter"}),
        )
    _show_rows(frame)
    show_rows_before(BEFORE, "dead", last_of_page(frame["delivery_id"], loaders.PER_PAGE))
    if waiting and opened_arrival() is None:
        label = "Read it again" if waiting == 1 else f"Read all {waiting:,} again"
        ask_to_replay(user, "letters", DEAD_LETTERS, _not_dismissed, label)
        shown = [row["subject"] for row in records(frame) if not _is_dismissed(row)]
        if shown:
            ask_to_dismiss(user, shown, f"Dismiss the {len(shown)} shown" if len(shown) > 1 else "Dismiss it")
    show_replays()


def _not_dismissed() -> list[int]:
    frame = operations_loaders.load_dead_letters(with_dismissed=False, limit=REPLAYED_AT_MOST)
    return [int(delivery_id) for delivery_id in frame["delivery_id"]]


def _show_rows(frame: pd.DataFrame) -> None:
    rows, now = records(frame), now_ms()
    told = [problem_and_place(row["reason"]) for row in rows]
    show_rows(
        pd.DataFrame(
            {
                "at": moments(frame["received_at"]),
                "age": [age_in_words(int(row["received_at"]), now) for row in rows],
                "problem": [problem for problem, _ in told],
                "place": [place or None for _, place in told],
                "application": frame["application_id"],
                "again": [_again(row) for row in rows],
                "size": frame["size"],
                "times": frame["times_seen"],
                "flow": frame["flow_uuid"],
            }
        ),
        "dead",
        opening_arrivals(frame["delivery_id"].tolist()),
        at_most=50,
        alt="Dead letters, newest first",
        columns={
            "at": moment_column("Received"),
            "age": st.column_config.TextColumn("Age", width=110),
            "problem": st.column_config.TextColumn("Reason", width=390),
            "place": st.column_config.TextColumn("Place", width=110, help="In the payload."),
            "application": st.column_config.TextColumn("Application"),
            "again": st.column_config.TextColumn("What was done", width=200),
            "size": st.column_config.NumberColumn("Bytes", format="%d"),
            "times": st.column_config.NumberColumn("Times", format="%d", help="How often the same came."),
            "flow": st.column_config.TextColumn("Flow id", width="medium"),
        },
    )


def _is_dismissed(row: dict[str, Any]) -> bool:
    """Whether it was set aside and has not come again since."""
    return not pd.isna(row["dismissed_at"]) and int(row["dismissed_at"]) >= int(row["last_seen_at"])


def _again(row: dict[str, Any]) -> str | None:
    """What people did about it."""
    said = []
    if row["replay_came"]:
        said.append(f"read again: {CAME.get(str(row['replay_came']), row['replay_came'])}")
    if row["dismissed_by"]:
        again = "" if _is_dismissed(row) else ", and it came again"
        said.append(f"dismissed by {row['dismissed_by']}{again}")
    return "; ".join(said) or None
