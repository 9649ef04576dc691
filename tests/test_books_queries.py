"""Which flows, how many, and what needs a person: each answer checked against books made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from atlas_core.books import attempts, queries, store
from atlas_core.books.queries import FlowFilter
from atlas_core.books.reading import Books, open_books
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError
from atlas_core.models import FileToSend, Flag, FlagKind, FlowStatus, UploadedFile
from tests.made_books import DONE, FAILED, MINUTE, START, MadeBooks, add_flow, make_books, make_result

NOW = START + 100 * MINUTE
OVERDUE = 10 * MINUTE


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


@contextmanager
def reading(books: MadeBooks) -> Iterator[Books]:
    with open_books(books.atlas, books.desk) as opened:
        yield opened


def submit(
    books: MadeBooks, application_id: str = "APP-1", group_id: str | None = None, now: int = START
) -> int:
    files = [FileToSend(f"{application_id}-doc", "https://files.example/a.pdf?sig=secret")]
    return books.open_desk().save_submission(application_id, "PROD_CDL", {}, files, "csv", group_id, now)


def begin(writer: AtlasWriter, submission_id: int, number: int = 1, now: int = START) -> int:
    attempt_id = writer.write(
        attempts.start_attempt,
        submission_id,
        number,
        application_id="APP-1",
        product_type="PROD_CDL",
        auth_part=f"{submission_id}-{number}-a".rjust(64, "0"),
        callback_part=f"{submission_id}-{number}-c".rjust(64, "0"),
        now=now,
    )
    assert attempt_id is not None
    return attempt_id


def upload(writer: AtlasWriter, attempt_id: int, flow_uuid: str, now: int = START) -> int:
    """init and multiupload answered."""
    flow_id = writer.write(attempts.save_init_answer, attempt_id, flow_uuid, now=now)
    file = FileToSend(f"{flow_uuid}-doc", "https://files.example/a.pdf")
    writer.write(attempts.start_upload, attempt_id, [file], now=now)
    answer = [UploadedFile(f"{flow_uuid}-batch", f"{flow_uuid}-file", f"{flow_uuid}-doc")]
    writer.write(attempts.save_upload_answer, attempt_id, answer, now=now)
    return flow_id


def reasons(books: MadeBooks, now: int = NOW) -> dict[str, tuple[int, int, str | None]]:
    with reading(books) as opened:
        frame = queries.attention(opened, now=now, overdue_ms=OVERDUE)
        # Each number opens its cases, as far as they have a flow.
        for reason, flow_uuid in zip(frame["reason"], frame["flow_uuid"], strict=True):
            found = queries.find_flows(opened, FlowFilter(attention=reason), now=now, overdue_ms=OVERDUE)
            assert flow_uuid is None or flow_uuid in set(found.frame["flow_uuid"])
    return {row.reason: (row.flows, row.oldest_at, row.flow_uuid) for row in frame.itertuples()}


# ---------------------------------------------------------------------------------- what needs a person


def test_nothing_needs_a_person_in_new_books(books: MadeBooks) -> None:
    assert reasons(books) == {}


def test_failed_and_review_flows_need_a_person_and_clear_ones_do_not(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    add_flow(writer, "flow-clear", result=make_result("flow-clear"))
    add_flow(writer, "flow-low-1", result=make_result("flow-low-1", similarities=(40,)), created_at=START + 9)
    add_flow(writer, "flow-low-2", result=make_result("flow-low-2", error_code="INVALID_DOC"))
    add_flow(writer, "flow-fail", status=FAILED)
    assert reasons(books) == {"failed": (1, START, "flow-fail"), "review": (2, START, "flow-low-2")}


def test_a_running_flow_is_overdue_from_the_rules_minute_on(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-slow", status=FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"))
    add_flow(writer, "flow-strange", status=FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "ON_HOLD"))
    assert reasons(books, START + OVERDUE - 1) == {}
    assert reasons(books, START + OVERDUE)["overdue"][:2] == (2, START)


def test_success_without_finished_cross_checks_is_overdue(books: MadeBooks, writer: AtlasWriter) -> None:
    status = FlowStatus("SUCCESS", "SUCCESS", "PENDING", "SUCCESS")
    flags = (Flag(FlagKind.CHECKS_UNFINISHED, "crosscheck_status"),)
    add_flow(writer, "flow-dead-check", status=status, result=make_result("flow-dead-check", flags=flags))
    assert reasons(books).keys() == {"overdue", "review"}


def test_an_unknown_outcome_needs_a_person_until_one_decides(books: MadeBooks, writer: AtlasWriter) -> None:
    first, second = submit(books), submit(books)
    lost_init, lost_upload = begin(writer, first), begin(writer, second)
    writer.write(attempts.record_attempt, lost_init, "init unknown", now=START + 5, reason="lost")
    writer.write(attempts.save_init_answer, lost_upload, "flow-lost", now=START)
    writer.write(attempts.record_attempt, lost_upload, "upload unknown", now=START + 3, reason="lost")
    assert reasons(books) == {"unknown outcome": (2, START + 3, "flow-lost")}
    with reading(books) as opened:
        unknown = queries.unknown_outcomes(opened)
    assert unknown["submission_id"].tolist() == [second, first]
    assert unknown["flow_uuid"].tolist() == ["flow-lost", None]
    assert unknown["state"].tolist() == ["upload unknown", "init unknown"]

    books.open_desk().decide(first, 1, "leave")
    books.open_desk().decide(second, 1, "start again")
    assert "unknown outcome" not in reasons(books)
    with reading(books) as opened:
        assert queries.unknown_outcomes(opened).empty
        states = queries.submissions(opened).set_index("submission_id")["state"]
    assert (states[first], states[second]) == ("left", "waiting")


def test_only_the_newest_attempt_of_a_submission_speaks_for_it(books: MadeBooks, writer: AtlasWriter) -> None:
    submission_id = submit(books)
    lost = begin(writer, submission_id)
    writer.write(attempts.record_attempt, lost, "init unknown", now=START)
    refused = begin(writer, submission_id, number=2)
    writer.write(attempts.record_attempt, refused, "refused", now=START + 1, reason="Atlas said no.")
    assert reasons(books) == {"refused": (1, START + 1, None)}
    with reading(books) as opened:
        row = queries.submissions(opened).iloc[0]
    assert (row["state"], row["attempt_number"], row["reason"]) == ("refused", 2, "Atlas said no.")


def test_an_attempt_that_waits_to_be_sent_again_is_shown_with_its_reason(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    submission_id = submit(books)
    attempt_id = begin(writer, submission_id)
    writer.write(
        attempts.record_attempt, attempt_id, "not sent", now=START, reason="No way out.", next_try_at=NOW
    )
    assert reasons(books) == {"not sent": (1, START, None)}
    with reading(books) as opened:
        row = queries.open_attempts(opened).iloc[0]
    assert (row["state"], row["reason"], row["next_try_at"]) == ("waiting", "No way out.", NOW)


def test_a_callback_is_missing_only_from_flows_this_desk_sent(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-history", result=make_result("flow-history"))
    for number, called in ((1, False), (2, True)):
        flow_uuid = f"flow-sent-{number}"
        upload(writer, begin(writer, submit(books)), flow_uuid)
        add_flow(writer, flow_uuid, result=make_result(flow_uuid), by_callback=called)
    ended_at = START + 30_000
    assert reasons(books, ended_at + 10 * MINUTE - 1) == {}
    assert reasons(books, ended_at + 10 * MINUTE) == {"callback missing": (1, ended_at, "flow-sent-1")}


def test_an_alarm_is_shown_with_or_without_a_flow(books: MadeBooks, writer: AtlasWriter) -> None:
    flow_id = add_flow(writer, "flow-0001", result=make_result("flow-0001"))
    attempt_id = begin(writer, submit(books))
    writer.write(store.record_alarm, "of a flow", "A sentence.", raised_at=START + 7, flow_id=flow_id)
    writer.write(store.record_alarm, "of an attempt", "Another.", raised_at=START + 8, attempt_id=attempt_id)
    assert reasons(books)["alarm"] == (2, START + 7, "flow-0001")
    with reading(books) as opened:
        alarms = queries.alarms(opened)
    assert alarms["kind"].tolist() == ["of an attempt", "of a flow"]
    assert alarms["flow_uuid"].tolist() == [None, "flow-0001"]
    assert alarms["application_id"].tolist() == ["APP-1", "APP-1"]


def test_a_reason_nobody_knows_is_refused(books: MadeBooks) -> None:
    with reading(books) as opened, pytest.raises(InputError, match="failed"):
        queries.find_flows(opened, FlowFilter(attention="1 OR 1"))


# ------------------------------------------------------------------------------------------- finding flows


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """flow-000 to flow-099, a minute apart, only to be read. Of ten in a row the first failed, the second
    needs review, the third has a status nobody knows, and the others are clear."""
    books = make_books(tmp_path_factory.mktemp("hundred"))
    kinds = {0: FAILED, 2: FlowStatus("SUCCESS", "SUCCESS", "COMPLETED", "ON_HOLD")}
    with AtlasWriter(books.atlas) as writer:
        for number in range(100):
            flow_uuid = f"flow-{number:03}-x"
            add_flow(
                writer,
                flow_uuid,
                application_id=f"LOS-{number:03}",
                product_type="PROD_CDL" if number % 2 else "PROD_PL",
                created_at=START + number * MINUTE,
                status=kinds.get(number % 10, DONE),
                result=make_result(flow_uuid, similarities=(40,) if number % 10 == 1 else (95,)),
            )
    return books


def found(books: MadeBooks, wanted: FlowFilter | None = None, **page: int) -> list[str]:
    with reading(books) as opened:
        return queries.find_flows(opened, wanted, **page).frame["application_id"].tolist()


def test_pages_are_newest_first_and_say_of_how_many(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        pages = [queries.find_flows(opened, page=page, per_page=40) for page in (1, 2, 3, 4)]
    assert [page.total for page in pages] == [100] * 4
    ids = [application for page in pages for application in page.frame["application_id"]]
    assert ids == [f"LOS-{number:03}" for number in reversed(range(100))]
    assert pages[3].frame.empty
    assert found(hundred, page=-3, per_page=0) == ["LOS-099"]
    assert len(found(hundred, per_page=10**9)) == 100


@pytest.mark.parametrize(
    "text", ["LOS-042", "flow-042", "flow-042-x-batch", "flow-042-x-file", "flow-042-x-doc", "  LOS-042\n"]
)
def test_any_id_finds_its_flow(hundred: MadeBooks, text: str) -> None:
    assert found(hundred, FlowFilter(text=text)) == ["LOS-042"]


def test_the_beginning_of_an_id_finds_all_that_begin_so(hundred: MadeBooks) -> None:
    assert found(hundred, FlowFilter(text="LOS-04")) == [f"LOS-04{number}" for number in reversed(range(10))]
    assert found(hundred, FlowFilter(text="OS-04")) == []


@pytest.mark.parametrize(
    "text",
    ["%", "_", "LOS_042", "\\", "'", '"; drop table flows; --', "*", "LOS-0\x00", "\ud800", "9" * 60_000],
)
def test_odd_text_is_looked_for_literally(hundred: MadeBooks, text: str) -> None:
    """B111"""
    assert found(hundred, FlowFilter(text=text)) == []


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (FlowFilter(outcomes=("failed",)), 10),
        (FlowFilter(outcomes=("failed", "review")), 20),
        (FlowFilter(outcomes=("unknown",), products=("PROD_CDL",)), 0),
        (FlowFilter(outcomes=("unknown",), products=("PROD_PL", "PROD_CDL")), 10),
        (FlowFilter(statuses=("ON_HOLD", "FAILED")), 20),
        (FlowFilter(statuses=(None,)), 0),
        (FlowFilter(products=("PROD_PL",)), 50),
        (FlowFilter(created_from=START + 10 * MINUTE, created_to=START + 12 * MINUTE), 2),
        (FlowFilter(attention="failed", created_to=START + 50 * MINUTE), 5),
        (FlowFilter(text="LOS-0", outcomes=("review",), products=("PROD_CDL",)), 10),
        (FlowFilter(outcomes=("') OR 1 --",)), 0),
    ],
)
def test_filters_narrow_together(hundred: MadeBooks, wanted: FlowFilter, count: int) -> None:
    with reading(hundred) as opened:
        page = queries.find_flows(opened, wanted, per_page=500)
    assert page.total == len(page.frame) == count


def test_a_flow_without_a_status_yet_is_found_as_such(books: MadeBooks, writer: AtlasWriter) -> None:
    begin_flow = FlowStatus(None, None, None, None)
    add_flow(writer, "flow-young", status=begin_flow)
    add_flow(writer, "flow-strange", status=FlowStatus("SUCCESS", None, None, "ON_HOLD"))
    with reading(books) as opened:
        assert queries.statuses(opened) == [None, "ON_HOLD"]
        young = queries.find_flows(opened, FlowFilter(statuses=(None,))).frame
    assert young["flow_uuid"].tolist() == ["flow-young"]
    assert young["master_status"].tolist() == [None]


def test_ids_are_looked_up_in_their_indexes(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        statements: list[str] = []
        opened._connection.set_trace_callback(statements.append)
        queries.find_flows(opened, FlowFilter(text="LOS-042"))
        opened._connection.set_trace_callback(None)
        plans = [row[3] for row in opened.rows(f"EXPLAIN QUERY PLAN {statements[2]}")]
    assert "LIMIT" in statements[2]
    assert not [step for step in plans if step.startswith("SCAN") and "CONSTANT" not in step], plans


def test_the_outcomes_add_up_and_all_five_are_named(hundred: MadeBooks) -> None:
    with reading(hundred) as opened:
        every = queries.flows_per_outcome(opened)
        some = queries.flows_per_outcome(opened, created_from=START, created_to=START + 3 * MINUTE)
        assert queries.products(opened) == ["PROD_CDL", "PROD_PL"]
    assert list(every.itertuples(index=False, name=None)) == [
        ("running", 0),
        ("clear", 70),
        ("review", 10),
        ("failed", 10),
        ("unknown", 10),
    ]
    assert some["flows"].tolist() == [0, 0, 1, 1, 1]


# ------------------------------------------------------------------------------------ running and sending


def test_running_flows_show_since_when_each_stage_stands(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-ended", result=make_result("flow-ended"))
    flow_id = upload(writer, begin(writer, submit(books)), "flow-live", now=START)
    looks = {
        START + 5_000: FlowStatus("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS"),
        START + 10_000: FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"),
        START + 15_000: FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"),
    }
    for looked_at, status in looks.items():
        writer.write(store.save_look, flow_id, status, looked_at=looked_at, review_below=70)
    with reading(books) as opened:
        running = queries.running_flows(opened)
        assert queries.running_flows_total(opened) == 1
        assert queries.freshness(opened).looked_at == START + 15_000
    row = running.iloc[0]
    assert (row["flow_uuid"], row["processing_status"], row["looked_at"]) == (
        "flow-live",
        "PENDING",
        START + 15_000,
    )
    since = [row[f"{stage}_since"] - START for stage in ("upload", "processing", "crosscheck", "master")]
    assert since == [10_000, 10_000, 5_000, 5_000]


def test_a_submission_is_followed_from_the_desk_to_its_end(books: MadeBooks, writer: AtlasWriter) -> None:
    submission_id = submit(books, group_id="g")
    submit(books, "APP-2", group_id="other")

    def seen() -> tuple[str, bool]:
        with reading(books) as opened:
            progress = queries.group_progress(opened, "g")
            frame = queries.submissions(opened, "g")
            assert progress.counts == {frame["state"][0]: 1}
            assert len(queries.submissions(opened, state=frame["state"][0])) >= 1
            return frame["state"][0], progress.is_settled

    assert seen() == ("waiting", False)
    attempt_id = begin(writer, submission_id)
    assert seen() == ("sending", False)
    flow_id = writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=START)
    assert seen() == ("initialised", False)
    writer.write(attempts.start_upload, attempt_id, [FileToSend("d", "https://files.example/a")], now=START)
    assert seen() == ("uploading", False)
    writer.write(attempts.save_upload_answer, attempt_id, [UploadedFile("b", "f", "d")], now=START)
    assert seen() == ("running", False)
    writer.write(store.save_look, flow_id, DONE, looked_at=START + 5, review_below=70)
    assert seen() == ("running", False), "its end is not confirmed yet"
    add_flow(writer, "flow-0001", result=make_result("flow-0001"))
    assert seen() == ("ended", True)
    with reading(books) as opened:
        row = queries.submissions(opened, "g").iloc[0]
    assert (row["flow_uuid"], row["outcome"], row["documents"], row["links_kept"]) == (
        "flow-0001",
        "clear",
        1,
        True,
    )


def test_a_flow_no_longer_watched_that_never_ended_is_given_up(books: MadeBooks, writer: AtlasWriter) -> None:
    flow_id = upload(writer, begin(writer, submit(books, group_id="g")), "flow-0001")
    writer.write(store.save_trouble, flow_id, "Atlas does not know it.", watched=False, unknown=True)
    with reading(books) as opened:
        progress = queries.group_progress(opened, "g")
        reason = queries.submissions(opened, "g")["reason"][0]
    assert (progress.counts, progress.is_settled, progress.needs_person) == ({"given up": 1}, True, 1)
    assert reason == "Atlas does not know it."


def test_applications_already_sent_are_known_by_the_newest_time(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    submit(books, "APP-1", now=START)
    submit(books, "APP-1", now=START + 5)
    add_flow(writer, "flow-0001", application_id="LOS-1", created_at=START + 9)
    with reading(books) as opened:
        sent = queries.applications_sent(opened, ["APP-1", "LOS-1", "never", "'", "\ud800"])
    assert sent == {"APP-1": START + 5, "LOS-1": START + 9}


# --------------------------------------------------------------------------------------------- the frames


def test_an_empty_frame_has_the_columns_and_types_of_a_full_one(
    tmp_path: Path, books: MadeBooks, writer: AtlasWriter
) -> None:
    empty = make_books(tmp_path / "empty")
    add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(40,)))
    submit(books)
    lost = begin(writer, submit(books))
    writer.write(attempts.record_attempt, lost, "init unknown", now=START)
    writer.write(store.record_alarm, "kind", "A sentence.", raised_at=START, attempt_id=lost)

    def frames(books: MadeBooks) -> dict[str, pd.Series]:
        with reading(books) as opened:
            asked = {
                "attention": queries.attention(opened, now=NOW, overdue_ms=OVERDUE),
                "find_flows": queries.find_flows(opened).frame,
                "submissions": queries.submissions(opened),
                "open_attempts": queries.open_attempts(opened),
                "unknown_outcomes": queries.unknown_outcomes(opened),
                "alarms": queries.alarms(opened),
            }
        return {name: frame.dtypes for name, frame in asked.items()}

    full = frames(books)
    for name, types in frames(empty).items():
        pd.testing.assert_series_equal(types, full[name])
    assert full["find_flows"]["created_at"] == "Int64"
    assert full["find_flows"]["min_similarity"] == "float64"


def test_the_workers_state_is_read_by_name(books: MadeBooks, writer: AtlasWriter) -> None:
    with reading(books) as opened:
        assert queries.worker_state(opened) == {}
    writer.write(store.record_state, "atlas", "refused", "The credentials are wrong.", now=START)
    writer.write(store.record_state, "atlas", "refused", "The credentials are wrong.", now=START + 5)
    with reading(books) as opened:
        state = queries.worker_state(opened)["atlas"]
    assert (state.state, state.since, state.seen_at) == ("refused", START, START + 5)


def test_the_books_are_counted(books: MadeBooks, writer: AtlasWriter) -> None:
    submit(books)
    add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(1, 2)), by_callback=True)
    with reading(books) as opened:
        counts = queries.book_counts(opened)
    assert counts == {
        "flows": 1,
        "results": 1,
        "documents": 1,
        "cross_checks": 2,
        "deliveries": 2,
        "submissions": 1,
    }
