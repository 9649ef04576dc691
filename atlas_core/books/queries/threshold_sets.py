"""Sets of thresholds, and which of them was in force when."""

from __future__ import annotations

import pandas as pd

from atlas_core.books.reading import Books
from atlas_core.books.threshold_sets import InForce, thresholds_in_force
from atlas_core.thresholds import Thresholds


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
