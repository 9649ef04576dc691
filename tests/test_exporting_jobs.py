"""Long exports: in a process of their own, followed, stopped, swept."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas_core.access import LOCAL
from atlas_core.books.mirror import Mirror
from atlas_core.books.queries import What
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import InputError
from atlas_core.exporting import jobs
from atlas_core.exporting.exports import Progress
from atlas_core.exporting.orders import Order
from atlas_core.exporting.sheets import Format
from atlas_core.insight.finding import FlowFilter
from atlas_core.settings import Settings, load_settings
from tests.made_books import START, add_flow, make_books, make_result


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a desk with twenty flows; what starts a process finds the same books."""
    books = make_books(tmp_path)
    with AtlasWriter(books.atlas) as writer:
        for number in range(20):
            uuid = f"flow-{number:04}"
            add_flow(writer, uuid, application_id=f"A{number:02}", created_at=START, result=make_result(uuid))
        mirror = Mirror(writer, books.atlas)
        mirror.catch_up()
        mirror.close()
    monkeypatch.setenv("ATLAS_DATA_DIR", str(books.atlas.parent))
    return load_settings()


def wait_for(question: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not question():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_background_export_tells_how_far_it_is_and_ends_in_a_file(settings: Settings) -> None:
    wanted = FlowFilter(text="A0")
    job_id = jobs.start_job(settings, LOCAL, Order(wanted, What.FIELDS, Format.XLSX))
    assert jobs.find_job(settings, job_id).state == "running"
    wait_for(lambda: jobs.find_job(settings, job_id).state != "running")
    (job,) = jobs.jobs(settings, LOCAL)
    assert (job.state, job.sentence) == ("done", "20 of 20 fields of 10 flows")
    path = jobs.job_file(settings, job)
    assert path.stat().st_size > 1000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(found.suffix for found in path.parent.iterdir()) == [".json", ".xlsx"]
    assert job.file_name == f"fields-{job_id[:6]}.xlsx"


def test_a_background_export_can_be_stopped(settings: Settings) -> None:
    job_id = jobs.start_job(settings, LOCAL, Order(FlowFilter(), What.FIELDS, Format.CSV))
    jobs.cancel_job(settings, job_id)
    wait_for(lambda: jobs.find_job(settings, job_id).state != "running")
    job = jobs.find_job(settings, job_id)
    assert (job.state, job.sentence) == ("cancelled", "The export was cancelled; nothing of it is kept.")
    assert not jobs.job_file(settings, job).exists()


def test_exports_go_after_a_day_and_a_dead_one_is_not_running_for_ever(settings: Settings) -> None:
    jobs.sweep_exports(settings)
    assert jobs.jobs(settings, LOCAL) == []
    folder = jobs.new_file(settings, Format.CSV).parent
    for name in ("a" * 16 + ".csv", "a" * 16 + ".csv.part", "a" * 16 + ".json"):
        (folder / name).write_text("{}")
        os.utime(folder / name, (time.time() - 86_500,) * 2)
    jobs.sweep_exports(settings)
    assert list(folder.iterdir()) == []
    silent = jobs.Job(
        "b" * 16, What.FLOWS, Format.CSV, "", True, "local", 0, "running", 0, Progress(0, 0, 0, 0)
    )
    jobs._write(settings, silent)
    (job,) = jobs.jobs(settings, LOCAL)
    assert (job.state, job.sentence) == ("failed", "It ended before it was done. Start it again.")
    (folder / ("c" * 16 + ".json")).write_text(json.dumps({"what": "flows"}))
    assert len(jobs.jobs(settings, LOCAL)) == 1


@pytest.mark.parametrize("job_id", ["", "../atlas", "0" * 16, "x" * 16])
def test_an_export_that_is_not_there_is_said_to_be_gone(settings: Settings, job_id: str) -> None:
    with pytest.raises(InputError, match="kept for 24 hours"):
        jobs.find_job(settings, job_id)
