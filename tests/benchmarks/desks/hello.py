"""A desk that only says hello, on two pages to go to and fro between."""

import contextlib
from collections.abc import AsyncIterator

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from atlas_core.web.server import answer_without_delay


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    answer_without_delay()  # as the desk: it is not to win by the operating system's delays
    yield


def say_hello() -> None:
    st.title("Hello")


def say_hello_again() -> None:
    st.title("Hello again")


if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(__file__, lifespan=lifespan)
else:
    st.set_page_config(layout="wide")
    st.navigation(
        [
            st.Page(say_hello, title="Hello", url_path="hello", default=True),
            st.Page(say_hello_again, title="Hello again", url_path="again"),
        ]
    ).run()
