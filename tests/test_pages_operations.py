"""What the Operations page shows in each state, its ledger and its dead letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.api.payloads import parse_result
from atlas_core.books import atlas_calls, doors, inbox, store
from atlas_core.books.doors import Refusal
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from tests.made_books import MINUTE, MadeBooks, add_flow, make_books, make_result
from tests.operations_page import (
    NOWHERE,
    begin,
    choices,
    dead_letter,
    kept_letter,
    links,
    operations,
    table,
    worker_runs,
)
from tests.page_sessions import button, said, sessions_over, show
from tests.workers import empty_results, rows, running_worker, settings_for, until

TABS = ("Ledger", "Callbacks and polls", "Dead letters", "Atlas", "Storage", "Self-test", "Alerts")
HOSTILE = "![x](http://canary.invalid/x.png) <img src=x onerror=alert(1)> **b**"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[MadeBooks]:
    made = make_books(tmp_path)
    with sessions_over(made.atlas.parent):
        yield made


# ------------------------------------------------------------------------------------------ every state


@pytest.mark.parametrize("tab", ["Ledger", "Storage", "Self-test"])
def test_before_there_are_books_every_part_says_how_to_begin(tmp_path: Path, tab: str) -> None:
    with sessions_over(tmp_path / "nothing"):
        session = operations(tab)
    assert "Nothing here yet" in said(session)
    assert not session.error


@pytest.mark.parametrize("tab", TABS)
def test_over_empty_books_nothing_is_claimed_that_nobody_knows(books: MadeBooks, tab: str) -> None:
    session = operations(tab)
    words = said(session)
    assert not session.error
    assert "**Has not run yet**" in words
    assert "**Unknown**" in words  # how Atlas is
    assert "**None yet**" in words  # the backup
    expected = {
        "Ledger": "Nothing has arrived yet",
        "Callbacks and polls": "No results in this time",
        "Dead letters": "No dead letter",
        "Atlas": "Nobody has asked Atlas yet",
        "Storage": "Newest: none yet",
        "Self-test": "Not run in this session yet",
        "Alerts": "nobody looks for what should be told",
    }
    assert expected[tab] in words


def test_of_a_stopped_worker_nothing_is_told_as_if_it_were_so_now(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer, seen_at=now_ms() - 5 * MINUTE)
        attempt_id = begin(writer, 1)
        result = parse_result(empty_results("flow-0001"))
        writer.write(inbox.save_callback, attempt_id, result, other_application=False, received_at=now_ms())
        started = now_ms() - 30 * MINUTE
        writer.write(atlas_calls.record_calls, [], (started, started + 60 * MINUTE))
        writer.write(atlas_calls.record_atlas, "ok", "", now=started)
        writer.write(store.record_state, "worker", "running", "", now=now_ms() - 5 * MINUTE)
    session = operations("Atlas")
    words = said(session)
    assert table(session, "lasted") == ["25 min; not known since"]
    assert "**Unknown**; the last one was fetched 30 min ago" in words
    assert "**Not running**" in words
    assert "last heard of 5 min" in words
    assert "nobody asks; last known: answers" in words
    assert "The worker does not run, so nobody asks. Last known: answers." in words
    assert "safe; taken up when the worker runs" in words
    assert "when the worker runs again" in said(operations("Storage"))


def test_a_troubled_atlas_is_told_in_words_with_its_reason_and_since_when(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        now = now_ms()
        writer.write(atlas_calls.record_atlas, "ok", "", now=now - 60 * MINUTE)
        writer.write(atlas_calls.record_atlas, "failing", f"GET status: 502. {HOSTILE}", now=now - 3 * MINUTE)
        writer.write(store.record_state, "worker", "running", "", now=now)
    session = operations("Atlas")
    words = said(session)
    assert "**Answers badly** since" in words
    assert re.search(r"\(3 min (\d+ s )?ago\)", words)
    assert "What brought it: GET status: 502." in words
    assert table(session, "state") == ["Answers badly", "Answers"]
    assert table(session, "lasted")[1] == "57 min"
    assert "![x](http" not in "\n".join(str(one.value) for one in (*session.markdown, *session.warning))


# ------------------------------------------------------------------------------------------ the ledger


@pytest.fixture
def ledger(books: MadeBooks) -> MadeBooks:
    """Sixty flows of history, every second of which was called about; a dead letter, a token and refusals."""
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        for number in range(60):
            uuid = f"past-{number:04}"
            add_flow(
                writer,
                uuid,
                application_id=f"PAST-{number}",
                created_at=now_ms() - 1000 * MINUTE + number,
                result=make_result(uuid),
                by_callback=number % 2 == 0,
            )
        dead_letter(writer, 1)
        writer.write(doors.save_token, "a" * 64, 1, caller="203.0.113.7", expires_at=now_ms(), now=now_ms())
        writer.write(doors.record_refusals, [Refusal("callback", 401, "203.0.113.9", 41, now_ms())])
    return books


def test_the_ledger_counts_what_each_choice_would_leave(ledger: MadeBooks) -> None:
    session = operations()
    assert "**50** of 93 arrivals, newest first" in said(session)
    offered = choices(session)
    for choice in ("Callback · 31", "Fetch · 60", "Token call · 1", "Refusal · 1", "Dead letter · 1"):
        assert choice in offered
    assert "Same as before · 30" in offered
    narrowed = operations(channel="callback")
    assert "Same as before · 30" not in choices(narrowed)
    assert "Counts · 30" in choices(narrowed)


def test_a_copied_link_of_the_ledger_shows_the_same_rows(ledger: MadeBooks) -> None:
    session = operations(channel="extracts")
    first = table(session, "flow")
    button(session, "Older").click().run()
    address = {name: "".join(session.query_params[name]) for name in ("channel", "after")}
    second = table(session, "flow")
    assert len(first) == 50
    assert len(second) == 10
    assert not set(first) & set(second)
    copied = show("operations", **address)
    assert table(copied, "flow") == second
    assert "from" in said(copied)
    assert button(copied, "Older").disabled
    button(copied, "Newest").click().run()
    assert table(copied, "flow") == first


def test_a_flow_or_an_application_is_found_by_its_whole_id(ledger: MadeBooks) -> None:
    assert set(table(operations(id="PAST-4"), "flow")) == {"past-0004"}
    assert len(table(operations(id="past-0004"), "flow")) == 2
    assert "No arrival fits" in said(operations(id="past-000"))


def test_a_search_by_an_aadhaar_number_is_told_and_not_kept(ledger: MadeBooks) -> None:
    session = operations(id="2345 6789 0124")
    assert "Aadhaar number" in session.warning[0].value
    assert "id" not in session.query_params


def test_a_refusal_says_what_was_refused_why_and_how_often(ledger: MadeBooks) -> None:
    session = operations(channel="refusal")
    assert table(session, "reason") == [
        "401 at the callback door: its credentials or its token were wrong or missing"
    ]
    assert table(session, "times") == [41]
    assert table(session, "open") == [""]  # nothing of it is kept


def test_nonsense_in_the_address_is_no_filter_and_no_error(ledger: MadeBooks) -> None:
    session = operations(channel=HOSTILE, became="nothing", after="a.b.c", open=HOSTILE)
    assert "**50** of 93 arrivals" in said(session)
    assert "no delivery with this number" in said(operations(open="99999999"))


def test_an_opened_delivery_shows_its_facts_and_what_came(ledger: MadeBooks) -> None:
    session = operations(open="1")
    words = said(session)
    assert "Delivery 1" in words
    assert "version 1 of the flow's results" in words
    assert "past-0000" in [code.value for code in session.code]
    assert "flow=past-0000" in links(session)
    session.toggle(key="payload_1").set_value(True).run()
    payload = next(code.value for code in session.code if code.value.startswith("["))
    assert "•" in payload
    assert "Invented Person" not in payload


# --------------------------------------------------------------------------------- dead letters, replay


def test_a_dead_letter_tells_its_reason_and_place(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        dead_letter(writer, 1)
        dead_letter(writer, 2, f"an id was due, as text (at ocr_data[3].{HOSTILE})")
    session = operations("Dead letters")
    assert table(session, "problem")[1] == "this is not JSON: Expecting value"
    assert table(session, "place")[1] == "byte 4"
    opened = operations("Dead letters", open="1")
    words = said(opened)
    assert "Why: this is not JSON: Expecting value" in words
    assert "Place in the payload: byte 4" in words
    assert "What it said is not kept" in words
    assert "![x](http" not in "\n".join(str(one.value) for one in operations(open="2").markdown)


def test_replaying_many_tells_the_count_first_and_changes_nothing_twice(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer)
        for number in (1, 2):
            kept_letter(writer, number)
        dead_letter(writer, 3)
    session = operations(became="dead letter")
    button(session, "Read again what is found").click().run()
    words = said(session)
    assert "**3 deliveries** will be read again; 3 are dead letters." in words
    assert "Of 2 the masked text is kept, and is read anew." in words
    assert "Of 1 the text was never kept" in words
    assert "At most 3 flows can change." in words
    assert rows(books.desk, "SELECT count(*) FROM replays") == [(0,)]  # nothing is asked for yet
    yes = button(session, "Read 3 deliveries again")
    yes.click().run()
    assert "Asked for: 3 deliveries" in session.success[0].value
    assert rows(books.desk, "SELECT count(*) FROM replays") == [(1,)]
    session = operations(channel="callback")
    with running_worker(settings_for(books.atlas.parent, NOWHERE)) as worker:
        until(lambda: rows(books.desk, "SELECT 1 FROM replays WHERE state = 'done'"))
        results = worker.rows("SELECT count(*) FROM results")
        assert results == [(2,)]
        session.run()
        assert table(session, "came") == ["2 taken up, 1 fetched instead"]
        button(session, "Read again what is found").click().run()
        assert "**3 deliveries** will be read again; 1 is a dead letter." in said(session)
        assert "2 are not dead letters, and stay as they are." in said(session)
        button(session, "Read 3 deliveries again").click().run()
        until(lambda: len(rows(books.desk, "SELECT 1 FROM replays WHERE state = 'done'")) == 2)
        assert worker.rows("SELECT count(*) FROM results") == results
    assert table(operations("Dead letters"), "came")[0] == "2 as before, 1 fetched instead"


def test_a_replay_that_is_cancelled_asks_for_nothing(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        kept_letter(writer, 1)
    session = operations("Dead letters")
    button(session, "Read it again").click().run()
    button(session, "Cancel").click().run()
    assert button(session, "Read it again")
    assert rows(books.desk, "SELECT count(*) FROM replays") == [(0,)]


def test_a_replay_without_a_worker_says_that_it_waits(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        worker_runs(writer, seen_at=now_ms() - 5 * MINUTE)
        kept_letter(writer, 1)
    session = operations("Dead letters")
    button(session, "Read it again").click().run()
    button(session, "Read 1 delivery again").click().run()
    assert table(session, "state") == ["waits for the worker"]


def test_a_dead_letter_is_dismissed_with_a_reason_and_leaves_the_list(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        for number in (1, 2, 3):
            dead_letter(writer, number)
    session = operations("Dead letters", open="2")
    button(session, "Dismiss").click().run()
    assert "Say why it may be dismissed" in session.error[0].value
    session.text_input[0].set_value("told Atlas's support")
    button(session, "Dismiss").click().run()
    assert "Dismissed by local-" in said(session)
    assert "told Atlas's support" in said(session)
    session = operations("Dead letters")
    assert len(table(session, "problem")) == 2
    session.text_input[0].set_value("the same fault")
    button(session, "Dismiss the 2 shown").click().run()
    assert "No dead letter" in said(session)
    assert len(table(operations("Dead letters", dismissed="true"), "problem")) == 3
    audited = rows(books.desk, "SELECT action, reason FROM audit ORDER BY entry_id")
    assert audited == [("dismiss", "told Atlas's support"), *[("dismiss", "the same fault")] * 2]


def what_a_viewer_sees() -> None:
    from atlas_core.access import Role, User
    from atlas_core.web.callback_parts import show_callbacks
    from atlas_core.web.ledger_parts import show_ledger

    vera = User("vera@lender.example", "Vera Viewer", frozenset({Role.VIEWER}), is_signed_in=True)
    show_ledger(vera)
    show_callbacks(vera)


def test_who_may_only_look_sees_all_of_it_and_can_change_nothing(books: MadeBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        dead_letter(writer, 1, flow=False)
    session = AppTest.from_function(what_a_viewer_sees, default_timeout=20)
    session.query_params["open"] = "1"
    session.run()
    assert not session.exception
    assert table(session, "application") == ["APP-1"]
    assert {one.label: one.disabled for one in session.button if one.label != "Close"} == {
        "Read it again": True,
        "Dismiss": True,
        "Refresh": False,
        "Pull now": True,
    }
