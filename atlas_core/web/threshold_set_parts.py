"""Sets of thresholds: which are in force, how they came to be, and what another set would change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.columns import Columns
from atlas_core.books.threshold_sets import InForce, adopt_thresholds
from atlas_core.errors import AtlasDeskError
from atlas_core.insight import theme
from atlas_core.insight.selection import Selection
from atlas_core.insight.what_if import what_if
from atlas_core.thresholds import Thresholds, thresholds_of_json
from atlas_core.web import judged_loaders, loaders
from atlas_core.web.case_parts import show_flow_cases
from atlas_core.web.opened import close_cases, opened_cases
from atlas_core.web.replay_parts import show_replay
from atlas_core.web.selection_filters import put
from atlas_core.web.set_drafts import show_draft
from atlas_core.web.set_links import SET, begin_draft, open_set
from atlas_core.web.set_words import evidence_in_words
from atlas_core.web.sets_in_force import ADOPTED, refuse, show_in_force, show_refusal
from atlas_core.web.tables import moment_column, moments, records, show_rows, table_height
from atlas_core.web.what_if_parts import ask_minutes, show_change, show_changed_flows, show_moved
from atlas_core.web.words import count_of, markdown_safe, time_in_words, viewer_zone

SETS = "sets"
"""Where the cross-checks of an opened set's comparison open."""
ShowOpened = Callable[[str, Thresholds], None]


def show_threshold_sets(
    columns: Columns, selection: Selection, after: Thresholds, by: User, show_opened: ShowOpened
) -> None:
    """All sets, and one of them, or a new one, in comparison with what is in force.

    `after` are the thresholds tried under What if; `show_opened` draws what was opened at a place, for the
    thresholds that are compared there.
    """
    in_force = loaders.load_in_force()
    sets = records(judged_loaders.load_threshold_sets())
    show_in_force(in_force, by)
    _show_versions(sets, in_force)
    opened = next((row for row in sets if str(row["set_id"]) == st.query_params.get(SET)), None)
    if opened is not None:
        _show_set(columns, selection, opened, in_force, by, show_opened)
    else:
        show_draft(columns, selection, after, sets, in_force, by)


def _show_versions(sets: list[dict[str, Any]], in_force: InForce) -> None:
    if not sets:
        st.text("No set has been drafted yet. Begin one below.")
        return
    names = {row["set_id"]: row["name"] for row in sets}
    show_rows(
        pd.DataFrame(
            {
                "name": [row["name"] for row in sets],
                "state": [[_state(row, in_force)] for row in sets],
                "drafted_at": moments(pd.Series([row["drafted_at"] for row in sets])),
                "drafted_by": [row["drafted_by"] for row in sets],
                "adopted_at": moments(pd.Series([row["adopted_at"] for row in sets], dtype="Int64")),
                "why": [row["why"] for row in sets],
                "evidence": [evidence_in_words(json.loads(row["evidence"])) for row in sets],
                "based_on": [names.get(row["based_on"], "settings") for row in sets],
            }
        ),
        "sets",
        lambda row: open_set(int(sets[row]["set_id"])),
        at_most=8,
        alt="Sets of thresholds, the newest first",
        columns={
            "name": st.column_config.TextColumn("Set", width="medium"),
            "state": st.column_config.MultiselectColumn(
                "State",
                options=["In force", "Draft", "Earlier"],
                color=["green", "blue", "gray"],
                help="A draft was never in force; an earlier set was.",
            ),
            "drafted_at": moment_column("Drafted"),
            "drafted_by": st.column_config.TextColumn("By"),
            "adopted_at": moment_column("Last adopted"),
            "why": st.column_config.TextColumn("Why", width="medium"),
            "evidence": st.column_config.TextColumn("From which evidence", width="large"),
            "based_on": st.column_config.TextColumn("Begun from"),
        },
    )


def _state(row: Mapping[str, Any], in_force: InForce) -> str:
    if row["set_id"] == in_force.set_id:
        return "In force"
    return "Draft" if pd.isna(row["adopted_at"]) else "Earlier"


def _close_set() -> None:
    close_cases()
    put(SET, None)


def _show_set(
    columns: Columns,
    selection: Selection,
    row: Mapping[str, Any],
    in_force: InForce,
    by: User,
    show_opened: ShowOpened,
) -> None:
    thresholds = thresholds_of_json(row["thresholds"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(markdown_safe(row["name"]), anchor=False, width="content")
        st.button(
            "Begin a new set from it",
            icon=":material/edit:",
            type="tertiary",
            on_click=begin_draft,
            args=(str(row["set_id"]),),
        )
        st.button("Close", icon=":material/close:", type="tertiary", on_click=_close_set, key="close_set")
    st.text(
        f"Drafted by {row['drafted_by']} on {time_in_words(int(row['drafted_at']), viewer_zone())}: "
        f"{row['why']}"
    )
    st.caption(markdown_safe(evidence_in_words(json.loads(row["evidence"]))) + ".")
    if row["set_id"] == in_force.set_id:
        _show_what_it_moved(in_force)
        show_replay(columns, thresholds)
        return
    _show_differences(columns, in_force.thresholds, thresholds)
    found = what_if(columns, selection, in_force.thresholds, thresholds)
    if found.flows:
        show_change(found, ask_minutes())
    show_replay(columns, thresholds)
    _ask_to_adopt(row, in_force, by)
    if found.flows:
        show_moved(found, SETS)
        show_opened(SETS, thresholds)
        if not opened_cases():
            show_changed_flows(found)
    else:
        st.text("None of the selected flows has ended with a result yet, so no threshold can move one.")


def _show_differences(columns: Columns, now: Thresholds, then: Thresholds) -> None:
    """The checks whose thresholds the set would change."""
    names = sorted({kind.name for kind in columns.names.kinds} | {own[0] for own in then.per_check})
    rows = [(name, now.of(name), then.of(name)) for name in names if now.of(name) != then.of(name)]
    if not rows:
        st.text("This set and the one in force are the same for every check.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "check": [theme.words_of_code(name) for name, _, _ in rows],
                "review": [
                    f"{old[0]} → {new[0]}" if old[0] != new[0] else str(old[0]) for _, old, new in rows
                ],
                "strong": [
                    f"{old[1]} → {new[1]}" if old[1] != new[1] else str(old[1]) for _, old, new in rows
                ],
            }
        ),
        hide_index=True,
        width="content",
        height=table_height(len(rows), at_most=12),
        alt="Thresholds that this set would change",
        column_config={
            "check": st.column_config.TextColumn("Cross-check", width="medium"),
            "review": st.column_config.TextColumn("Review below: now → then"),
            "strong": st.column_config.TextColumn("Strong from: now → then"),
        },
    )
    same = len(names) - len(rows)
    if same:
        st.caption(f"{count_of(same, 'other check')} would stay as now.")


def _show_what_it_moved(in_force: InForce) -> None:
    """The flows whose outcome came to be another when the set came into force."""
    if in_force.adoption_id is None:
        return
    move = judged_loaders.load_outcomes_move()
    has_all = move.adoption_id == in_force.adoption_id and move.through is None
    to_review, to_clear = judged_loaders.load_flows_moved(in_force.adoption_id)
    moved = count_of(len(to_review) + len(to_clear), "outcome")
    st.text(
        f"{'It' if has_all else 'So far it has'} moved {moved}: {len(to_review):,} from clear to review, "
        f"{len(to_clear):,} from review to clear."
    )
    for flow_ids, words in ((to_review, "clear to review"), (to_clear, "review to clear")):
        if flow_ids:
            show_flow_cases(flow_ids, f"moved from {words}", f"moved_{words}", closes=False)


def _ask_to_adopt(row: Mapping[str, Any], in_force: InForce, by: User) -> None:
    """The form that puts a set in force."""
    was_in_force = not pd.isna(row["adopted_at"])
    if not by.may(Action.ADOPT_THRESHOLDS):
        st.info("A lead can put this set in force.", icon=":material/lock:")
        return
    key = f"why_adopt_{row['set_id']}"
    show_refusal("adopting")
    with st.form(f"adopt_{row['set_id']}"):
        st.markdown("**Put this set in force**")
        st.caption(
            "From then on new results are judged by it, and the worker judges earlier flows anew. You can "
            "go back at any time by adopting an earlier set."
        )
        st.text_input("Why", key=key, max_chars=300, placeholder="Whoever asks later reads this")
        st.form_submit_button(
            "Roll back to this set" if was_in_force else "Adopt",
            type="primary",
            icon=":material/check:",
            on_click=_adopt,
            args=(int(row["set_id"]), in_force.adoption_id, key, by),
        )


def _adopt(set_id: int, seen_adoption: int | None, key: str, by: User) -> None:
    try:
        st.session_state[ADOPTED] = adopt_thresholds(
            loaders.desk(), by, set_id, why=st.session_state[key], seen_adoption=seen_adoption
        )
    except AtlasDeskError as error:
        refuse("adopting", error)
