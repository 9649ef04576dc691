"""What the pages of Explore and the period on Today show, run as a session runs them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.clock import now_ms
from tests.made_books import make_books
from tests.made_columns import DAY, MONDAY, MadeCheck, MadeDocument, MadeFlow, made_book
from tests.page_sessions import in_markdown, said, sessions_over, show, table_with

SECTIONS = ("Distribution", "What if", "Confidence", "Trend", "Coverage", "Odd one out")
ERROR_SECTIONS = ("Codes", "Over time", "Products and dealers", "Cured later")
HOSTILE = "<a href='http://canary.invalid'>![x](http://canary.invalid/x.png)</a>"


def flow(number: int, *, score: float | None = 95, code: str = "", product: str = "PROD_CDL") -> MadeFlow:
    return MadeFlow(
        created_at=now_ms() - (number % 60) * DAY // 2,
        product=product,
        application=f"LOAN-{number % 50}",
        documents=(
            MadeDocument("INVOICE", fields=(("customer_name", "Invented Person", 0.9),)),
            MadeDocument("PAN", code, "multiple people" if code else ""),
            MadeDocument(None, "UNRECOGNISED", "document not in list") if code else MadeDocument("AADHAAR"),
        ),
        checks=(MadeCheck("CUSTOMER_NAME", score), MadeCheck("DEALER_NAME", 90, field="dealer_name")),
    )


def a_book_of(number: int) -> list[MadeFlow]:
    """Every tenth cross-check of the name scores 40, every twentieth flow has a PAN that was no use."""
    return [
        flow(at, score=40 if at % 10 == 0 else 95, code="INVALID_DOC" if at % 20 == 0 else "")
        for at in range(1, number + 1)
    ]


@pytest.fixture(scope="module")
def many() -> Iterator[Path]:
    with made_book(a_book_of(200)) as book, sessions_over(book.folder):
        yield book.folder


def figures(session: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in session.get("plotly_chart")]


def metrics(session: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in session.metric}


def opened(session: AppTest) -> str:
    return "\n".join(heading.value for heading in session.subheader)


@pytest.mark.parametrize("name", ["cross_checks", "errors"])
def test_empty_books_are_an_invitation_and_no_error(tmp_path: Path, name: str) -> None:
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        session = show(name)
    assert "yet" in opened(session)
    assert not session.error
    assert figures(session) == []


@pytest.mark.parametrize("name", ["cross_checks", "errors"])
def test_before_there_are_books_the_page_says_how_to_begin(tmp_path: Path, name: str) -> None:
    with sessions_over(tmp_path / "nothing"):
        assert "Nothing here yet" in said(show(name))


@pytest.mark.parametrize("number", [1, 40])
@pytest.mark.parametrize("section", [*SECTIONS, *ERROR_SECTIONS])
def test_every_section_stands_with_one_flow_and_with_a_few(section: str, number: int) -> None:
    name = "cross_checks" if section in SECTIONS else "errors"
    flows = [flow(0, score=None, code="INVALID_DOC"), *a_book_of(number - 1)]
    with made_book(flows) as book, sessions_over(book.folder):
        session = show(name, tab=section)
    assert not session.error


def test_bands_carry_their_share_and_n(many: Path) -> None:
    session = show("cross_checks")
    assert metrics(session) == {"Review": "20", "Unclear": "0", "Strong": "380", "No score": "0"}
    assert "5.0% of 400" in said(session)
    histogram = figures(session)[0]
    assert "n = 400 with a score" in histogram["layout"]["title"]["subtitle"]["text"]


def test_all_checks_are_one_figure_beside_the_histogram(many: Path) -> None:
    assert [figure["layout"]["title"]["text"] for figure in figures(show("cross_checks"))] == [
        "<b>All cross-checks by similarity</b>",
        "<b>Each check by similarity</b>",
    ]
    assert len(figures(show("cross_checks", tab="Trend"))) == 1


def test_only_the_open_tab_is_drawn_and_what_the_address_asks_of_it(many: Path) -> None:
    session = show("cross_checks", tab="Confidence", sure="0.9")
    assert session.slider[0].value == 0.9
    assert len(figures(session)) == 1
    assert show("cross_checks", tab="Confidence", sure="a lot").slider[0].value == 0.7
    session = show("cross_checks", tab="No such tab", log="true")
    assert session.toggle[0].value
    assert len(figures(session)) == 2
    words = said(show("cross_checks", tab="What if", all="30-90", minutes="7.5"))
    assert "at 7.5 min each" in words


def test_rarer_filters_are_not_drawn_before_they_are_opened_but_narrow(many: Path) -> None:
    session = show("errors", type="PAN")
    assert metrics(session)["Documents with an error"] == "10"
    assert "Document type" not in [one.label for one in session.multiselect]
    assert "1 set" in said(session)
    session = show("results", type="PAN")
    assert "With a document of type" in [pills.label for pills in session.get("button_group")]
    session = show("results")
    assert "With a document of type" not in [pills.label for pills in session.get("button_group")]


def test_a_step_and_a_stage_in_the_address_list_as_many_flows_as_their_figures_say(many: Path) -> None:
    assert "180 flows\\: clear" in opened(show("today", days="90 days", case_at="funnel", case_step="clear"))
    session = show("today", days="90 days", case_at="stage", case_stage="upload")
    assert "200 flows\\: time in upload" in opened(session)
    assert "1-50 of 200, the longest in it first" in said(session)
    assert "flows" not in opened(show("today", days="90 days", case_at="funnel", case_step="nowhere"))


def test_a_filter_in_the_address_narrows_every_number(many: Path) -> None:
    session = show("cross_checks", check="CUSTOMER_NAME")
    assert metrics(session)["Review"] == "20"
    assert "10.0% of 200" in said(session)
    assert "No cross-check fits" in opened(show("cross_checks", product="NEVER_HEARD_OF"))
    session = show("errors", code="UNRECOGNISED")
    assert metrics(session)["Documents with an error"] == "10"


def test_an_opened_bar_shows_both_values_their_differences_and_the_way_to_the_flow(many: Path) -> None:
    session = show("cross_checks", case_at="histogram", case_similarity="40-40")
    assert "20 cross\\-checks\\: similarity 40" in opened(session)
    words = said(session)
    assert "worked out by Atlas Desk" in words
    assert "1-10 of 20, newest first" in words
    assert "similarity 40 of 100" in words
    links = [link.proto for link in session.get("page_link")]
    assert sum("flow=flow-" in link.query_string for link in links) == 10
    assert sum("<mark" in html.proto.body or "<del" in html.proto.body for html in session.get("html")) == 10


def test_what_is_opened_counts_as_many_cases_as_its_number_says(many: Path) -> None:
    cases: Sequence[tuple[dict[str, str], str]] = (
        ({"case_band": "review"}, "20 cross"),
        ({"case_band": "unclear+strong", "case_check": "CUSTOMER_NAME"}, "180 cross"),
        ({"case_similarity": "90-90", "case_check": "DEALER_NAME"}, "200 cross"),
        ({"case_similarity": "none"}, "0 cross"),
        ({"case_similarity": "what?"}, "400 cross"),
    )
    for address, heading in cases:
        assert heading in opened(show("cross_checks", case_at="histogram", **address))


def test_other_thresholds_tell_the_flows_that_change_and_the_work_of_a_day(many: Path) -> None:
    session = show("cross_checks", tab="What if", all="30-90", minutes="6")
    assert metrics(session)["Flows whose outcome changes"] == "10"  # the other 10 have a bad document too
    assert metrics(session)["Cross-checks that change their band"] == "20"
    words = said(session)
    assert "of 200 flows that are clear or in review: 0 clear to review, 10 review to clear" in words
    assert "of 400 selected cross-checks with a score" in words
    assert "at 6 min each" in words
    assert "10 flows\\: from review to clear" in opened(session)


def test_thresholds_of_one_check_leave_the_others_alone(many: Path) -> None:
    session = show("cross_checks", tab="What if", own="DEALER_NAME:95-98")
    assert metrics(session)["Flows whose outcome changes"] == "180"
    assert metrics(session)["Cross-checks that change their band"] == "200"
    assert show("cross_checks", tab="What if", own="DEALER_NAME:98-95", all="x-y").metric[0].value == "0"


def test_errors_add_up_from_the_tile_to_the_documents(many: Path) -> None:
    session = show("errors", case_at="tiles")
    assert metrics(session) == {
        "Documents with an error": "20",
        "Documents without a recognised type": "10",
    }
    assert "3.3% of 600 documents" in said(session)
    assert "20 documents\\: with an error" in opened(session)
    session = show("errors", case_at="codes", case_code="INVALID_DOC", case_type="PAN")
    assert "10 documents\\: Not usable\\, PAN" in opened(session)
    session = show("errors", case_at="tiles", case_type="none given", case_any="document")
    assert "10 documents\\: type none given" in opened(session)


def test_the_pareto_line_ends_at_the_whole(many: Path) -> None:
    pareto = figures(show("errors"))[0]
    assert pareto["data"][1]["y"][-1] == 1


def test_by_keyboard_a_week_is_said_as_its_chart_writes_it() -> None:
    bad = (MadeDocument("PAN", "INVALID_DOC"),)
    flows = [MadeFlow(created_at=MONDAY + at * 7 * DAY, documents=bad) for at in range(2)]
    with made_book(flows) as book, sessions_over(book.folder):
        session = show("errors", tab="Over time")
        session.toggle(key="asked_to_work_by_keys").set_value(True).run()
    week, after = table_with(session, "shows")["what"]
    assert week == "Not usable, from 5 Jan 2026 (UTC), before 12 Jan 2026 (UTC)"
    assert after.endswith("before 19 Jan 2026 (UTC)")


def test_a_period_with_fewer_than_30_cases_is_grey_and_too_few_to_say() -> None:
    with made_book(a_book_of(10)) as book, sessions_over(book.folder):
        session = show("today", days="30 days")
    words = said(session)
    assert "too few to say" in words
    assert "### :gray[" in words
    assert "Straight through" not in metrics(session)


def test_a_period_tells_its_rates_with_n_and_formula(many: Path) -> None:
    session = show("today", days="90 days")
    assert metrics(session)["Flows"] == "200"
    assert metrics(session)["Straight through"] == "90.0%"
    told = {metric.label: metric.help for metric in session.metric}
    assert told["Median to result"].startswith("Submit to result: ")
    assert "95% took no longer" in told["95% to result"]
    words = said(session)
    assert "= clear flows ÷ ended flows (clear, review or failed)" in words
    assert "n = 200" in words
    assert [figure["layout"]["title"]["text"] for figure in figures(session)] == [
        "<b>How far flows have come</b>",
        "<b>Time in each stage</b>",
        "<b>Flows per day by outcome</b>",
    ]


@pytest.mark.parametrize("others", [0, 3])
def test_the_day_that_a_period_holds_in_part_is_said_to_be_left_out(others: int) -> None:
    begin = now_ms() - 7 * DAY + 5 * 60_000
    early = [MadeFlow(created_at=begin), MadeFlow(created_at=begin + 1)]
    if begin // DAY != (begin + 1) // DAY or begin % DAY < 10 * 60_000:
        pytest.skip("The first day is almost whole just after midnight UTC.")
    later = [MadeFlow(created_at=now_ms() - DAY)] * others
    with made_book([*early, *later]) as book, sessions_over(book.folder):
        session = show("today", days="7 days")
    date = dt.datetime.fromtimestamp(begin / 1000, dt.UTC)
    left = f"Not in it: 2 flows of {date.day} {date:%b %Y}, of which the last 7 days hold only a part."
    assert left in said(session)
    assert f"n = {others};" in figures(session)[-1]["layout"]["title"]["subtitle"]["text"]


def test_where_no_day_is_left_out_nothing_is_said_of_one() -> None:
    with made_book([MadeFlow(created_at=now_ms() - DAY)]) as book, sessions_over(book.folder):
        assert "Not in it" not in said(show("today", days="7 days"))


@pytest.mark.parametrize("section", [*SECTIONS, *ERROR_SECTIONS])
def test_hostile_names_are_texts(section: str) -> None:
    hostile = [
        MadeFlow(
            created_at=now_ms() - at * DAY,
            product=HOSTILE,
            documents=(MadeDocument(HOSTILE, HOSTILE, HOSTILE),),
            checks=(MadeCheck(HOSTILE, 20, HOSTILE, HOSTILE, HOSTILE), MadeCheck(HOSTILE, 30)),
        )
        for at in range(40)
    ]
    name, parts = ("cross_checks", {"case_at": "histogram", "case_check": HOSTILE})
    if section in ERROR_SECTIONS:
        name, parts = ("errors", {"case_at": "codes", "case_code": HOSTILE, "case_type": HOSTILE})
    with made_book(hostile) as book, sessions_over(book.folder):
        session = show(name, tab=section, **parts)
    assert "![x](http" not in in_markdown(session)
    for html in session.get("html"):
        assert "<a " not in html.proto.body
    for figure in figures(session):
        layout = json.dumps(figure["layout"])
        assert "<a href" not in layout
