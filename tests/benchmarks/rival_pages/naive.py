"""The page a newcomer writes: read everything, hand it to the chart."""

import sqlite3
from contextlib import closing

import pandas as pd
import plotly.express as px
import streamlit as st

from tests.benchmarks.page_runs import place_of_this_run

st.title("Cross-checks")
with closing(sqlite3.connect(f"file:{place_of_this_run()}?mode=ro", uri=True)) as connection:
    rows = pd.read_sql("SELECT * FROM cross_checks", connection)
st.plotly_chart(px.histogram(rows, x="similarity_score", color="name", nbins=101))
