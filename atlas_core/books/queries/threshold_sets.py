"""Sets of thresholds, and which of them was in force when."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from atlas_core.books.outcome_moves import followed
from atlas_core.books.queries.reviews import RESULT_DECIDED_ON
from atlas_core.books.reading import Books
from atlas_core.books.threshold_sets import InForce, thresholds_in_force
from atlas_core.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class OutcomesMove:
    """How far outcomes have come to follow thresholds: those of `adoption_id` (None: of the settings), up to
    flow_id `through` of `last` (None: all do). `was_told` is False in a book that never followed any."""

    was_told: bool
    adoption_id: int | None
    through: int | None
    last: int


def thresholds_now(books: Books, settings: Thresholds) -> InForce:
    """What was adopted last, or else the thresholds of the settings."""
    return books.read(thresholds_in_force, settings, schema="desk")


def threshold_sets(books: Books) -> pd.DataFrame:
    """Every set, the newest first.

    Columns: set_id, name, thresholds (JSON), based_on, why, evidence (JSON), drafted_by, drafted_at,
    adopted_at (when it last came into force; None for a draft).
    """
    return books.frame(
        """
        SELECT s.set_id, s.name, s.thresholds, s.based_on, s.why, s.evidence, s.drafted_by, s.drafted_at,
               (SELECT max(adopted_at) FROM desk.adoptions a WHERE a.set_id = s.set_id) AS adopted_at
        FROM desk.threshold_sets s ORDER BY s.set_id DESC
        """
    )


def adoptions(books: Books) -> pd.DataFrame:
    """What came into force when, the newest first. Columns: adoption_id, set_id, name, why, adopted_by,
    adopted_at."""
    return books.frame(
        """
        SELECT a.adoption_id, a.set_id, s.name, a.why, a.adopted_by, a.adopted_at
        FROM desk.adoptions a JOIN desk.threshold_sets s ON s.set_id = a.set_id
        ORDER BY a.adoption_id DESC
        """
    )


def outcomes_move(books: Books) -> OutcomesMove:
    """What outcomes follow at this moment."""
    held = books.read(followed)
    last = int(books.rows("SELECT coalesce(max(flow_id), 0) FROM flows")[0][0])
    if held is None:
        return OutcomesMove(False, None, None, last)
    return OutcomesMove(True, held.adoption_id, held.through, last)


def flows_moved(books: Books, adoption_id: int) -> tuple[list[int], list[int]]:
    """The flow_ids of the outcomes that one adoption moved, to review and to clear, the newest first."""
    rows = books.rows(
        "SELECT flow_id, after FROM outcome_changes WHERE adoption_id = ? ORDER BY flow_id DESC",
        [adoption_id],
    )
    to_review, to_clear = ([row[0] for row in rows if row[1] == after] for after in ("review", "clear"))
    return to_review, to_clear


def standing_decisions(books: Books) -> pd.DataFrame:
    """The decision that stands on each case, by whoever judged it first.

    Columns: flow_id, result_id (the result decided on; 0 where there was none or it is gone), decision,
    outcome (the flow's when it was decided).
    """
    return books.frame(
        f"""
        SELECT f.flow_id, d.decision, d.outcome, coalesce({RESULT_DECIDED_ON}, 0) AS result_id
        FROM desk.case_decisions d JOIN flows f ON f.flow_uuid = d.flow_uuid
        WHERE d.decision IN ('accept', 'reject', 'ask for a new document') AND d.is_second = 0
          AND d.decision_id = (SELECT max(n.decision_id) FROM desk.case_decisions n
                               WHERE n.flow_uuid = d.flow_uuid AND n.is_second = 0)
        ORDER BY d.decision_id
        """  # noqa: S608 constants
    )


def decisions_reverted(books: Books) -> tuple[int, int]:
    """How many decisions were reverted, and how many were made.

    Reverted is what was taken back, or decided otherwise later on the same result. Second looks do not count.
    """
    row = books.rows(
        """
        SELECT coalesce(sum(EXISTS (
                 SELECT 1 FROM desk.case_decisions n
                 WHERE n.flow_uuid = d.flow_uuid AND n.decision_id > d.decision_id AND n.is_second = 0
                   AND (n.undoes = d.decision_id
                        OR (n.decision IN ('accept', 'reject', 'ask for a new document')
                            AND n.digest IS d.digest AND n.decision <> d.decision)))), 0), count(*)
        FROM desk.case_decisions d
        WHERE d.decision IN ('accept', 'reject', 'ask for a new document') AND d.is_second = 0
        """
    )[0]
    return row[0], row[1]
