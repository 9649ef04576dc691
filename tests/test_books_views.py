"""The public read surface: views any SQLite tool can open, under stable names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookError
from tests.made_books import add_flow, make_books, make_result

VIEWS = {
    "flows_v": "flow_uuid, application_id, product_type, created_at, upload_status, processing_status, "
    "crossheck_status, master_status, outcome, documents, document_errors, checks, min_similarity, "
    "result_version",
    "files_v": "flow_uuid, batch_id, file_uuid, document_id",
    "documents_v": "flow_uuid, position, document_id, document_type, error_code, error_reason",
    "fields_v": "flow_uuid, position, document_type, name, value, confidence",
    "cross_checks_v": "flow_uuid, position, name, source_doc, source_field_name, source_value, target_doc, "
    "target_field_name, target_value, similarity_score",
    "deliveries_v": "flow_uuid, channel, received_at, digest, times_seen, outcome",
}


def test_the_views_have_exactly_the_promised_columns(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    found: dict[str, list[str]] = {}
    with closing(sqlite3.connect(books.atlas)) as connection:
        for view, column in connection.execute(
            """
            SELECT v.name, c.name FROM sqlite_schema v, pragma_table_info(v.name) c
            WHERE v.type = 'view' AND v.name LIKE '%!_v' ESCAPE '!' ORDER BY v.name, c.cid
            """
        ):
            found.setdefault(view, []).append(column)
    assert {view: ", ".join(columns) for view, columns in found.items()} == VIEWS


def test_any_sqlite_tool_reads_the_newest_result_from_the_views(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        result = make_result("flow-0001", similarities=(98, 61.5, None), error_code="INVALID_DOC")
        add_flow(writer, "flow-0001", result=result)
        add_flow(writer, "flow-0002")
    with closing(sqlite3.connect(books.atlas)) as connection:
        rows = {
            view: connection.execute(f"SELECT * FROM {view} ORDER BY 1, 2").fetchall()  # noqa: S608
            for view in VIEWS
        }
    created = "2026-09-21T14:13:20.000Z"
    done = ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
    assert rows["flows_v"] == [
        ("flow-0001", "APP-1", "PROD_CDL", created, *done, "review", 1, 1, 3, 61.5, 1),
        ("flow-0002", "APP-1", "PROD_CDL", created, *done, "running", None, None, None, None, None),
    ]
    assert rows["files_v"][0] == ("flow-0001", "flow-0001-batch", "flow-0001-file", "flow-0001-doc")
    assert rows["documents_v"] == [
        ("flow-0001", 0, "flow-0001-doc", "INVOICE", "INVALID_DOC", "multiple people")
    ]
    assert rows["fields_v"] == [
        ("flow-0001", 0, "INVOICE", "customer_name", "Invented Person", 0.93),
        ("flow-0001", 0, "INVOICE", "price", 19_999, 0.0),
    ]
    assert [row[-1] for row in rows["cross_checks_v"]] == [98, 61.5, None]
    assert rows["deliveries_v"] == [
        ("flow-0001", "extracts", "2026-09-21T14:13:51.000Z", result.digest, 1, "confirmed")
    ]


@pytest.mark.parametrize("score", ["high", "98", 100.5, -1, b"98"])
def test_a_score_that_is_none_is_refused_by_the_book_itself_b105(tmp_path: Path, score: object) -> None:
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001", result=make_result("flow-0001"))
        with pytest.raises(BookError, match="refused"):
            writer.write(
                lambda connection: connection.execute("UPDATE cross_checks SET similarity_score = ?", [score])
            )
