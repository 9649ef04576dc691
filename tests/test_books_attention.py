"""What needs a person, and why, checked against books made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books import attempts, queries, store
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError
from atlas_core.models import Flag, FlagKind, FlowStatus
from tests.made_books import (
    FAILED,
    MINUTE,
    START,
    MadeBooks,
    add_flow,
    begin,
    make_books,
    make_result,
    reading,
    submit,
    upload,
)

NOW = START + 100 * MINUTE
OVERDUE = 10 * MINUTE


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def reasons(books: MadeBooks, now: int = NOW) -> dict[str, tuple[int, int, str | None]]:
    with reading(books) as opened:
        frame = queries.attention(opened, now=now, overdue_ms=OVERDUE)
        # Each number opens its cases, as far as they have a flow.
        for reason, flow_uuid in zip(frame["reason"], frame["flow_uuid"], strict=True):
            found = queries.flow_ids_needing(opened, reason, now=now, overdue_ms=OVERDUE)
            rows = queries.flow_rows(opened, found.tolist())
            assert flow_uuid is None or flow_uuid in set(rows["flow_uuid"])
    return {row.reason: (row.flows, row.oldest_at, row.flow_uuid) for row in frame.itertuples()}


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

    books.open_desk().decide(first, 1, "leave", by=COMMAND)
    books.open_desk().decide(second, 1, "start again", by=COMMAND)
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
        queries.flow_ids_needing(opened, "1 OR 1", now=NOW, overdue_ms=OVERDUE)
