"""Errors: what Atlas could not use, how often, since when and why."""

import streamlit as st

from atlas_core.insight.errors import errors_per_code
from atlas_core.web import loaders
from atlas_core.web.case_parts import show_document_cases
from atlas_core.web.error_parts import ANY, TILES, show_codes, show_cured, show_tiles, show_time, show_who
from atlas_core.web.frame import require_user
from atlas_core.web.kept import kept_tabs
from atlas_core.web.opened import narrowed, opened_cases, words_of_parts
from atlas_core.web.parts import show_empty, show_title
from atlas_core.web.selection_filters import ask_for_selection

require_user()
show_title(
    "Errors",
    "Which documents Atlas could not use: the error codes it gave, on which types of document, since when "
    "and why.",
)
columns = loaders.load_columns()
if not len(columns.documents):
    show_empty("No document yet", "Atlas's first results are counted here, with every error code they hold.")
    st.page_link("pages/submit.py", label="Submit an application", icon=":material/upload_file:")
    st.stop()
selection = ask_for_selection(columns, codes=True)


def show_opened(place: str) -> None:
    parts = opened_cases()
    if parts.get("at") == place:
        words = words_of_parts(parts) or "with an error"
        show_document_cases(columns, narrowed(selection, parts), words, errors_only=ANY not in parts)


show_tiles(columns, selection)
show_opened(TILES)
if errors_per_code(columns, selection).empty:
    show_empty("No error", "No document that fits the filters has an error code.", ":material/task_alt:")
    st.stop()
sections = {
    "Codes": show_codes,
    "Over time": show_time,
    "Products and dealers": show_who,
    "Cured later": show_cured,
}
tabs = kept_tabs(list(sections))
for tab, show_section in zip(tabs, sections.values(), strict=True):
    if tab.open:
        with tab:
            show_section(columns, selection, show_opened)
