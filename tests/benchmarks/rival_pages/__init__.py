"""Streamlit pages that draw the same histogram: as a newcomer would, with some care, as we do, and none."""
