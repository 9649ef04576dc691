"""What goes from desk.db when a case is erased; see `erasing.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from sqlite3 import Connection

from atlas_core.books.erasing import NOTE, Erased, clear, has_column, nothing, strings, tables_in, texts_of
from atlas_core.books.erasing_views import Said, forget_views
from atlas_core.books.tombstones import Case, Tombstone

_SUBMISSIONS = "(SELECT value FROM json_each(:submissions))"
_UUIDS = "(SELECT value FROM json_each(:uuids))"
_OF_DESK = (
    ("submissions", "flow_params", f"submission_id IN {_SUBMISSIONS}", "'{}'"),
    ("submissions", "group_id", f"submission_id IN {_SUBMISSIONS}", "NULL"),
    ("submission_files", "document_id", f"submission_id IN {_SUBMISSIONS}", "''"),
    ("submission_files", "object_name", f"submission_id IN {_SUBMISSIONS}", "''"),
    ("submission_files", "file_url", f"submission_id IN {_SUBMISSIONS}", "NULL"),
    ("case_notes", "text", f"flow_uuid IN {_UUIDS}", f"'{NOTE}'"),
    ("verdicts", "reason", f"flow_uuid IN {_UUIDS}", "''"),
    ("case_decisions", "reason", f"flow_uuid IN {_UUIDS}", "''"),
    ("case_decisions", "document", f"flow_uuid IN {_UUIDS}", "''"),
)


def submissions_of(connection: Connection, tombstone: Tombstone) -> list[int]:
    """The submissions of a case in desk.db."""
    if tombstone.application_id is not None:
        rows = connection.execute(
            "SELECT submission_id FROM submissions WHERE application_id = ? AND created_at <= ?",
            [tombstone.application_id, tombstone.at],
        )
    elif "call_notes" in tables_in(connection):
        rows = connection.execute(
            "SELECT DISTINCT submission_id FROM call_notes WHERE flow_uuid = ?", [tombstone.flow_uuid]
        )
    else:
        return []
    return [submission_id for (submission_id,) in rows]


def applications_in_desk(connection: Connection, tombstone: Tombstone) -> set[str]:
    """The applications of which an erasure takes something, as far as desk.db knows."""
    rows = connection.execute(
        f"SELECT DISTINCT application_id FROM submissions WHERE submission_id IN {_SUBMISSIONS}",  # noqa: S608
        _desk_parameters(submissions_of(connection, tombstone), []),
    )
    return {application_id for (application_id,) in rows}


def in_desk(connection: Connection, case: Case) -> tuple[list[int], list[str]]:
    """The submissions of a case in desk.db, and its flows: those given, and those that the desk noted."""
    tombstone = case.tombstone
    submission_ids = sorted(case.submission_ids.union(submissions_of(connection, tombstone)))
    uuids = set(case.flow_uuids)
    if tombstone.flow_uuid is not None:
        uuids.add(tombstone.flow_uuid)
    elif "call_notes" in tables_in(connection):
        uuids.update(
            flow_uuid
            for (flow_uuid,) in connection.execute(
                "SELECT flow_uuid FROM call_notes WHERE flow_uuid IS NOT NULL"
                " AND submission_id IN (SELECT value FROM json_each(?))",
                [json.dumps(submission_ids)],
            )
        )
    return submission_ids, sorted(uuids)


def aged_in_desk(connection: Connection, before: int, held: Sequence[str], at_most: int | None) -> list[int]:
    """Submissions from before that moment that are not erased yet and of no application that is held."""
    rows = connection.execute(
        "SELECT submission_id FROM submissions WHERE created_at < ? AND erased_at IS NULL"
        " AND application_id NOT IN (SELECT value FROM json_each(?)) ORDER BY submission_id LIMIT ?",
        [before, json.dumps(list(held)), -1 if at_most is None else at_most],
    )
    return [submission_id for (submission_id,) in rows]


def texts_in_desk(
    connection: Connection, submission_ids: Sequence[int], flow_uuids: Sequence[str]
) -> set[str]:
    """Every text of a case that an erasure would take; empty where nothing is left of it."""
    texts = texts_of(connection, _OF_DESK, _desk_parameters(submission_ids, flow_uuids)) - {NOTE, "{}", ""}
    for text in [one for one in texts if one.startswith("{")]:
        texts.discard(text)
        texts.update(strings(json.loads(text)))
    return texts


def erase_in_desk(
    connection: Connection,
    submission_ids: Sequence[int],
    flow_uuids: Sequence[str],
    digests: dict[str, str],
    *,
    at: int,
    said: Said | None = None,
) -> Erased:
    """Takes a case's values out of desk.db, and the saved views that repeat what was `said` in them or in
    atlas.db. `digests` are those that atlas.db is about to replace."""
    erased = Erased(texts=texts_in_desk(connection, submission_ids, flow_uuids))
    parameters = _desk_parameters(submission_ids, flow_uuids)
    if said is not None:
        _learn(connection, parameters, said)
    clear(connection, _OF_DESK, parameters, erased)
    if said is not None:
        erased.rows["saved_views"] = forget_views(connection, said)
    if has_column(connection, "submissions", "erased_at"):
        connection.execute(
            f"UPDATE submissions SET erased_at = :at"  # noqa: S608 constants
            f" WHERE erased_at IS NULL AND submission_id IN {_SUBMISSIONS}",
            parameters | {"at": at},
        )
    if "verdicts" in tables_in(connection):
        for flow_uuid in flow_uuids:
            _replace_in_verdicts(connection, flow_uuid, digests)
    return erased


def _learn(connection: Connection, parameters: dict[str, str], said: Said) -> None:
    rows = connection.execute(
        f"SELECT flow_params, product_type FROM submissions WHERE submission_id IN {_SUBMISSIONS}",  # noqa: S608
        parameters,
    ).fetchall()
    values = [text for params, _ in rows for text in strings(json.loads(params))]
    said.learn(values, [product for _, product in rows])


def _replace_in_verdicts(connection: Connection, flow_uuid: str, digests: dict[str, str]) -> None:
    """Digests and pairs of what was judged. A digest that atlas.db does not hold gets one of its own."""
    rows = connection.execute(
        "SELECT digest FROM verdicts WHERE flow_uuid = ?1"
        " UNION SELECT digest FROM case_decisions WHERE flow_uuid = ?1 AND digest IS NOT NULL",
        [flow_uuid],
    ).fetchall()
    ours = {nothing(flow_uuid, number) for number in range(1, 1000)}
    strange = [digest for (digest,) in rows if digest not in digests and digest not in ours]
    to = digests | {digest: nothing(flow_uuid, 1000 - n) for n, digest in enumerate(strange, 1)}
    for table in ("verdicts", "case_decisions"):
        connection.executemany(
            f"UPDATE {table} SET digest = ? WHERE digest = ? AND flow_uuid = ?",  # noqa: S608 constants
            [(to[digest], digest, flow_uuid) for (digest,) in rows if digest in to],
        )
    verdicts = connection.execute(
        "SELECT verdict_id FROM verdicts WHERE flow_uuid = ?", [flow_uuid]
    ).fetchall()
    connection.executemany(
        "UPDATE verdicts SET pair = ? WHERE verdict_id = ?",
        [(nothing("pair", verdict_id), verdict_id) for (verdict_id,) in verdicts],
    )


def _desk_parameters(submission_ids: Sequence[int], flow_uuids: Sequence[str]) -> dict[str, str]:
    return {"submissions": json.dumps(list(submission_ids)), "uuids": json.dumps(list(flow_uuids))}
