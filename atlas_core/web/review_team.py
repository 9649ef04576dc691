"""What a lead sees of review: the queue, who has what, the pace, how far people agree, and the rules."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.claims import assign_cases
from atlas_core.books.queries.review_work import flow_uuids_of
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError
from atlas_core.insight import theme
from atlas_core.insight.review_queue import QUEUE
from atlas_core.insight.review_work import PACE_DAYS
from atlas_core.web import judged_loaders, loaders
from atlas_core.web.parts import told_in_words
from atlas_core.web.review_evidence import show_evidence
from atlas_core.web.review_filters import CASE, ask_for_cases, fitting, waiting_in_words, wanted_cases
from atlas_core.web.signing_in import require_user
from atlas_core.web.tables import moment_column, moments, show_rows, table_height
from atlas_core.web.words import count_of, markdown_safe, span_in_words

ASSIGNED_AT_MOST = 500


@st.fragment
def show_team() -> None:
    """Everything about the queue that is not a case."""
    user = require_user()
    if not user.may(Action.ASSIGN):
        st.rerun()
    with told_in_words():
        ask_for_cases(user)
        _show_queue(user)
        left, right = st.columns(2, gap="large")
        with left:
            _show_claims()
            _show_pace()
        with right:
            _show_agreement()
            _ask_to_assign(user)
        left, right = st.columns(2, gap="large")
        with left:
            _ask_for_rules(user)
        with right:
            show_evidence(user)


def _show_queue(user: User) -> None:
    now, columns = now_ms(), loaders.load_columns()
    with loaders.reading() as books:
        fits = fitting(books, columns, wanted_cases())
        waiting = QUEUE.waiting(books, columns, user.who, now=now, fits=fits)
    with st.grid(4, min_column_width=150):
        made_of = f" These are {waiting_in_words(waiting)}." if waiting.total else ""
        st.metric(
            "Waiting",
            f"{waiting.total:,}",
            border=True,
            help=f"For you; what others hold is not in it.{made_of}",
        )
        oldest = "-" if waiting.oldest_at is None else span_in_words(now - waiting.oldest_at)
        st.metric("Oldest", oldest, border=True, help="Since its flow was made.")
        st.metric(
            "Again", f"{waiting.again:,}", border=True, help="Decided before; a newer result came since."
        )
        st.metric(
            "A second time",
            f"{waiting.second:,}",
            border=True,
            help="Drawn to be judged by another person too, so that agreement can be measured.",
        )


def _show_claims() -> None:
    st.subheader("Who has what", anchor=False)
    claims, assigned = judged_loaders.load_claims(), judged_loaders.load_assignments()
    if claims.empty:
        st.text("Nobody is at a case just now.")
    else:
        show_rows(
            pd.DataFrame(
                {
                    "who": claims["who"],
                    "application": claims["application_id"],
                    "since": moments(claims["claimed_at"]),
                }
            ),
            "claims",
            lambda row: _open_case(claims["flow_uuid"].iloc[row]),
            at_most=10,
            alt="Cases that somebody is at",
            columns={
                "who": "Who",
                "application": "Application",
                "since": moment_column("Since"),
            },
        )
    for who, cases in zip(assigned["who"], assigned["cases"], strict=True):
        st.text(f"{who} is assigned {count_of(int(cases), 'case')}.")


def _open_case(flow_uuid: str) -> None:
    st.switch_page("pages/review.py", query_params={CASE: flow_uuid})


def _show_pace() -> None:
    st.subheader("Pace", anchor=False)
    pace = judged_loaders.load_pace()
    if pace.empty:
        st.text(f"No case was decided in the last {PACE_DAYS} days.")
        return
    st.dataframe(
        pace.assign(last_at=moments(pace["last_at"])),
        hide_index=True,
        height=table_height(len(pace), at_most=10),
        alt="Cases decided by each person",
        placeholder="-",
        column_config={
            "who": "Who",
            "day": st.column_config.NumberColumn("In 24 hours", format="%d"),
            "week": st.column_config.NumberColumn("In 7 days", format="%d"),
            "seconds": st.column_config.NumberColumn(
                "Seconds a case", format="%.0f", help="The median, from the screen to the decision."
            ),
            "last_at": moment_column("Last"),
        },
    )


def _show_agreement() -> None:
    st.subheader("Agreement", anchor=False)
    agreed = judged_loaders.load_agreement()
    if agreed.empty:
        st.text("No cross-check was judged by two people yet. The rules say how many cases are.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "name": [theme.words_of_code(name) for name in agreed["name"]],
                "n": agreed["n"],
                "share": agreed["share"] * 100,
                "kappa": agreed["kappa"],
                "interval": [
                    "too few to say" if pd.isna(low) else f"{low:.2f} to {high:.2f}"
                    for low, high in zip(agreed["low"], agreed["high"], strict=True)
                ],
            }
        ),
        hide_index=True,
        height=table_height(len(agreed), at_most=10),
        alt="How far two people agree, for each cross-check",
        placeholder="-",
        column_config={
            "name": "Cross-check",
            "n": st.column_config.NumberColumn("n", help="Judged by two people.", format="%d"),
            "share": st.column_config.NumberColumn("Alike", format="%.0f%%"),
            "kappa": st.column_config.NumberColumn(
                "Kappa",
                format="%.2f",
                help="Cohen's kappa: 1 where they always agree, 0 where they agree as often as by chance.",
            ),
            "interval": "95% interval",
        },
    )


def _ask_to_assign(user: User) -> None:
    st.subheader("Assign", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("The next", 1, ASSIGNED_AT_MOST, 20, key="assign_count", width=120)
        st.selectbox(
            "cases to",
            judged_loaders.load_reviewers(),
            index=None,
            key="assign_who",
            accept_new_options=True,
            placeholder="Choose, or type a name",
        )
        is_asked = st.button("Assign", key="assign_some")
    st.caption("Of those that fit the filters and nobody has, the worst first. They come before all others.")
    who = st.session_state.get("assign_who")
    if is_asked and who:
        _assign_some(user, str(who), int(st.session_state["assign_count"]))
    elif is_asked:
        st.info("Choose first to whom.")


def _assign_some(user: User, who: str, most: int) -> None:
    columns = loaders.load_columns()
    with loaders.reading() as books:
        fits = fitting(books, columns, wanted_cases())
        queue = QUEUE
        ids = queue.worst(books, columns, user.who, now=now_ms(), most=min(most, ASSIGNED_AT_MOST), fits=fits)
        flow_uuids = flow_uuids_of(books, ids)
    if not flow_uuids:
        st.info("No case is left to assign.")
        return
    assign_cases(loaders.desk(), user, flow_uuids, who)
    st.success(f"{count_of(len(flow_uuids), 'case')} assigned to {markdown_safe(who)}.")


def _ask_for_rules(user: User) -> None:
    st.subheader("Rules", anchor=False)
    rules = judged_loaders.load_review_rules()
    with st.form("review_rules", border=True):
        st.caption(
            "Passes drawn by lot are mixed into the queue with their score hidden. Without them nobody can "
            "know how often a strong similarity is wrong. New shares count for results that come in from now."
        )
        strong = _ask_for_share("Strong passes judged blind", rules.strong_share)
        unclear = _ask_for_share("Unclear passes judged blind", rules.unclear_share)
        second = _ask_for_share("Decided cases judged twice", rules.second_share)
        hidden = st.checkbox(
            "Hide the score in every case", value=rules.scores_hidden, help="A score on screen sways people."
        )
        if st.form_submit_button("Put in force", icon=":material/gavel:"):
            try:
                set_review_rules(loaders.desk(), user, ReviewRules(strong, unclear, second, hidden))
            except AtlasDeskError as error:
                st.error(markdown_safe(str(error)))
            else:
                st.success("In force from now.")


def _ask_for_share(label: str, share: float) -> float:
    percent = st.number_input(f"{label} (%)", 0.0, 100.0, round(share * 100, 2), step=0.5, format="%.1f")
    return round(float(percent) / 100, 5)
