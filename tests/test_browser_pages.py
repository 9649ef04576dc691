"""Pages over books made for the test, in a real Chromium, without a worker."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from atlas_core.books import store
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.insight.screen_masks import masked
from tests.browser import chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_books import MINUTE, MadeBooks, add_flow, make_books, make_result
from tests.mirrored import follow

pytestmark = pytest.mark.browser

HOSTILE = "![x](http://canary.invalid/x.png)<img src=http://canary.invalid/y>"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    made = make_books(tmp_path_factory.mktemp("books"))
    now = now_ms()
    with AtlasWriter(made.atlas) as writer:
        for number in range(120):
            uuid = f"LOS-{number:08d}"
            add_flow(
                writer,
                uuid,
                application_id=f"LOAN-{number:03d}",
                created_at=now - number * MINUTE,
                result=make_result(uuid, similarities=(12 if number % 2 else 95,)),
            )
        hostile = make_result("LOS-hostile1", similarities=(12,), error_code=HOSTILE, name=HOSTILE)
        add_flow(
            writer,
            "LOS-hostile1",
            application_id=HOSTILE[:64],
            created_at=now - 300 * MINUTE,
            result=hostile,
        )
        unusable = make_result("LOS-unusable1", error_code="INVALID_DOC")
        add_flow(writer, "LOS-unusable1", created_at=now - 400 * MINUTE, result=unusable)
        follow(writer, made.atlas)
        writer.write(store.record_state, "worker", "running", "", now=now - 20 * MINUTE)
        writer.write(store.record_state, "atlas", HOSTILE, HOSTILE, now=now)
    return made


@pytest.fixture(scope="module")
def pages(books: MadeBooks) -> Iterator[str]:
    with running_pages(desk_environment(books.atlas.parent)) as url:
        yield url


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_a_cold_deep_link_runs_through_the_frame_before_anybody_opened_the_front_door(
    chrome: Browser, books: MadeBooks
) -> None:
    with (
        running_pages(desk_environment(books.atlas.parent)) as url,
        visiting(chrome, url) as visitor,
    ):
        visitor.open("/results")
        expect(visitor.title("Results")).to_be_visible()
        expect(visitor.page.get_by_text("not signed in")).to_be_visible()
        links = visitor.page.get_by_test_id("stSidebarNavLink")
        expect(links).to_contain_text(["Today", "Submit", "Watch", "Results"])


def test_a_filtered_link_opened_fresh_shows_the_same_and_back_keeps_it(chrome: Browser, pages: str) -> None:
    with visiting(chrome, pages) as first:
        first.open("/")
        first.page.get_by_role("link", name="Open 62 cases").click()
        expect(first.title("Results")).to_be_visible()
        expect(first.page.get_by_text("1-50 of 62 flows")).to_be_visible()
        first.page.get_by_role("button", name="Next", exact=True).click()
        expect(first.page.get_by_text("51-62 of 62 flows")).to_be_visible()
        address = first.page.url.removeprefix(pages)
        with visiting(chrome, pages) as second:
            second.open(address)
            expect(second.page.get_by_text("51-62 of 62 flows")).to_be_visible()
        first.click_cell("Flows, newest first", 0, 35)
        expect(first.title("LOAN-101")).to_be_visible()
        first.page.go_back()
        expect(first.page.get_by_text("51-62 of 62 flows")).to_be_visible()


@pytest.mark.parametrize(
    ("flow", "first"), [("LOS-00000001", "Cross-checks (1)"), ("LOS-unusable1", "Documents (1)")]
)
def test_the_open_part_of_a_flow_is_kept_by_its_address(
    chrome: Browser, pages: str, flow: str, first: str
) -> None:
    with visiting(chrome, pages) as visitor:
        page = visitor.page
        address = f"{pages}/flow?flow={flow}"

        def is_open(name: str) -> None:
            expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")

        visitor.open(f"/flow?flow={flow}")
        is_open(first)
        other = "Documents (1)" if first.startswith("Cross") else "Cross-checks (1)"
        page.get_by_role("tab", name=other, exact=True).click()
        expect(page).to_have_url(f"{address}&tab={other.split(' ')[0]}")
        page.reload()
        visitor.settle()
        is_open(other)
        page.get_by_role("link", name="Watch", exact=True).click()
        expect(visitor.title("Watch")).to_be_visible()
        visitor.settle()
        page.go_back()
        is_open(other)
        page.get_by_role("tab", name=first, exact=True).click()
        expect(page).to_have_url(address)
        visitor.settle()
        is_open(first)
        page.go_back()
        is_open(other)


@pytest.mark.parametrize(
    "path", ["/", "/results?find=!%5Bx%5D", "/flow?flow=LOS-hostile1", "/watch", "/submit"]
)
def test_hostile_text_is_read_as_text_and_calls_nobody(chrome: Browser, pages: str, path: str) -> None:
    with visiting(chrome, pages) as visitor:
        visitor.open(path)
        expect(visitor.page.get_by_text("The worker is not running since")).to_be_visible()
        if path.startswith("/flow"):
            for tab in ("Cross-checks", "Documents", "Timeline", "Deliveries", "Ids", "Raw"):
                visitor.page.get_by_role("tab", name=tab).click()
                visitor.settle()
            visitor.page.get_by_role("tab", name="Cross-checks").click()
            expect(
                visitor.page.get_by_text(masked("customer_name", HOSTILE), exact=True).first
            ).to_be_visible()
        assert visitor.page.locator("img[src*=canary]").count() == 0
        assert visitor.page.locator("a[href*=canary]").count() == 0


def test_on_a_phone_the_names_of_todays_numbers_are_whole(chrome: Browser, pages: str) -> None:
    with visiting(chrome, pages, width=390) as visitor:
        visitor.open("/")
        names = visitor.page.get_by_test_id("stMetricLabel")
        expect(names.filter(has_text="95% to result")).to_be_visible()
        cut = names.evaluate_all(
            """names => names.flatMap(name => [...name.querySelectorAll("*")])
            .filter(part => getComputedStyle(part).textOverflow === "ellipsis")
            .filter(part => part.scrollWidth > part.clientWidth)
            .map(part => part.textContent)"""
        )
        assert cut == []


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_scrolls_sideways(chrome: Browser, pages: str, width: int) -> None:
    with visiting(chrome, pages, width=width) as visitor:
        for path in ("/", "/submit", "/watch", "/results", "/flow?flow=LOS-00000001"):
            visitor.open(path)
            expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
            assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
