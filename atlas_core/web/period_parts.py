"""The days, weeks and months that a page counts by."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from atlas_core.insight.periods import Step
from atlas_core.web.kept import kept_choice

STEP = "step"


def ask_for_step() -> Step:
    """Day, week or month, as the address says."""
    steps: tuple[Step, ...] = get_args(Step)
    chosen: Step = st.segmented_control(
        "Per",
        steps,
        required=True,
        format_func=str.capitalize,
        **kept_choice(STEP, steps, "week", str.capitalize),
        help="Days, weeks (from Monday) and months are UTC.",
    )
    return chosen
