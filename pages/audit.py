"""Audit: who did what, when, to which case and why."""

import streamlit as st

from atlas_core.access import Action
from atlas_core.web.audit_parts import ask_for_entries, show_entries, show_proof
from atlas_core.web.frame import require_user
from atlas_core.web.parts import show_empty, show_title

user = require_user()
show_title(
    "Audit",
    "Who did what, when, to which case and why. Never what a document says. Entries are only ever added.",
)
if not user.may(Action.READ_AUDIT):
    show_empty(
        "Not for your role",
        "The audit log is read by leads and admins.",
        icon=":material/lock:",
    )
    st.stop()
asked = ask_for_entries()
show_proof(asked, user)
show_entries(asked)
