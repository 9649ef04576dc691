"""One cross-check on a screen: Atlas's similarity, both values, and (ours) where they differ.

It is drawn as one piece of HTML, because a page of many cross-checks made of many small elements takes a
browser long. This is the only place where HTML is made; every text in it is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.reading import Record
from atlas_core.insight import theme
from atlas_core.insight.case_view import compared
from atlas_core.insight.differences import LABEL, Mark, Piece, visible
from atlas_core.insight.palette import Palette
from atlas_core.insight.screen_masks import masked_literal
from atlas_core.thresholds import Thresholds

_TAGS = {Mark.MISSING: "del", Mark.ADDED: "ins", Mark.CHANGED: "mark"}
_COLORS: dict[Mark, theme.Color] = {Mark.MISSING: "red", Mark.ADDED: "green", Mark.CHANGED: "orange"}
_HIDDEN = theme.Look(
    "Score hidden",
    "gray",
    "",
    "Judge by the values alone. In some cases the score is hidden, so that people and Atlas can be compared "
    "honestly.",
)
_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .6rem"
_SIDES = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(250px,100%),1fr));gap:.5rem 1.5rem"
_QUIET = "font-size:.875rem;opacity:.75"
_VALUE = "line-height:1.5;overflow-wrap:anywhere"


@dataclass(frozen=True, slots=True)
class CheckLook:
    """How a cross-check is shown: `number` stands before its name; its values in large type; `shows_all`:
    nothing is masked; `qualities` are the quality flags of document types."""

    number: str = ""
    is_large: bool = False
    shows_all: bool = False
    qualities: Mapping[str, str] = field(default_factory=dict)


def show_check(
    user: User,
    check: Record,
    thresholds: Thresholds | None,
    palette: Palette,
    look: CheckLook = CheckLook(),
) -> None:
    """A cross-check with both values side by side, their differences marked and personal values masked.
    Without thresholds its score is hidden."""
    st.html(drawn(user, check, thresholds, palette, look))


def drawn(user: User, check: Record, thresholds: Thresholds | None, palette: Palette, look: CheckLook) -> str:
    """The same as HTML, in which every text of the cross-check is text."""
    difference, source, target = compared(
        check, shows_all=look.shows_all, shows_differences=user.may(Action.COMPARE)
    )
    name = f"<strong>{_text(look.number + theme.words_of_code(check['name']))}</strong>"
    if check["source_value"] or check["target_value"]:
        kind = theme.Look(str(difference.kind).capitalize(), "gray", "", LABEL)
    else:
        kind = None  # there is nothing to compare, as in an erased flow
    score = _score(check, thresholds, palette) + (_badge(kind, palette) if kind else "")
    style = f"{_VALUE};font-size:{1.3 if look.is_large else 1}rem"
    sides = "".join(
        f'<div><div style="{_QUIET}">{_text(_side_in_words(check, side, look.qualities))}</div>'
        f'<div style="{style}">{marked(pieces, palette) or "(empty)"}</div></div>'
        for side, pieces in (("source", source), ("target", target))
    )
    notes = f"Passed over: {', '.join(difference.notes)}." if difference.notes else ""
    return (
        f'<div style="{_ROW}">{name}{score}</div><div style="{_SIDES}">{sides}</div>'
        f'<div style="{_QUIET}">{_text(notes)}</div>'
    )


def similarity_in_words(score: float | None, raw: str | None) -> str:
    """A similarity with its scale; `raw` is what Atlas sent where it cannot be used."""
    if score is None:
        return f"similarity not usable: {masked_literal(raw)}" if raw else "no similarity given"
    return f"similarity {score:g} of 100"


def marked(pieces: Sequence[Piece], palette: Palette) -> str:
    """A value as HTML in which every character of it is text, and only the marks are ours."""
    return "".join(_marked(piece, palette) for piece in pieces)


def _score(check: Record, thresholds: Thresholds | None, palette: Palette) -> str:
    if thresholds is None:
        return _badge(_HIDDEN, palette)
    score = check["similarity"]
    band = _badge(theme.BANDS[thresholds.band(check["name"], score)], palette)
    return f"{band}<span>{_text(similarity_in_words(score, check.get('similarity_raw')))}</span>"


def _badge(look: theme.Look, palette: Palette) -> str:
    style = f"background:{palette.named[look.color]}26;border-radius:6px;padding:0 .4rem;font-size:.875rem"
    return f'<span title="{_text(look.meaning)}" style="{style}">{_text(look.label)}</span>'


def _side_in_words(check: Record, side: str, qualities: Mapping[str, str]) -> str:
    document, sure = check[f"{side}_doc"], check[f"{side}_confidence"]
    parts = [
        theme.words_of_code(document),
        theme.words_of_code(check[f"{side}_field_name"]).lower(),
        "confidence not given" if sure is None else f"confidence {sure:.2f} of 1",
    ]
    if quality := qualities.get(document):
        parts.append(theme.words_of_code(quality).lower())
    return " · ".join(parts)


def _text(words: str) -> str:
    return html.escape(visible(words))


def _marked(piece: Piece, palette: Palette) -> str:
    tag = _TAGS.get(piece.mark)
    if tag is None:
        return _text(piece.text)
    color = palette.named[_COLORS[piece.mark]]
    style = (
        f"color:inherit;background:{color}26;border-bottom:2px solid {color};border-radius:2px;"
        "text-decoration:none;padding:0 1px"
    )
    return f'<{tag} title="{piece.mark}" style="{style}">{_text(piece.text)}</{tag}>'
