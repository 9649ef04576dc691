"""What Streamlit costs by itself."""

import streamlit as st

st.title("Cross-checks")
