"""Errors that no page expected."""

from __future__ import annotations

import logging
import secrets
import traceback

import streamlit as st

log = logging.getLogger(__name__)


def keep_texts_out_of_the_log() -> None:
    """Silences Streamlit's own log of such errors, which quotes their texts."""
    logging.getLogger("streamlit.error_util").setLevel(logging.CRITICAL)


def show_unforeseen(error: Exception) -> bool:
    """Shows an error that no page expected as a reference number, and logs where it arose.

    Neither the screen nor the log quotes its text, which may hold what a document says.
    """
    reference = secrets.token_hex(4)
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("error %s: %s\n%s", reference, type(error).__name__, frames)
    st.error(
        f"This page met an error it did not expect. Nothing was lost. Reload it; if it happens again, tell "
        f"whoever runs Atlas Desk this reference: **{reference}**.",
        icon=":material/error:",
    )
    return True
