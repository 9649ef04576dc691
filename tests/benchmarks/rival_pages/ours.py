"""The same as we draw it, a strip for each check, counted anew in every run."""

from dataclasses import replace

import streamlit as st

from atlas_core.books.columns import open_columns
from atlas_core.insight.charts_strips import Strip, score_strips_chart
from atlas_core.insight.distributions import checks_per_score
from atlas_core.insight.palette import LIGHT
from atlas_core.insight.selection import Selection
from tests.benchmarks.page_runs import place_of_this_run

st.title("Cross-checks")
columns = replace(open_columns(place_of_this_run()))  # another object: no answer is remembered for it
table = checks_per_score(columns, Selection())
strips = [Strip(check, table.of(check), 70, 90) for check in table.checks]
st.plotly_chart(score_strips_chart(strips, LIGHT).figure, theme=None)
