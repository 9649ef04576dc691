"""Review: the next case that needs a person."""

import streamlit as st

from atlas_core.access import Action
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.review_desk import show_reviewing
from atlas_core.web.review_team import show_team

user = require_user()
show_title("Review")
if not user.may(Action.JUDGE):
    show_empty(
        "Judging takes another role",
        "Cases are judged by analysts and leads. Ask whoever runs Atlas Desk for the role.",
        icon=":material/lock:",
    )
    st.stop()

CASES, TEAM = "Cases", "Team"
if not user.may(Action.ASSIGN):
    show_reviewing(user)
    st.stop()
cases, team = st.tabs([CASES, TEAM], key="tab", bind="query-params", on_change="rerun")
if cases.open:
    with cases:
        show_reviewing(user)
if team.open:
    with team:
        show_team()
