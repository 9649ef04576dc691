"""The doors and their tokens: odd, guessed, expired, foreign and replayed ones."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from sqlite3 import Connection

import pytest

from atlas_core.books import doors
from atlas_core.clock import now_ms
from atlas_core.worker import patience
from atlas_core.worker.parts import hash_of
from tests.doors import BODY, CALLBACK, RESULTS, Door, open_door, refusals, request, status_of


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        yield door


def test_no_odd_token_opens_the_door_b63_c17(door: Door) -> None:
    token = door.token()
    door.writer.write(
        doors.save_token, hash_of("old"), 1, caller="127.0.0.1", expires_at=now_ms() - 1, now=now_ms()
    )
    good = token.encode()
    for lines in (
        [b"Token: " + good, b"Token: " + good],
        [b"Token: " + good, b"Authorization: Bearer " + good],
        [b"Token: " + good[:-1]],
        [b"Token: " + good + b"=", b"X-Other: 1"],
        [b"Token: " + good.swapcase()],
        [b"Token: " + good + b", " + good],
        [b"Token: Bearer  " + good + b" " + good],
        [b"Token: " + hash_of(token).encode()],
        [b"Token: auth-part"],
        [b"Token: callback-part"],
        [b"Token: old"],
        [b"Token: \xc3\xa9"],
        [b"Token:"],
        [b"Token:     "],
        [b"Authorization: Bearer"],
        [b"Authorization: Token " + good],
        [b"Cookie: Token=" + good],
        [b"X-Token: " + good],
    ):
        answer = door.raw(request(*lines, b"Content-Length: 2", body=b"{}"))
        assert status_of(answer) == 401, lines
    for line in (b"Token: " + good + b"\x00", b"Token: " + good + b"\r\n folded", b"Token\x00: " + good):
        assert status_of(door.raw(request(line, b"Content-Length: 2", body=b"{}"))) in (400, 401), line
    assert door.deliveries() == []
    bearer = b"authorization: bEaReR " + good
    assert status_of(door.raw(request(bearer, b"Content-Length: %d" % len(BODY), body=BODY))) == 200


def test_none_of_ten_thousand_guessed_expired_or_foreign_tokens_is_accepted_b63_c17(
    door: Door, tmp_path: Path
) -> None:
    expired = [secrets.token_urlsafe(32) for _ in range(1_000)]

    def save_expired(connection: Connection) -> None:
        for token in expired:
            doors.save_token(connection, hash_of(token), 1, caller="there", expires_at=1, now=now_ms())

    (tmp_path / "elsewhere").mkdir()
    with open_door(tmp_path / "elsewhere") as elsewhere:
        foreign = [elsewhere.token() for _ in range(200)]
    door.writer.write(save_expired)
    kinds = (lambda _: secrets.token_urlsafe(32), lambda n: expired[n % 1_000], lambda n: foreign[n % 200])
    answers: Counter[int] = Counter()
    with closing(HTTPConnection("127.0.0.1", door.port, timeout=15)) as connection:
        for number in range(10_000):
            connection.request("POST", CALLBACK.decode(), BODY, {"Token": kinds[number % 3](number)})
            with connection.getresponse() as answer:
                answers[answer.status] += 1
                answer.read()
    assert set(answers) == {401, 429}
    assert door.deliveries() == []
    assert door.call(RESULTS, door.token()) == 200


def test_a_callback_that_is_replayed_counts_once_and_after_its_tokens_end_not_at_all_b63(door: Door) -> None:
    token = door.token()
    assert [door.call(RESULTS, token) for _ in range(3)] == [200] * 3
    assert door.deliveries() == [("waiting", 3, None)]
    door.writer.write(doors.forget_tokens, now=now_ms() + 601_000)
    assert door.call(RESULTS, token) == 401
    assert door.deliveries() == [("waiting", 3, None)]


def test_a_body_without_a_token_is_not_waited_for_b62(door: Door) -> None:
    started = time.monotonic()
    answer = door.raw(request(b"Content-Length: 1000000"))
    assert status_of(answer) == 401
    assert time.monotonic() - started < patience.READ_SECONDS / 2
    assert refusals(door) == {("callback", 401, "127.0.0.1"): 1}
