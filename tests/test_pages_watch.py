"""What Watch says of the flows that it shows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from atlas_core.books import store
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FlowStatus
from atlas_core.web.running import places_in_words
from tests.made_books import MINUTE, make_books
from tests.page_sessions import said, sessions_over, show

RUNNING = FlowStatus("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")


@pytest.mark.parametrize(
    ("running", "ended", "total", "words"),
    [
        (1, 5, 1, "1 running, 5 ended since you came, oldest first"),
        (2, 0, 2, "2 running, oldest first"),
        (0, 1, 0, "0 running, 1 ended since you came, oldest first"),
        (200, 0, 1200, "200 of 1,200 running flows shown, oldest first"),
    ],
)
def test_ended_flows_are_not_counted_as_running(running: int, ended: int, total: int, words: str) -> None:
    flows = pd.DataFrame({"has_ended": [False] * running + [True] * ended})
    assert places_in_words(flows, total) == words


def test_of_running_flows_those_shown_are_told(tmp_path: Path) -> None:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for name, age in (("LOS-00000001", 60 * MINUTE), ("LOS-00000002", MINUTE)):
            flow_id = writer.write(
                store.save_flow, name, application_id=name, product_type="PROD_CDL", created_at=now_ms() - age
            )
            writer.write(store.save_look, flow_id, RUNNING, looked_at=now_ms())
    with sessions_over(made.atlas.parent):
        assert "\n2 running, oldest first. Those that end stay" in said(show("watch"))
        assert "\n1 of 2 running flows shown, oldest first. " in said(show("watch", show="Overdue"))
