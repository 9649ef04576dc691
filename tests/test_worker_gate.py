"""When Atlas is asked no more, and what lets it be asked again."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field

import pytest

from atlas_core.errors import (
    AtlasError,
    Busy,
    CredentialsRefused,
    FlowNotFound,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    ReceiverUnreachable,
    Refused,
    UnexpectedReply,
    VersionRetired,
)
from atlas_core.worker.gate import Gate

SILENCE = NoAnswer("GET status", "Atlas said nothing", "It can be asked again.")
LOST = OutcomeUnknown("POST flow/init", "Atlas said nothing", "Look for its effect.")
BROKEN = Refused("GET status", "Atlas answered 500: No", "Later.", 500)
WELL = None


@dataclass
class Door:
    """A gate with a clock that the test moves, and what it told."""

    now: float = 1000.0
    told: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        def tell(state: str, sentence: str) -> None:
            self.told.append(state)
            self.sentences.append(sentence)

        self.gate = Gate(tell, lambda: self.now)

    def note(self, *errors: AtlasError | None, subject: str = "", deed: bool = False) -> None:
        for error in errors:
            self.gate.note(error, subject, deed=deed)

    def passes(self, *, deed: bool = False) -> bool:
        return self.gate.wait_seconds(deed=deed) == 0


@pytest.fixture
def door() -> Door:
    return Door()


def busy(status: int, retry_after: float | None) -> Busy:
    return Busy("GET status", f"Atlas answered {status}: Later", "Later.", status, retry_after)


def test_the_fifth_failure_in_a_row_closes_and_one_good_answer_in_between_starts_the_count_anew(
    door: Door,
) -> None:
    door.note(*[SILENCE] * 4, WELL, *[SILENCE] * 4)
    assert door.passes()
    door.note(SILENCE)
    assert not door.passes()
    assert door.told == ["unreachable"]
    assert "GET status: Atlas said nothing" in door.sentences[0]


def test_ten_failures_among_the_last_twenty_close(door: Door) -> None:
    door.note(*[SILENCE, WELL] * 9)
    assert door.passes()
    door.note(SILENCE)
    assert door.told == ["unreachable"]


def test_failures_of_long_ago_are_forgotten(door: Door) -> None:
    for _ in range(50):
        door.note(*[SILENCE] * 2, *[WELL] * 3)
    assert door.told == []


def test_one_caller_passes_every_thirty_seconds_while_it_is_closed(door: Door) -> None:
    door.note(*[SILENCE] * 5)
    assert door.gate.wait_seconds() == 30
    for _ in range(10):
        door.now += 30
        assert [door.passes() for _ in range(50)] == [True] + [False] * 49
        door.now += 10  # the probe was waited for so long
        door.note(SILENCE)
        assert door.gate.wait_seconds() == 20
        door.now -= 10
    door.note(WELL)
    assert door.told == ["unreachable", "ok"]
    assert all(door.passes() for _ in range(50))


def test_answers_that_were_under_way_when_it_closed_do_not_open_it(door: Door) -> None:
    door.note(*[SILENCE] * 5, WELL, SILENCE, WELL)
    assert door.told == ["unreachable"]
    door.now += 30
    assert door.passes()
    door.note(WELL)
    assert door.told == ["unreachable", "ok"]


def test_after_it_opened_it_takes_five_failures_again(door: Door) -> None:
    door.note(*[SILENCE] * 5)
    door.now += 30
    assert door.passes()
    door.note(WELL, *[SILENCE] * 4)
    assert door.told == ["unreachable", "ok"]


def test_one_flows_bad_answers_do_not_speak_against_atlas_while_others_are_answered_well(
    door: Door,
) -> None:
    for _ in range(30):
        door.note(BROKEN, subject="flow-1")
        door.note(WELL, subject="flow-2")
    assert door.told == []
    for number in range(10):
        door.note(BROKEN, subject=f"flow-{number}")
        door.note(WELL, subject="good")
    assert door.told == ["failing"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotSent("GET status", "x", "y"), "unreachable"),
        (NoAnswer("GET status", "x", "y"), "unreachable"),
        (UnexpectedReply("GET status", "a proxy answered", "y", 200), "failing"),
        (BROKEN, "failing"),
        (busy(503, None), "busy"),
        (Refused("GET status", "x", "y", 400), "ok"),
        (FlowNotFound("GET status", "x", "y", 409), "ok"),
    ],
)
def test_the_state_says_what_is_wrong(door: Door, error: AtlasError, state: str) -> None:
    door.note(*[error] * 5, subject="flow-1")
    assert door.gate.state == state


def test_what_atlas_refuses_for_good_reason_is_an_answer(door: Door) -> None:
    door.note(*[LOST] * 4, ReceiverUnreachable("POST multiupload", "x", "y", 422), *[LOST] * 4, deed=True)
    assert door.told == []


def test_a_429_closes_at_once_for_as_long_as_atlas_says_b51(door: Door) -> None:
    door.note(busy(429, 120))
    assert door.told == ["busy"]
    assert door.gate.wait_seconds() == 120
    door.now += 120
    assert [door.passes(), door.passes()] == [True, False]
    door.note(busy(429, 7))
    assert door.gate.wait_seconds() == 7
    door.now += 7
    assert door.passes()
    door.note(WELL)
    assert door.told == ["busy", "ok"]


def test_a_503_closes_like_other_failures_and_then_for_as_long_as_atlas_says_b52(door: Door) -> None:
    door.note(*[busy(503, 77)] * 4)
    assert door.passes()
    door.note(busy(503, 77))
    assert door.gate.wait_seconds() == 77


def test_deeds_that_fail_alone_stop_while_questions_go_on(door: Door) -> None:
    for _ in range(5):
        door.note(LOST, deed=True)
        door.note(WELL)
    assert door.told == ["unreachable"]
    assert door.passes()
    assert not door.passes(deed=True)
    door.now += 30
    assert [door.passes(deed=True), door.passes(deed=True)] == [True, False]
    door.note(WELL, deed=True)
    assert door.told == ["unreachable", "ok"]


def test_while_atlas_is_silent_a_question_finds_out_and_no_deed_is_risked_b48(door: Door) -> None:
    door.note(*[SILENCE] * 5)
    door.now += 31
    assert not door.passes(deed=True)
    assert door.passes()
    door.now += 29
    assert not door.passes(deed=True)
    door.now += 1
    assert door.passes()
    door.note(WELL)
    assert door.passes(deed=True)


def test_where_nobody_has_anything_to_ask_a_deed_finds_out(door: Door) -> None:
    door.note(*[SILENCE] * 5)
    door.now += 35
    assert [door.passes(deed=True), door.passes(deed=True), door.passes()] == [True, False, False]
    door.note(WELL, deed=True)
    assert door.told == ["unreachable", "ok"]
    assert door.passes(deed=True)


def test_bad_answers_to_questions_do_not_hold_deeds_up(door: Door) -> None:
    door.note(*[BROKEN] * 5)
    assert not door.passes()
    assert door.passes(deed=True)


def test_refused_credentials_close_for_all_until_a_call_is_answered_b43(door: Door) -> None:
    door.note(CredentialsRefused("POST authtoken", "x", "y", 401))
    assert (door.passes(), door.passes(deed=True)) == (False, False)
    door.now += 31
    assert [door.passes(deed=True), door.passes()] == [True, False]
    door.note(*[SILENCE] * 9)
    assert door.gate.state == "refused"
    door.note(WELL)
    assert door.told == ["refused", "ok"]


def test_a_retired_version_closes_for_good_b42(door: Door) -> None:
    door.note(VersionRetired("GET status", "x", "y", 410), WELL, SILENCE)
    door.now += 1e6
    assert (door.passes(), door.passes(deed=True)) == (False, False)
    assert door.told == ["retired"]
    assert "until it is started again" in door.sentences[0]


def test_the_last_state_told_is_the_true_one_whatever_threads_do() -> None:
    told: list[str] = []
    clock = itertools.count(step=40.0)
    gate = Gate(lambda state, _: told.append(state), lambda: next(clock))

    def shake(errors: list[AtlasError | None]) -> None:
        for _ in range(300):
            for error in errors:
                gate.wait_seconds()
                gate.note(error)

    threads = [threading.Thread(target=shake, args=([busy(429, 0), WELL],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told[-1] == gate.state
    assert all(before != after for before, after in itertools.pairwise(told))
