"""All about one flow, in any version of its result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books import attempts, queries, store
from atlas_core.books.reading import open_books
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookDamaged
from atlas_core.models import Document, Field, FileToSend, Flag, FlagKind, FlowStatus, Result
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def detail(
    books: MadeBooks, flow_uuid: str = "flow-0001", version: int | None = None
) -> queries.FlowDetail | None:
    with open_books(books.atlas, books.desk) as opened:
        return queries.flow_detail(opened, flow_uuid, version)


def test_a_flow_nobody_knows_is_none(books: MadeBooks) -> None:
    assert detail(books) is None
    assert detail(books, "\ud800' OR 1 --\x00") is None


def test_a_flow_without_a_result_has_no_records(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-0001", status=FlowStatus("IN_PROGRESS", None, None, "IN_PROGRESS"))
    shown = detail(books)
    assert shown is not None
    assert (shown.version, shown.newest_version, shown.outcome) == (None, None, "running")
    assert (shown.documents, shown.fields, shown.cross_checks, shown.flags, shown.versions) == ([],) * 5
    assert shown.files.iloc[0].to_dict() == {
        "position": 0,
        "batch_id": "flow-0001-batch",
        "file_uuid": "flow-0001-file",
        "document_id": "flow-0001-doc",
        "url_host": "files.example",
        "object_name": "scans/invoice.pdf",
    }
    assert detail(books, version=1) is None


def test_everything_that_came_back_is_there(books: MadeBooks, writer: AtlasWriter) -> None:
    flags = (Flag(FlagKind.SCORE_UNUSABLE, "cross_checks[1].similarity_score", "high"),)
    add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(88, None), flags=flags))
    shown = detail(books)
    assert shown is not None
    assert (shown.master_status, shown.outcome, shown.watched) == ("SUCCESS", "review", False)
    assert (shown.created_at, shown.ended_at, shown.confirmed_at) == (START, START + 30_000, START + 31_000)
    assert [(row["document_type"], row["fields"]) for row in shown.documents] == [("INVOICE", 2)]
    assert [row["value"] for row in shown.fields] == ["Invented Person", "19999"]
    assert [row["similarity"] for row in shown.cross_checks] == [88, None]
    assert [(row["kind"], row["raw"]) for row in shown.flags] == [("score unusable", "high")]
    assert [row["confirmed"] for row in shown.versions] == [True]
    assert shown.status_changes["stage"].tolist() == ["upload", "processing", "crosscheck", "master"]
    assert shown.status_changes[["not_before_at", "seen_at"]].values.tolist() == [[START, START + 30_000]] * 4


def test_every_shape_of_a_value_is_text_on_the_way_to_a_screen(books: MadeBooks, writer: AtlasWriter) -> None:
    """B116"""
    values = [
        ("12345678901234567890", "text"),
        (19_999, "number"),
        (0.5, "number"),
        (True, "boolean"),
        (False, "boolean"),
        ('["a", "b"]', "list"),
        ("", "empty"),
        (None, "null"),
    ]
    fields = tuple(Field(f"f{n}", value, shape, None) for n, (value, shape) in enumerate(values))
    document = Document(0, "d", "INVOICE", "", "", fields)
    result = Result("flow-0001", None, (document,), (), (), b"{}", "a" * 64, 2)
    add_flow(writer, "flow-0001", result=result)
    shown = detail(books)
    assert shown is not None
    assert [row["value"] for row in shown.fields] == [
        "12345678901234567890",
        "19999",
        "0.5",
        "true",
        "false",
        '["a", "b"]',
        "",
        None,
    ]


def test_older_versions_stay_readable_beside_the_newest(books: MadeBooks, writer: AtlasWriter) -> None:
    flow_id = add_flow(writer, "flow-0001", result=make_result("flow-0001", similarities=(40,)))
    later = make_result("flow-0001", similarities=(99,), name="Corrected Person")
    writer.write(
        save_result,
        flow_id,
        later,
        channel="extracts",
        received_at=START + 90_000,
        confirmed=True,
        standards=Standards(),
    )
    newest, first = detail(books), detail(books, version=1)
    assert newest is not None
    assert first is not None
    assert (newest.version, first.version, first.newest_version) == (2, 1, 2)
    assert [row["version"] for row in newest.versions] == [2, 1]
    assert [shown.cross_checks[0]["similarity"] for shown in (newest, first)] == [99, 40]
    assert [shown.fields[0]["value"] for shown in (newest, first)] == ["Corrected Person", "Invented Person"]
    assert detail(books, version=3) is None


def test_the_payload_of_each_delivery_is_readable_though_kept_once(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    result = make_result("flow-0001")
    add_flow(writer, "flow-0001", result=result, by_callback=True)
    shown = detail(books)
    assert shown is not None
    assert shown.deliveries["channel"].tolist() == ["callback", "extracts"]
    with open_books(books.atlas, books.desk) as opened:
        bodies = opened.rows("SELECT count(body) FROM deliveries")[0][0]
        payloads = [queries.delivery_payload(opened, int(row)) for row in shown.deliveries["delivery_id"]]
        assert queries.delivery_payload(opened, 999) is None
    assert bodies == 1
    assert [json.loads(payload or "") for payload in payloads] == [json.loads(result.canonical)] * 2


def test_a_payload_that_cannot_be_unpacked_is_said_to_be_damaged(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    add_flow(writer, "flow-0001", result=make_result("flow-0001"))
    writer.write(lambda connection: connection.execute("UPDATE deliveries SET body = x'00ff'"))
    with open_books(books.atlas, books.desk) as opened, pytest.raises(BookDamaged, match="delivery 1"):
        queries.delivery_payload(opened, 1)


def test_a_preview_link_is_given_only_while_it_works(books: MadeBooks, writer: AtlasWriter) -> None:
    desk = books.open_desk()
    url = "https://files.example/a.pdf?X-Amz-Date=20260921T141320Z&X-Amz-Expires=900&X-Amz-Signature=s"
    submission_id = desk.save_submission(
        "APP-1", "P", {}, [FileToSend("d", url)], "form", now=START, by=COMMAND
    )
    attempt_id = writer.write(
        attempts.start_attempt,
        submission_id,
        1,
        application_id="APP-1",
        product_type="P",
        auth_part="a" * 64,
        callback_part="c" * 64,
        now=START,
    )
    writer.write(attempts.save_init_answer, attempt_id, "flow-0001", now=START)

    def links(now: int) -> list[str]:
        with open_books(books.atlas, books.desk) as opened:
            return queries.links_kept(opened, "flow-0001", now=now)["file_url"].tolist()

    assert links(START + 899_999) == [url]
    assert links(START + 900_000) == []
    desk.forget_links([submission_id], START + 900_000)
    assert links(START) == []
    shown = detail(books)
    assert shown is not None
    assert shown.attempts[["submission_id", "attempt_number", "state"]].values.tolist() == [
        [submission_id, 1, "initialised"]
    ]


def test_alarms_of_a_flow_are_shown_with_it(books: MadeBooks, writer: AtlasWriter) -> None:
    flow_id = add_flow(writer, "flow-0001")
    writer.write(store.record_alarm, "status went back", "It went back.", raised_at=START, flow_id=flow_id)
    shown = detail(books)
    assert shown is not None
    assert shown.alarms["sentence"].tolist() == ["It went back."]
