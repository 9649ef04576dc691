"""Operations: callbacks against polls, Atlas, storage, the self-test and alerts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from atlas_core.books import alerts, atlas_calls, attempts, store
from atlas_core.books.alerts import Alert
from atlas_core.books.backups import take_backup
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend, UploadedFile
from atlas_core.settings import load_settings
from atlas_core.web import loaders
from tests.made_books import DONE, MINUTE, MadeBooks, make_books, make_result
from tests.operations_page import (
    NOWHERE,
    links,
    operations,
    table,
    worker_runs,
)
from tests.page_sessions import button, said, sessions_over
from tests.workers import rows, running_worker, settings_for


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        yield made


# ------------------------------------------------------------------------------------ callbacks and polls


def uploaded(writer: AtlasWriter, number: int, *, called: int | None, fetched: int | None) -> None:
    """A flow begun an hour ago that ended 30 s later, called about and fetched so many seconds after that."""
    begun = now_ms() - 60 * MINUTE
    uuid = f"flow-{number:04}"
    attempt_id = writer.write(
        attempts.start_attempt,
        number,
        1,
        application_id=f"APP-{number}",
        product_type="PROD_CDL",
        auth_part=f"{number}a".rjust(64, "0"),
        callback_part=f"{number}c".rjust(64, "0"),
        now=begun,
    )
    assert attempt_id is not None
    flow_id = writer.write(attempts.save_init_answer, attempt_id, uuid, now=begun)
    writer.write(
        attempts.start_upload, attempt_id, [FileToSend("d", "https://files.example/a.pdf")], now=begun
    )
    writer.write(attempts.save_upload_answer, attempt_id, [UploadedFile("b", "f", "d")], now=begun)
    writer.write(store.save_look, flow_id, DONE, looked_at=begun + 30_000)
    arrivals = [(called, "callback"), (fetched, "extracts")]
    for seconds, channel in sorted((at, name) for at, name in arrivals if at is not None):
        _arrives(writer, flow_id, attempt_id, uuid, channel, begun + 30_000 + seconds * 1000)


def _arrives(
    writer: AtlasWriter, flow_id: int, attempt_id: int, uuid: str, channel: str, received_at: int
) -> None:
    writer.write(
        save_result,
        flow_id,
        make_result(uuid),
        channel=channel,
        received_at=received_at,
        confirmed=channel == "extracts",
        standards=Standards(),
        attempt_id=attempt_id if channel == "callback" else None,
    )


@pytest.fixture
def mixed(books: MadeBooks) -> MadeBooks:
    """Callback first by 2, 4 and 6 s; fetch first by 10 s; two that were never called about."""
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        cases: Sequence[tuple[int | None, int | None]] = (
            (1, 3),
            (1, 5),
            (1, 7),
            (20, 10),
            (None, 5),
            (None, 6),
        )
        for number, (called, fetched) in enumerate(cases, start=1):
            uploaded(writer, number, called=called, fetched=fetched)
    return books


def test_callbacks_are_held_against_polls_with_shares_lateness_and_n(mixed: MadeBooks) -> None:
    session = operations("Callbacks and polls")
    assert {metric.label: metric.value for metric in session.metric} == {
        "Callback first": "3",
        "Our fetch first": "1",
        "Callback not usable": "0",
        "No callback": "2",
    }
    words = said(session)
    assert "50.0% of 6" in words
    assert "The fetch came later by 4.0 s (median), 6.0 s (95th percentile); n = 3" in words
    assert "The callback came later by 10.0 s (median), 10.0 s (95th percentile); n = 1" in words
    figure = json.loads(session.get("plotly_chart")[0].proto.spec)
    assert "n = 6" in figure["layout"]["title"]["subtitle"]["text"]
    assert len(session.get("plotly_chart")[0].proto.spec) < 40_000


def test_pulling_what_was_not_called_about_tells_how_many_first(mixed: MadeBooks) -> None:
    session = operations("Callbacks and polls")
    assert "**2 flows** ended without a callback" in said(session)
    assert table(session, "flow") == ["flow-0006", "flow-0005"]
    assert rows(mixed.desk, "SELECT count(*) FROM looks_wanted") == [(0,)]
    button(session, "Ask about 2 flows").click().run()
    assert "The worker asks Atlas about 2 flows" in session.success[0].value
    wanted = rows(mixed.desk, "SELECT flow_uuid FROM looks_wanted ORDER BY 1")
    assert wanted == [("flow-0005",), ("flow-0006",)]
    assert rows(mixed.desk, "SELECT action, detail FROM audit") == [("ask Atlas now", '{"flows": 2}')]


def test_one_flow_is_pulled_by_its_id_and_a_wrong_id_is_told(mixed: MadeBooks) -> None:
    session = operations("Callbacks and polls")
    session.text_input[0].set_value("flow-000")
    button(session, "Pull now").click().run()
    assert "No flow has this id" in session.warning[-1].value
    session.text_input[0].set_value(" flow-0001 ")
    button(session, "Pull now").click().run()
    assert rows(mixed.desk, "SELECT flow_uuid FROM looks_wanted") == [("flow-0001",)]


# ------------------------------------------------------------------------ Atlas, storage, test, alerts


def test_each_endpoint_tells_its_success_and_its_times(books: MadeBooks) -> None:
    minute = now_ms() // MINUTE
    token = (now_ms() - 10 * MINUTE, now_ms() + 50 * MINUTE)
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        calls = [(minute, "status", "ok", 30, 97), (minute, "status", "no answer", 60, 3)]
        old = [(minute - 180, "extracts", "ok", 30, 5)]
        writer.write(atlas_calls.record_calls, [*calls, *old], token)
    session = operations("Atlas")
    assert table(session, "good") == ["97.0% of 100"]
    assert table(session, "bad") == ["no answer: 3"]
    assert table(session, "median")[0] == pytest.approx(atlas_calls.seconds_of(30) * 1000)
    assert "**Fetched** 10 min" in said(session)
    assert table(operations("Atlas", window="Day"), "endpoint") == ["extracts", "status"]


def test_storage_tells_sizes_the_newest_backup_and_when_the_next_is_due(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
    folder = loaders.desk_settings().backup_dir
    take_backup(books.desk, folder, now=now_ms() - 10 * MINUTE)
    session = operations("Storage")
    words = said(session)
    sizes = {metric.label: metric.value for metric in session.metric}
    assert sizes["Column mirror"] != "unknown"
    assert sizes["Free disk"].endswith("GB")
    assert "ago), 0." in words
    assert re.search(r"Next: in \d\d min \(one every 1 h\)", words)
    assert "Newest: none yet" in words  # of atlas.db
    assert "Last upgraded: never; it was made" in words


def test_the_self_test_tells_each_step_and_what_to_do_next(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = operations("Self-test")
    with running_worker(settings_for(books.atlas.parent, NOWHERE)) as worker:
        monkeypatch.setenv("ATLAS_RECEIVER_PORT", str(worker.worker.receiver.port))
        loaders.desk_settings.cache_clear()
        button(session, "Run the self-test").click().run()
        assert "The whole loop works" in session.success[0].value
        worker.worker._inside._receiver_url = NOWHERE
        button(session, "Run the self-test").click().run()
        assert "A token can be fetched: no." in session.error[0].value
        words = said(session)
        assert f"Atlas cannot reach us at {NOWHERE}" in words
        assert "Next: Check ATLAS_RECEIVER_URL" in words
        assert "Not tried: no token came out." in words


def test_the_self_test_without_a_worker_says_how_to_start_it(
    books: MadeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_RECEIVER_PORT", "9")
    loaders.desk_settings.cache_clear()
    session = operations("Self-test")
    button(session, "Run the self-test").click().run()
    assert "The worker is ready: no." in session.error[0].value
    words = said(session)
    assert f"The worker does not answer at {load_settings().receiver_origin}." in words
    assert "Start it with: python -m atlas_core worker" in words


def test_alerts_that_last_say_what_to_do_and_those_that_are_over_are_listed(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        now = now_ms()
        letter = Alert("dead letter", "17", "Callback 17 could not be read.")
        both = [Alert("disk", "", "0.1 GB are left on the disk of the books."), letter]
        writer.write(alerts.settle_alerts, both, now=now - 20 * MINUTE)
        writer.write(alerts.settle_alerts, [letter], now=now - 10 * MINUTE)
    session = operations("Alerts")
    words = said(session)
    assert "Callback 17 could not be read." in words
    assert "Read its reason, then read it again or dismiss it." in words
    assert "for 20 min" in words
    assert "open=17" in links(session)
    lasted = dict(zip(table(session, "rule"), table(session, "lasted"), strict=True))
    assert lasted["Disk nearly full"] == "10 min"
    assert lasted["Dead letter"].endswith("until now")


def test_very_many_alerts_name_a_few_and_count_the_rest_once(books: MadeBooks) -> None:
    """Once "And 1,740 more like these" stood first, and the rest was counted without it."""
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        letters = [
            Alert("dead letter", str(at), f"Callback {at} could not be read.") for at in range(101, 301)
        ]
        others = Alert("dead letter", "others", "And 1,740 more like these.", 1_740)
        writer.write(alerts.settle_alerts, [others, *letters], now=now_ms())
    words = said(operations("Alerts"))
    assert "And 1,935 more; 1,940 cases in all." in words
    assert "more like these" not in words
    assert words.count("could not be read") == 5
