"""Whether the column mirror says what atlas.db says: counts and checksums, group by group.

The book's side is plain GROUP BYs, which share nothing with the selects that fill the mirror. A checksum is
the sum of a number's remainder times a weight of its flow's, so that two flows cannot swap their rows unseen.
The mirror's counts are then held against its rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

import numpy as np
import pandas as pd

from atlas_core.books.book import open_for_reading, speaking_of
from atlas_core.books.columns import Counts, Kind, Names, open_columns
from atlas_core.books.mirror import noted_version
from atlas_core.books.mirror_rows import OVERFLOW
from atlas_core.books.store import FINAL_STATUSES
from atlas_core.books.verified_counts import compare_counts
from atlas_core.errors import BookBusy
from atlas_core.models import Outcome

_TRIES = 20
_PAUSE_SECONDS = 0.25
_PRIME, _WEIGHTS = 65_521, 1_009
_CONFIDENCE_ERROR = 1e-7  # what 32 bits may add to or take from one confidence

_FLOW_NUMBERS = {
    "created_at": "f.created_at",
    "day": "f.created_at / 86400000",
    "ended_at": "coalesce(f.ended_at, 0)",
    "confirmed_at": "coalesce(f.confirmed_at, 0)",
    "result": "coalesce(f.result_id, 0)",
    "documents": "min(coalesce(f.documents, 0), 65535)",
    "checks": "min(coalesce(f.checks, 0), 65535)",
    "document_errors": "min(coalesce(f.document_errors, 0), 255)",
    "review_flags": "min(f.review_flags, 255)",
    "min_score": "coalesce(CAST(f.min_similarity AS INTEGER), 101)",
}
_FLOW_TEXTS = {
    "products": "f.product_type",
    "outcomes": "f.outcome",
    "masters": "f.master_status",
    "dealers": "f.dealer",
    "qualities": "f.quality_flag",
}
_CHECK_NUMBERS = {"score": "coalesce(CAST(c.similarity_score AS INTEGER), 101)"}
_CHECK_TEXTS = {name: f"c.{name}" for name in Kind._fields}
_LOW_CONFIDENCE = (
    "min(coalesce(c.source_confidence, c.target_confidence),"
    " coalesce(c.target_confidence, c.source_confidence))"
)
_DOCUMENT_NUMBERS = {"position": "min(d.position, 65535)"}
_DOCUMENT_TEXTS = {"types": "d.document_type", "codes": "d.error_code", "reasons": "d.error_reason"}
_STAGES = ("upload", "processing", "crosscheck")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared, and how the mirror differs: one that does not is sound.

    The changes of `waiting` flows have still to be taken over by the worker; those flows were left out.
    """

    flows: int
    checks: int
    documents: int
    waiting: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """A copy of one version, without dead rows and without the flows that wait; only its counts have them."""

    flows: pd.DataFrame
    checks: pd.DataFrame
    documents: pd.DataFrame
    counts: Counts | None
    names: Names


def verify_columns(data_dir: Path) -> Verified:
    """Compares the whole mirror with atlas.db; safe beside the worker. A minute for a million flows.

    Raises `BookMissing`, `BookDamaged`, and `BookBusy` where the mirror is not the book's, or never stood
    still long enough to be copied.
    """
    book = data_dir / "atlas.db"
    with _moment(data_dir, book) as (connection, held, waiting), speaking_of(book):
        differences = [
            *_compare_flows(connection, held),
            *_compare_stages(connection, held),
            *_compare_checks(connection, held),
            *_compare_documents(connection, held),
            *compare_counts(held.flows, held.checks, held.counts, held.names, bool(waiting)),
        ]
    return Verified(len(held.flows), len(held.checks), len(held.documents), waiting, tuple(differences))


@contextmanager
def _moment(data_dir: Path, book: Path) -> Iterator[tuple[Connection, _Held, int]]:
    """A snapshot of the book with the mirror as it was then.

    A flow that the worker was just taking over is still in the queue of the snapshot, and left out; where a
    version came in between, the copy is thrown away.
    """
    for _ in range(_TRIES):
        columns = open_columns(data_dir)
        flows, checks, documents = (
            pd.DataFrame({name: getattr(table, name).copy() for name in table.__slots__})
            for table in (columns.flows, columns.checks, columns.documents)
        )
        with closing(open_for_reading(book)) as connection:
            connection.execute("BEGIN")
            waiting = [row[0] for row in connection.execute("SELECT DISTINCT flow_id FROM mirror_queue")]
            is_same = noted_version(connection) == columns.version
            if is_same and open_columns(data_dir).version == columns.version:
                counts = flows["created_at"].to_numpy() > 0
                counts[[flow_id for flow_id in waiting if flow_id < len(counts)]] = False
                checks = checks[counts[checks["flow"].to_numpy()]]
                documents = documents[counts[documents["flow"].to_numpy()]]
                held = _Held(flows[counts], checks, documents, columns.counts, columns.names)
                yield connection, held, len(waiting)
                return
        time.sleep(_PAUSE_SECONDS)
    raise BookBusy("It is not at the book's state. Start the worker, which brings it there, and ask again.")


# ------------------------------------------------------------------------------------------ the tables


def _compare_flows(connection: Connection, held: _Held) -> Iterator[str]:
    sql = _sums("flows f", _FLOW_TEXTS, _FLOW_NUMBERS)
    keys = {listing: held.flows[listing.removesuffix("s")] for listing in ("products", "masters", "dealers")}
    keys |= {"outcomes": held.flows["outcome"], "qualities": held.flows["quality"]}
    numbers = {name: held.flows[name] for name in _FLOW_NUMBERS}
    mirror = _texts_of(_grouped(keys, numbers, held.flows.index.to_series()), held.names)
    yield from _differences("flows", _of_book(connection, sql, held.names), mirror, list(_FLOW_TEXTS))


def _compare_stages(connection: Connection, held: _Held) -> Iterator[str]:
    for stage in _STAGES:
        marks = ", ".join("?" * len(FINAL_STATUSES[stage]))
        ends = (
            "SELECT s.flow_id, min(s.seen_at) AS seen_at FROM status_changes s"  # noqa: S608 constants
            f" WHERE s.stage = ? AND s.status IN ({marks}) GROUP BY s.flow_id"
        )
        sql = _sums(f"({ends}) f", {"stage": f"'{stage}'"}, {"ended_at": "f.seen_at"})
        book = pd.read_sql_query(sql, connection, params=[stage, *FINAL_STATUSES[stage]])
        ended = held.flows[f"{stage}_ended_at"]
        ended = ended[ended > 0]
        words = pd.Series(stage, index=ended.index, dtype=object)
        mirror = _grouped({"stage": words}, {"ended_at": ended}, ended.index.to_series())
        yield from _differences("ends of stages", book, mirror, ["stage"])


def _compare_checks(connection: Connection, held: _Held) -> Iterator[str]:
    source = "flows f CROSS JOIN cross_checks c ON c.result_id = f.result_id"
    confidence = f"count({_LOW_CONFIDENCE}) AS sure, total({_LOW_CONFIDENCE}) AS confidence"
    book = _of_book(connection, _sums(source, _CHECK_TEXTS, _CHECK_NUMBERS, confidence), held.names)
    checks = held.checks
    mirror = _grouped({"kind": checks["kind"]}, {"score": checks["score"]}, checks["flow"])
    certain = checks["low_confidence"].astype(np.float64).groupby(checks["kind"]).agg(["count", "sum"])
    mirror = mirror.merge(certain.set_axis(["sure", "confidence"], axis=1), left_on="kind", right_index=True)
    kinds = pd.DataFrame([held.names.kinds[code] for code in mirror.pop("kind")], columns=list(Kind._fields))
    mirror = pd.concat([kinds, mirror.reset_index(drop=True)], axis=1)
    yield from _differences("cross-checks", book, mirror, list(_CHECK_TEXTS))


def _compare_documents(connection: Connection, held: _Held) -> Iterator[str]:
    sql = _sums(
        "flows f CROSS JOIN documents d ON d.result_id = f.result_id", _DOCUMENT_TEXTS, _DOCUMENT_NUMBERS
    )
    keys = {listing: held.documents[listing.removesuffix("s")] for listing in _DOCUMENT_TEXTS}
    mirror = _grouped(keys, {"position": held.documents["position"]}, held.documents["flow"])
    book = _of_book(connection, sql, held.names)
    yield from _differences("documents", book, _texts_of(mirror, held.names), list(_DOCUMENT_TEXTS))


# ------------------------------------------------------------------------------------------- both sides


def _sums(source: str, texts: Mapping[str, str], numbers: Mapping[str, str], more: str = "0 AS none") -> str:
    """Rows and checksums for each combination of texts, without the flows that wait."""
    keys = ", ".join(f"{expression} AS {name}" for name, expression in texts.items())
    checksums = ", ".join(
        f"sum(({expression}) % {_PRIME} * (f.flow_id % {_WEIGHTS} + 1)) AS sum_{name}"
        for name, expression in numbers.items()
    )
    places = ", ".join(str(place + 1) for place in range(len(texts)))
    return (
        f"SELECT {keys}, count(*) AS rows, {checksums}, {more} FROM {source}"  # noqa: S608 constants
        f" WHERE f.flow_id NOT IN (SELECT flow_id FROM mirror_queue) GROUP BY {places}"
    )


def _grouped(
    keys: Mapping[str, pd.Series], numbers: Mapping[str, pd.Series], flow_ids: pd.Series
) -> pd.DataFrame:
    """What `_sums` asks of the book, of the mirror's columns."""
    weights = flow_ids.astype(np.int64) % _WEIGHTS + 1
    sums = {f"sum_{name}": column.astype(np.int64) % _PRIME * weights for name, column in numbers.items()}
    frame = pd.DataFrame({**keys, "rows": 1, **sums}, index=flow_ids.index)
    return frame.groupby(list(keys), as_index=False).sum()


def _texts_of(grouped: pd.DataFrame, names: Names) -> pd.DataFrame:
    """The groups under the texts of their codes."""
    for listing in set(grouped.columns) & {*Names.__slots__, "outcomes"}:
        texts = [str(outcome) for outcome in Outcome] if listing == "outcomes" else getattr(names, listing)
        grouped[listing] = [texts[code] if code < len(texts) else f"code {code}" for code in grouped[listing]]
    return grouped


def _of_book(connection: Connection, sql: str, names: Names) -> pd.DataFrame:
    """The book's groups, under the names that the mirror has for them: texts beyond the number a column can
    tell apart are one there."""
    frame = pd.read_sql_query(sql, connection)
    for listing in set(frame.columns) & set(Names.__slots__):
        known = getattr(names, listing)
        if OVERFLOW in known:
            frame[listing] = [text if not text or text in known else OVERFLOW for text in frame[listing]]
    return frame


def _differences(what: str, book: pd.DataFrame, mirror: pd.DataFrame, keys: Sequence[str]) -> Iterator[str]:
    """One sentence where groups differ."""
    both = []
    for frame in (book, mirror):
        frame[list(keys)] = (
            frame[list(keys)].astype(object).where(frame[list(keys)].notna(), "").replace("", "none")
        )
        both.append(frame.groupby(list(keys)).sum())
    one, other = both[0].align(both[1], fill_value=0)
    numbers = [column for column in one.columns if column == "rows" or column.startswith(("sum_", "sure"))]
    is_wrong = (one[numbers] != other[numbers]).any(axis=1)
    if "confidence" in one:
        is_wrong |= (one["confidence"] - other["confidence"]).abs() > _CONFIDENCE_ERROR * one["rows"]
    if is_wrong.any():
        first = is_wrong[is_wrong].index[0]
        place = first if isinstance(first, str) else ", ".join(first[:3])
        counts = int(one.loc[first, "rows"]), int(other.loc[first, "rows"])
        other_values = ", with other values" if counts[0] == counts[1] else ""
        yield (
            f"{int(is_wrong.sum())} of {len(is_wrong)} groups of {what} differ; {place}: {counts[0]:,} in "
            f"the book, {counts[1]:,} in the mirror{other_values}"
        )
