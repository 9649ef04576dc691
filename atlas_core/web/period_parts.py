"""The days, weeks and months that a page counts by."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from atlas_core.insight.periods import Step

STEP = "step"


def ask_for_step() -> Step:
    """Day, week or month, as the address says."""
    steps: tuple[Step, ...] = get_args(Step)
    return st.segmented_control(
        "Per",
        steps,
        default="week",
        required=True,
        format_func=str.capitalize,
        key=STEP,
        bind="query-params",
        help="Days, weeks (from Monday) and months are UTC.",
    )
