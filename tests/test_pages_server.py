"""What surrounds the pages, asked over real HTTP and WebSockets."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from atlas_core.settings import load_settings
from atlas_core.sign_in import SignIn, Way
from atlas_core.web.guard import Guard
from atlas_core.web.server import allowed_hosts, content_policy, document_sources
from tests.desk_processes import ROOT, desk_environment, free_port, running_pages
from tests.servers import wait_until


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_pages(desk_environment(tmp_path_factory.mktemp("books"))) as url:
        yield url


def ask(
    url: str, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def websocket_status(url: str, *, origin: str | None, host: str | None = None) -> int:
    """101 where the server opens the WebSocket, else the status it refuses with."""
    parts = urlsplit(url)
    address = f"ws://{host or parts.netloc}/_stcore/stream"
    try:
        with (
            socket.create_connection((parts.hostname, parts.port)) as sock,
            connect(address, sock=sock, origin=origin, subprotocols=["streamlit"]),
        ):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("path", ["/", "/results", "/flow?flow=LOS-1"])
def test_every_document_carries_the_protecting_headers_and_is_kept_by_nobody_c1_c2(
    pages: str, path: str
) -> None:
    status, headers, _ = ask(pages, path)
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    for rule in ("frame-ancestors", "object-src", "base-uri"):
        assert f"{rule} 'none'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval' 'sha256-" in policy
    assert "connect-src 'self';" in policy
    assert "img-src 'self' data: blob: http://127.0.0.1:" in policy  # the sandbox's papers alone
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers  # it is not served by https


@pytest.mark.parametrize(
    ("path", "host", "expected"),
    [
        ("/_stcore/health", None, 200),
        ("/_stcore/host-config", None, 200),
        ("/_stcore/metrics", None, 404),
        ("/media/" + "0" * 56, None, 404),
        ("/%00", None, 400),
        ("/", "evil.example", 421),
    ],
)
def test_refusals_and_machine_answers_carry_the_headers_too_c1(
    pages: str, path: str, host: str | None, expected: int
) -> None:
    status, headers, _ = ask(pages, path, headers={"Host": host} if host else {})
    assert status == expected
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_files_of_sessions_are_kept_by_nobody(pages: str) -> None:
    _, headers, _ = ask(pages, "/media/" + "0" * 56 + ".csv")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_scripts_of_streamlit_may_be_kept_for_they_hold_nothing_of_ours(pages: str) -> None:
    _, _, body = ask(pages, "/")
    script = body.decode().split('src="./static/js/')[1].split('"')[0]
    status, headers, _ = ask(pages, f"/static/js/{script}")
    assert status == 200
    assert headers["cache-control"] != "no-store"


def test_a_websocket_of_the_same_origin_is_accepted(pages: str) -> None:
    assert websocket_status(pages, origin=pages) == 101


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://localhost:3000", "http://127.0.0.1:1", "file://"]
)
def test_a_websocket_without_our_own_origin_is_refused_c5(pages: str, origin: str | None) -> None:
    started = time.monotonic()
    assert websocket_status(pages, origin=origin) == 403
    assert time.monotonic() - started < 2  # no look-up of our own address on the internet


def test_a_stranger_s_name_that_points_here_is_refused_c6(pages: str) -> None:
    port = urlsplit(pages).port
    host = f"evil.example:{port}"
    status, _, body = ask(pages, "/", headers={"Host": host})
    assert status == 421
    assert b"ATLAS_UI_ADDRESS" in body
    assert websocket_status(pages, origin=f"http://{host}", host=host) == 403


def test_the_loopback_names_are_answered(pages: str) -> None:
    port = urlsplit(pages).port
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert ask(pages, "/", headers={"Host": f"{name}:{port}"})[0] == 200


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/_stcore/metrics", "GET"),
        ("/_stcore/agent/openapi.json", "GET"),
        ("/_stcore/agent/interact", "POST"),
        ("/results/_stcore/metrics", "GET"),
        ("/%5Fstcore/metrics", "GET"),
        ("/_stcore/script-health-check", "GET"),
        ("/_stcore/bidi-components/x/y.js", "GET"),
        ("/component/x/index.html", "GET"),
        ("/app/static/secrets.toml", "GET"),
    ],
)
def test_figures_and_machine_doors_of_streamlit_are_hidden_c7(pages: str, path: str, method: str) -> None:
    assert ask(pages, path, method)[0] == 404


def test_answers_do_not_wait_for_nagle(pages: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(pages).netloc, timeout=10)
    times = []
    for _ in range(8):
        started = time.perf_counter()
        connection.request("GET", "/_stcore/health")
        connection.getresponse().read()
        times.append(time.perf_counter() - started)
    connection.close()
    assert sorted(times)[len(times) // 2] < 0.03  # 45 ms with Nagle's algorithm on


def test_pictures_and_frames_of_documents_come_from_the_named_hosts_alone_c2() -> None:
    environ = {
        "ATLAS_CLIENT_ID": "a",
        "ATLAS_CLIENT_SECRET": "b",
        "ATLAS_DOCUMENT_HOSTS": "files.lender.example,.s3.example",
    }
    policy = content_policy(document_sources(load_settings(environ, Path("/nowhere"))))
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["img-src"] == "'self' data: blob: https://files.lender.example https://*.s3.example"
    assert rules["frame-src"] == "'self' https://files.lender.example https://*.s3.example"
    assert rules["connect-src"] == "'self'"


def test_the_pages_do_not_start_where_others_can_reach_them(tmp_path: Path) -> None:
    environment = desk_environment(tmp_path)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address=0.0.0.0"]
    ended = subprocess.run(
        [*command, f"--server.port={environment['ATLAS_UI_PORT']}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "where others can reach them, but nobody signs in" in ended.stderr + ended.stdout


def test_who_reaches_another_address_of_this_machine_is_turned_away(tmp_path: Path) -> None:
    nobody = SignIn(Way.LOCAL, "http://127.0.0.1:8501")
    with served(Guard(PlainTextResponse("a page"), ["127.0.0.1", "*"], "default-src 'none'", nobody)) as port:
        assert ask(f"http://127.0.0.1:{port}", "/")[0] == 200
        status, headers, body = ask(f"http://{address_of_this_machine()}:{port}", "/")
    assert status == 403
    assert b"Nobody signs in" in body
    assert "content-security-policy" in headers


def test_behind_https_browsers_are_told_to_stay_there_and_every_cookie_is_for_https_alone_c1_c3() -> None:
    sign_in = SignIn(Way.OPENID, "https://desk.lender.example")
    guard = Guard(PlainTextResponse("{}"), ["127.0.0.1"], "default-src 'none'", sign_in)
    with served(guard) as port:
        _, headers, _ = ask(f"http://127.0.0.1:{port}", "/_stcore/host-config")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["cache-control"] == "no-store"
    cookie = headers["set-cookie"].split("; ")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie)


def address_of_this_machine() -> str:
    """One by which others would reach it; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """An app at every address of this machine; gives its port."""
    server = uvicorn.Server(uvicorn.Config(app, host="0.0.0.0", port=free_port(), log_level="error"))  # noqa: S104
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield server.config.port
    finally:
        server.should_exit = True
        thread.join(10)


def test_the_policy_allows_no_inline_script_but_streamlit_s_own() -> None:
    scripts = content_policy().split("script-src")[1].split(";")[0].split()
    assert scripts[:2] == ["'self'", "'wasm-unsafe-eval'"]
    assert len(scripts) >= 3
    assert all(script.startswith("'sha256-") for script in scripts[2:])


def test_a_desk_open_to_the_network_answers_to_numbers_and_its_own_name_only(tmp_path: Path) -> None:
    nowhere = tmp_path / "no.env"
    signing_in = {
        "ATLAS_PROXY_USER_HEADER": "X-User",
        "ATLAS_PROXY_ADDRESS": "10.0.0.2",
        "ATLAS_UI_URL": "https://papers.lender.example",
    }
    everywhere = allowed_hosts(load_settings({"ATLAS_UI_ADDRESS": "0.0.0.0", **signing_in}, nowhere))  # noqa: S104
    assert "*" in everywhere
    named = allowed_hosts(load_settings({"ATLAS_UI_ADDRESS": "Desk.example.test", **signing_in}, nowhere))
    assert {"desk.example.test", "papers.lender.example"} <= named
    assert "*" not in named


def test_one_browser_stays_the_same_person_and_another_is_another(pages: str) -> None:
    first, second = (ask(pages, "/_stcore/host-config")[1]["set-cookie"] for _ in range(2))
    assert first != second
    assert "HttpOnly" in first
    assert "SameSite=Strict" in first
    again = ask(pages, "/_stcore/host-config", headers={"Cookie": first.split(";")[0]})[1]
    assert "set-cookie" not in again
