"""What every page tells of while something is wrong, and what Submit refuses before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.books import alerts, store
from atlas_core.books.alerts import Alert
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.web import loaders
from tests.made_books import MadeBooks, make_books
from tests.page_sessions import sessions_over, show


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        yield made


def worker_runs(writer: AtlasWriter) -> None:
    writer.write(store.record_state, "worker", "running", "", now=now_ms())
    writer.write(store.record_state, "atlas", "ok", "", now=now_ms())


@pytest.mark.parametrize(
    ("state", "headline"),
    [("failing", "Atlas answers with errors since"), ("busy", "Atlas is busy since")],
)
def test_a_page_says_how_atlas_is_unwell_and_that_it_goes_on_by_itself(
    books: MadeBooks, state: str, headline: str
) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        writer.write(store.record_state, "atlas", state, "GET status: 500.", now=now_ms() - 120_000)
    session = show("today")
    warning = session.warning[0].value
    assert headline in warning
    assert "by itself" in warning or "by ourselves" in warning
    leads = "Open Operations"
    assert leads in [link.proto.label for link in session.get("page_link")]
    there = show("operations")
    assert headline in there.warning[0].value
    assert leads not in [link.proto.label for link in there.get("page_link")]


def test_a_retired_version_is_told_in_red_b42(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        writer.write(store.record_state, "atlas", "retired", "POST flow/init: 410.", now=now_ms())
    session = show("today")
    assert not session.warning
    assert "Atlas has retired this version" in session.error[0].value


def test_every_page_tells_of_alerts_that_matter_everywhere_until_they_are_over(books: MadeBooks) -> None:
    raised = [
        Alert("dead letter", "7", "Callback 7 could not be read."),
        Alert("dead letter", "others", "And 2 more like these.", 2),
        Alert("backup", "desk.db", "The newest good backup of desk.db is 7 hours old."),
        Alert("stuck flow", "LOS-00000001", "It is stuck."),
    ]
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        writer.write(alerts.settle_alerts, raised, now=now_ms())
        letters, backups = (warning.value for warning in show("results", by=writer).warning)
        assert "Unreadable callbacks: 3 since" in letters
        assert "Backups are old since" in backups
        assert "desk.db is 7 hours old" in backups.replace("\\", "")
        writer.write(alerts.settle_alerts, [], now=now_ms())
        assert not show("results", by=writer).warning


def test_a_csv_with_a_host_that_is_not_allowed_is_refused_before_anything_is_sent(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_FILE_HOSTS", "files.your-bank.in")
    loaders.desk_settings.cache_clear()
    rows = (
        "LOAN-1,https://files.your-bank.in/1.pdf,invoice",
        "LOAN-2,https://elsewhere.example/2.pdf,invoice",
    )
    csv = "\n".join(("application_id,file_url,document_id", *rows))
    session = show("submit", tab="Many by CSV")
    session.file_uploader[0].upload("loans.csv", csv.encode(), "text/csv").run()
    counts = {metric.label: metric.value for metric in session.metric}
    assert (counts["Rows"], counts["Applications ready"], counts["Problems"]) == ("2", "1", "1")
    assert "ATLAS_FILE_HOSTS" in session.dataframe[0].value.to_string()
