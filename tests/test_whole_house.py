"""The whole product as its users start it: `up`, `submit --wait`, `check`, over real processes."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.desk_processes import free_ports, run_command
from tests.other_atlas import OtherAtlas, running_other_atlas

ROOT = Path(__file__).resolve().parents[1]
FLOWS = 14

Finished = tuple[OtherAtlas, Path]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    ui, receiver, sandbox = free_ports(3)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    return clean | {
        "ATLAS_DATA_DIR": str(data_dir),
        "ATLAS_UI_PORT": str(ui),
        "ATLAS_RECEIVER_PORT": str(receiver),
        "ATLAS_SANDBOX_PORT": str(sandbox),
        **more,
    }


@contextmanager
def house_up(environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`up`, from its announcement to its clean end."""
    command = [sys.executable, "-m", "atlas_core", "up"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as up:
        try:
            assert up.stdout is not None
            for line in up.stdout:
                if line.startswith("Stop with"):
                    break
            else:
                pytest.fail(f"up ended with {up.wait()}")
            yield up
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(40)


def csv_of(tmp_path: Path, applications: int) -> Path:
    lines = ["application_id,file_url,document_id,flow_params"]
    for number in range(applications):
        for name in ("invoice", "delivery"):
            url = f"https://files.lender.example/{number:04d}/{name}.pdf?X-Amz-Signature=feedbeef{number}"
            lines.append(f"LOAN-{number:04d},{url},{name}-{number},")
    file = tmp_path / "applications.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def rows(book: Path, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{book}?mode=ro", uri=True) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture(scope="module")
def atlas() -> Iterator[OtherAtlas]:
    with running_other_atlas(seconds=3.0) as atlas:
        yield atlas


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, atlas: OtherAtlas) -> Finished:
    """A house that has sent a CSV to the other Atlas and waited for every flow."""
    tmp_path = tmp_path_factory.mktemp("house")
    environ = environment(
        tmp_path / "data",
        ATLAS_BASE_URL=atlas.url,
        ATLAS_CLIENT_ID="other",
        ATLAS_CLIENT_SECRET="quiet",
    )
    with house_up(environ) as up:
        sent = run_command(environ, "submit", str(csv_of(tmp_path, FLOWS)), "--wait", timeout=120)
        assert sent.returncode == 0, sent.stdout + sent.stderr
        checked = run_command(environ, "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    assert up.returncode == 0
    return atlas, tmp_path / "data"


def test_every_flow_ends_and_is_whole_in_the_views(finished: Finished) -> None:
    atlas, data = finished
    flows = rows(
        data / "atlas.db", "select flow_uuid, master_status, outcome, documents, checks from flows_v"
    )
    assert {row[0] for row in flows} == set(atlas.flows)
    for flow_uuid, master, outcome, documents, checks in flows:
        number = atlas.flows[str(flow_uuid)].number
        failed, low, unread = number % 7 == 6, number % 3 == 2, number % 5 == 4
        assert master == ("FAILED" if failed else "SUCCESS")
        assert outcome == ("failed" if failed else "review" if low or unread else "clear")
        assert (documents, checks) == (2, 1)
    assert rows(data / "atlas.db", "select count(*) from flows where confirmed_at is null") == [(0,)]
    assert rows(data / "atlas.db", "select count(*), count(batch_id) from files_v") == [
        (2 * FLOWS, 2 * FLOWS)
    ]
    assert rows(data / "atlas.db", "select count(*) from documents_v") == [(2 * FLOWS,)]
    assert rows(data / "atlas.db", "select count(*) from cross_checks_v") == [(FLOWS,)]


def test_every_callback_is_acknowledged(finished: Finished) -> None:
    atlas, data = finished
    assert [flow.acknowledged for flow in atlas.flows.values()] == [200] * FLOWS
    callbacks = rows(data / "atlas.db", "select count(*) from deliveries_v where channel = 'callback'")
    assert callbacks == [(FLOWS,)]


def test_init_and_multiupload_are_called_once_a_flow(finished: Finished) -> None:
    atlas, _ = finished
    assert len(atlas.flows) == FLOWS
    assert [len(flow.uploads) for flow in atlas.flows.values()] == [1] * FLOWS


def test_no_flow_is_asked_more_often_than_every_5_seconds(finished: Finished) -> None:
    atlas, _ = finished
    gaps = [late - early for flow in atlas.flows.values() for early, late in pairwise(flow.asked)]
    assert gaps
    assert min(gaps) >= 5.0


def test_a_signature_is_in_neither_book_nor_log_of_what_atlas_said(finished: Finished) -> None:
    _, data = finished
    for file in data.rglob("*"):
        if file.is_file() and file != data / "desk.db":
            assert b"feedbeef" not in file.read_bytes(), file.name


def test_a_killed_worker_is_started_again_and_the_rest_goes_on(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data")
    with house_up(environ) as up:
        first = worker_of(up)
        os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 20
        while "BAD" in (answer := run_command(environ, "check").stdout) or worker_of(up) == first:
            assert time.monotonic() < until, answer
        assert up.poll() is None
    assert up.returncode == 0


def worker_of(up: subprocess.Popen[str]) -> int | None:
    """The process id of the worker that `up` runs now; None between two of them."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if command[-2:] == [b"worker", b""] and int(parent) == up.pid:
                return int(entry.name)
    return None


def test_a_csv_with_a_bad_row_sends_nothing_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        "application_id,file_url,document_id\nL-1,https://a.example/1,d1\nL-2,http://a.example/2,d2\n"
    )
    environ = environment(tmp_path / "data")
    answer = run_command(environ, "submit", str(file))
    assert answer.returncode == 1
    assert "line 3, file_url: problem: The link must start with https://." in answer.stdout
    assert rows(tmp_path / "data" / "desk.db", "select count(*) from submissions") == [(0,)]


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data")
    with socket.create_server(("127.0.0.1", int(environ["ATLAS_RECEIVER_PORT"]))):
        answer = run_command(environ, "up")
    assert answer.returncode == 1
    assert "ATLAS_RECEIVER_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_check_says_what_is_not_well_in_words(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data")
    answer = run_command(environ, "check")
    assert answer.returncode == 1
    assert [line[:3] for line in answer.stdout.splitlines()] == ["BAD"] * 6
    assert "python -m atlas_core up" in answer.stdout
    assert "Traceback" not in answer.stderr
