"""Books of the first edition with thousands of flows, as an upgrade finds them, and an edition to come."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database, Migrations

from atlas_core.books.schema import ATLAS, DESK, Edition

_ATLAS = """
CREATE TEMP TABLE numbers AS
  WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :flows)
  SELECT n, printf('%064x', n) AS hex FROM counted;
INSERT INTO attempts (attempt_id, submission_id, number, application_id, product_type, auth_part,
                      callback_part, state, started_at, changed_at)
  SELECT n, 1790000000000 + n, 1, 'APP-' || n, 'PROD_CDL', hex, printf('f%063x', n), 'init sent', n, n
  FROM numbers;
INSERT INTO flows (flow_id, flow_uuid, application_id, product_type, created_at, master_status, outcome,
                   watched, ended_at, confirmed_at)
  SELECT n, printf('old-%08d', n), 'APP-' || n, 'PROD_CDL', 1790000000000 + n, 'SUCCESS', 'clear', 0, n, n
  FROM numbers;
UPDATE attempts SET flow_id = attempt_id, state = 'uploaded';
INSERT INTO deliveries (delivery_id, flow_id, channel, received_at, last_seen_at, digest, size, outcome, body)
  SELECT n, n, 'extracts', n, n, hex, 9, 'confirmed', x'789c' FROM numbers;
INSERT INTO results (result_id, flow_id, version, delivery_id, digest, received_at, confirmed, documents,
                     document_errors, checks, min_similarity, review_flags)
  SELECT n, n, 1, n, hex, n, 1, 1, 0, 1, 95, 0 FROM numbers;
INSERT INTO documents (result_id, position, document_id, document_type, error_code, error_reason)
  SELECT n, 0, 'doc-' || n, 'INVOICE', '', '' FROM numbers;
INSERT INTO fields (result_id, position, ordinal, name, value, shape, confidence)
  SELECT n, 0, 0, 'customer_name', 'Invented Person', 'text', 0.9 FROM numbers;
INSERT INTO cross_checks (result_id, position, name, source_doc, source_field_name, source_value, target_doc,
                          target_field_name, target_value, similarity_score)
  SELECT n, 0, 'CUSTOMER_NAME', 'INVOICE', 'customer_name', 'x', 'DELIVERY_ORDER', 'customer_name', 'y', 95
  FROM numbers;
UPDATE flows SET result_id = flow_id, documents = 1, document_errors = 0, checks = 1, min_similarity = 95;
"""
_DESK = """
CREATE TEMP TABLE numbers AS
  WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :flows)
  SELECT n FROM counted;
INSERT INTO submissions (submission_id, application_id, product_type, flow_params, source, created_at)
  SELECT 1790000000000 + n, 'APP-' || n, 'PROD_CDL', '{}', 'csv', 1790000000000 + n FROM numbers;
INSERT INTO submission_files (submission_id, position, document_id, url_host, object_name, ends_at)
  SELECT 1790000000000 + n, 0, 'doc-' || n, 'files.example', 'a.pdf', 0 FROM numbers;
INSERT INTO saved_views (owner, name, address, is_shared, saved_at)
  VALUES ('me', 'mine', 'outcome=review', 0, 1);
"""


def make_old_books(folder: Path, flows: int) -> tuple[Path, Path]:
    """atlas.db and desk.db in `folder`, both of the first edition, with so many flows."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = folder / "atlas.db", folder / "desk.db"
    for path, edition, script in zip(paths, (ATLAS, DESK), (_ATLAS, _DESK), strict=True):
        _make(path, edition, script.replace(":flows", str(flows)))
    return paths


def next_edition(*, fails: bool = False) -> Edition:
    """This program's edition of atlas.db and one more migration, which touches every flow."""
    migrations = Migrations("atlas")
    for known in ATLAS.migrations._migrations:
        migrations(name=known.name)(known.fn)

    @migrations(name="9999 an index and a column more")
    def _more(book: Database) -> None:
        book.conn.execute("ALTER TABLE flows ADD COLUMN said TEXT")
        book.conn.execute("UPDATE flows SET said = application_id")
        book.conn.execute("CREATE INDEX flows_by_saying ON flows (said)")
        if fails:
            book.conn.execute("INSERT INTO missing VALUES (1)")

    return replace(ATLAS, migrations=migrations)


def _make(path: Path, edition: Edition, script: str) -> None:
    later = [migration.name for migration in edition.migrations._migrations[1:]]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {edition.journal}")
        edition.migrations.apply(Database(connection, execute_plugins=False), stop_before=later)
        connection.executescript(f"BEGIN; {script} COMMIT;")
