"""Commands that cannot do what is asked end with a sentence that helps, and leave nothing behind."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.desk_processes import desk_environment, run_command
from tests.made_books import make_books
from tests.workers import rows


@pytest.mark.parametrize("command", ["sandbox", "up"])
def test_a_data_folder_that_is_a_file_is_told_in_a_sentence(command: str, tmp_path: Path) -> None:
    """The sandbox once ended in a traceback."""
    folder = tmp_path / "a file"
    folder.write_text("")
    answer = run_command(desk_environment(folder), command)
    assert answer.returncode == 1
    assert f"{folder}/sandbox.jsonl cannot be made or locked: File exists. Check its folder." in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_number_that_is_none_is_told_with_what_it_must_be(tmp_path: Path) -> None:
    """The sentence once was "invalid count value"."""
    for word in ("x", "0", "1.5", "9" * 5000):
        answer = run_command(desk_environment(tmp_path), "seed", "--flows", word)
        assert answer.returncode == 2
        assert answer.stderr.endswith("--flows: must be a whole number from 1 to 1000000\n")


@pytest.mark.parametrize("command", ["worker", "up"])
@pytest.mark.parametrize("address", ["nonsense", "192.0.2.1", "a..b"])
def test_an_address_that_is_not_this_machines_is_blamed_and_not_the_port(
    command: str, address: str, tmp_path: Path
) -> None:
    """Whoever then set another port, as the sentence once said, met the same again."""
    environment = desk_environment(tmp_path / "data") | {"ATLAS_RECEIVER_ADDRESS": address}
    answer = run_command(environment, command)
    assert answer.returncode == 1
    assert f"The address {address} cannot be used" in answer.stderr
    assert "Set ATLAS_RECEIVER_ADDRESS to one" in answer.stderr
    assert "ATLAS_RECEIVER_PORT" not in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_log_that_could_not_be_written_to_a_file_holds_no_entry_that_it_was(tmp_path: Path) -> None:
    """The entry once stood in the log before it was tried."""
    books = make_books(tmp_path)
    environment = desk_environment(books.desk.parent)
    answer = run_command(environment, "verify-audit", "--to", str(tmp_path / "no folder" / "a"))
    assert (answer.returncode, "a could not be written: No such file" in answer.stderr) == (1, True)
    assert rows(books.desk, "SELECT count(*) FROM audit") == [(0,)]


def test_a_log_that_cannot_take_the_entry_leaves_no_file(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    with closing(sqlite3.connect(books.desk)) as desk, desk:
        desk.execute("CREATE TRIGGER refused BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END")
    file = tmp_path / "audit.jsonl"
    answer = run_command(desk_environment(books.desk.parent), "verify-audit", "--to", str(file))
    assert answer.returncode == 1
    assert not file.exists()


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    """The sandbox alone once ended in a traceback."""
    environment = desk_environment(tmp_path)
    with socket.create_server(("127.0.0.1", int(environment["ATLAS_SANDBOX_PORT"]))):
        answer = run_command(environment, "sandbox")
    assert answer.returncode != 0
    assert "The sandbox cannot start: Port" in answer.stderr
    assert "ATLAS_SANDBOX_PORT" in answer.stderr
    assert "Traceback" not in answer.stderr
