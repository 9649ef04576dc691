"""Atlas Desk's two faces: the server imports this file, every session runs it."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from atlas_core.web import server, unforeseen

    server.close_the_pages_door()
    app = st.App(
        __file__,
        lifespan=server.lifespan,
        middleware=server.middleware(),
        secrets=server.secrets_of_sign_in(),
        on_script_error=unforeseen.show_unforeseen,
    )
else:
    from atlas_core.web import frame

    frame.show_page()
