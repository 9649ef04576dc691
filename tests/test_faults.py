"""The quick edition of each module of tests/faults (`make faults` runs them whole)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.faults import busy, fuzz, schemas, storm
from tests.faults.mutations import spoilt


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals are meant here."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_no_request_that_the_doors_description_allows_or_forbids_breaks_them_c24(tmp_path: Path) -> None:
    found = schemas.run(tmp_path, cases=300)
    assert found.cases >= 280
    assert [*found.broken, *found.chatty, *found.refused, *found.not_taken_up] == []
    assert max(found.answers) < 500
    assert {200, 400, 401, 404} <= set(found.answers)


def test_spoilt_payloads_are_read_or_refused_with_their_place() -> None:
    for body in islice(spoilt(1), 1_500):
        fuzz.read_everything(body, 10.0)


def test_spoilt_payloads_pass_the_door_or_not_and_what_passes_is_taken_up(tmp_path: Path) -> None:
    found = fuzz.Found()
    fuzz.fuzz_doors(tmp_path / "book", islice(spoilt(2), 400), tmp_path / "found", found)
    assert found.findings == []
    assert found.not_taken_up == []
    assert set(found.answers) == {200, 400}


def test_a_storm_over_a_worker_that_is_killed_loses_and_doubles_nothing_b87(tmp_path: Path) -> None:
    left = storm.weather(tmp_path, callbacks=600, every=150)
    assert [*left.lost, *left.doubled, *left.wrong, *left.faults] == []
    assert left.dead_letters == 30
    assert left.kills == 4


def test_callbacks_beside_busy_pages_are_all_acknowledged_and_kept(tmp_path: Path) -> None:
    found = busy.run(tmp_path, quiet_seconds=1.0, busy_seconds=4.0, sessions=3, a_second=20)
    assert [*found.quiet.refused, *found.busy.refused, *found.faults] == []
    assert found.sent == found.kept == 100
    assert found.page_runs >= 3
