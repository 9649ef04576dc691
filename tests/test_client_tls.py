"""Certificates: the wrong ones stop a call before anything is sent, and there is no switch to go on."""

from __future__ import annotations

import inspect
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atlas_core.api.client import AtlasClient
from atlas_core.errors import InsecureConnection, NotSent, OutcomeUnknown
from atlas_core.models import FlowRequest
from atlas_core.settings import load_settings
from tests.servers_http import FLOW, ScriptedAtlas, drip, quick_client, scripted_atlas

REQUEST = FlowRequest("PROD_CDL", "APP-1", "https://desk.example/auth/a", "https://desk.example/callback/a")


def certificate(folder: Path, address: str) -> Path:
    """A self-signed certificate for one address, with its key, in one file."""
    key, certified = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(key), "-out", str(certified), "-days", "2", "-subj", "/CN=test"),
            *("-addext", f"subjectAltName=IP:{address}"),
        ],
        check=True,
        capture_output=True,
    )
    certified.write_text(certified.read_text() + key.read_text())
    return certified


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("sound"), "127.0.0.1")


@pytest.fixture(scope="module")
def of_another_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("other"), "127.0.0.2")


@pytest.fixture
def serve() -> Iterator[Callable[[Path], ScriptedAtlas]]:
    started: list[ScriptedAtlas] = []

    def start(certified: Path) -> ScriptedAtlas:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certified)
        started.append(ScriptedAtlas(tls=context))
        return started[-1]

    yield start
    for server in started:
        server.close()


def test_a_certificate_of_the_bundle_is_trusted(serve: Callable[[Path], ScriptedAtlas], sound: Path) -> None:
    atlas = serve(sound)
    with quick_client(atlas.url, ca_bundle=sound, connect_seconds=3) as client:
        assert client.fetch_status(FLOW).is_terminal
        assert client.init_flow(REQUEST) == FLOW
        client.fetch_status(FLOW)
    assert atlas.connections_made == 2


def test_the_bundle_counts_also_where_the_address_is_written_in_capitals(
    serve: Callable[[Path], ScriptedAtlas], sound: Path
) -> None:
    """ATLAS_CA_BUNDLE was once ignored then."""
    server = serve(sound)
    capital = server.url.replace("https://", "HTTPS://")
    settings = load_settings(
        {
            "ATLAS_CLIENT_ID": "desk",
            "ATLAS_CLIENT_SECRET": "quiet",
            "ATLAS_BASE_URL": capital,
            "ATLAS_CA_BUNDLE": str(sound),
        },
        Path("/nonexistent/.env"),
    )
    assert settings.base_url == server.url
    with quick_client(settings.base_url, ca_bundle=settings.ca_bundle, connect_seconds=3) as client:
        assert client.fetch_status(FLOW).is_terminal


@pytest.mark.parametrize("stranger", ["self-signed", "another host"])
def test_a_wrong_certificate_is_refused_at_once_and_nothing_is_sent_b47(
    serve: Callable[[Path], ScriptedAtlas], sound: Path, of_another_host: Path, stranger: str
) -> None:
    atlas = serve(sound if stranger == "self-signed" else of_another_host)
    bundle = None if stranger == "self-signed" else of_another_host
    with quick_client(atlas.url, ca_bundle=bundle, connect_seconds=3) as client:
        for ask in (lambda: client.fetch_status(FLOW), lambda: client.init_flow(REQUEST)):
            with pytest.raises(InsecureConnection, match=r"Nothing was sent\. Check .*ATLAS_CA_BUNDLE"):
                ask()
    assert atlas.asked == []
    assert atlas.connections_made == 2


def test_a_server_that_speaks_no_tls_is_refused_b47() -> None:
    with scripted_atlas() as atlas, quick_client(f"https://127.0.0.1:{atlas.port}") as client:
        with pytest.raises(InsecureConnection):
            client.fetch_status(FLOW)
        assert atlas.asked == []


def test_a_dripping_answer_over_tls_ends_at_the_deadline_b53(
    serve: Callable[[Path], ScriptedAtlas], sound: Path
) -> None:
    atlas = serve(sound)
    with quick_client(atlas.url, ca_bundle=sound, connect_seconds=3, total_seconds=0.4) as client:
        client.fetch_token()
        atlas.script("flow/init", drip(b"HTTP/1.1 201 Created\r\nX: ", b"x"))
        with pytest.raises(OutcomeUnknown, match="no whole answer came within"):
            client.init_flow(REQUEST)


def test_a_proxy_that_opens_no_tunnel_was_sent_nothing(sound: Path) -> None:
    with scripted_atlas() as proxy, quick_client("https://atlas.invalid", proxy=proxy.url) as client:
        with pytest.raises(NotSent, match=r"the proxy gave no connection to atlas\.invalid"):
            client.init_flow(REQUEST)
        assert {asked.method for asked in proxy.asked} == {"CONNECT"}
        assert not any("client-secret" in asked.headers for asked in proxy.asked)


def test_there_is_no_switch_to_do_without_certificates() -> None:
    names = set(inspect.signature(AtlasClient).parameters)
    assert not [name for name in names if "verif" in name or "insecure" in name]
