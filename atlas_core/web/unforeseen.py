"""Errors that no page expected."""

from __future__ import annotations

import logging
import secrets
import traceback

import streamlit as st

log = logging.getLogger(__name__)


def show_unforeseen(error: Exception) -> bool:
    """Shows an error that no page expected as a reference number, and logs where it arose.

    Neither the screen nor the log quotes its text, which may hold what a document says.
    """
    reference = secrets.token_hex(4)
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "error %s: %s at %s:%s in %s",
        reference,
        type(error).__name__,
        place.filename,
        place.lineno,
        place.name,
    )
    st.error(
        f"This page met an error it did not expect. Nothing was lost. Reload it; if it happens again, tell "
        f"whoever runs Atlas Desk this reference: **{reference}**.",
        icon=":material/error:",
    )
    return True
