"""The client's four calls and the token, as the contract writes them, over real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.errors import AnotherFlow, AtlasDeskError, Busy, InputError, SettingsError
from atlas_core.models import FileToSend, FlowRequest, UploadedFile
from tests.servers_http import (
    EXTRACTS,
    FLOW,
    STATUS,
    ScriptedAtlas,
    after,
    quick_client,
    reply,
    scripted_atlas,
    zipped,
)

REQUEST = FlowRequest(
    "PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a", {"a": 1}
)
FILES = [
    FileToSend("invoice", "https://files.example/1.png"),
    FileToSend("order", "https://files.example/2.png"),
]


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        yield server


@pytest.fixture
def client(atlas: ScriptedAtlas) -> Iterator[AtlasClient]:
    with quick_client(atlas.url) as client:
        yield client


def test_a_flow_is_begun_filled_watched_and_read_as_documented(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    assert client.init_flow(REQUEST) == FLOW
    assert client.upload_files(FLOW, FILES) == (
        UploadedFile("BATCH-1", "file-0", "invoice"),
        UploadedFile("BATCH-1", "file-1", "order"),
    )
    status = client.fetch_status(FLOW)
    assert (status.upload, status.crosscheck, status.master) == ("SUCCESS", "COMPLETED", "SUCCESS")
    assert client.fetch_extracts(FLOW).flow_uuid == FLOW

    token, init, upload, look, extracts = atlas.asked
    assert (token.method, token.target) == ("POST", "/v3/verification/authtoken")
    assert (token.headers["client-id"], token.headers["client-secret"]) == (
        "client-7",
        "client-secret-do-not-print",
    )
    assert "token" not in token.headers
    assert token.body == b""
    assert (init.method, init.target) == ("POST", "/v3/verification/flow/init")
    assert json.loads(init.body) == {
        "product_type": "PROD_CDL",
        "application_id": "APP-1",
        "auth_url": "https://desk.example/auth/a",
        "callback_url": "https://desk.example/callback/a",
        "flow_params": {"a": 1},
    }
    assert (upload.method, upload.target) == ("POST", "/v3/verification/multiupload")
    assert json.loads(upload.body)["file_urls"][1] == {
        "file_url": "https://files.example/2.png",
        "document_id": "order",
    }
    assert (look.method, look.target) == ("GET", f"/v3/verification/status?flow_uuid={FLOW}")
    assert (extracts.method, extracts.target) == ("GET", f"/v3/verification/extracts?flow_uuid={FLOW}")
    for asked in (init, upload, look, extracts):
        assert asked.headers["token"] == "token-1"
        assert "client-secret" not in asked.headers
        assert asked.headers["accept-encoding"] == "gzip"
        assert asked.headers["user-agent"].startswith("atlas-desk/")
    assert init.headers["content-type"] == upload.headers["content-type"] == "application/json"


def test_a_zipped_answer_is_unpacked(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", zipped(json.dumps(STATUS).encode()))
    assert client.fetch_status(FLOW).is_terminal


def test_questions_share_kept_connections_and_deeds_take_fresh_ones(
    atlas: ScriptedAtlas, client: AtlasClient
) -> None:
    for _ in range(5):
        client.fetch_status(FLOW)
    assert atlas.connections_made == 1
    client.init_flow(REQUEST)
    client.upload_files(FLOW, FILES)
    assert atlas.connections_made == 3


def test_an_answer_that_takes_its_time_is_waited_for_b59(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("status", after(0.2, reply(200, STATUS)))
    assert client.fetch_status(FLOW, attempts=1).is_terminal


def test_many_threads_share_one_client(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(10):
                client.fetch_status(FLOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(atlas.asked_for("status")) == 160
    assert len(atlas.asked_for("authtoken")) == 1


def test_proxy_and_netrc_of_the_environment_are_not_read_b55(
    atlas: ScriptedAtlas, client: AtlasClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert client.fetch_status(FLOW).is_terminal
    assert all("authorization" not in asked.headers for asked in atlas.asked)


def test_a_proxy_of_the_settings_is_used(atlas: ScriptedAtlas) -> None:
    with quick_client("http://atlas.invalid", proxy=atlas.url) as client:
        assert client.fetch_status(FLOW).is_terminal
    assert atlas.asked[-1].headers["host"] == "atlas.invalid"


@pytest.mark.parametrize(
    "flow_uuid", ["", "short", "a" * 65, "../../flow", "abc def gh", "a?b=c&d=e", "ü" * 9]
)
def test_what_cannot_be_a_flow_uuid_never_gets_into_an_address_b40(
    atlas: ScriptedAtlas, client: AtlasClient, flow_uuid: str
) -> None:
    for ask in (client.fetch_status, client.fetch_extracts, lambda flow: client.upload_files(flow, FILES)):
        with pytest.raises(InputError, match="flow_uuid"):
            ask(flow_uuid)
    assert atlas.asked == []


def test_results_of_another_flow_are_thrown_away_b39(atlas: ScriptedAtlas, client: AtlasClient) -> None:
    atlas.script("extracts", reply(200, {**EXTRACTS, "flow_uuid": "LOS-somebody-elses"}))
    with pytest.raises(AnotherFlow) as caught:
        client.fetch_extracts(FLOW)
    assert "somebody-elses" not in str(caught.value)
    assert len(atlas.asked_for("extracts")) == 1


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_parameters_that_json_cannot_hold_are_refused_before_anything_is_sent(
    atlas: ScriptedAtlas, client: AtlasClient, value: object
) -> None:
    with pytest.raises(InputError, match="flow_params"):
        client.init_flow(FlowRequest("P", "A", "https://a", "https://b", {"x": value}))
    assert atlas.asked == []


def test_a_client_that_is_closed_wakes_who_waits_to_ask_again(atlas: ScriptedAtlas) -> None:
    atlas.script("status", reply(429, {"error": "slow down"}, headers={"Retry-After": "60"}))
    client = quick_client(atlas.url)
    threading.Timer(0.1, client.close).start()
    started = time.monotonic()
    with pytest.raises(Busy):
        client.fetch_status(FLOW)
    assert time.monotonic() - started < 2
    with pytest.raises(AtlasDeskError, match="has been closed"):
        client.fetch_status(FLOW)


def test_credentials_that_no_header_can_carry_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ATLAS_CLIENT_SECRET") as caught:
        AtlasClient("http://127.0.0.1:1", "id", "line\nbreak")
    assert "break" not in str(caught.value)
    with pytest.raises(SettingsError, match="ATLAS_CA_BUNDLE"):
        AtlasClient("https://127.0.0.1:1", "id", "secret", ca_bundle=tmp_path / "none.pem")
