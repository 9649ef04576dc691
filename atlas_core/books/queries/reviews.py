"""Cases: what was decided of which, what was judged of one, and how the work goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from atlas_core.books.reading import Books, Record
from atlas_core.books.review_rules import ReviewRules, review_rules
from atlas_core.books.verdicts import pair_hash, pair_key

RESULT_DECIDED_ON = """
  coalesce(
    (SELECT max(r.result_id) FROM results r
     WHERE r.flow_id = f.flow_id AND r.digest = d.digest AND r.received_at <= d.decided_at),
    (SELECT min(r.result_id) FROM results r WHERE r.flow_id = f.flow_id AND r.digest = d.digest))
"""
"""The result of flow `f` that decision `d` was made on; NULL where there was none or it is gone. Of several
with one content it is the newest that was there then: one that came back later was not decided on. In a book
whose results had to be fetched anew none was there then, and it is the first that came."""


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """One row of decisions. `flow_id` is None where the atlas book does not know the flow; `result_id` is the
    result that was decided on, None where there was none or it is gone."""

    decision_id: int
    flow_id: int | None
    result_id: int | None
    had_result: bool
    decision: str
    decided_by: str
    is_second: bool


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What people did with one case, each in order.

    - decisions: decision_id, decision, document, reason, outcome, digest, is_second, decided_by, decided_at
    - verdicts: position, digest, verdict, reason, drawn, judged_by, judged_at, stroke (those that stand)
    - notes: text, noted_by, noted_at
    - `claimed_by` and `claim_ends_at`; `assigned_to`: None where nobody
    """

    decisions: list[Record]
    verdicts: list[Record]
    notes: list[Record]
    claimed_by: str | None
    claim_ends_at: int | None
    assigned_to: str | None


def rules_now(books: Books) -> ReviewRules:
    """How cases come to be judged."""
    return books.read(review_rules, schema="desk")


def decided_cases(books: Books, after_id: int = 0) -> list[DecidedCase]:
    """Every decision after decision `after_id`, in order."""
    return [
        DecidedCase(
            row["decision_id"],
            row["flow_id"],
            row["result_id"],
            bool(row["had_result"]),
            row["decision"],
            row["decided_by"],
            bool(row["is_second"]),
        )
        for row in books.rows(
            f"""
            SELECT d.decision_id, f.flow_id, d.digest IS NOT NULL AS had_result, d.decision, d.decided_by,
                   d.is_second, {RESULT_DECIDED_ON} AS result_id
            FROM desk.case_decisions d LEFT JOIN flows f ON f.flow_uuid = d.flow_uuid
            WHERE d.decision_id > ? ORDER BY d.decision_id
            """,  # noqa: S608 constants
            [after_id],
        )
    ]


def erased_since(books: Books, moment: int) -> list[tuple[int, int]]:
    """The flows that were erased then or later (ms since 1970, UTC): flow_id and when, in order."""
    return [
        (row["flow_id"], row["erased_at"])
        for row in books.rows(
            "SELECT flow_id, erased_at FROM flows WHERE erased_at >= ? ORDER BY erased_at", [moment]
        )
    ]


def taken_cases(books: Books, *, now: int) -> list[tuple[int, str]]:
    """The flows that somebody has claimed: flow_id and who."""
    return _pairs(
        books,
        "SELECT f.flow_id, c.who FROM desk.claims c JOIN flows f ON f.flow_uuid = c.flow_uuid"
        " WHERE c.ends_at > ?",
        [now],
    )


def assigned_cases(books: Books) -> list[tuple[int, str]]:
    """The flows that are assigned: flow_id and to whom."""
    return _pairs(
        books,
        "SELECT f.flow_id, a.who FROM desk.assignments a JOIN flows f ON f.flow_uuid = a.flow_uuid",
    )


def open_second_looks(books: Books) -> list[tuple[int, str]]:
    """The flows that wait to be judged once more: flow_id and who judged first."""
    return _pairs(
        books,
        "SELECT f.flow_id, s.first_by FROM desk.second_looks s JOIN flows f ON f.flow_uuid = s.flow_uuid"
        " WHERE s.done_at IS NULL",
    )


def case_record(books: Books, flow_uuid: str, *, now: int) -> CaseRecord:
    """What people did with one case."""
    with books.snapshot():
        claim = books.rows(
            "SELECT who, ends_at FROM desk.claims WHERE flow_uuid = ? AND ends_at > ?", [flow_uuid, now]
        )
        assigned = books.rows("SELECT who FROM desk.assignments WHERE flow_uuid = ?", [flow_uuid])
        return CaseRecord(
            decisions=books.records(
                """
                SELECT decision_id, decision, document, reason, outcome, digest, is_second, decided_by,
                       decided_at
                FROM desk.case_decisions WHERE flow_uuid = ? ORDER BY decision_id
                """,
                [flow_uuid],
            ),
            verdicts=books.records(
                """
                SELECT position, digest, verdict, reason, drawn, judged_by, judged_at, stroke
                FROM desk.verdicts WHERE flow_uuid = ? AND undone_at IS NULL ORDER BY verdict_id
                """,
                [flow_uuid],
            ),
            notes=books.records(
                "SELECT text, noted_by, noted_at FROM desk.case_notes WHERE flow_uuid = ? ORDER BY note_id",
                [flow_uuid],
            ),
            claimed_by=claim[0]["who"] if claim else None,
            claim_ends_at=claim[0]["ends_at"] if claim else None,
            assigned_to=assigned[0]["who"] if assigned else None,
        )


def earlier_verdicts(
    books: Books, values: tuple[str, str], *, name: str, dealer: str | None, but_of: str, limit: int = 5
) -> pd.DataFrame:
    """What people found of the same pair of values (in their normal form), or of this check at the same
    dealer's, in other flows; the same pair first, the newest above.

    Columns: is_same_pair, verdict, judged_by, judged_at, similarity, flow_uuid, application_id.
    """
    return books.frame(
        """
        SELECT v.pair = :pair AS is_same_pair, v.verdict, v.judged_by, v.judged_at, v.similarity, v.flow_uuid,
               f.application_id
        FROM desk.verdicts v JOIN flows f ON f.flow_uuid = v.flow_uuid
        WHERE v.verdict_id IN (
                SELECT verdict_id FROM (
                  SELECT verdict_id FROM desk.verdicts WHERE pair = :pair AND undone_at IS NULL
                  ORDER BY verdict_id DESC LIMIT 50)
                UNION
                SELECT verdict_id FROM (
                  SELECT n.verdict_id
                  FROM (SELECT verdict_id, flow_uuid FROM desk.verdicts
                        WHERE name = :name AND undone_at IS NULL ORDER BY judged_at DESC LIMIT 1000) n
                  JOIN flows d ON d.flow_uuid = n.flow_uuid AND d.dealer = :dealer LIMIT 50))
          AND v.flow_uuid <> :but_of
        ORDER BY is_same_pair DESC, v.verdict_id DESC LIMIT :limit
        """,
        {
            "pair": pair_hash(books.read(pair_key, schema="desk"), *values),
            "name": name,
            "dealer": dealer,
            "but_of": but_of,
            "limit": limit,
        },
    )


def judged_checks(
    books: Books, *, judged_from: int | None = None, judged_to: int | None = None
) -> pd.DataFrame:
    """Every verdict that stands, but for those given as a second look; one for each cross-check, the newest.

    Columns: name, similarity, verdict, weight, drawn, judged_at, product_type, created_at (of the flow).
    """
    return books.frame(
        """
        SELECT v.name, v.similarity, v.verdict, v.weight, v.drawn, max(v.judged_at) AS judged_at,
               f.product_type, f.created_at
        FROM desk.verdicts v JOIN flows f ON f.flow_uuid = v.flow_uuid
        WHERE v.undone_at IS NULL AND v.drawn <> 'second'
          AND v.judged_at >= coalesce(?, v.judged_at) AND v.judged_at < coalesce(?, v.judged_at + 1)
        GROUP BY v.flow_uuid, v.digest, v.position
        """,
        [judged_from, judged_to],
    )


def judged_twice(books: Books) -> pd.DataFrame:
    """Cross-checks that two people judged apart. Columns: name, first, second (verdicts), judged_at."""
    return books.frame(
        """
        SELECT s.name, p.verdict AS first, s.verdict AS second, s.judged_at
        FROM desk.verdicts s
        JOIN desk.verdicts p ON p.flow_uuid = s.flow_uuid AND p.digest = s.digest
          AND p.position = s.position AND p.judged_by <> s.judged_by AND p.drawn <> 'second'
        WHERE s.drawn = 'second' AND s.undone_at IS NULL AND p.undone_at IS NULL
        ORDER BY s.verdict_id
        """
    )


def decisions_made(books: Books, *, decided_from: int) -> pd.DataFrame:
    """The decisions since a moment that were not taken back, the newest first.

    Columns: decision_id, flow_uuid, decided_by, decided_at, decision, seconds (from the screen to the
    decision; None).
    """
    return books.frame(
        """
        SELECT decision_id, flow_uuid, decided_by, decided_at, decision, seconds
        FROM desk.case_decisions d
        WHERE decided_at >= ? AND decision <> 'undone'
          AND decision_id NOT IN (SELECT undoes FROM desk.case_decisions WHERE undoes IS NOT NULL)
        ORDER BY decision_id DESC
        """,
        [decided_from],
    )


def claims_now(books: Books, *, now: int) -> pd.DataFrame:
    """Who has which case. Columns: who, flow_uuid, application_id, claimed_at, ends_at."""
    return books.frame(
        """
        SELECT c.who, c.flow_uuid, f.application_id, c.claimed_at, c.ends_at
        FROM desk.claims c LEFT JOIN flows f ON f.flow_uuid = c.flow_uuid
        WHERE c.ends_at > ? ORDER BY c.claimed_at
        """,
        [now],
    )


def _pairs(
    books: Books, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in books.rows(sql, parameters)]
