"""What the commands of tests/faults do at length, done for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kills import SCENES, Scene, survive
from tests.faults.soak import soak


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_killed_work_leaves_sound_books_and_loses_nothing_that_was_kept_b104(
    scene: Scene, tmp_path: Path
) -> None:
    survived = survive(scene, tmp_path, kills=5)
    assert survived.faults == []
    assert survived.kills == 5, "once a cold rehearsal took so long that every kill came after the work"


def test_worker_and_pages_bear_an_even_load(tmp_path: Path) -> None:
    """A21"""
    soaked = soak(tmp_path, 12)
    assert soaked.faults == []
    assert soaked.page_runs >= 4
    assert soaked.callbacks >= 5
    assert soaked.largest_log < 64 * 2**20
    assert len(soaked.worker.memory) == len(soaked.pages.descriptors) >= 2
