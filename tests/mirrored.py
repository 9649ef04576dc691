"""What a book and its column mirror say of each flow, in one plain form that can be compared."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from atlas_core.books.columns import NO_SCORE, OUTCOMES, Columns, open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.writer import AtlasWriter
from tests.workers import rows

Said = dict[int, dict[str, Any]]
Counted = Counter[tuple[Any, ...]]

_ENDS = {"upload": ("SUCCESS", "FAILED"), "processing": ("SUCCESS", "FAILED"), "crosscheck": ("COMPLETED",)}


def follow(writer: AtlasWriter, book: Path) -> int:
    """One start of the mirror's writer, until it has caught up."""
    mirror = Mirror(writer, book)
    try:
        return mirror.catch_up()
    finally:
        mirror.close()


def said_by_book(book: Path) -> Said:
    """Each flow with the documents and cross-checks of the result that counts, straight from its tables."""
    said: Said = {}
    ends: dict[tuple[int, str], int] = {}
    for flow_id, stage, status, seen_at in rows(
        book, "SELECT flow_id, stage, status, seen_at FROM status_changes ORDER BY seen_at DESC"
    ):
        if status in _ENDS.get(stage, ()):
            ends[flow_id, stage] = seen_at
    for flow in rows(
        book,
        "SELECT flow_id, created_at, ended_at, confirmed_at, result_id, product_type, master_status, outcome,"
        " dealer, quality_flag, documents, checks, document_errors, review_flags, min_similarity FROM flows",
    ):
        flow_id, created_at, ended_at, confirmed_at, result_id, *texts = flow[:10]
        said[flow_id] = {
            "times": (created_at, ended_at or 0, confirmed_at or 0, created_at // 86_400_000),
            "ends": tuple(ends.get((flow_id, stage), 0) for stage in _ENDS),
            "result": result_id or 0,
            "texts": tuple(text or None for text in texts),
            "counts": tuple(count or 0 for count in flow[10:14]),
            "min_score": NO_SCORE if flow[14] is None else math.floor(flow[14]),
            "checks": [],
            "documents": [],
        }
    for flow_id, score, one, other, *kind in rows(
        book,
        "SELECT f.flow_id, c.similarity_score, c.source_confidence, c.target_confidence, c.name,"
        " c.source_doc, c.source_field_name, c.target_doc, c.target_field_name"
        " FROM flows f JOIN cross_checks c ON c.result_id = f.result_id ORDER BY f.flow_id, c.position",
    ):
        sure = [confidence for confidence in (one, other) if confidence is not None]
        lowest = round(min(sure), 6) if sure else None
        score = NO_SCORE if score is None else math.floor(score)
        said[flow_id]["checks"].append((tuple(kind), score, lowest))
    for flow_id, *document in rows(
        book,
        "SELECT f.flow_id, nullif(d.document_type, ''), nullif(d.error_code, ''), nullif(d.error_reason, ''),"
        " d.position FROM flows f JOIN documents d ON d.result_id = f.result_id"
        " ORDER BY f.flow_id, d.position",
    ):
        said[flow_id]["documents"].append(tuple(document))
    return said


def said_by_mirror(columns: Columns) -> Said:
    """The same of one version of the mirror."""
    flows, names = columns.flows, columns.names
    of_flow: dict[str, dict[int, list[Any]]] = {"checks": defaultdict(list), "documents": defaultdict(list)}
    checks, documents = columns.checks, columns.documents
    for flow, kind, score, low in zip(
        *(column.tolist() for column in (checks.flow, checks.kind, checks.score, checks.low_confidence)),
        strict=True,
    ):
        if flow:
            lowest = None if math.isnan(low) else round(low, 6)
            of_flow["checks"][flow].append((tuple(names.kinds[kind]), score, lowest))
    for flow, *codes, position in zip(
        *(getattr(documents, name).tolist() for name in ("flow", "type", "code", "reason", "position")),
        strict=True,
    ):
        if flow:
            texts = (names.types[codes[0]], names.codes[codes[1]], names.reasons[codes[2]])
            of_flow["documents"][flow].append((*texts, position))
    said: Said = {}
    for place in range(len(flows)):
        row = {name: getattr(flows, name)[place].item() for name in flows.__slots__}
        if not row["created_at"]:
            continue
        texts = (names.products[row["product"]], names.masters[row["master"]], str(OUTCOMES[row["outcome"]]))
        said[place] = {
            "times": (row["created_at"], row["ended_at"], row["confirmed_at"], row["day"]),
            "ends": tuple(row[f"{stage}_ended_at"] for stage in _ENDS),
            "result": row["result"],
            "texts": (*texts, names.dealers[row["dealer"]], names.qualities[row["quality"]]),
            "counts": tuple(row[name] for name in ("documents", "checks", "document_errors", "review_flags")),
            "min_score": row["min_score"],
            "checks": of_flow["checks"][place],
            "documents": of_flow["documents"][place],
        }
    return said


def counted_by_book(book: Path) -> Counted:
    """How often each day, product, kind of check and score comes, straight from the book's tables."""
    counted: Counted = Counter()
    for day, product, score, *kind in rows(
        book,
        "SELECT f.created_at / 86400000, nullif(f.product_type, ''), c.similarity_score, c.name,"
        " c.source_doc, c.source_field_name, c.target_doc, c.target_field_name"
        " FROM flows f JOIN cross_checks c ON c.result_id = f.result_id",
    ):
        counted[day, product, tuple(kind), NO_SCORE if score is None else math.floor(score)] += 1
    return counted


def counted_by_mirror(columns: Columns) -> Counted:
    """The same of the counts of one version of the mirror; it must have some."""
    assert columns.counts is not None
    counts, names = columns.counts, columns.names
    counted: Counted = Counter()
    assert not counts.before[0].any()
    begun = np.diff(counts.before.astype(np.int64), axis=0)
    for place in zip(*begun.nonzero(), strict=True):
        day, product, kind, score = (int(one) for one in place)
        counted[counts.first_day + day, names.products[product], tuple(names.kinds[kind]), score] += int(
            begun[place]
        )
    since = counts.corrections
    for day, product, kind, score, by in zip(
        *(getattr(since, name).tolist() for name in since.__slots__), strict=True
    ):
        counted[day, names.products[product], tuple(names.kinds[kind]), score] += by
    return Counter({key: count for key, count in counted.items() if count})


def require_same(book: Path) -> Columns:
    """The newest version, which says exactly what the book says."""
    columns = open_columns(book.parent)
    assert said_by_mirror(columns) == said_by_book(book)
    assert counted_by_mirror(columns) == counted_by_book(book)
    return columns
