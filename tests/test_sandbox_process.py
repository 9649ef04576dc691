"""The sandbox as a process: it ends tidily, remembers its flows, and keeps secrets out of its words."""

import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.sandbox_caller import Caller
from tests.servers import RunningSandbox, running_lender, running_sandbox, wait_until

SERVE = """
import logging, pathlib, sys
from atlas_core.sandbox import serve
logging.basicConfig(level="DEBUG")
serve(host="127.0.0.1", port=int(sys.argv[1]), seconds=0.2, faults=None, state=pathlib.Path(sys.argv[2]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/sandbox/calls", timeout=1).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def process(port: int, journal: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), str(journal)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}"), 20)
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_tidily_with_exit_code_0_even_while_it_drips(number: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    with process(port, tmp_path / "journal.jsonl") as running, running_lender() as lender:
        caller = Caller(RunningSandbox(f"http://127.0.0.1:{port}"), lender)
        caller.sandbox.play({"status": {"play": "endless"}})
        with requests.get(f"{caller.sandbox.url}/v3/verification/status", stream=True, timeout=5):
            running.send_signal(number)
            assert running.wait(10) == 0


def test_what_it_says_holds_no_token_and_no_signature(tmp_path: Path) -> None:
    port = free_port()
    journal = tmp_path / "journal.jsonl"
    with process(port, journal) as running, running_lender() as lender:
        caller = Caller(RunningSandbox(f"http://127.0.0.1:{port}"), lender)
        flow = caller.finish()
        lender.answers["/callback"] = 500
        caller.finish(2)
        caller.sandbox.play({"*": {"play": "reset"}})
        with pytest.raises(requests.ConnectionError):
            caller.status(flow)
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=10)[0]
    for text in (said, journal.read_text()):
        for secret in (caller.token, "lender-token", "X-Amz-Signature"):
            assert secret not in text
    assert "Traceback" not in said
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


def test_after_a_kill_it_still_knows_its_flows_and_brings_what_nobody_acknowledged(tmp_path: Path) -> None:
    port, journal = free_port(), tmp_path / "journal.jsonl"
    with running_lender() as lender:
        with process(port, journal) as running:
            caller = Caller(RunningSandbox(f"http://127.0.0.1:{port}"), lender)
            brought = caller.finish(1)
            wait_until(lambda: len(lender.at("/callback")) == 1)
            results = caller.extracts(brought).content
            lender.answers["/callback"] = 503
            waiting = caller.finish(2)
            idle = caller.init().json()["flow_uuid"]
            running.kill()
        with journal.open("a") as torn:
            torn.write('{"fact": "upl')
        lender.answers.clear()
        lender.arrivals.clear()
        with process(port, journal):
            wait_until(lambda: lender.at("/callback"))
            assert caller.extracts(brought).content == results, "the token and the flow outlive the process"
            assert caller.status(idle).json()["master_status"] == "NOT_STARTED"
            flow = caller.finish(3)
            wait_until(lambda: len(lender.at("/callback")) == 2)
        told = [arrival.payload["flow_uuid"] for arrival in lender.at("/callback")]
        assert told == [waiting, flow], "what was acknowledged does not come again"
        facts = [line for line in journal.read_text().splitlines() if line.startswith('{"fact": "init"')]
        assert len(facts) == 4


def test_faults_can_be_given_at_the_start() -> None:
    with running_sandbox(faults={"authtoken": {"play": "status", "code": 503, "times": 1}}) as sandbox:
        url = f"{sandbox.url}/v3/verification/authtoken"
        headers = {"Client-Id": "sandbox", "Client-Secret": "sandbox"}
        assert [requests.post(url, headers=headers, timeout=5).status_code for _ in range(2)] == [503, 201]


def test_importing_it_imports_nothing_else_of_ours() -> None:
    code = "import sys, atlas_core.sandbox; print(*(name for name in sys.modules if 'atlas_core' in name))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = made.stdout.split()
    assert "atlas_core.sandbox.server" in names
    assert all(name == "atlas_core" or name.startswith("atlas_core.sandbox") for name in names)
