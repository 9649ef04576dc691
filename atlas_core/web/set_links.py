"""Ways to a set of thresholds, or to a new one, on the tab Threshold sets."""

from __future__ import annotations

from atlas_core.web.kept import TAB
from atlas_core.web.opened import close_cases
from atlas_core.web.selection_filters import put

SETS_TAB = "Threshold sets"
START, SET = "start", "set"
"""Parts of the address: from what a draft is begun, and which set is open."""
NOW, ADVICE, CAPACITY, TRIED = "now", "advice", "capacity", "tried"
"""From what a draft may be begun, besides another set."""


def open_set(set_id: int) -> None:
    """Shows one set in place of whatever is open."""
    close_cases()
    put(START, None)
    put(SET, str(set_id))


def begin_draft(source: str) -> None:
    """Goes over to the threshold sets, with a draft begun from this."""
    close_cases()
    put(SET, None)
    put(START, source)
    put(TAB, SETS_TAB)
