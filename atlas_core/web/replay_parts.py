"""Past decisions under another set of thresholds."""

from __future__ import annotations

import streamlit as st

from atlas_core.books.columns import Columns
from atlas_core.insight.measures import share_in_words
from atlas_core.insight.replay import replay
from atlas_core.thresholds import Thresholds
from atlas_core.web import judged_loaders
from atlas_core.web.case_parts import show_flow_cases
from atlas_core.web.selection_filters import PAGE, put
from atlas_core.web.words import count_of

REPLAYED = "replayed"
"""The part of the address that says which of the replayed cases are listed."""


def show_replay(columns: Columns, thresholds: Thresholds) -> None:
    """Which decided cases would have gone another way, both ways, and how often decisions were reverted."""
    st.markdown("**Decisions replayed**")
    found = replay(columns, judged_loaders.load_standing_decisions(), thresholds)
    if not found.decided and not found.not_replayed:
        st.text("No case has been decided yet, so there is nothing to replay.")
        return
    words = (
        f"Of {count_of(found.decided, 'decided case')}, {found.differing:,} would have gone another way: "
        "would pass without a person although one looked, or would ask for a person although it had passed "
        "and was only judged because it was drawn by lot."
    )
    if found.not_replayed:
        words += f" {found.not_replayed:,} more were decided on a result that does not count any more."
    st.caption(words)
    parts = {
        "let-through-stopped": (
            "Would pass, was stopped",
            "A person rejected it or asked for a new document; under this set nobody would have looked.",
            found.passed_stopped,
        ),
        "let-through-accepted": (
            "Would pass, was accepted",
            "A person looked and accepted it: work that this set spares.",
            found.passed_accepted,
        ),
        "asked-stopped": (
            "Would ask, was stopped",
            "It had passed, was drawn by lot, and a person stopped it: this set would have caught it.",
            found.asked_stopped,
        ),
        "asked-accepted": (
            "Would ask, was accepted",
            "It had passed, was drawn by lot, and a person accepted it: more work under this set.",
            found.asked_accepted,
        ),
    }
    with st.grid(4, min_column_width=220):
        for name, (label, meaning, flow_ids) in parts.items():
            with st.container(border=True, gap="xsmall", height="stretch"):
                st.metric(label, f"{len(flow_ids):,}", help=meaning)
                st.caption(share_in_words(len(flow_ids), found.decided))
                st.button(
                    "Show",
                    icon=":material/arrow_downward:",
                    type="tertiary",
                    key=f"replayed_{name}",
                    disabled=not len(flow_ids),
                    on_click=_list,
                    args=(name,),
                )
    chosen = parts.get(st.query_params.get(REPLAYED, ""))
    if chosen is not None and len(chosen[2]):
        show_flow_cases(chosen[2].tolist(), chosen[0].lower(), "replayed_flows", closes=False)
    _show_reverted()


def _show_reverted() -> None:
    """A gauge of how sure decisions are, under whatever thresholds they were made."""
    reverted, decided = judged_loaders.load_decisions_reverted()
    with st.container(border=True, gap="xsmall"):
        st.caption(
            "Decisions later reverted",
            help="Taken back, or decided otherwise later on the same result. Second looks do not count.",
        )
        st.progress(reverted / decided if decided else 0.0, text=share_in_words(reverted, decided))


def _list(name: str) -> None:
    put(PAGE, None)
    put(REPLAYED, name)
