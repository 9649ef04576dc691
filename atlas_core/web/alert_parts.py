"""Alerts: what somebody should be told of now, and what was."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.books.alerts import OTHERS
from atlas_core.clock import now_ms
from atlas_core.web import loaders, operations_loaders
from atlas_core.web.filters import FLOW, link_to_outcome, link_to_reason
from atlas_core.web.health import is_alive
from atlas_core.web.ledger_filters import DEAD_LETTERS, OPEN, TAB
from atlas_core.web.parts import show_empty
from atlas_core.web.steps import last_of_page, number_in_address, show_rows_before
from atlas_core.web.tables import moment_column, moments, records, table_height
from atlas_core.web.words import count_of, span_in_words

BEFORE = "alerts_before"
_SHOWN = 5
_RULES: dict[str, tuple[str, str]] = {
    "stuck flow": (
        "Stuck flow",
        "Ask Atlas about it now, or give Atlas's support the reference on its page.",
    ),
    "failure share": ("Many flows fail", "Open the failed ones in Results, and see which stage failed."),
    "callbacks missing": ("Callbacks missing", "Run the self-test: perhaps Atlas cannot reach us."),
    "dead letter": ("Dead letter", "Read its reason, then read it again or dismiss it."),
    "credentials refused": (
        "Credentials refused",
        "Check ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET, then start again.",
    ),
    "version retired": ("Version retired", "Atlas Desk itself must be renewed."),
    "disk": ("Disk nearly full", "Make room on the disk of the books."),
    "backup": ("Backup old or missing", "See Storage, and the worker's log."),
}


def show_alerts() -> None:
    """The alerts that last, each with what to do next, and those that are over."""
    worker, now = loaders.load_worker_state().get("worker"), now_ms()
    if worker is None or not is_alive(worker, now):
        st.info(
            "The worker does not run, so nobody looks for what should be told. These are the alerts that it "
            "knew last.",
            icon=":material/info:",
        )
    alerts = operations_loaders.load_current_alerts()
    if alerts.empty:
        show_empty("No alert", "Nothing that the rules watch is wrong now.", ":material/notifications_off:")
    for rule, of_rule in alerts.groupby("rule", sort=False):
        _show_rule(str(rule), records(of_rule), now)
    _show_history(now)


def _show_rule(rule: str, rows: list[dict[str, Any]], now: int) -> None:
    """The alerts of one rule, the oldest of which tells since when."""
    label, advice = _RULES.get(rule, (rule, ""))
    cases, oldest = sum(int(row["cases"]) for row in rows), min(int(row["raised_at"]) for row in rows)
    untold = [row for row in rows if pd.isna(row["told_at"])]
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(label, icon=":material/notifications_active:", color="red")
                st.caption(f"for {span_in_words(now - oldest)}" + "; the webhook was told" * (not untold))
            named = [row for row in rows if row["subject"] != OTHERS][:_SHOWN]
            for row in named:
                st.text(row["words"])
            rest = cases - sum(int(row["cases"]) for row in named)
            if rest:
                st.text(f"And {rest:,} more; {count_of(cases, 'case')} in all.")
            st.caption(advice)
        _show_link(rule, rows[0]["subject"] if len(rows) == 1 else "")


def _show_link(rule: str, subject: str) -> None:
    icon = ":material/arrow_forward:"
    if rule == "dead letter":
        opened = {OPEN: subject} if subject.isdigit() else {}
        address = {TAB: DEAD_LETTERS, **opened}
        st.page_link("pages/operations.py", label="Open", icon=icon, query_params=address)
    elif rule == "stuck flow" and subject:
        st.page_link("pages/flow.py", label="Open", icon=icon, query_params={FLOW: subject})
    elif rule == "stuck flow":
        st.page_link("pages/results.py", label="Open", icon=icon, query_params=link_to_reason("overdue"))
    elif rule in ("disk", "backup"):
        st.page_link("pages/operations.py", label="Open", icon=icon, query_params={TAB: "Storage"})
    elif rule == "callbacks missing":
        st.page_link(
            "pages/operations.py", label="Open", icon=icon, query_params={TAB: "Callbacks and polls"}
        )
    elif rule == "failure share":
        st.page_link("pages/results.py", label="Open", icon=icon, query_params=link_to_outcome("failed"))


def _show_history(now: int) -> None:
    before = number_in_address(BEFORE)
    frame = operations_loaders.load_alerts_history(before)
    if frame.empty and before is None:
        return
    st.subheader("All alerts", anchor=False)
    rows = records(frame)
    st.dataframe(
        pd.DataFrame(
            {
                "raised": moments(frame["raised_at"]),
                "rule": [_RULES.get(row["rule"], (row["rule"], ""))[0] for row in rows],
                "words": frame["words"],
                "cases": frame["cases"],
                "ended": moments(frame["cleared_at"]),
                "lasted": [_lasted(row, now) for row in rows],
                "told": moments(frame["told_at"]),
            }
        ),
        hide_index=True,
        height=table_height(len(rows)),
        alt="Alerts, newest first",
        placeholder="-",
        column_config={
            "raised": moment_column("Raised"),
            "rule": st.column_config.TextColumn("Alert"),
            "words": st.column_config.TextColumn("What", width="large"),
            "cases": st.column_config.NumberColumn("Cases", format="%d"),
            "ended": moment_column("Over"),
            "lasted": st.column_config.TextColumn("Lasted"),
            "told": moment_column("Webhook told"),
        },
    )
    show_rows_before(BEFORE, "alerts", last_of_page(frame["alert_id"], loaders.PER_PAGE))
    st.caption(f"{count_of(len(rows), 'alert')} on this page, newest first. Alerts are kept for a year.")


def _lasted(row: dict[str, Any], now: int) -> str:
    if pd.isna(row["cleared_at"]):
        return f"{span_in_words(now - int(row['raised_at']))}, until now"
    return span_in_words(int(row["cleared_at"]) - int(row["raised_at"]))
