"""What brought a flow's results first, and one arrival with all that is known of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from atlas_core.access import LOCAL
from atlas_core.books import inbox, store
from atlas_core.books.looks import want_looks
from atlas_core.books.queries import Wanted, arrival, arrivals_per_choice, arrivals_total, first_arrivals
from atlas_core.books.reading import Books
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.wishes import dismiss
from atlas_core.books.writer import AtlasWriter
from atlas_core.insight.arrivals import (
    FIRSTS,
    first_arrivals_in_all,
    first_arrivals_per_day,
    problem_and_place,
)
from atlas_core.insight.charts_arrivals import first_arrivals_per_day_chart
from atlas_core.insight.palette import LIGHT
from tests.made_books import (
    DONE,
    MINUTE,
    START,
    MadeBooks,
    add_flow,
    begin,
    make_books,
    make_result,
    submit,
    upload,
)
from tests.made_books import reading as open_reading

DAY = 24 * 60 * MINUTE
NOW = START + 2 * DAY
# Day of the beginning, seconds from the end to the callback and to the fetch: what must come of it.
CASES: list[tuple[int, float | None, float | None, str | None]] = [
    (0, 1, 3, "callback"),
    (0, 1, 4, "callback"),
    (0, 9, 2, "fetch"),
    (0, None, 5, "no callback"),
    (1, 2, 2, "callback"),
    (1, 2, None, "callback"),
    (1, None, None, None),  # nothing has come
]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """The cases above; one whose callbacks could not be used, one that has just ended, and history."""
    books = make_books(tmp_path_factory.mktemp("arrivals"))
    with AtlasWriter(books.atlas) as writer:
        for number, (day, called, fetched, _) in enumerate(CASES, start=1):
            _flow(writer, books, number, START + day * DAY, called, fetched)
        attempt_id = _flow(writer, books, 50, START, None, 5)
        writer.write(
            inbox.record_dead_letter,
            attempt_id,
            digest="d" * 64,
            size=9,
            reason="this is not JSON (at byte 4)",
            received_at=START + MINUTE,
        )
        _flow(writer, books, 60, NOW - 2 * MINUTE, None, 5)
        add_flow(writer, "past-0001", created_at=START, result=make_result("past-0001"))
    return books


def _flow(
    writer: AtlasWriter,
    books: MadeBooks,
    number: int,
    begun: int,
    called: float | None,
    fetched: float | None,
) -> int:
    name, uuid = f"APP-{number}", f"flow-{number:04}"
    attempt_id = begin(writer, submit(books, name, now=begun), now=begun, application_id=name)
    flow_id = upload(writer, attempt_id, uuid, now=begun)
    ended = begun + 30_000
    writer.write(store.save_look, flow_id, DONE, looked_at=ended)
    for seconds, channel in sorted(
        (at, name) for at, name in ((called, "callback"), (fetched, "extracts")) if at is not None
    ):
        writer.write(
            save_result,
            flow_id,
            make_result(uuid),
            channel=channel,
            received_at=ended + int(seconds * 1000),
            confirmed=channel == "extracts",
            standards=Standards(),
            attempt_id=attempt_id if channel == "callback" else None,
        )
    return attempt_id


@pytest.fixture
def reading(books: MadeBooks) -> Iterator[Books]:
    with open_reading(books) as opened:
        yield opened


def test_what_came_first_is_what_a_plain_recount_says(reading: Books) -> None:
    found = first_arrivals(reading, since=0, now=NOW)
    expected: dict[tuple[int, str], int] = {}
    for day, _, _, first in CASES:
        if first:
            key = ((START + day * DAY) // DAY * DAY, first)
            expected[key] = expected.get(key, 0) + 1
    expected[START // DAY * DAY, "unreadable"] = 1
    counted = found.groupby(["day_at", "first"])["flows"].sum().to_dict()
    assert counted == expected  # without history, and without the flow whose callback may still come


def test_a_flow_that_just_ended_counts_as_not_called_about_after_ten_minutes(reading: Books) -> None:
    later = first_arrivals(reading, since=NOW - 5 * MINUTE, now=NOW + 10 * MINUTE)
    assert later[["first", "flows"]].to_dict("records") == [{"first": "no callback", "flows": 1}]


def test_lateness_has_its_own_n_and_never_counts_who_did_not_come(reading: Books) -> None:
    ways = first_arrivals_in_all(first_arrivals(reading, since=0, now=NOW)).set_index("first")
    assert list(ways.index) == list(FIRSTS)
    callback = ways.loc["callback"]
    assert (callback["flows"], callback["n_late"]) == (4, 3)  # 2 s, 3 s and 0 s; one was never fetched
    assert (callback["median_late_ms"], callback["p95_late_ms"]) == (2_000, 3_000)
    assert ways.loc["fetch", "median_late_ms"] == 7_000
    assert ways.loc["no callback", "n_late"] == 0
    assert pd.isna(ways.loc["no callback", "median_late_ms"])
    assert ways["share"].sum() == pytest.approx(1)


def test_days_without_flows_are_drawn_empty_and_the_figure_stays_small(reading: Books) -> None:
    since = NOW - 30 * DAY
    arrivals = first_arrivals(reading, since=since, now=NOW)
    frame = first_arrivals_per_day(arrivals, since=since, until=NOW)
    assert frame["day_at"].nunique() == 31
    assert frame["flows"].sum() == arrivals["flows"].sum()
    assert frame.loc[frame["n"] == 0, "share"].isna().all()
    chart = first_arrivals_per_day_chart(frame, LIGHT)
    assert len(chart.figure.to_json()) < 40_000
    assert len(chart.figure.data) == len(FIRSTS)
    assert "n = 7" in chart.alt


def test_no_flow_gives_zeros_and_no_error() -> None:
    none = pd.DataFrame({"day_at": [], "first": [], "late_ms": pd.Series([], dtype="Int64"), "flows": []})
    ways = first_arrivals_in_all(none)
    assert ways["flows"].sum() == 0
    assert ways["share"].isna().all()


@pytest.mark.parametrize(
    ("reason", "problem", "place"),
    [
        ("this is not JSON: Expecting value (at byte 4)", "this is not JSON: Expecting value", "byte 4"),
        ("a score (a number) was due (at cross_checks[3].similarity_score)", "a score (a number) was due",
         "cross_checks[3].similarity_score"),
        ("it could not be taken up (KeyError)", "it could not be taken up (KeyError)", ""),
        (None, "", ""),
    ],
)  # fmt: skip
def test_a_reason_is_told_apart_from_its_place(reason: str | None, problem: str, place: str) -> None:
    assert problem_and_place(reason) == (problem, place)


def test_one_arrival_says_whose_it_is_and_whether_it_was_set_aside(books: MadeBooks) -> None:
    with open_reading(books) as opened:
        letter_id = opened.rows("SELECT delivery_id FROM deliveries WHERE outcome = 'dead letter'")[0][0]
        letter = arrival(opened, letter_id)
        assert letter is not None
        assert (letter.flow_uuid, letter.application_id) == ("flow-0050", "APP-50")
        assert not letter.has_payload
        assert letter.dismissed_at is None
        assert arrival(opened, 10_000) is None
    dismiss(books.open_desk(), LOCAL, "dead letter", str(letter_id), "seen", now=START + 2 * MINUTE)
    with open_reading(books) as opened:
        assert arrival(opened, letter_id) == dataclasses.replace(
            letter, dismissed_by="local", dismissed_at=START + 2 * MINUTE, dismissed_because="seen"
        )


def test_each_choice_counts_what_it_would_leave(reading: Books) -> None:
    for wanted in (
        Wanted(),
        Wanted(channel="callback"),
        Wanted(application_id="APP-1"),
        Wanted(reason="JSON"),
    ):
        channels, outcomes = arrivals_per_choice(reading, wanted)
        for channel, total in channels.items():
            assert total == arrivals_total(reading, dataclasses.replace(wanted, channel=channel)) > 0
        if not wanted.channel:
            assert sum(channels.values()) == arrivals_total(reading, wanted)
        assert sum(outcomes.values()) == arrivals_total(reading, wanted)


def test_wishes_to_look_are_one_row_of_the_audit_log(tmp_path: Path) -> None:
    made = make_books(tmp_path)
    want_looks(made.open_desk(), LOCAL, ["flow-0001", "flow-0002", "flow-0001"])
    with open_reading(made) as opened:
        wanted = opened.rows("SELECT flow_uuid FROM desk.looks_wanted ORDER BY 1")
        assert [row[0] for row in wanted] == ["flow-0001", "flow-0002"]
        assert opened.rows("SELECT count(*) FROM desk.audit WHERE action = 'ask Atlas now'")[0][0] == 1
