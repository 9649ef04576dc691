"""The dashboard's own processes, run for real: pages and worker on free ports, with books of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class RunningDesk:
    """Pages at `url`, and the worker's receiver at `receiver_url`."""

    url: str
    receiver_url: str
    data_dir: Path


def free_port() -> int:
    """A port nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports nobody listens on now: asked for one after the other, one may come twice."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


def desk_environment(data_dir: Path, atlas_url: str | None = None) -> dict[str, str]:
    """The environment of one desk with its own books and ports; without `atlas_url` nothing is called."""
    ports = dict(zip(("UI", "RECEIVER", "SANDBOX"), map(str, free_ports(3)), strict=True))
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "STREAMLIT_"))
    }
    settings = {
        **kept,
        **{f"ATLAS_{name}_PORT": port for name, port in ports.items()},
        "ATLAS_DATA_DIR": str(data_dir),
    }
    if atlas_url:
        settings |= {
            "ATLAS_BASE_URL": atlas_url,
            "ATLAS_CLIENT_ID": "sandbox",
            "ATLAS_CLIENT_SECRET": "sandbox",
        }
    return settings


def run_command(
    environment: dict[str, str], *words: str, timeout: float = 90
) -> subprocess.CompletedProcess[str]:
    """`python -m atlas_core …`, to its end."""
    command = [sys.executable, "-m", "atlas_core", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


@contextmanager
def running_pages(environment: dict[str, str]) -> Iterator[str]:
    """The pages as `streamlit run` serves them; gives their address."""
    port = environment["ATLAS_UI_PORT"]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    with running_process(command, environment, f"{url}/_stcore/health"):
        yield url


@contextmanager
def running_worker(environment: dict[str, str]) -> Iterator[str]:
    """The worker; gives its receiver's address."""
    url = f"http://127.0.0.1:{environment['ATLAS_RECEIVER_PORT']}"
    with running_process([sys.executable, "-m", "atlas_core", "worker"], environment, f"{url}/healthz"):
        yield url


@contextmanager
def running_desk(data_dir: Path, atlas_url: str) -> Iterator[RunningDesk]:
    """Worker and pages over the Atlas at `atlas_url`."""
    environment = desk_environment(data_dir, atlas_url)
    with ExitStack() as stack:
        receiver_url = stack.enter_context(running_worker(environment))
        url = stack.enter_context(running_pages(environment))
        yield RunningDesk(url, receiver_url, data_dir)


@contextmanager
def running_process(command: list[str], environment: dict[str, str], health: str) -> Iterator[None]:
    """A server, from the moment that its `health` address answers."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _wait_for(health, process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"it ended before it answered: {process.communicate()[0].decode()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"nothing answered at {url} within 30 s")
