"""Submit: send one application, or a CSV of many, and decide where an answer was lost."""

import streamlit as st

from atlas_core.access import Action
from atlas_core.web import loaders
from atlas_core.web.frame import require_user
from atlas_core.web.intake_parts import ask_for_csv, ask_for_one
from atlas_core.web.kept import kept_tabs
from atlas_core.web.parts import show_title
from atlas_core.web.submission_parts import show_progress, show_undecided

user = require_user()
show_title(
    "Submit",
    "Send loan documents to Atlas. You give links to the documents; Atlas fetches them itself, reads them "
    "and compares them. Everything is checked here before anything is sent.",
)
if group_id := st.query_params.get("group"):
    show_progress(group_id)

one, many, undecided = kept_tabs(["One application", "Many by CSV", "Undecided"])
if not user.may(Action.SUBMIT):
    st.info("Applications are submitted by analysts and leads; you may look.", icon=":material/lock:")
if one.open and user.may(Action.SUBMIT):
    with one:
        ask_for_one(loaders.desk_settings())
if many.open and user.may(Action.SUBMIT):
    with many:
        ask_for_csv(loaders.desk_settings())
if undecided.open and user.may(Action.SUBMIT):
    with undecided:
        show_undecided()
