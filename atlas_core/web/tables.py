"""Tables whose rows open something, most often their flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ButtonColumnResult, ColumnConfig

from atlas_core.insight import theme
from atlas_core.web.by_keys import works_by_keys
from atlas_core.web.filters import link_to_flow
from atlas_core.web.words import viewer_zone

ROW_HEIGHT = 33  # pixels, at the theme's size of type


def show_flows(frame: pd.DataFrame, key: str, order: str = "newest first") -> None:
    """The flows of `queries.flow_rows`, in its order, which `order` tells."""
    looks = list(theme.OUTCOMES.values())
    shown = pd.DataFrame(
        {
            "application": frame["application_id"],
            "outcome": [[theme.outcome_look(outcome).label] for outcome in frame["outcome"]],
            "created": moments(frame["created_at"]),
            "similarity": frame["min_similarity"],
            "checks": frame["checks"],
            "documents": frame["documents"],
            "errors": frame["document_errors"],
            "status": [theme.status_look(status).label for status in frame["master_status"]],
            "product": frame["product_type"],
            "flow": frame["flow_uuid"],
        }
    )
    show_rows(
        shown,
        key,
        opening_flows(frame["flow_uuid"].tolist()),
        alt=f"Flows, {order}",
        columns={
            "application": st.column_config.TextColumn("Application", width="medium"),
            "outcome": st.column_config.MultiselectColumn(
                "Outcome",
                options=[look.label for look in looks],
                color=[look.color for look in looks],
                help="What the flow asks of us.",
            ),
            "created": moment_column("Created"),
            "similarity": st.column_config.NumberColumn(
                "Lowest similarity", format="%g", help="Of its cross-checks, from 0 (differ) to 100 (same)."
            ),
            "checks": st.column_config.NumberColumn("Cross-checks", format="%d"),
            "documents": st.column_config.NumberColumn("Documents", format="%d"),
            "errors": st.column_config.NumberColumn(
                "Document errors", format="%d", help="Documents that Atlas could not use."
            ),
            "status": st.column_config.TextColumn("Atlas says", help="Of the flow as a whole."),
            "product": st.column_config.TextColumn("Product"),
            "flow": st.column_config.TextColumn("Flow id", width="medium"),
        },
    )


def show_rows(
    frame: pd.DataFrame,
    key: str,
    opens: Callable[[int], None] | None,
    *,
    alt: str,
    columns: Mapping[str, Any],
    words: str | Sequence[str | None] = "Open",
    at_most: int = 20,
    placeholder: str = "-",
) -> None:
    """A table with a button in each row, which says `words` and hands `opens` the number of its row; so does
    the row itself where the reader works by keys. Without `opens` it is a table to read."""
    table = f"{key}_table"
    opening: dict[str, Any] = {}
    if opens is not None:
        frame = frame.copy()
        frame.insert(0, "open", words)
        columns = {"open": button_column(f"{key}_open", opens), **columns}
        if works_by_keys():
            opening = {
                "on_select": lambda: [opens(row) for row in st.session_state[table]["selection"]["rows"]],
                "selection_mode": "single-row",
            }
    st.dataframe(
        frame,
        key=table,
        hide_index=True,
        height=table_height(len(frame), at_most),
        alt=alt,
        placeholder=placeholder,
        column_config=columns,
        **opening,
    )


def button_column(key: str, opens: Callable[[int], None]) -> ButtonColumnResult | ColumnConfig:
    """A column of buttons at the table's left; `opens` gets the number of a row."""
    return st.column_config.ButtonColumn(
        "",
        width=70,
        pinned=True,
        type="tertiary",
        key=key,
        on_click=lambda: opens(st.session_state[key].row),
    )


def opening_flows(flow_uuids: Sequence[str | None]) -> Callable[[int], None]:
    """What opens the flow of a row, if it has one."""

    def open_flow(row: int) -> None:
        flow_uuid = flow_uuids[row]
        if flow_uuid:
            st.switch_page("pages/flow.py", query_params=link_to_flow(flow_uuid))

    return open_flow


def moment_column(label: str) -> ColumnConfig:
    """A column of times in the viewer's zone, which its heading names."""
    zone = viewer_zone().key
    return st.column_config.DatetimeColumn(f"{label} ({zone})", format="D MMM YYYY, HH:mm:ss", timezone=zone)


def moments(milliseconds: pd.Series) -> pd.Series:
    """Milliseconds since 1970 as times for `moment_column`."""
    return pd.to_datetime(milliseconds.astype("Int64"), unit="ms", utc=True)


def table_height(rows: int, at_most: int = 20) -> int:
    """The height in pixels at which a table shows its rows, up to so many, without a bar of its own."""
    return ROW_HEIGHT * (min(rows, at_most) + 1) + 2


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
