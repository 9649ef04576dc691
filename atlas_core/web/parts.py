"""Parts that several pages draw: `show_…`.

Text from documents goes through `st.text`, `st.code` or a table's text column, never through Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from atlas_core.errors import AtlasDeskError, BookMissing
from atlas_core.insight import theme
from atlas_core.insight.theme import Look
from atlas_core.models import STAGES
from atlas_core.thresholds import Thresholds
from atlas_core.web.words import markdown_safe


@contextmanager
def told_in_words() -> Iterator[None]:
    """Shows an error of ours as what it is, a sentence, in place of what could not be drawn."""
    try:
        yield
    except BookMissing:
        show_no_books()
    except AtlasDeskError as error:
        st.error(markdown_safe(str(error)), icon=":material/error:")


def show_title(title: str, sentence: str = "") -> None:
    """A page's name and the question it answers. Both texts are ours."""
    st.title(title, anchor=False)
    if sentence:
        st.caption(sentence)


def show_no_books() -> None:
    """What a first visit sees before the worker has ever run."""
    show_empty(
        "Nothing here yet",
        "Atlas Desk keeps what you send and what Atlas answers in two books, which the worker makes when it "
        "first runs.",
    )
    st.text("Start everything with this command, then reload this page:")
    st.code("python -m atlas_core up", language=None, width=420)


def show_empty(headline: str, sentence: str, icon: str = ":material/inbox:") -> None:
    """An empty state: what would be here, and the next step. Both texts are ours."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.subheader(headline, icon=icon, anchor=False, text_alignment="center")
        st.markdown(sentence, text_alignment="center", width=560)
        st.space("small")


def show_look(look: Look) -> None:
    """A badge that explains itself when pointed at."""
    # A badge makes brackets safe by itself; twice would show.
    label = markdown_safe(look.label).replace("\\[", "[").replace("\\]", "]")
    st.badge(label, icon=look.icon, color=look.color, help=look.meaning)


def show_stages(statuses: Mapping[str, str | None]) -> None:
    """The four stages side by side, each with what Atlas says of it."""
    with st.grid(4, min_column_width=130, gap="small"):
        for stage in STAGES:
            with st.container(border=True, gap="xsmall"):
                st.caption(theme.STAGES[stage].label, help=theme.STAGES[stage].meaning)
                show_look(theme.status_look(statuses.get(stage)))


def show_id(label: str, value: str | None) -> None:
    """An id with a button that copies it."""
    st.caption(label)
    if value:
        st.code(value, language=None, wrap_lines=True)
    else:
        st.text("Not known")


def show_scales(thresholds: Thresholds) -> None:
    """What similarity, band and confidence mean, with the thresholds in force."""
    own = "".join(
        f" {theme.words_of_code(name)}: strong from {strong_from}, review below {review_below}."
        for name, review_below, strong_from in thresholds.per_check
    )
    with st.expander("What do similarity, band and confidence mean?", icon=":material/info:"):
        st.markdown(
            f"""
**Similarity** (0 to 100) belongs to a *cross-check*: Atlas compares the same fact in two documents, such
as the customer's name on the invoice and on the delivery order. Two equal values may still score 90.

**Band** is how we read a similarity: **strong** from {thresholds.strong_from}, **unclear** between,
**review** below {thresholds.review_below}. A review band asks for a person.{own}

**Confidence** (0 to 1) belongs to one *field* of one document: how sure Atlas is that it read the text
rightly. Fields found by a fixed rule often carry 0, which is not an error. The two scales cannot be compared.
"""
        )
