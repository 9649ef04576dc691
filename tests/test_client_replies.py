"""What the client makes of each answer: the value, or one of our errors that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.errors import (
    AtlasError,
    Busy,
    CredentialsRefused,
    FlowNotFound,
    ReceiverUnreachable,
    Refused,
    UnexpectedReply,
    VersionRetired,
)
from atlas_core.models import FileToSend, FlowRequest, UploadedFile
from tests.servers_http import FLOW, STATUS, ScriptedAtlas, html, quick_client, reply, scripted_atlas

REQUEST = FlowRequest("PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a")
FILES = [FileToSend("invoice", "https://files.example/1.png")]
CALLS: dict[str, Callable[[AtlasClient], object]] = {
    "status": lambda client: client.fetch_status(FLOW),
    "extracts": lambda client: client.fetch_extracts(FLOW),
    "flow/init": lambda client: client.init_flow(REQUEST),
    "multiupload": lambda client: client.upload_files(FLOW, FILES),
}
QUESTIONS = ("status", "extracts")
DEEDS = ("flow/init", "multiupload")
calls = pytest.mark.parametrize("path", CALLS)
questions = pytest.mark.parametrize("path", QUESTIONS)

ENVELOPES = {
    "bare": lambda _status, message: {"error": message},
    "coded": lambda status, message: {"error_code": str(status), "error_message": message},
}
envelopes = pytest.mark.parametrize("envelope", ENVELOPES)


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


@pytest.fixture
def client(atlas: ScriptedAtlas) -> Iterator[AtlasClient]:
    with quick_client(atlas.url) as client:
        yield client


def failure(client: AtlasClient, path: str) -> AtlasError:
    with pytest.raises(AtlasError) as caught:
        CALLS[path](client)
    return caught.value


@questions
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b"not json",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:8]),
)
def test_a_200_that_is_no_answer_is_unexpected_and_described_without_its_text_b1_b4_b7_b14(
    atlas: ScriptedAtlas, client: AtlasClient, path: str, body: bytes
) -> None:
    atlas.script(path, reply(200, body))
    error = failure(client, path)
    assert type(error) is UnexpectedReply
    assert f"status 200, application/json, {len(body)} bytes" in str(error)
    assert "not json" not in str(error)
    assert len(atlas.asked_for(path)) == 3


def test_an_answer_that_says_none_of_the_four_statuses_is_unexpected_b4(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    atlas.script("status", reply(200, {"state": "fine"}))
    assert type(failure(client, "status")) is UnexpectedReply


def test_a_byte_order_mark_is_read_over_and_utf_16_is_refused_b6(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    text = '{"master_status": "SUCCESS"}'
    atlas.script("status", reply(200, text.encode("utf-8-sig")), reply(200, text.encode("utf-16")))
    assert client.fetch_status(FLOW).is_terminal
    assert type(failure(client, "status")) is UnexpectedReply


@questions
@pytest.mark.parametrize("status", [200, 403, 404, 500, 502, 504])
def test_html_is_named_as_a_proxys_b2(
    atlas: ScriptedAtlas, client: AtlasClient, path: str, status: int
) -> None:
    atlas.script(path, html(status))
    error = failure(client, path)
    assert type(error) is UnexpectedReply
    assert f"a proxy answered, not Atlas (status {status}, text/html, 37 bytes, sha256" in str(error)


def test_html_without_a_media_type_is_still_html_b2(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", reply(200, b"\r\n <html>", media_type=""))
    assert "a proxy answered, not Atlas" in str(failure(client, "status"))


@questions
@pytest.mark.parametrize(
    ("envelope", "kind"),
    [
        ({"error_code": "409", "error_message": "Resource Conflict: Flow not found"}, FlowNotFound),
        ({"error": "Flow not found"}, FlowNotFound),
        ({"error_code": "410", "error_message": "Resource Gone: v3"}, VersionRetired),
        ({"error_code": "503", "error_message": "Service Unavailable: x"}, Busy),
        ({"error_code": "401", "error_message": "Authentication Error: x"}, CredentialsRefused),
        ({"error": "Invalid token", "reason": "Signature has expired"}, CredentialsRefused),
        ({"error": "Something else"}, Refused),
        ({"error_code": "E-77", "error_message": "Something else"}, Refused),
    ],
)
def test_an_error_inside_a_200_is_that_error_b3(
    atlas: ScriptedAtlas, client: AtlasClient, path: str, envelope: dict[str, str], kind: type[AtlasError]
) -> None:
    atlas.script(path, reply(200, envelope))
    assert type(failure(client, path)) is kind


@pytest.mark.parametrize("path", DEEDS)
def test_an_error_inside_a_201_means_that_a_deed_was_refused_b3(
    atlas: ScriptedAtlas, client: AtlasClient, path: str
) -> None:
    atlas.script(path, reply(201, {"error": "Missing or empty required parameters: ['application_id']"}))
    error = failure(client, path)
    assert type(error) is Refused
    assert "Missing or empty required parameters: ['application_id']" in str(error)


def test_a_deed_that_brought_its_id_was_done_whatever_stands_beside_it_b3(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    atlas.script("flow/init", reply(201, {"flow_uuid": FLOW, "error": "late warning"}))
    assert client.init_flow(REQUEST) == FLOW


def test_an_upload_answered_by_one_object_is_read_b4(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("multiupload", reply(201, {"batch_id": "BATCH-7"}))
    assert client.upload_files(FLOW, FILES) == (UploadedFile("BATCH-7", None, None),)


@envelopes
@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("status", 400, Refused),
        ("status", 403, Refused),
        ("status", 409, FlowNotFound),
        ("extracts", 409, FlowNotFound),
        ("multiupload", 409, FlowNotFound),
        ("flow/init", 409, Refused),
        *((path, 410, VersionRetired) for path in CALLS),
        ("multiupload", 422, ReceiverUnreachable),
        ("flow/init", 422, ReceiverUnreachable),
        ("flow/init", 400, Refused),
        ("multiupload", 400, Refused),
        ("status", 500, Refused),
        ("status", 418, Refused),
    ],
)
def test_each_status_has_its_error_and_shows_atlas_message_b41_b42(
    atlas: ScriptedAtlas, client: AtlasClient, envelope: str, path: str, status: int, kind: type[AtlasError]
) -> None:
    atlas.script(path, reply(status, ENVELOPES[envelope](status, "Words of Atlas: why.")))
    error = failure(client, path)
    assert type(error) is kind
    assert error.status == status
    assert error.came == f"Atlas answered {status}: Words of Atlas: why"
    assert str(error) == f"{error.asked}: {error.came}. {error.advice}"
    assert error.advice.endswith(".")
    assert len(atlas.asked_for(path)) == (3 if status >= 500 else 1)


@calls
def test_a_status_alone_is_an_error_too(atlas: ScriptedAtlas, client: AtlasClient, path: str) -> None:
    atlas.script(path, reply(404, b"", media_type="text/plain"))
    error = failure(client, path)
    assert type(error) is Refused
    assert "without Atlas's error message came (status 404, text/plain, 0 bytes)" in str(error)


@pytest.mark.parametrize("path", DEEDS)
def test_a_gateways_429_puts_a_deed_off_and_its_404_refuses_it(
    atlas: ScriptedAtlas, client: AtlasClient, path: str
) -> None:
    atlas.script(path, html(429), html(404))
    assert type(failure(client, path)) is Busy
    assert type(failure(client, path)) is UnexpectedReply
    assert len(atlas.asked_for(path)) == 2


@pytest.mark.parametrize("path", DEEDS)
def test_a_refusal_whose_text_was_cut_off_is_still_a_refusal(
    atlas: ScriptedAtlas, client: AtlasClient, path: str
) -> None:
    atlas.script(path, reply(400, b'{"err', headers={"Content-Length": "50", "Connection": "close"}))
    assert type(failure(client, path)) is Refused


def test_a_busy_atlas_recovers_within_the_same_call_b52(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", html(503), reply(503, {"error": "x"}), reply(200, STATUS))
    assert client.fetch_status(FLOW).is_terminal
