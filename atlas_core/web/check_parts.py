"""One cross-check on a screen: Atlas's similarity, and where the two values differ (ours)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from atlas_core.access import Action
from atlas_core.insight import theme
from atlas_core.insight.case_view import compared
from atlas_core.insight.differences import LABEL, Mark, Piece, compare_values, visible
from atlas_core.insight.palette import Palette
from atlas_core.thresholds import Thresholds
from atlas_core.web.parts import show_look
from atlas_core.web.signing_in import require_user
from atlas_core.web.words import markdown_safe

_TAGS = {Mark.MISSING: "del", Mark.ADDED: "ins", Mark.CHANGED: "mark"}
_COLORS: dict[Mark, theme.Color] = {Mark.MISSING: "red", Mark.ADDED: "green", Mark.CHANGED: "orange"}


def show_check_head(check: dict[str, Any], thresholds: Thresholds) -> None:
    """A cross-check's name, band and similarity, and (ours) the kind of difference."""
    score = None if pd.isna(check["similarity"]) else check["similarity"]
    st.markdown(f"**{markdown_safe(theme.words_of_code(check['name']))}**", width="content")
    show_look(theme.BANDS[thresholds.band(check["name"], score)])
    st.text(similarity_in_words(score, check.get("similarity_raw")), width="content")
    if not (check["source_value"] or check["target_value"]):
        return  # there is nothing to compare, as in an erased flow
    kind = compare_values(check["source_value"] or "", check["target_value"] or "").kind
    st.badge(str(kind).capitalize(), icon=":material/difference:", color="gray", help=LABEL)


def similarity_in_words(score: float | None, raw: str | None) -> str:
    """A similarity with its scale; `raw` is what Atlas sent where it cannot be used."""
    if score is None:
        return f"similarity not usable: {raw}" if raw else "no similarity given"
    return f"similarity {score:g} of 100"


def show_sides(check: dict[str, Any], palette: Palette, *, shows_all: bool = False) -> None:
    """Both values of a cross-check side by side, their differences marked, personal values masked unless
    `shows_all`."""
    may_compare = require_user().may(Action.COMPARE)
    difference, source, target = compared(check, shows_all=shows_all, shows_differences=may_compare)
    with st.grid(2, min_column_width=260, gap="medium"):
        for side, pieces in (("source", source), ("target", target)):
            with st.container(gap="xsmall"):
                document = theme.words_of_code(check[f"{side}_doc"])
                field = theme.words_of_code(check[f"{side}_field_name"]).lower()
                sure = check[f"{side}_confidence"]
                how_sure = "" if pd.isna(sure) else f" · confidence {sure:.2f} of 1"
                st.caption(f"{markdown_safe(document)} · {markdown_safe(field)}{how_sure}")
                st.html(marked(pieces, palette) or "(empty)")
    if difference.notes:
        st.caption(f"Passed over: {', '.join(difference.notes)}.")


def show_value(pieces: Sequence[Piece], palette: Palette) -> None:
    """One value in large type, its differences marked."""
    text = marked(pieces, palette) or "(empty)"
    st.html(f'<div style="font-size:1.3rem;line-height:1.5;overflow-wrap:anywhere">{text}</div>')


def marked(pieces: Sequence[Piece], palette: Palette) -> str:
    """A value as HTML in which every character of it is text, and only the marks are ours."""
    return "".join(_marked(piece, palette) for piece in pieces)


def _marked(piece: Piece, palette: Palette) -> str:
    text = html.escape(visible(piece.text))
    tag = _TAGS.get(piece.mark)
    if tag is None:
        return text
    color = palette.named[_COLORS[piece.mark]]
    style = (
        f"color:inherit;background:{color}26;border-bottom:2px solid {color};border-radius:2px;"
        "text-decoration:none;padding:0 1px"
    )
    return f'<{tag} title="{piece.mark}" style="{style}">{text}</{tag}>'
