"""The worker as a real process: how it starts, ends, is killed, and what it says meanwhile."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.writer import AtlasWriter
from atlas_core.models import FileToSend
from atlas_core.worker.logs import JsonLines
from tests.kills import ROOT, run, worker_environment, worker_process
from tests.servers import running_sandbox
from tests.workers import rows, until

SIGNATURE = "invented5ignature"


def start_in_vain(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atlas_core", "worker"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def test_killed_at_random_moments_nothing_is_lost_and_nothing_doubled_b87(tmp_path: Path) -> None:
    """The quick edition of `python -m tests.kills --kills 25 --flows 50`."""
    left = run(tmp_path, kills=4, flows=12)
    assert left.faults == []
    assert left.complete + left.unknown == 12
    assert left.complete >= 3  # the last three met no kill


def test_a_stop_is_clean_and_the_next_start_goes_on(tmp_path: Path) -> None:
    migrate_desk(tmp_path / "desk.db")
    desk = Desk(tmp_path / "desk.db")
    with running_sandbox(seconds=0.5) as sandbox:
        environment = worker_environment(tmp_path, sandbox.url)
        files = [FileToSend("D", f"https://files.lender.example/d.pdf?X-Amz-Signature={SIGNATURE}")]
        with worker_process(environment, tmp_path / "worker.log") as worker:
            desk.save_submission("STOP-1", "PROD_CDL", {}, files, "command", by=COMMAND)
            until(lambda: sandbox.calls()["uploads"])
            started = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(12) == 0
            assert time.monotonic() - started < 10
        states = dict(rows(tmp_path / "atlas.db", "SELECT name, state FROM worker_state"))
        assert states["worker"] == "stopped"
        with worker_process(environment, tmp_path / "worker.log") as worker:
            until(lambda: rows(tmp_path / "atlas.db", "SELECT 1 FROM flows WHERE confirmed_at IS NOT NULL"))
            beat = "SELECT seen_at FROM worker_state WHERE name = 'worker' AND state = 'running'"
            first = rows(tmp_path / "atlas.db", beat)
            until(lambda: rows(tmp_path / "atlas.db", beat) > first, 5)
            worker.send_signal(signal.SIGINT)
            assert worker.wait(12) == 0
        assert list(sandbox.calls()["inits"].values()) == [1]
        assert list(sandbox.calls()["uploads"].values()) == [1]
    log = (tmp_path / "worker.log").read_text()
    assert {"flow initialised", "files uploaded", "result fetched", "worker stopped"} <= {
        json.loads(line)["event"] for line in log.splitlines()
    }
    for secret in (SIGNATURE, "/atlas/callback/", "access_token", "files.lender.example"):
        assert secret not in log
    assert SIGNATURE.encode() not in (tmp_path / "atlas.db").read_bytes()


def test_line_breaks_and_escapes_of_others_stay_within_one_line_of_the_log_b96_c32(tmp_path: Path) -> None:
    odd = "APP\r\n{FAKE}\x1b[31m\u2028"
    migrate_desk(tmp_path / "desk.db")
    desk = Desk(tmp_path / "desk.db")
    with running_sandbox(seconds=0.3) as sandbox:
        environment = worker_environment(tmp_path, sandbox.url)
        with worker_process(environment, tmp_path / "worker.log") as worker:
            files = [FileToSend(odd, "https://files.lender.example/d.pdf")]
            desk.save_submission(odd, "PROD_CDL", {}, files, "command", by=COMMAND)
            port = int(environment["ATLAS_RECEIVER_PORT"])
            for sent in (b"\x1b[31m FAKE\r\n\r\n", b"GET /\x1b[31mFAKE HTTP/1.1\r\nHost: \x1b[31m\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
                    stranger.sendall(sent)
                    assert b" 400 " in stranger.recv(1000)
            until(lambda: rows(tmp_path / "atlas.db", "SELECT 1 FROM flows WHERE confirmed_at IS NOT NULL"))
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(12) == 0
    log = (tmp_path / "worker.log").read_bytes()
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert "callback kept" in events
    assert log.isascii()
    assert b"\x1b" not in log
    assert b"FAKE" not in log
    refused = rows(tmp_path / "atlas.db", "SELECT door, status, caller, times FROM refusals")
    assert refused == [("other", 400, "127.0.0.1", 2)]


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    environment = worker_environment(tmp_path, "http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", int(environment["ATLAS_RECEIVER_PORT"]))):
        ended = start_in_vain(environment)
    assert ended.returncode == 1
    assert "ATLAS_RECEIVER_PORT" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_second_worker_on_the_same_books_is_refused_b98_c35(tmp_path: Path) -> None:
    migrate_atlas(tmp_path / "atlas.db")
    with AtlasWriter(tmp_path / "atlas.db"):
        ended = start_in_vain(worker_environment(tmp_path, "http://127.0.0.1:9"))
    assert ended.returncode == 1
    assert "already has its writer" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_refused_credentials_are_shown_and_submissions_wait_b43(tmp_path: Path) -> None:
    migrate_desk(tmp_path / "desk.db")
    with running_sandbox() as sandbox:
        environment = worker_environment(tmp_path, sandbox.url, ATLAS_CLIENT_SECRET="wrong")
        with worker_process(environment, tmp_path / "worker.log"):
            for number in range(10):
                files = [FileToSend("D", "https://files.lender.example/d.pdf")]
                Desk(tmp_path / "desk.db").save_submission(
                    f"W-{number}", "PROD_CDL", {}, files, "command", by=COMMAND
                )
            state = "SELECT state FROM worker_state WHERE name = 'atlas'"
            until(lambda: rows(tmp_path / "atlas.db", state) == [("refused",)])
            time.sleep(2)
            assert sandbox.calls()["calls"]["authtoken"] == {"401": 1}
            waiting = rows(tmp_path / "atlas.db", "SELECT DISTINCT state FROM attempts")
            assert waiting == [("not sent",)]


def test_an_exception_is_logged_with_its_place_and_without_its_text() -> None:
    try:
        raise ValueError("AADHAAR 0000 1111 2222")
    except ValueError:
        record = logging.makeLogRecord({"msg": "flow set back", "flow": 7, "exc_info": sys.exc_info()})
    line = JsonLines().format(record)
    assert json.loads(line)["error"] == "ValueError"
    assert "test_worker_process.py" in line
    assert "1111" not in line
