"""Pages run as a session runs them, over books of a test's own, without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from atlas_core.books.writer import AtlasWriter
from atlas_core.web import loaders
from tests.mirrored import follow

APP = Path(__file__).resolve().parent.parent / "app.py"


@contextmanager
def sessions_over(data_dir: Path) -> Iterator[None]:
    """Every session in here is over the books in that folder, with the sandbox's settings.

    AppTest opens the door of `pages/` anew for each run; the server closed it before any session.
    """
    make = PagesManager.__init__

    def make_closed(self: PagesManager, *args: Any, **named: Any) -> None:
        make(self, *args, **named)
        PagesManager.uses_pages_directory = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PagesManager, "__init__", make_closed)
        patch.setenv("ATLAS_DATA_DIR", str(data_dir))
        for name in ("ATLAS_BASE_URL", "ATLAS_CLIENT_ID", "ATLAS_CLIENT_SECRET"):
            patch.delenv(name, raising=False)
        loaders.desk_settings.cache_clear()
        try:
            yield
        finally:
            loaders.desk_settings.cache_clear()


def show(page_name: str, *, by: AtlasWriter | None = None, **address: str) -> AppTest:
    """One page as a visitor with this address sees it, over a mirror that has caught up."""
    book = loaders.desk_settings().atlas_book
    if book.exists():
        with nullcontext(by) if by else AtlasWriter(book) as writer:
            follow(writer, book)
    session = AppTest.from_file(str(APP), default_timeout=20)
    for name, value in address.items():
        session.query_params[name] = value
    session.run()
    if page_name != "today":
        session.switch_page(f"pages/{page_name}.py").run()
    assert not session.exception
    return session


def said(session: AppTest) -> str:
    """Everything that a page says in words (tables and copied texts aside)."""
    return "\n".join([in_markdown(session), *drawn_words(session)])


def in_markdown(session: AppTest) -> str:
    """What a page says by Streamlit's own elements, most of which read it as Markdown."""
    kinds = (
        "title",
        "header",
        "subheader",
        "markdown",
        "caption",
        "text",
        "warning",
        "error",
        "info",
        "success",
    )
    return "\n".join(str(element.value) for kind in kinds for element in session.get(kind))


def drawn_words(session: AppTest) -> list[str]:
    """What is read in the parts that are drawn as HTML, each piece of text by itself."""
    bodies = [element.proto.body for element in session.get("html")]
    return [html.unescape(text) for body in bodies for text in re.findall(r">([^<>]+)<", body)]


def table_with(session: AppTest, column: str) -> dict[str, list[Any]]:
    """The table that has this column, column by column."""
    found = [frame.value for frame in session.dataframe if column in frame.value.columns]
    return {str(name): found[0][name].tolist() for name in found[0].columns}


def button(session: AppTest, label: str) -> Any:
    """The first button with that label."""
    found = [one for one in session.button if one.label == label]
    assert found, f"no button {label}: {[one.label for one in session.button]}"
    return found[0]
