"""Hostile texts in every place that the outside world can fill, on every page, in a real Chromium."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Error, expect

from atlas_core.insight.screen_masks import masked
from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.hostile import (
    COLOURED,
    ICON,
    WHOLE_FLOW,
    Canary,
    fill_with_hostile_texts,
    hostile_texts,
    listening_canary,
)
from tests.made_books import make_books

pytestmark = pytest.mark.browser

# What a text turned into something else would look like, with the canary's address in place of %s.
TURNED = f"""
[...document.querySelectorAll('*')].filter(one =>
    [...one.attributes].some(({{name, value}}) =>
        (/^on/.test(name) && name !== 'one')
        || (/^(src|href|xlink:href|action|data|poster|srcset|formaction)$/.test(name)
            && (value.includes('%s') || /^\\s*(javascript|vbscript|data:text)/i.test(value))))
    || (one.matches('.katex') || one.matches('iframe, object, embed'))
    || (one.matches('[data-testid=stIconMaterial]') && one.textContent.trim() === '{ICON}')
    || (one.matches('.stMarkdownColoredText, .stMarkdownBadge, .stMarkdown small, [data-testid=stBadge]')
        && one.textContent.trim() === '{COLOURED}')
).map(one => one.outerHTML.slice(0, 300))
"""


DRAWN = """() => [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
    .every(chart => chart.querySelector('.main-svg'))"""


@dataclass(frozen=True)
class Hostile:
    url: str
    canary: Canary
    texts: tuple[str, ...]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    books = make_books(tmp_path_factory.mktemp("books"))
    with listening_canary() as canary:
        texts = hostile_texts(canary.url)
        fill_with_hostile_texts(books, texts)
        with running_pages(desk_environment(books.atlas.parent)) as url:
            yield Hostile(url, canary, texts)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def look(visitor: Visitor, canary: Canary) -> str:
    """What a reader sees; fails where a text is more than text."""
    visitor.settle()
    visitor.page.wait_for_function(DRAWN)
    turned = visitor.page.evaluate(TURNED % urlsplit(canary.url).netloc)
    assert turned == [], visitor.page.url
    assert visitor.page.get_by_test_id("stException").count() == 0
    return visitor.page.locator("main").inner_text()


def walk(visitor: Visitor, path: str, canary: Canary) -> str:
    """A page with all its tabs, each chart with its table."""
    visitor.open(path)
    visitor.page.get_by_text("Work by keyboard").click()
    expect(visitor.page.get_by_role("switch", name="Work by keyboard")).to_be_checked()
    seen = look(visitor, canary)
    tabs = visitor.page.get_by_role("tab")
    opened = tabs.evaluate_all("tabs => tabs.map(one => one.ariaSelected === 'true')")
    for number in [number for number, is_open in enumerate(opened) if not is_open]:
        tabs.nth(number).click()
        seen += look(visitor, canary)
    return seen


def test_twenty_hostile_texts_on_every_page_stay_texts_and_call_nobody_b34_c13(
    chrome: Browser, desk: Hostile
) -> None:
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        with suppress(Error):
            dialog.dismiss()

    with visiting(chrome, desk.url) as visitor:
        visitor.page.on("dialog", note)
        visitor.open("/")
        links = visitor.page.get_by_test_id("stSidebarNavLink")
        pages = [urlsplit(link).path for link in links.evaluate_all("links => links.map(one => one.href)")]
        assert {"/", "/submit", "/watch", "/results", "/cross_checks", "/errors"} <= set(pages)
        for path in pages:
            walk(visitor, path, desk.canary)
        seen = walk(visitor, f"/flow?flow={WHOLE_FLOW}", desk.canary)
        for text in (desk.texts[0], desk.texts[3], desk.texts[10], desk.texts[17]):
            assert text in seen or masked("customer_name", text) in seen
    assert dialogs == []
    assert desk.canary.asked == []


def test_hostile_texts_in_the_address_stay_texts_and_call_nobody_b111(chrome: Browser, desk: Hostile) -> None:
    addresses = ("results?find={}&words={}", "errors?code={}&dealer={}", "flow?flow={}")
    with visiting(chrome, desk.url) as visitor:
        for number, text in enumerate((desk.texts[0], desk.texts[3], desk.texts[10], desk.texts[14])):
            visitor.open("/" + addresses[number % 3].replace("{}", quote(text)))
            look(visitor, desk.canary)
    assert desk.canary.asked == []


def test_a_page_that_reads_the_texts_as_markup_would_be_found_out(chrome: Browser) -> None:
    page = chrome.new_page()
    page.evaluate(
        "texts => { document.body.innerHTML = texts }", "".join(hostile_texts("http://canary.invalid"))
    )
    turned = page.evaluate(TURNED % "canary.invalid")
    for found in ("<img", "<script", "<svg", "<iframe", "<a "):
        assert any(one.startswith(found) for one in turned)
    page.close()
