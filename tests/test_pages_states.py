"""What each page shows in each state, run as a session runs it."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.access import COMMAND, LOCAL
from atlas_core.books import attempts, store
from atlas_core.books.threshold_sets import adopt_thresholds, draft_thresholds
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.insight.screen_masks import masked
from atlas_core.models import FileToSend, FlowStatus
from atlas_core.thresholds import Thresholds
from tests.invented_numbers import aadhaar
from tests.made_books import FAILED, MINUTE, MadeBooks, add_flow, make_books, make_result
from tests.mirrored import follow
from tests.page_sessions import drawn_words, said, sessions_over, show

PAGES = ("today", "submit", "watch", "results", "flow")
RUNNING = FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")
HOSTILE = "![x](http://canary.invalid/x.png) <img src=x onerror=alert(1)> :material/home: **b**"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        yield made


@pytest.fixture
def no_books(tmp_path: Path) -> Iterator[None]:
    with sessions_over(tmp_path / "nothing"):
        yield


def worker_runs(writer: AtlasWriter, *, seen_at: int | None = None) -> None:
    now = now_ms() if seen_at is None else seen_at
    writer.write(store.record_state, "worker", "running", "", now=now)
    writer.write(store.record_state, "atlas", "ok", "", now=now)


@pytest.mark.parametrize("name", PAGES)
def test_before_there_are_books_every_page_says_how_to_begin(no_books: None, name: str) -> None:
    session = show(name, flow="LOS-00000001")
    if name != "submit":
        assert "Nothing here yet" in said(session)
        assert "python -m atlas_core up" in [code.value for code in session.code]


@pytest.mark.parametrize("name", PAGES)
def test_empty_books_are_an_invitation_and_no_error(books: MadeBooks, name: str) -> None:
    session = show(name)
    assert "The worker has not run yet" in said(session)
    assert not session.error


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_that_the_worker_is_down_since_when_and_still_shows_what_it_has(
    books: MadeBooks, name: str
) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer, seen_at=now_ms() - 5 * MINUTE)
        add_flow(writer, "LOS-00000001", application_id="LOAN-1", result=make_result("LOS-00000001"))
    session = show(name, flow="LOS-00000001")
    warning = session.warning[0].value
    assert "The worker is not running since" in warning
    assert "5 min" in warning
    expected = {"today": "What needs a person", "flow": "LOAN\\-1", "results": "of 1 flow"}
    assert expected.get(name, "") in said(session)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_that_atlas_refuses_us(books: MadeBooks, name: str) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        writer.write(store.record_state, "atlas", "refused", "POST authtoken: 401.", now=now_ms() - 120_000)
    warning = show(name).warning[0].value
    assert "Atlas refuses our credentials since" in warning
    assert "ATLAS_CLIENT_SECRET" in warning


def test_a_running_worker_and_a_well_atlas_are_not_complained_of(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
    assert not show("today").warning


def test_today_counts_flows_and_lists_what_needs_a_person(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        add_flow(writer, "LOS-00000001", result=make_result("LOS-00000001", similarities=(95,)))
        add_flow(writer, "LOS-00000002", result=make_result("LOS-00000002", similarities=(12,)))
        add_flow(writer, "LOS-00000003", status=FAILED)
    session = show("today")
    counts = {metric.label: metric.value for metric in session.metric}
    assert counts == {"Running": "0", "Clear": "1", "Review": "1", "Failed": "1", "Unknown": "0"}
    text = said(session)
    assert "33.3% of 3" in text
    assert "Waiting for review" in text
    links = [link.proto for link in session.get("page_link")]
    assert any("outcome=review" in link.query_string for link in links)
    assert any("reason=review" in link.query_string for link in links)


def test_a_commit_is_seen_by_the_next_run_of_a_page(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        session = show("results", by=writer)
        assert "No flow yet" in said(session)
        for number in range(3):
            add_flow(writer, f"LOS-0000000{number}")
            follow(writer, books.atlas)
            session.run()
            assert len(session.dataframe[0].value) == number + 1


def test_an_alarm_about_no_flow_of_ours_can_be_read_on_today(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        add_flow(writer, "LOS-00000001", result=make_result("LOS-00000001"))
        writer.write(
            store.record_alarm, "stranger", "News of a flow that we do not know came.", raised_at=now_ms()
        )
    table = show("today").dataframe[0].value
    assert table["sentence"].tolist() == ["News of a flow that we do not know came."]
    assert table["open"].tolist() == [""]


def test_a_filtered_address_shows_the_same_flows_to_whoever_opens_it(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        for number in range(1, 4):
            uuid = f"LOS-0000000{number}"
            add_flow(
                writer, uuid, application_id=f"LOAN-{number}", result=make_result(uuid, similarities=(12,))
            )
        add_flow(writer, "LOS-00000009", application_id="LOAN-9", result=make_result("LOS-00000009"))
    session = show("results", outcome="review")
    assert session.dataframe[0].value["application"].tolist() == ["LOAN-3", "LOAN-2", "LOAN-1"]
    assert show("results", find="LOAN-9").dataframe[0].value["application"].tolist() == ["LOAN-9"]
    assert len(show("results", reason="review").dataframe[0].value) == 3


def test_results_come_in_pages_of_fifty_whose_keys_are_in_their_addresses(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        for number in range(120):
            add_flow(writer, f"LOS-{number:08d}", created_at=now_ms() - number * MINUTE)
    session = show("results")
    assert "**1-50** of 120 flows" in said(session)
    for label, place in (("next", "51-100"), ("last", "101-120"), ("previous", "51-100"), ("first", "1-50")):
        session.button(key=f"results_{label}").click().run()
        assert f"**{place}** of 120 flows" in said(session)
        again = show("results", **{name: "".join(text) for name, text in session.query_params.items()})
        assert f"**{place}** of 120 flows" in said(again)
    assert "**1-50** of" in said(show("results", after="spoiled"))
    assert "**101-120** of" in said(show("results", after="0.0"))


@pytest.mark.parametrize(
    "text", ["%", "_", "\\", "'", '"; drop table flows', "*", "x" * 60_000, "\x00", "नमस्ते"]
)
def test_b111_odd_searches_are_taken_literally_and_find_nothing(books: MadeBooks, text: str) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "LOS-00000001")
    session = show("results")
    session.text_input[0].set_value(text).run()
    assert not session.exception
    assert "No flow fits" in said(session)


def test_b112_a_search_by_a_whole_aadhaar_number_is_refused_and_kept_out_of_the_address(
    books: MadeBooks,
) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "LOS-00000001")
    number = aadhaar(random.Random(7))
    for field, text in ((0, number), (1, f"Ravi {number[:4]} {number[4:8]} {number[8:]}")):
        session = show("results")
        session.text_input[field].set_value(text).run()
        assert "Aadhaar number" in "".join(warning.value for warning in session.warning)
        assert session.text_input[field].value == ""
        assert number not in str(session.query_params) + str(
            [session.session_state[name] for name in ("search_find", "search_words")]
        )
    linked = show("results", words=number)
    assert "Aadhaar number" in "".join(warning.value for warning in linked.warning)
    assert number not in str(linked.query_params)


def test_an_unknown_flow_is_said_to_be_unknown(books: MadeBooks) -> None:
    assert "No such flow" in said(show("flow", flow="LOS-nothing"))
    assert "Which flow?" in said(show("flow"))


def test_b110_what_documents_and_ids_say_is_drawn_as_text_and_nothing_else(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        result = make_result("LOS-00000001", similarities=(12,), error_code="INVALID_DOC", name=HOSTILE)
        add_flow(writer, "LOS-00000001", application_id=HOSTILE[:64], result=result)
    for name in PAGES:
        session = show(name, flow="LOS-00000001")
        for kind in ("title", "header", "subheader", "markdown", "caption", "warning", "error", "metric"):
            for element in session.get(kind):
                assert not re.search(r"(?<!\\)(<img|!\[|\]\(http)", str(element.value))
    session = show("flow", flow="LOS-00000001")
    assert masked("customer_name", HOSTILE) in drawn_words(session)
    assert not any("<img" in element.proto.body for element in session.get("html"))


def test_the_flow_page_says_why_and_shows_the_worst_cross_check_first(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        add_flow(writer, "LOS-00000001", result=make_result("LOS-00000001", similarities=(95, 12, None, 80)))
    session = show("flow", flow="LOS-00000001")
    texts = [text.value for text in session.text]
    assert "1 of 4 cross-checks below 70: customer name." in texts
    scores = [text for text in drawn_words(session) if "similarity" in text]
    assert scores == [
        "similarity 12 of 100",
        "no similarity given",
        "similarity 80 of 100",
        "similarity 95 of 100",
    ]


def test_thresholds_that_people_adopted_hold_on_every_page(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        add_flow(writer, "LOS-00000001", result=make_result("LOS-00000001", similarities=(62, 55)))
    desk = books.open_desk()
    adopted = Thresholds().with_check("CUSTOMER_NAME", 60, 62)
    set_id = draft_thresholds(desk, LOCAL, "names", adopted, why="measured", evidence={})
    adopt_thresholds(desk, LOCAL, set_id, why="measured", seen_adoption=None)
    session = show("flow", flow="LOS-00000001")
    assert "1 of 2 cross-checks below 60: customer name." in [text.value for text in session.text]
    assert "Customer name: strong from 62, review below 60." in said(session)
    bands = [text for text in drawn_words(session) if text in ("Strong", "Unclear", "Review")]
    assert bands == ["Review", "Strong"]
    session = show("cross_checks", tab="What if")
    assert "With thresholds of their own: Customer name 60 and 62." in said(session)
    assert {metric.label: metric.value for metric in session.metric}[
        "Cross-checks that change their band"
    ] == "0"


def test_what_waits_for_review_leads_to_the_cases_and_to_their_review(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        add_flow(writer, "LOS-00000001", result=make_result("LOS-00000001", similarities=(12,)))
    links = {link.proto.label: link.proto.page for link in show("today").get("page_link")}
    assert links["Open 1 case"] == "results"
    assert links["Review them"] == "review"


def test_watch_shows_each_stage_and_what_is_overdue(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        for name, age in (("LOS-00000001", 60 * MINUTE), ("LOS-00000002", MINUTE)):
            flow_id = writer.write(
                store.save_flow, name, application_id=name, product_type="PROD_CDL", created_at=now_ms() - age
            )
            writer.write(store.save_look, flow_id, RUNNING, looked_at=now_ms())
    session = show("watch")
    counts = {metric.label: metric.value for metric in session.metric}
    assert counts == {"Running": "2", "Overdue": "1", "Not at Atlas yet": "0"}
    table = session.dataframe[0].value
    assert table["processing"].tolist() == [["Under way"], ["Under way"]]
    assert table["note"].tolist() == ["Overdue", ""]
    assert len(show("watch", show="Overdue").dataframe[0].value) == 1


def test_nothing_can_be_sent_before_it_was_checked(books: MadeBooks) -> None:
    session = show("submit")
    assert session.button(key="send_0").disabled
    assert not session.error


def test_a_lost_answer_waits_for_one_decision_and_leaves_the_list_with_it(books: MadeBooks) -> None:
    files = [FileToSend("invoice", "https://papers.example.com/invoice.pdf")]
    submission_id = books.open_desk().save_submission("LOAN-5", "PROD_CDL", {}, files, "form", by=COMMAND)
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        attempt_id = writer.write(
            attempts.start_attempt,
            submission_id,
            1,
            application_id="LOAN-5",
            product_type="PROD_CDL",
            auth_part="a" * 64,
            callback_part="b" * 64,
            now=now_ms(),
        )
        writer.write(
            attempts.record_attempt, attempt_id, "init unknown", reason="the answer was lost", now=now_ms()
        )
    assert "Answer lost" in said(show("today"))
    session = show("submit", tab="Undecided")
    assert "It may have made one" in said(session)
    assert [button.label for button in session.button] == ["Start again", "Leave"]
    session.button(key=f"start again_{submission_id}_1").click().run()
    assert [decision.decision for decision in books.open_desk().decisions()] == ["start again"]
    assert "Nothing waits for a decision" in said(session)


def test_b124_an_unforeseen_error_is_a_reference_number_and_never_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def script() -> None:
        from atlas_core.web.unforeseen import show_unforeseen

        try:
            raise ValueError(" ".join(("Kavita", "Nair")))
        except ValueError as error:
            show_unforeseen(error)

    session = AppTest.from_function(script).run()
    assert "reference" in session.error[0].value
    assert "Kavita Nair" not in session.error[0].value
    reference = re.findall(r"\*\*(\w+)\*\*", session.error[0].value)[0]
    assert reference in caplog.text
    assert "ValueError" in caplog.text
    assert "Kavita Nair" not in caplog.text
