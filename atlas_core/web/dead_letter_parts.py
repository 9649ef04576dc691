"""Dead letters: callbacks that could not be used, each with its reason and the place in the payload."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from atlas_core.books.queries import Wanted
from atlas_core.clock import now_ms
from atlas_core.insight.arrivals import problem_and_place
from atlas_core.web import loaders
from atlas_core.web.ledger_filters import BECAME, asked_place, link_to_ledger
from atlas_core.web.ledger_parts import opening_arrivals, show_opened, show_pages, show_place
from atlas_core.web.parts import show_empty
from atlas_core.web.tables import moment_column, moments, records, table_height
from atlas_core.web.words import age_in_words

DEAD_LETTER = Wanted(outcome="dead letter")
PLACE = "dead_after"


def show_dead_letters() -> None:
    """A page of dead letters, newest first."""
    page = loaders.load_arrivals_page(DEAD_LETTER, asked_place(PLACE))
    if page.rows.empty:
        show_empty("No dead letter", "Every callback that came could be used.", ":material/task_alt:")
        return
    st.markdown(
        "A dead letter is a callback with a good token that could not be used. No result is lost by it: our "
        "own fetch brings what it should have brought."
    )
    show_opened()
    with st.container(horizontal=True, vertical_alignment="center"):
        show_place(page, loaders.load_arrivals_total(DEAD_LETTER), PLACE)
        st.space("stretch")
        st.page_link(
            "pages/operations.py",
            label="Show in the ledger",
            icon=":material/arrow_forward:",
            query_params=link_to_ledger(**{BECAME: "dead letter"}),
        )
    _show_rows(page.rows)
    show_pages(page, PLACE)


def _show_rows(frame: pd.DataFrame) -> None:
    rows, now = records(frame), now_ms()
    told = [problem_and_place(row["reason"]) for row in rows]
    st.dataframe(
        pd.DataFrame(
            {
                "open": "Open",
                "at": moments(frame["received_at"]),
                "age": [age_in_words(int(row["received_at"]), now) for row in rows],
                "problem": [problem for problem, _ in told],
                "place": [place or None for _, place in told],
                "application": frame["application_id"],
                "size": frame["size"],
                "times": frame["times_seen"],
                "flow": frame["flow_uuid"],
            }
        ),
        hide_index=True,
        height=table_height(len(rows), at_most=50),
        alt="Dead letters, newest first",
        placeholder="not known",
        column_config={
            "open": opening_arrivals("dead", frame["delivery_id"].tolist()),
            "at": moment_column("Received"),
            "age": st.column_config.TextColumn("Age", width="small"),
            "problem": st.column_config.TextColumn("Reason", width=320),
            "place": st.column_config.TextColumn("Place in the payload", width=170),
            "application": st.column_config.TextColumn("Application"),
            "size": st.column_config.NumberColumn("Bytes", format="%d"),
            "times": st.column_config.NumberColumn("Times", format="%d", help="How often the same came."),
            "flow": st.column_config.TextColumn("Flow id", width="medium"),
        },
    )
