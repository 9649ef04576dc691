"""The ledger: every arrival once, newest first, page by page, whatever is asked of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pandas as pd
import pytest

from atlas_core.books import doors, inbox, queries
from atlas_core.books.doors import HOUR_MS, Refusal
from atlas_core.books.queries import Wanted, arrivals_page, arrivals_total
from atlas_core.books.reading import Books
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from tests.made_books import (
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

HOUR = START // HOUR_MS * HOUR_MS


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """One flow whose callback is confirmed, one whose callbacks are not what they should be, sixty of history
    that came by fetch, four tokens and two kinds of refusals."""
    books = make_books(tmp_path_factory.mktemp("ledger"))
    with AtlasWriter(books.atlas) as writer:
        plain, odd = (begin(writer, submit(books, name), application_id=name) for name in ("APP-1", "APP-2"))
        flow_id = upload(writer, plain, "flow-0001")
        upload(writer, odd, "flow-0002")
        for number, attempt_id in enumerate((plain, plain, odd, plain)):
            writer.write(
                doors.save_token,
                f"{number:064}",
                attempt_id,
                caller="203.0.113.7",
                expires_at=START + 600_000,
                now=START + number * MINUTE,
            )
        result = make_result("flow-0001")
        for moment in (1, 2):
            writer.write(
                inbox.save_callback, plain, result, other_application=False, received_at=START + moment
            )
        with Worklist(books.atlas) as worklist:
            for delivery in worklist.waiting_deliveries():
                writer.write(inbox.take_up_callback, delivery, result, now=START + 3, standards=Standards())
        writer.write(
            save_result,
            flow_id,
            result,
            channel="extracts",
            received_at=START + 10,
            confirmed=True,
            standards=Standards(),
        )
        stranger = make_result("flow-9999")
        writer.write(inbox.save_callback, odd, stranger, other_application=False, received_at=START + 20)
        writer.write(
            inbox.record_dead_letter,
            odd,
            digest="d" * 64,
            size=9,
            reason="this is not JSON: Expecting value (at byte 4)",
            received_at=START + 20,
        )
        for number in range(60):
            uuid = f"past-{number:04}"
            created_at = START - 1000 * MINUTE + number // 3  # three of each moment
            add_flow(
                writer, uuid, application_id=f"PAST-{number}", created_at=created_at, result=make_result(uuid)
            )
        writer.write(
            doors.record_refusals,
            [
                Refusal("callback", 401, "203.0.113.9", 41, START + 20),
                Refusal("auth", 404, "others", 7, START + 90 * MINUTE),
            ],
        )
    return books


@pytest.fixture
def reading(books: MadeBooks) -> Iterator[Books]:
    with open_reading(books) as opened:
        yield opened


def every(reading: Books, wanted: Wanted, limit: int) -> pd.DataFrame:
    """All pages, one behind the other."""
    frames, after = [], None
    for _ in range(200):
        page = arrivals_page(reading, wanted, after=after, limit=limit)
        assert len(page.rows) <= limit
        frames.append(page.rows)
        if page.following is None:
            return pd.concat(frames, ignore_index=True)
        after = page.following
    pytest.fail("the pages do not end")


def test_every_arrival_is_there_once_newest_first(reading: Books) -> None:
    rows = every(reading, Wanted(), 1000)
    assert len(rows) == 2 + 2 + 60 + 4 + 2
    assert list(rows["received_at"]) == sorted(rows["received_at"], reverse=True)
    assert rows["channel"].value_counts().to_dict() == {
        "extracts": 61,
        "auth": 4,
        "callback": 3,
        "refusal": 2,
    }


@pytest.mark.parametrize("limit", [1, 2, 7, 50])
@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(channel="extracts"),
        Wanted(outcome="confirmed"),
        Wanted(flow_uuid="flow-0002"),
        Wanted(application_id="APP-1"),
        Wanted(reason="AT"),
    ],
    ids=["all", "channel", "outcome", "flow", "application", "reason"],
)
def test_pages_of_any_size_are_the_whole_without_gap_or_repetition(
    reading: Books, wanted: Wanted, limit: int
) -> None:
    whole = every(reading, wanted, 1000)
    assert not whole.empty
    pd.testing.assert_frame_equal(every(reading, wanted, limit), whole)
    assert arrivals_total(reading, wanted) == len(whole)


def test_every_combination_agrees_with_the_whole_list(reading: Books) -> None:
    whole = every(reading, Wanted(), 1000)
    texts = whole["reason"].fillna("").str.lower()
    for channel, outcome, reason in itertools.product(
        ("", *queries.CHANNELS), ("", *queries.ARRIVAL_OUTCOMES), ("", "not json", "401")
    ):
        wanted = Wanted(channel=channel, outcome=outcome, reason=reason)
        right = whole[
            ((whole["channel"] == channel) | (channel == ""))
            & ((whole["outcome"] == outcome) | (outcome == ""))
            & texts.str.contains(reason, regex=False)
        ]
        found = every(reading, wanted, 1000)
        assert len(found) == len(right) == arrivals_total(reading, wanted), wanted
        if len(right):
            pd.testing.assert_frame_equal(found, right.reset_index(drop=True))


def test_a_flow_shows_what_came_to_its_address_and_was_put_aside(reading: Books) -> None:
    rows = every(reading, Wanted(flow_uuid="flow-0002"), 50)
    assert [tuple(row) for row in rows[["channel", "outcome", "claimed_flow_uuid"]].to_numpy()] == [
        ("auth", "token given", None),
        ("callback", "dead letter", None),
        ("callback", "mismatch", "flow-9999"),
    ]
    assert set(rows["flow_uuid"]) == {"flow-0002"}
    assert set(rows["application_id"]) == {"APP-2"}
    pd.testing.assert_frame_equal(every(reading, Wanted(application_id="APP-2"), 50), rows)


def test_an_arrival_says_how_large_how_often_and_what_became_of_it(reading: Books) -> None:
    callback = every(reading, Wanted(channel="callback", outcome="confirmed"), 50).iloc[0]
    result = make_result("flow-0001")
    assert callback["digest"] == result.digest
    assert (callback["size"], callback["times_seen"]) == (result.size, 2)
    assert (callback["received_at"], callback["last_seen_at"]) == (START + 1, START + 2)
    assert queries.delivery_payload(reading, int(callback["delivery_id"]))
    refusal = every(reading, Wanted(channel="refusal", reason="401"), 50).iloc[0]
    assert (refusal["reason"], refusal["times_seen"], refusal["caller"]) == (
        "401 at callback",
        41,
        "203.0.113.9",
    )


def test_a_reason_is_found_by_any_part_of_it_and_wildcards_are_letters(reading: Books) -> None:
    assert every(reading, Wanted(reason="EXPECTING value"), 50)["outcome"].tolist() == ["dead letter"]
    for text in ("%", "_", "'", "\ud800"):
        assert every(reading, Wanted(reason=text), 50).empty


def test_an_empty_page_has_the_types_of_a_full_one(reading: Books) -> None:
    full = arrivals_page(reading, Wanted()).rows
    for wanted in (Wanted(flow_uuid="nobody"), Wanted(channel="callback", outcome="late")):
        empty = arrivals_page(reading, wanted)
        assert empty.following is None
        assert empty.rows.empty
        assert empty.rows.dtypes.to_dict() == full.dtypes.to_dict()


def test_calls_and_refusals_are_told_hour_by_hour(reading: Books) -> None:
    refusals = queries.refusals_per_hour(reading, START)
    assert refusals[["http_status", "caller", "times"]].to_numpy().tolist() == [
        [404, "others", 7],
        [401, "203.0.113.9", 41],
    ]
    assert refusals["hour_at"].iloc[1] == HOUR
    assert queries.refusals_per_hour(reading, START + 91 * MINUTE).empty
    calls = queries.auth_calls_per_hour(reading, START)
    assert calls[["caller", "calls", "attempts"]].to_numpy().tolist() == [["203.0.113.7", 4, 2]]


def test_deliveries_of_each_kind_are_counted(reading: Books) -> None:
    kinds = queries.arrivals_per_outcome(reading).set_index(["channel", "outcome"])["deliveries"].to_dict()
    assert kinds == {
        ("callback", "confirmed"): 1,
        ("callback", "dead letter"): 1,
        ("callback", "mismatch"): 1,
        ("extracts", "confirmed"): 60,
        ("extracts", "confirms"): 1,
    }
