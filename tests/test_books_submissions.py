"""How far a submission has come: intentions from the desk beside facts from Atlas's book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books import attempts, queries, store
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FileToSend, FlowStatus, UploadedFile
from tests.made_books import (
    DONE,
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


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def test_running_flows_show_since_when_each_stage_stands(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-ended", result=make_result("flow-ended"))
    flow_id = upload(writer, begin(writer, submit(books)), "flow-live", now=START)
    looks = {
        START + 5_000: FlowStatus("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS"),
        START + 10_000: FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"),
        START + 15_000: FlowStatus("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"),
    }
    for looked_at, status in looks.items():
        writer.write(store.save_look, flow_id, status, looked_at=looked_at)
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
    writer.write(store.save_look, flow_id, DONE, looked_at=START + 5)
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
