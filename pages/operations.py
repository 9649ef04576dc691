"""Operations: did every result arrive, and is all well?"""

import streamlit as st

from atlas_core.web.alert_parts import show_alerts
from atlas_core.web.atlas_parts import show_atlas
from atlas_core.web.callback_parts import show_callbacks
from atlas_core.web.dead_letter_parts import show_dead_letters
from atlas_core.web.frame import require_user
from atlas_core.web.ledger_filters import DEAD_LETTERS, LEDGER, TAB
from atlas_core.web.ledger_parts import show_ledger
from atlas_core.web.parts import show_title, told_in_words
from atlas_core.web.selftest_parts import show_selftest
from atlas_core.web.standing_parts import show_standing
from atlas_core.web.storage_parts import show_storage

user = require_user()
show_title("Operations", "Did every result arrive, is anything stuck, and can we prove it?")
show_standing()
sections = {
    LEDGER: lambda: show_ledger(user),
    "Callbacks and polls": lambda: show_callbacks(user),
    DEAD_LETTERS: lambda: show_dead_letters(user),
    "Atlas": show_atlas,
    "Storage": show_storage,
    "Self-test": show_selftest,
    "Alerts": show_alerts,
}
tabs = st.tabs(list(sections), key=TAB, bind="query-params", on_change="rerun")
for tab, show_section in zip(tabs, sections.values(), strict=True):
    if tab.open:
        with tab, told_in_words():
            show_section()
