"""When the client asks again: as Atlas says, or after pauses that grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.api.retries import MAX_PAUSE, RetryBudget, parse_retry_after, pause_seconds
from atlas_core.errors import AtlasError, Busy, CredentialsRefused, OutcomeUnknown, Refused
from atlas_core.models import FileToSend, FlowRequest
from tests.servers_http import (
    FLOW,
    STATUS,
    ScriptedAtlas,
    after,
    html,
    quick_client,
    reply,
    scripted_atlas,
)

REQUEST = FlowRequest("PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a")
DEEDS: dict[str, Callable[[AtlasClient], object]] = {
    "flow/init": lambda client: client.init_flow(REQUEST),
    "multiupload": lambda client: client.upload_files(
        FLOW, [FileToSend("invoice", "https://files.example/1.png")]
    ),
}
deeds = pytest.mark.parametrize("path", DEEDS)


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


@pytest.fixture
def client(atlas: ScriptedAtlas) -> Iterator[AtlasClient]:
    with quick_client(atlas.url) as client:
        yield client


@deeds
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "envelope", [{"error": "busy"}, {"error_code": "503", "error_message": "Service Unavailable: x"}]
)
def test_a_deed_that_atlas_itself_puts_off_may_be_sent_later_b52(
    atlas: ScriptedAtlas, client: AtlasClient, path: str, status: int, envelope: dict[str, str]
) -> None:
    atlas.script(path, reply(status, envelope, headers={"Retry-After": "7"}))
    with pytest.raises(Busy, match="Try again in 7 s") as caught:
        DEEDS[path](client)
    assert (caught.value.retry_after, caught.value.status) == (7, status)
    assert len(atlas.asked_for(path)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_question_put_off_waits_as_long_as_atlas_says_b51_b52(
    atlas: ScriptedAtlas, client: AtlasClient, status: int
) -> None:
    atlas.script("status", reply(status, {"error": "busy"}, headers={"Retry-After": "1"}), reply(200, STATUS))
    started = time.monotonic()
    assert client.fetch_status(FLOW).is_terminal
    assert 1 <= time.monotonic() - started < 2


def test_retry_after_is_read_as_seconds_or_as_a_date_and_odd_ones_are_ignored_b51() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    in_ninety = format_datetime(now + timedelta(seconds=90), usegmt=True)
    in_a_day = format_datetime(now + timedelta(days=1), usegmt=True)
    past = format_datetime(now - timedelta(seconds=5), usegmt=True)
    read = {text: parse_retry_after(text, now) for text in ("7", " 0 ", "86400", in_ninety, in_a_day)}
    assert read == {"7": 7, " 0 ": 0, "86400": 120, in_ninety: 90, in_a_day: 120}
    for odd in (
        "",
        "-1",
        "banana",
        "1e9",
        "٧",
        "7.5",
        "inf",
        past,
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "9" * 400,
    ):
        assert parse_retry_after(odd, now) is None


def test_pauses_grow_with_full_jitter_and_obey_atlas() -> None:
    for attempt in range(1, 12):
        pauses = [pause_seconds(attempt, None, 0.5) for _ in range(200)]
        ceiling = min(MAX_PAUSE, 0.5 * 2 ** (attempt - 1))
        assert 0 <= min(pauses) < 0.2 * ceiling
        assert 0.8 * ceiling < max(pauses) <= ceiling
    assert all(7 <= pause_seconds(1, 7.0, 0.5) <= 8 for _ in range(200))


def test_a_client_whose_calls_all_fail_asks_again_for_a_tenth_of_them_and_a_few_saved_ones(
    atlas: ScriptedAtlas,
) -> None:
    atlas.script("status", reply(500, {"error": "down"}))
    with quick_client(atlas.url, backoff_seconds=0) as client:
        client.fetch_token()

        def ask(_: int) -> None:
            with suppress(Refused):
                client.fetch_status(FLOW)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(300)))
    assert 300 + 20 <= len(atlas.asked_for("status")) <= 300 + 30 + 20


def test_good_calls_earn_repetitions_back_but_save_no_more_than_twenty() -> None:
    budget = RetryBudget()
    assert sum(budget.spend() for _ in range(100)) == 20
    for _ in range(55):
        budget.note_call()
    assert sum(budget.spend() for _ in range(100)) == 5
    for _ in range(10_000):
        budget.note_call()
    assert sum(budget.spend() for _ in range(100)) == 20


def test_every_request_is_told_with_its_endpoint_its_time_and_its_error(atlas: ScriptedAtlas) -> None:
    told: list[tuple[str, float, str | None]] = []

    def tell(endpoint: str, seconds: float, error: AtlasError | None) -> None:
        told.append((endpoint, seconds, error.kind if error else None))

    with quick_client(atlas.url, on_call=tell) as client:
        assert client.token_life is None
        client.init_flow(REQUEST)
        atlas.script("status", html(502), after(0.1, reply(200, STATUS)))
        client.fetch_status(FLOW)
        atlas.script("multiupload", reply(200, b"not json"))
        with pytest.raises(OutcomeUnknown):
            DEEDS["multiupload"](client)
        atlas.script("extracts", reply(401, {"error": "Invalid token"}))
        with pytest.raises(CredentialsRefused):
            client.fetch_extracts(FLOW)
        assert client.token_life is None
        client._tokens._refused_until = None
        client.fetch_token()
        age, left = client.token_life or (-1, -1)
    assert [(endpoint, kind) for endpoint, _, kind in told] == [
        ("authtoken", None),
        ("flow/init", None),
        ("status", "unexpected reply"),
        ("status", None),
        ("multiupload", "outcome unknown"),
        ("extracts", "credentials refused"),
        ("authtoken", None),
        ("extracts", "credentials refused"),
        ("authtoken", None),
    ]
    assert told[3][1] >= 0.1
    assert 0 <= age < 5
    assert 3590 < left <= 3600
