"""What is around every page: navigation, who is looking, how fresh it is, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from atlas_core.web import filters, loaders
from atlas_core.web.by_keys import ask_for_keys
from atlas_core.web.health import show_freshness, show_troubles
from atlas_core.web.parts import told_in_words
from atlas_core.web.signing_in import close_when_over, require_user, show_who, visitor

HERE = Path(__file__).parent


def show_page() -> None:
    """Draws the frame and runs the page that the address names."""
    # Before the pages are named: else each page's icon becomes the tab's, fetched from a foreign host.
    st.set_page_config(
        page_title="Atlas Desk",
        page_icon=str(HERE / "favicon.png"),
        layout="wide",
        initial_sidebar_state="auto",
    )
    st.logo(str(HERE / "logo.svg"), icon_image=str(HERE / "mark.svg"), size="large")
    flow_page = st.Page(
        "pages/flow.py",
        title="Flow",
        icon=":material/description:",
        visibility="hidden",
        help="Everything about one flow.",
    )
    # Strangers get no list of pages; that the pages are known keeps the address they came by.
    page = st.navigation(
        position="sidebar" if visitor().user else "hidden",
        pages={
            "Work": [
                st.Page(
                    "pages/today.py",
                    title="Today",
                    icon=":material/today:",
                    default=True,
                    help="What needs a person now, and how many flows there are of each kind.",
                ),
                st.Page(
                    "pages/submit.py",
                    title="Submit",
                    icon=":material/upload_file:",
                    help="Send the documents of one application, or a CSV of many.",
                ),
                st.Page(
                    "pages/watch.py",
                    title="Watch",
                    icon=":material/pace:",
                    help="Every flow that Atlas is working on now, and how far it is.",
                ),
                st.Page(
                    "pages/review.py",
                    title="Review",
                    icon=":material/rate_review:",
                    help="The next case that needs a person: compare, judge, decide.",
                ),
            ],
            "Explore": [
                st.Page(
                    "pages/results.py",
                    title="Results",
                    icon=":material/search:",
                    help="Find any flow, by any of its ids or by its outcome.",
                ),
                st.Page(
                    "pages/cross_checks.py",
                    title="Cross-checks",
                    icon=":material/compare_arrows:",
                    help="How good the comparisons are, and what other thresholds would change.",
                ),
                st.Page(
                    "pages/errors.py",
                    title="Errors",
                    icon=":material/error:",
                    help="What Atlas could not use, how often, since when and why.",
                ),
                flow_page,
            ],
            "Run": [
                st.Page(
                    "pages/operations.py",
                    title="Operations",
                    icon=":material/monitor_heart:",
                    help="Every delivery and what became of it, Atlas's health, storage and backups.",
                ),
                st.Page(
                    "pages/audit.py",
                    title="Audit",
                    icon=":material/history_edu:",
                    help="Who did what, when, to which case and why.",
                ),
            ],
        },
    )
    st.set_page_config(page_title=f"{page.title} · Atlas Desk")
    user = require_user()
    if filters.has_come_back() and page != flow_page:
        st.switch_page(page, query_params=filters.filters_come_from())
    with st.sidebar:
        if loaders.desk_settings().uses_sandbox:
            st.badge(
                "Sandbox",
                icon=":material/science:",
                color="violet",
                help="No credentials are set, so a sandbox on this machine plays Atlas.",
            )
        show_freshness()
        show_who(user)
        ask_for_keys()
        close_when_over()
    with told_in_words():
        show_troubles(page.title)
        page.run()
