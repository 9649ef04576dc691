"""A desk with one button: the least that a key and a run of a script can cost."""

import contextlib
from collections.abc import AsyncIterator

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from atlas_core.web.server import answer_without_delay


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    answer_without_delay()  # as the desk: it is not to win by the operating system's delays
    yield


if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(__file__, lifespan=lifespan)
else:
    st.set_page_config(layout="wide")
    if st.button("Again", shortcut="X"):
        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.title(f"Run {st.session_state.get('runs', 0)}")
