"""Results in a real Chromium: filters, pages, saved views and exports of one visitor shown to another."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from atlas_core.books.writer import AtlasWriter
from tests.browser import Visitor, chromium, visiting
from tests.desk_processes import desk_environment, running_pages
from tests.made_books import MINUTE, START, add_flow, make_books, make_result
from tests.mirrored import follow

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of 240 flows every second one is in review, and every third one's customer is Ravindra."""
    made = make_books(tmp_path_factory.mktemp("books"))
    with AtlasWriter(made.atlas) as writer:
        for number in range(240):
            uuid = f"LOS-{number:08d}"
            result = make_result(
                uuid,
                similarities=(number % 70 if number % 2 else 95,),
                error_code="" if number % 4 else "INVALID_DOC",
                name=f"Ravindra {number}" if number % 3 == 0 else "=SUM(A1)",
            )
            created_at = START + number * MINUTE
            add_flow(writer, uuid, application_id=f"{number:06d}", created_at=created_at, result=result)
        follow(writer, made.atlas)
    with running_pages(desk_environment(made.atlas.parent)) as url:
        yield url


def rows_of(visitor: Visitor, order: str = "newest first") -> list[str | None]:
    visitor.settle()
    return [visitor.cell(f"Flows, {order}", row, 2).text_content() for row in range(5)]


def test_a_filtered_link_opened_in_a_fresh_browser_shows_the_same(chrome: Browser, pages: str) -> None:
    with visiting(chrome, pages) as first:
        first.open("/results")
        expect(first.page.get_by_text("1-50 of 240 flows")).to_be_visible()
        first.page.get_by_role("searchbox", name="Words in any field").fill("ravind*")
        first.page.get_by_role("searchbox", name="Words in any field").press("Enter")
        expect(first.page.get_by_text("1-50 of 80 flows")).to_be_visible()
        first.page.get_by_role("button", name="Review · 60").click()
        expect(first.page.get_by_text("1-50 of 60 flows")).to_be_visible()
        first.page.get_by_role("combobox", name="Order").click()
        first.page.get_by_role("option", name="Lowest similarity first").click()
        expect(first.table("Flows, lowest similarity first")).to_be_visible()
        first.page.get_by_role("button", name="Last", exact=True).click()
        expect(first.page.get_by_text("51-60 of 60 flows")).to_be_visible()
        address = first.page.url.removeprefix(pages)
        assert "words=ravind" in address
        assert "outcome=review" in address
        assert "sort=worst" in address
        assert "after=" in address
        seen = rows_of(first, "lowest similarity first")
        with visiting(chrome, pages) as second:
            second.open(address)
            expect(second.page.get_by_text("51-60 of 60 flows")).to_be_visible()
            assert rows_of(second, "lowest similarity first") == seen
            expect(second.page.get_by_role("searchbox", name="Words in any field")).to_have_value("ravind*")
        first.page.go_back()
        expect(first.page.get_by_text("1-50 of 60 flows")).to_be_visible()


@pytest.mark.parametrize("asked", ["words=ravindra", "reason=review", "find=00001&outcome=review"])
def test_cleared_filters_are_gone_from_the_address_and_stay_gone(
    chrome: Browser, pages: str, asked: str
) -> None:
    with visiting(chrome, pages) as visitor:
        visitor.open(f"/results?{asked}&sort=worst")
        expect(visitor.page.get_by_text("of 240 flows")).to_have_count(0)
        visitor.page.get_by_text("Clear all filters").first.click()
        expect(visitor.page.get_by_text("1-50 of 240 flows")).to_be_visible()
        expect(visitor.page).to_have_url(f"{pages}/results?sort=worst")
        visitor.page.reload()
        visitor.settle()
        expect(visitor.page.get_by_text("1-50 of 240 flows")).to_be_visible()


def test_a_period_of_a_tile_is_told_in_the_viewer_s_zone_and_can_be_taken_out(
    chrome: Browser, pages: str
) -> None:
    with visiting(chrome, pages) as visitor:
        first = START // MINUTE * MINUTE + MINUTE
        visitor.open(f"/results?since={first}&until={first + 60 * MINUTE}")
        expect(visitor.page.get_by_text("1-50 of 60 flows")).to_be_visible()
        told = visitor.page.get_by_text("Created 21 Sep 2026, 19:44 to 21 Sep 2026, 20:44 IST")
        expect(told).to_be_visible()
        visitor.page.get_by_role("button", name="Any time").click()
        expect(visitor.page.get_by_text("1-50 of 240 flows")).to_be_visible()
        expect(visitor.page).to_have_url(f"{pages}/results")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_toolbar_of_the_table_lies_over_no_button(chrome: Browser, pages: str, width: int) -> None:
    with visiting(chrome, pages, width=width) as visitor:
        visitor.open("/results?outcome=review")
        table = visitor.page.get_by_test_id("stDataFrame").first
        table.scroll_into_view_if_needed()
        table.hover(position={"x": 200, "y": 50})
        toolbar = visitor.page.get_by_test_id("stElementToolbar").filter(visible=True)
        expect(toolbar).to_have_css("opacity", "1")
        over = toolbar.bounding_box()
        assert over is not None
        for name in ("Saved views", "Export"):
            box = visitor.page.get_by_role("button", name=re.compile(name)).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= over["y"], (name, box, over)


def test_a_shared_view_is_opened_by_a_colleague_and_forgotten_by_its_owner(
    chrome: Browser, pages: str
) -> None:
    with visiting(chrome, pages) as first, visiting(chrome, pages) as second:
        first.open("/results?outcome=review&find=00001")
        expect(first.page.get_by_text("of 7 flows")).to_be_visible()
        first.page.get_by_role("button", name="Saved views").click()
        first.page.get_by_role("textbox", name="Save these filters as").fill("Tens *in* review")
        first.page.get_by_text("For everybody").click()
        first.page.get_by_role("button", name="Save", exact=True).click()
        second.open("/results")
        second.page.get_by_role("button", name="Saved views (1)").click()
        second.page.get_by_role("link", name="Tens *in* review").click()
        expect(second.page.get_by_text("of 7 flows")).to_be_visible()
        first.open("/results")
        first.page.get_by_role("button", name="Saved views (1)").click()
        first.page.get_by_role("button", name="Forget").click()
        expect(first.page.get_by_role("button", name="Saved views", exact=True)).to_be_visible()


def test_what_is_found_is_downloaded_whole_and_inert(chrome: Browser, pages: str, tmp_path: Path) -> None:
    with visiting(chrome, pages) as visitor:
        visitor.open("/results?code=INVALID_DOC")
        expect(visitor.page.get_by_text("1-50 of 60 flows")).to_be_visible()
        visitor.page.get_by_role("button", name="Export", exact=True).click()
        visitor.page.get_by_role("combobox", name="One row for each").click()
        visitor.page.get_by_role("option", name="Field", exact=True).click()
        expect(visitor.page.get_by_text("120 of 120 rows")).to_be_visible()
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("button", name="Download").click()
        path = tmp_path / "fields.csv"
        download.value.save_as(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 120
        assert {row["value"] for row in rows if row["value"].startswith(("=", "'"))} == {"'=S••(A•)"}
        assert rows[0]["application_id"] == "000236"
