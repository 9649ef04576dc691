"""The sample files for a team's server, put to use: nginx in front of a worker and pages, the units read."""

import configparser
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import Visitor, chromium
from tests.desk_processes import ROOT, desk_environment, free_ports, running_pages, running_worker
from tests.servers import wait_until

SAMPLES = ROOT / ".deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
HOOKS = "atlas-hooks.your-bank.in"
UNITS = ("atlas-desk-worker.service", "atlas-desk-pages.service")


@dataclass(frozen=True)
class Front:
    """nginx as the sample sets it up, on this machine: its port to the outside, and the one for people."""

    outside: int
    inside: int


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if NGINX is None:
        pytest.skip("nginx is not installed here")
    folder = tmp_path_factory.mktemp("server")
    environment = desk_environment(folder / "data") | {"ATLAS_RECEIVER_URL": f"https://{HOOKS}"}
    with running_worker(environment), running_pages(environment):
        ports = Front(*free_ports(2))
        with running_nginx(folder, ports, environment):
            yield ports


@contextmanager
def running_nginx(folder: Path, ports: Front, environment: dict[str, str]) -> Iterator[None]:
    make_certificate(folder)
    sample = (SAMPLES / "nginx.conf").read_text(encoding="utf-8")
    for written, here in (
        ("listen 443 ", f"listen 127.0.0.1:{ports.outside} "),
        ("listen 10.0.0.5:8443 ", f"listen 127.0.0.1:{ports.inside} "),
        ("127.0.0.1:8600", f"127.0.0.1:{environment['ATLAS_RECEIVER_PORT']}"),
        ("127.0.0.1:8501", f"127.0.0.1:{environment['ATLAS_UI_PORT']}"),
        ("/etc/atlas-desk/tls/hooks", f"{folder}/tls"),
        ("/etc/atlas-desk/tls/desk", f"{folder}/tls"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert written in sample, written
        sample = sample.replace(written, here)
    (folder / "atlas-desk.conf").write_text(sample)
    places = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # else its processes may not read the test's folder
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ {places} include {folder}/atlas-desk.conf; }}"
    )
    assert NGINX is not None
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: listens(ports.inside) and listens(ports.outside))
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(folder: Path) -> None:
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    )
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.pem")]
    names = ["-addext", f"subjectAltName=DNS:localhost,DNS:{HOOKS}"]
    subprocess.run([*command.split(), *files, *names], check=True, capture_output=True)


def tls(port: int, name: str = HOOKS, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLSocket:
    """A connection as a client makes it that trusts anybody and would speak the oldest TLS there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old versions are what is asked for
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname=name
    )


def ask(port: int, method: str, path: str, host: str = HOOKS) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.sock = tls(port)
    try:
        connection.request(method, path, headers={"Host": host}, body=b"{}" if method == "POST" else None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/results"),
        ("GET", "/_stcore/health"),
        ("GET", "/_stcore/metrics"),
        ("GET", "/_stcore/host-config"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/.git/config"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("POST", "/selftest"),
        ("POST", "/atlas/auth/"),
        ("POST", "/atlas/callback"),
        ("POST", "/atlas/callback/x/y"),
        ("POST", "/atlas/other/x"),
        ("POST", "/atlas/auth/../../readyz"),
        ("POST", "/atlas/callback/%2e%2e%2f%2e%2e%2freadyz"),
    ],
)
def test_from_outside_nothing_is_found_but_atlas_s_two_addresses_c7_c8(
    front: Front, method: str, path: str
) -> None:
    assert ask(front.outside, method, path)[0] == 404


def test_atlas_s_two_addresses_lead_to_the_receiver(front: Front) -> None:
    # The receiver's own answers: a method that nginx does not judge, and a token that is not there.
    assert ask(front.outside, "GET", "/atlas/callback/x")[0] == 405
    assert ask(front.outside, "POST", "/atlas/auth/x") == ask(front.outside, "POST", "/atlas/callback/x")
    assert ask(front.outside, "POST", "/atlas/callback/x")[1] != ask(front.outside, "POST", "/nowhere")[1]


def test_old_tls_another_name_and_plain_http_are_refused_c9_b94(front: Front) -> None:
    tls(front.outside, newest=ssl.TLSVersion.TLSv1_2).close()
    for port in (front.outside, front.inside):
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            tls(port, newest=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        tls(front.outside, name="evil.example")
    plain = http.client.HTTPConnection("127.0.0.1", front.outside, timeout=10)
    plain.request("POST", "/atlas/callback/x", headers={"Host": HOOKS})
    assert plain.getresponse().status == 400  # no redirect
    plain.close()
    listening = re.findall(r"listen (\S+)(.*);", (SAMPLES / "nginx.conf").read_text(encoding="utf-8"))
    assert [address for address, how in listening if " ssl" not in how] == []


@pytest.mark.browser
def test_people_reach_the_pages_through_nginx_and_stay_connected(front: Front) -> None:
    with chromium() as chrome:
        context = chrome.new_context(ignore_https_errors=True)
        page = context.new_page()
        visitor = Visitor(page, f"https://localhost:{front.inside}")
        page.on("console", visitor.note_console)
        page.on("request", visitor.note_request)
        visitor.open("/submit")
        expect(visitor.title("Submit")).to_be_visible()
        page.get_by_role("tab", name="Many by CSV").click()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download a template").click()
        assert b"application_id" in Path(waiting.value.path()).read_bytes()
        context.close()
        assert visitor.complaints == []


def unit(name: str) -> dict[str, list[str]]:
    """A unit's [Service], every key with all its values."""
    found: dict[str, list[str]] = {}
    section = (SAMPLES / name).read_text(encoding="utf-8").split("[Service]")[1].split("\n[")[0]
    for line in section.splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("name", UNITS)
def test_the_services_are_nobody_in_particular_and_write_their_own_folder_alone_c48(name: str) -> None:
    service = unit(name)
    assert service["User"] == ["atlas-desk"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["StateDirectoryMode"] == ["0700"]
    assert service["UMask"] == ["0077"]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["CapabilityBoundingSet"] == [""]
    folders = configparser.ConfigParser(strict=False, interpolation=None)
    folders.read(SAMPLES / name)
    assert set(folders.sections()) == {"Unit", "Service", "Install"}


def test_the_services_start_what_the_commands_start() -> None:
    (worker,), (pages,) = (unit(name)["ExecStart"] for name in UNITS)
    for name in UNITS:
        (before,) = unit(name)["ExecStartPre"]
        assert before.endswith("/python -m atlas_core check --production")
    assert worker.endswith("/python -m atlas_core worker")
    assert "streamlit run app.py --server.address=127.0.0.1 --server.port=8501" in pages
    read = set(re.findall(r"\b(ATLAS_\w+)=", (SAMPLES / "settings.example").read_text(encoding="utf-8")))
    sources = (ROOT / "atlas_core" / name for name in ("settings.py", "sign_in.py"))
    known = {
        name for path in sources for name in re.findall(r'"(ATLAS_\w+)"', path.read_text(encoding="utf-8"))
    }
    assert read
    assert read <= known


@pytest.mark.parametrize("name", UNITS)
def test_systemd_reads_the_units_without_complaint(tmp_path: Path, name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    text = (SAMPLES / name).read_text(encoding="utf-8")
    text = text.replace("/opt/atlas-desk/.venv/bin/python", sys.executable)  # it must exist to be read
    (tmp_path / name).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_lock_file_pins_every_need_by_its_hashes_to_what_is_tested_here_c44_c46() -> None:
    text = (SAMPLES / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    locked = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, pinned = line.split()[0].split("==")
            assert "--hash=sha256:" in line, name
            locked[name] = pinned
    direct = re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    assert dict(direct).items() <= locked.items()
    for name, at_least in {
        "streamlit": (1, 54, 0),
        "starlette": (1, 3, 1),
        "urllib3": (2, 7, 0),
        "requests": (2, 32, 4),
    }.items():
        assert tuple(int(part) for part in locked[name].split(".")[:3]) >= at_least
        assert version(name) == locked[name]
    assert "tornado" not in locked


def test_the_audit_of_what_is_installed_says_so_where_it_cannot_be_made_c45() -> None:
    no_way_out = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.audit"],
        cwd=ROOT,
        env=no_way_out | {"HTTPS_PROXY": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "skipped, pypi.org's list of known holes cannot be reached" in done.stdout
    assert "-m tests.audit" in (ROOT / "Makefile").read_text(encoding="utf-8")
