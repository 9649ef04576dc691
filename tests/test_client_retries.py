"""When the client asks again: as Atlas says, or after pauses that grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.api.retries import MAX_PAUSE, parse_retry_after, pause_seconds
from atlas_core.errors import Busy
from atlas_core.models import FileToSend, FlowRequest
from tests.servers_http import FLOW, STATUS, ScriptedAtlas, quick_client, reply, scripted_atlas

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
