"""The demo's invented reviewers: their verdicts are kept like anybody's, and say whose they are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from atlas_core.books.desk import Desk
from atlas_core.books.queries.reviews import judged_checks, judged_twice, rules_now
from atlas_core.books.queries.threshold_sets import decisions_reverted, standing_decisions
from atlas_core.books.reading import open_books
from atlas_core.books.review_rules import ReviewRules
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.cli.demo_verdicts import REVIEWERS, draw_for_demo, plant_verdicts
from atlas_core.cli.seed import run_seed
from atlas_core.settings import load_settings


def test_the_demo_has_verdicts_of_both_kinds_by_two_people_who_say_that_they_are_invented(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings({"ATLAS_DATA_DIR": str(tmp_path / "data")}, tmp_path / "no.env")
    migrate_atlas(settings.atlas_book)
    migrate_desk(settings.desk_book)
    draw_for_demo(settings)
    run_seed(settings, flows=500, days=60)  # of fewer, none may be judged twice by chance
    cases = plant_verdicts(settings, random.Random(3))
    assert f"{cases} cases were judged by the demo's two invented reviewers" in capsys.readouterr().out
    with open_books(settings.atlas_book, settings.desk_book) as books:
        judged, twice = judged_checks(books), judged_twice(books)
        assert len(standing_decisions(books)) == cases
        assert decisions_reverted(books)[1] >= cases
        assert rules_now(books) == ReviewRules()
        people = {row[0] for row in books.rows("SELECT DISTINCT judged_by FROM desk.verdicts")}
    assert people == {reviewer.who for reviewer in REVIEWERS}
    assert all(name.startswith("demo") for name in people)
    assert set(judged["drawn"]) == {"queue", "lot"}
    assert set(judged.loc[judged["drawn"] == "lot", "weight"].round(6)) == {6.25}
    assert len(twice) > 0
    assert Desk(settings.desk_book).verify_audit().broken_at is None
