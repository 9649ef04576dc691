"""How Atlas answers, how it was, and how old our token is: counted, kept for a while, and read back."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.api.client import AtlasClient
from atlas_core.books import atlas_calls, store
from atlas_core.books.atlas_calls import MINUTE_MS, Calls, bin_of, seconds_of
from atlas_core.books.queries import atlas_calls as calls_between
from atlas_core.books.queries import atlas_states, token_life
from atlas_core.books.schema import ATLAS, migrate
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import CredentialsRefused, NoAnswer, OutcomeUnknown
from atlas_core.insight.atlas_calls import answer_measures
from atlas_core.worker.call_tally import CallTally
from tests.made_books import START, MadeBooks, make_books, reading
from tests.servers import running_sandbox
from tests.workers import rows, running_worker, settings_for, until

MINUTE = START // MINUTE_MS


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


@given(st.floats(min_value=0.001, max_value=300.0))
def test_a_bins_middle_is_within_five_percent_of_every_time_in_it(seconds: float) -> None:
    assert abs(seconds_of(bin_of(seconds)) / seconds - 1) < 0.05


def test_the_shortest_times_share_a_bin() -> None:
    assert bin_of(0.0) == bin_of(-1.0) == bin_of(0.0005) == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["status", "extracts"]),
            st.sampled_from(["ok", "ok", "ok", "no answer"]),
            st.floats(min_value=0.002, max_value=30.0),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_measures_are_those_of_the_single_calls(calls: list[tuple[str, str, float]]) -> None:
    binned = Counter((endpoint, came, bin_of(seconds)) for endpoint, came, seconds in calls)
    frame = pd.DataFrame(
        [(endpoint, came, seconds_of(place), times) for (endpoint, came, place), times in binned.items()],
        columns=["endpoint", "came", "seconds", "times"],
    )
    measured = answer_measures(frame).set_index("endpoint")
    assert set(measured.index) == {endpoint for endpoint, _, _ in calls}
    for endpoint, row in measured.iterrows():
        mine = [(came, seconds) for name, came, seconds in calls if name == endpoint]
        good = sorted(seconds for came, seconds in mine if came == "ok")
        assert (row["calls"], row["ok"]) == (len(mine), len(good))
        assert row["success_rate"] == pytest.approx(len(good) / len(mine))
        for percent, name in ((50, "median_seconds"), (95, "p95_seconds")):
            if good:
                true = good[math.ceil(len(good) * percent / 100) - 1]
                assert row[name] == pytest.approx(true, rel=0.05)
            else:
                assert math.isnan(row[name])


def test_counts_add_up_and_are_asked_for_by_span_and_step(books: MadeBooks, writer: AtlasWriter) -> None:
    quick, slow = bin_of(0.1), bin_of(3.0)
    for _ in range(2):
        calls = [
            Calls(MINUTE, "status", "ok", quick, 3),
            Calls(MINUTE + 1, "status", "ok", slow, 1),
            Calls(MINUTE + 1, "status", "no answer", slow, 1),
            Calls(MINUTE + 7, "extracts", "ok", quick, 1),
        ]
        writer.write(atlas_calls.record_calls, calls, None)
    with reading(books) as opened:
        whole = calls_between(opened, since=START, until=START + 10 * MINUTE_MS)
        first = calls_between(opened, since=START, until=MINUTE * MINUTE_MS + MINUTE_MS)
        steps = calls_between(opened, since=START, until=START + 10 * MINUTE_MS, step_ms=5 * MINUTE_MS)
        nothing = calls_between(opened, since=START + 60 * MINUTE_MS, until=START + 61 * MINUTE_MS)
    assert whole["times"].sum() == 12
    assert first["times"].tolist() == [6]
    assert first["seconds"].tolist() == pytest.approx([0.1], rel=0.05)
    over_time = answer_measures(steps, by=("at", "endpoint"))
    assert (over_time["at"] % (5 * MINUTE_MS)).eq(0).all()
    assert over_time["calls"].sum() == 12
    assert answer_measures(whole).set_index("endpoint").loc["status", "success_rate"] == 0.8
    assert list(nothing.columns) == list(whole.columns)
    assert answer_measures(nothing).empty


def test_what_the_book_would_not_take_is_counted_later() -> None:
    tally = CallTally()
    tally.note("status", 0.1, None)
    tally.note("status", 0.1, NoAnswer("GET status", "silence", "Later."))
    taken = tally.take()
    assert tally.take() == []
    tally.note("status", 0.1, None)
    tally.put_back(taken)
    assert sorted((came, times) for _, _, came, _, times in tally.take()) in (
        [("no answer", 1), ("ok", 2)],
        [("no answer", 1), ("ok", 1), ("ok", 1)],  # a minute ended in between
    )


def test_each_state_lasts_until_the_next_and_no_worker_means_nobody_asked(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    def alive(now: int) -> None:
        writer.write(store.record_state, "worker", "running", "", now=now)

    writer.write(atlas_calls.record_start, now=START)
    alive(START + 5)
    for _ in range(2):
        writer.write(atlas_calls.record_atlas, "unreachable", "GET status: silence.", now=START + 10)
    writer.write(atlas_calls.record_atlas, "ok", "", now=START + 20)
    alive(START + 15)  # and then it is killed
    writer.write(atlas_calls.record_start, now=START + 90)
    alive(START + 100)
    writer.write(atlas_calls.record_stop, now=START + 100)
    with reading(books) as opened:
        states = atlas_states(opened, since=0)
        later = atlas_states(opened, since=START + 15)
    assert states[["state", "began_at", "ended_at"]].astype(object).values.tolist() == [
        ["ok", START, START + 10],
        ["unreachable", START + 10, START + 20],
        ["ok", START + 20, START + 20],
        ["not asked", START + 20, START + 90],
        ["ok", START + 90, START + 100],
        ["not asked", START + 100, pd.NA],
    ]
    assert states["sentence"].tolist()[1] == "GET status: silence."
    assert later["state"].tolist()[0] == "unreachable"


def test_calls_are_kept_by_the_minute_then_by_the_hour_and_then_forgotten(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    hour = MINUTE // 60 * 60
    days = 24 * 60
    for _ in range(2):
        for minute in (hour - 15 * days, hour - 3 * days + 7, hour - 3 * days + 9, hour - days + 7, hour):
            calls = [Calls(minute, "status", "ok", 1, 1), Calls(minute, "status", "busy", 2, 1)]
            writer.write(atlas_calls.record_calls, calls, None)
        writer.write(atlas_calls.thin_out_answers, now=hour * MINUTE_MS)
    assert rows(books.atlas, "SELECT minute, times FROM atlas_calls WHERE came = 'ok' ORDER BY minute") == [
        (hour - 3 * days, 4),
        (hour - days + 7, 2),
        (hour, 2),
    ]


def test_old_states_are_forgotten_but_not_the_one_that_lasts(books: MadeBooks, writer: AtlasWriter) -> None:
    for at, state in ((0, "ok"), (1, "busy"), (2, "refused")):
        writer.write(atlas_calls.record_atlas, state, "", now=START + at)
    writer.write(atlas_calls.thin_out_answers, now=START + 15 * 24 * 60 * MINUTE_MS)
    assert rows(books.atlas, "SELECT state FROM atlas_states") == [("refused",)]


def test_a_book_of_the_first_edition_learns_how_atlas_answers(tmp_path: Path) -> None:
    from sqlite_utils import Migrations

    first = Migrations("atlas")
    oldest = ATLAS.migrations._migrations[0]
    first(name=oldest.name)(oldest.fn)
    migrate(tmp_path / "atlas.db", dataclasses.replace(ATLAS, migrations=first))
    migrate(tmp_path / "atlas.db", ATLAS)
    assert rows(tmp_path / "atlas.db", "SELECT count(*) FROM atlas_calls") == [(0,)]


def test_a_worker_counts_its_calls_and_keeps_the_life_of_its_token_but_never_the_token(
    tmp_path: Path,
) -> None:
    faults = [
        {"play": "status", "application": "COUNT-1", "code": 503, "retry_after": 1, "times": 1},
        {"play": "reset", "application": "LOST", "done": True},
    ]
    with running_sandbox(seconds=0.2) as sandbox:
        sandbox.play({"init": faults})
        begun = now_ms()
        with running_worker(settings_for(tmp_path, sandbox.url)) as worker:
            for name in ("COUNT-1", "COUNT-2", "LOST"):
                worker.submit(name)
            until(lambda: worker.attempt("LOST")[0] == "init unknown")
            until(lambda: all(worker.flow(f"COUNT-{n}").get("master_status") for n in (1, 2)))
        came = sandbox.calls()["calls"]
        book = worker.settings.atlas_book
        with AtlasClient(sandbox.url, "sandbox", "sandbox") as client:
            mint = client.fetch_token().access_token
    counted = rows(
        book, "SELECT endpoint, came, sum(times) FROM atlas_calls GROUP BY endpoint, came ORDER BY 1, 2"
    )
    assert counted == [
        ("authtoken", "ok", came["authtoken"]["201"]),
        ("flow/init", "busy", 1),
        ("flow/init", "ok", came["init"]["201"]),
        ("flow/init", "outcome unknown", 1),
        ("multiupload", "ok", came["multiupload"]["201"]),
        ("status", "ok", came["status"]["200"]),
    ]
    with reading(MadeBooks(book, worker.settings.desk_book)) as opened:
        life = token_life(opened)
        states = atlas_states(opened, since=0)["state"].tolist()
    assert life is not None
    assert begun <= life.fetched_at <= now_ms()
    assert life.ends_at - life.fetched_at == pytest.approx(3_600_000, abs=2)
    assert states == ["ok", "not asked"]
    header = mint.split(".")[0].encode()
    assert len(header) > 10
    assert header not in book.read_bytes()


def test_refused_credentials_are_a_state_of_their_own_in_the_history_b43(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        settings = settings_for(tmp_path, sandbox.url, client_secret="wrong")
        with running_worker(settings) as worker:
            worker.submit("HISTORY-1")
            until(lambda: worker.rows("SELECT 1 FROM atlas_states WHERE state = 'refused'"))
    states = rows(settings.atlas_book, "SELECT state, sentence FROM atlas_states ORDER BY state_id")
    assert [state for state, _ in states] == ["ok", "refused", "not asked"]
    assert "Check ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET" in states[1][1]
    assert "wrong" not in states[1][1]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NoAnswer, "no answer"),
        (OutcomeUnknown, "outcome unknown"),
        (CredentialsRefused, "credentials refused"),
    ],
)
def test_an_error_is_counted_under_its_name_in_words(error: type[NoAnswer], kind: str) -> None:
    assert error("GET status", "came", "advice").kind == kind
