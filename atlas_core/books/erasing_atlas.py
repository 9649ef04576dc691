"""What goes from atlas.db when a case is erased; see `erasing.py`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from sqlite3 import Connection

from atlas_core.books.erased_results import NEWEST_ERASURE
from atlas_core.books.erasing import NOTE, STAYING, Erased, clear, has_column, nothing, strings, texts_of
from atlas_core.books.erasing_views import Said
from atlas_core.books.tombstones import Case, Tombstone
from atlas_core.books.traits import QUALITIES

_FLOWS = "(SELECT value FROM json_each(:flows))"
_ATTEMPTS = "(SELECT value FROM json_each(:attempts))"
_RESULTS = f"(SELECT result_id FROM results WHERE flow_id IN {_FLOWS})"  # noqa: S608 constants
_STRAYS = "(SELECT value FROM json_each(:deliveries))"
_ARRIVALS = f"(flow_id IN {_FLOWS} OR attempt_id IN {_ATTEMPTS} OR delivery_id IN {_STRAYS})"
_UNKNOWN = "NOT IN (SELECT value FROM json_each(:kept))"

# Of each column that goes: its table, the rows of a case, what takes its place.
_OF_ATLAS = (
    ("fields", "value", f"result_id IN {_RESULTS} AND value {_UNKNOWN}", "NULL"),
    ("fields", "confidence_raw", f"result_id IN {_RESULTS}", "NULL"),
    ("cross_checks", "source_value", f"result_id IN {_RESULTS}", "''"),
    ("cross_checks", "target_value", f"result_id IN {_RESULTS}", "''"),
    ("cross_checks", "similarity_raw", f"result_id IN {_RESULTS}", "NULL"),
    ("documents", "document_id", f"result_id IN {_RESULTS}", "''"),
    ("documents", "error_reason", f"result_id IN {_RESULTS}", "''"),
    ("flags", "place", f"result_id IN {_RESULTS}", "''"),
    ("flags", "raw", f"result_id IN {_RESULTS}", "''"),
    ("files", "document_id", f"flow_id IN {_FLOWS}", "NULL"),
    ("files", "object_name", f"flow_id IN {_FLOWS}", "NULL"),
    ("results", "dealer", f"flow_id IN {_FLOWS}", "NULL"),
    ("results", "quality_flag", f"flow_id IN {_FLOWS} AND quality_flag {_UNKNOWN}", "NULL"),
    ("flows", "dealer", f"flow_id IN {_FLOWS}", "NULL"),
    ("flows", "quality_flag", f"flow_id IN {_FLOWS} AND quality_flag {_UNKNOWN}", "NULL"),
    ("flows", "trouble", f"flow_id IN {_FLOWS}", "NULL"),
    ("attempts", "reason", f"attempt_id IN {_ATTEMPTS}", "NULL"),
    ("deliveries", "body", _ARRIVALS, "NULL"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marked:
    """The rows of a case in atlas.db, by their ids: flows (flow_id, flow_uuid), attempts, and callbacks that
    came elsewhere."""

    flows: tuple[tuple[int, str], ...]
    attempts: tuple[int, ...]
    deliveries: tuple[int, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        return {
            "flows": json.dumps([flow_id for flow_id, _ in self.flows]),
            "attempts": json.dumps(self.attempts),
            "deliveries": json.dumps(self.deliveries),
            "kept": json.dumps(QUALITIES),
        }


def marked_in_atlas(connection: Connection, tombstone: Tombstone) -> Marked:
    """What of a case atlas.db holds."""
    if tombstone.flow_uuid is not None:
        flows = connection.execute(
            "SELECT flow_id, flow_uuid FROM flows WHERE flow_uuid = ?", [tombstone.flow_uuid]
        ).fetchall()
        attempts = connection.execute(
            "SELECT a.attempt_id FROM attempts a JOIN flows f ON f.flow_id = a.flow_id WHERE f.flow_uuid = ?",
            [tombstone.flow_uuid],
        ).fetchall()
    else:
        case = [tombstone.application_id, tombstone.at]
        attempts = connection.execute(
            "SELECT attempt_id FROM attempts WHERE application_id = ? AND started_at <= ?", case
        ).fetchall()
        flows = connection.execute(
            "SELECT flow_id, flow_uuid FROM flows WHERE application_id = ?1 AND created_at <= ?2"
            " UNION SELECT f.flow_id, f.flow_uuid FROM attempts a JOIN flows f ON f.flow_id = a.flow_id"
            " WHERE a.application_id = ?1 AND a.started_at <= ?2",
            case,
        ).fetchall()
    ids = [flow_uuid for _, flow_uuid in flows] + [tombstone.application_id or ""]
    return Marked(
        tuple((flow_id, flow_uuid) for flow_id, flow_uuid in flows),
        tuple(attempt_id for (attempt_id,) in attempts),
        tuple(_misdirected(connection, [text.encode() for text in ids if text])),
    )


def _misdirected(connection: Connection, ids: Sequence[bytes]) -> Iterator[int]:
    """Callbacks that were put aside, or wait, at another's address and name this case."""
    for delivery_id, body in connection.execute(
        "SELECT delivery_id, body FROM deliveries WHERE body IS NOT NULL"
        " AND channel || ' ' || outcome IN ('callback mismatch', 'callback orphan', 'callback dead letter')"
    ):
        with suppress(zlib.error):
            payload = zlib.decompress(body)
            if any(text in payload for text in ids):
                yield delivery_id


def case_in_atlas(connection: Connection, tombstone: Tombstone) -> tuple[Marked, Case]:
    """What of a case atlas.db holds, and what it knows of it for desk.db."""
    marked = marked_in_atlas(connection, tombstone)
    submissions = connection.execute(
        f"SELECT submission_id FROM attempts WHERE attempt_id IN {_ATTEMPTS}",  # noqa: S608 constants
        marked.parameters,
    )
    return marked, Case(
        tombstone,
        frozenset(flow_uuid for _, flow_uuid in marked.flows),
        frozenset(submission_id for (submission_id,) in submissions),
    )


def applications_in_atlas(connection: Connection, tombstone: Tombstone) -> set[str]:
    """The applications of which an erasure takes something, as far as atlas.db knows."""
    if tombstone.flow_uuid is None:
        return {tombstone.application_id or ""}
    rows = connection.execute(
        "SELECT application_id FROM flows WHERE flow_uuid = ?1 UNION SELECT a.application_id FROM attempts a"
        " JOIN flows f ON f.flow_id = a.flow_id WHERE f.flow_uuid = ?1",
        [tombstone.flow_uuid],
    )
    return {application_id for (application_id,) in rows}


def learn_from_atlas(connection: Connection, marked: Marked, said: Said) -> None:
    """What the case's values say, before they go, and what stays of it."""
    values = connection.execute(
        f"SELECT value FROM fields WHERE result_id IN {_RESULTS} AND value IS NOT NULL UNION"  # noqa: S608
        f" SELECT source_value FROM cross_checks WHERE result_id IN {_RESULTS} UNION"
        f" SELECT target_value FROM cross_checks WHERE result_id IN {_RESULTS}",
        marked.parameters,
    )
    products = connection.execute(
        f"SELECT DISTINCT product_type FROM flows WHERE flow_id IN {_FLOWS}",  # noqa: S608 constants
        marked.parameters,
    )
    said.learn(
        [str(value) for (value,) in values],
        [*_column_texts(connection, marked), *(str(product) for (product,) in products)],
    )


def texts_of_case(connection: Connection, tombstone: Tombstone) -> set[str]:
    """Every text of a case that an erasure would take from atlas.db."""
    return texts_in_atlas(connection, marked_in_atlas(connection, tombstone))


def aged_in_atlas(connection: Connection, before: int, held: Sequence[str], at_most: int | None) -> Marked:
    """What was begun before that moment, is not erased yet and of no application that is held."""
    case = {"before": before, "held": json.dumps(list(held)), "limit": -1 if at_most is None else at_most}
    flows = connection.execute(
        "SELECT flow_id, flow_uuid FROM flows WHERE created_at < :before AND erased_at IS NULL"
        " AND application_id NOT IN (SELECT value FROM json_each(:held)) ORDER BY created_at LIMIT :limit",
        case,
    ).fetchall()
    attempts = connection.execute(
        "SELECT attempt_id FROM attempts WHERE flow_id IN (SELECT value FROM json_each(:flows)) UNION ALL"
        " SELECT attempt_id FROM (SELECT attempt_id FROM attempts WHERE flow_id IS NULL"
        "  AND started_at < :before AND erased_at IS NULL"
        "  AND application_id NOT IN (SELECT value FROM json_each(:held)) ORDER BY attempt_id LIMIT :limit)",
        case | {"flows": json.dumps([flow_id for flow_id, _ in flows])},
    ).fetchall()
    return Marked(
        tuple((flow_id, flow_uuid) for flow_id, flow_uuid in flows),
        tuple(attempt_id for (attempt_id,) in attempts),
    )


def is_left_in_atlas(connection: Connection, marked: Marked) -> bool:
    """Whether some of it is not erased."""
    return bool(
        marked.deliveries
        or connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM flows WHERE erased_at IS NULL AND flow_id IN {_FLOWS}) OR"  # noqa: S608
            f" EXISTS (SELECT 1 FROM attempts WHERE erased_at IS NULL AND attempt_id IN {_ATTEMPTS})",
            marked.parameters,
        ).fetchone()[0]
    )


def texts_in_atlas(connection: Connection, marked: Marked) -> set[str]:
    """Every text of a case that an erasure would take; empty where nothing is left of it."""
    texts = texts_of(connection, _OF_ATLAS[:-1], marked.parameters)
    staying = _column_texts(connection, marked)
    staying.update(flow_uuid for _, flow_uuid in marked.flows)
    staying.update(
        application_id
        for (application_id,) in connection.execute(
            f"SELECT DISTINCT application_id FROM flows WHERE flow_id IN {_FLOWS}",  # noqa: S608 constants
            marked.parameters,
        )
    )
    for (body,) in connection.execute(
        f"SELECT body FROM deliveries WHERE {_ARRIVALS} AND body IS NOT NULL",  # noqa: S608 constants
        marked.parameters,
    ):
        texts.add(NOTE)  # whatever it holds, it is something
        with suppress(ValueError, zlib.error):
            texts.update(strings(json.loads(zlib.decompress(body))))
    return texts - staying


def erase_in_atlas(connection: Connection, marked: Marked, *, at: int) -> Erased:
    """Takes a case's values out of atlas.db. The words that they had leave the index's file only after
    `sweep_words`. `at` is when the erasure was asked for (ms); of its flows the book notes no earlier moment
    than of any flow that was erased before."""
    erased = Erased(texts=texts_in_atlas(connection, marked))
    parameters = marked.parameters
    connection.execute(
        f"DELETE FROM words WHERE rowid IN (SELECT flow_id FROM flows WHERE result_id IS NOT NULL"  # noqa: S608
        f" AND flow_id IN {_FLOWS})",
        parameters,
    )
    _replace_digests(connection, marked)
    clear(connection, _OF_ATLAS, parameters, erased)
    connection.execute(
        f"UPDATE deliveries SET outcome = 'late', reason = NULL WHERE {_ARRIVALS}"  # noqa: S608
        " AND (outcome IN ('waiting', 'orphan') OR reason IS NOT NULL)",
        parameters,
    )
    connection.execute(
        f"INSERT INTO words (rowid, body) SELECT flow_id, body FROM flow_words WHERE flow_id IN {_FLOWS}",  # noqa: S608
        parameters,
    )
    connection.execute("INSERT INTO mirror_queue (flow_id) SELECT value FROM json_each(:flows)", parameters)
    if has_column(connection, "flows", "erased_at"):
        connection.execute(
            f"UPDATE flows SET erased_at = max(:at, {NEWEST_ERASURE}),"  # noqa: S608 constants
            f" watched = iif(confirmed_at IS NULL, watched, 0)"
            f" WHERE erased_at IS NULL AND flow_id IN {_FLOWS}",
            parameters | {"at": at},
        )
        connection.execute(
            f"UPDATE attempts SET erased_at = :at WHERE erased_at IS NULL AND attempt_id IN {_ATTEMPTS}",  # noqa: S608
            parameters | {"at": at},
        )
    return erased


def new_digests(connection: Connection, marked: Marked) -> dict[str, str]:
    """What takes the place of each content's digest; equal ones stay equal. The same at every call until
    `erase_in_atlas`, and then nothing any more."""
    new: dict[str, str] = {}
    for flow_id, flow_uuid in marked.flows:
        digests = connection.execute(
            "SELECT digest, min(place) FROM (SELECT digest, delivery_id AS place FROM deliveries"
            " WHERE flow_id = ?1 UNION ALL SELECT digest, delivery_id FROM results WHERE flow_id = ?1)"
            " GROUP BY digest ORDER BY 2, 1",
            [flow_id],
        ).fetchall()
        own = {nothing(flow_uuid, number) for number in range(1, len(digests) + 1)}
        if not own.issuperset(digest for digest, _ in digests):
            new |= {digest: nothing(flow_uuid, number) for number, (digest, _) in enumerate(digests, 1)}
    return new


def _replace_digests(connection: Connection, marked: Marked) -> None:
    new = new_digests(connection, marked)
    flow_ids = [flow_id for flow_id, _ in marked.flows]
    for table in ("deliveries", "results"):
        connection.executemany(
            f"UPDATE {table} SET digest = ? WHERE digest = ? AND flow_id IN (SELECT value FROM json_each(?))",  # noqa: S608
            [(to, digest, json.dumps(flow_ids)) for digest, to in new.items()],
        )
    others = connection.execute(
        f"SELECT delivery_id FROM deliveries WHERE delivery_id IN {_STRAYS}"  # noqa: S608 constants
        f" OR (flow_id IS NULL AND attempt_id IN {_ATTEMPTS})",
        marked.parameters,
    ).fetchall()
    connection.executemany(
        "UPDATE deliveries SET digest = ? WHERE delivery_id = ?",
        [(nothing("delivery", delivery_id), delivery_id) for (delivery_id,) in others],
    )


def _column_texts(connection: Connection, marked: Marked) -> set[str]:
    return {
        str(value)
        for table, column in STAYING
        for (value,) in connection.execute(
            f"SELECT DISTINCT {column} FROM {table} WHERE result_id IN {_RESULTS}",  # noqa: S608 constants
            marked.parameters,
        )
    }
