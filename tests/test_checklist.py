"""The lines of the security checklist that the source itself must keep, and the list's own order."""

from __future__ import annotations

import ast
import random
import re
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.errors import SettingsError
from atlas_core.models import FileToSend
from atlas_core.settings import load_settings
from tests.catalogue import covering_tests
from tests.checklist import CHECKLIST, NOT_APPLICABLE, missing
from tests.desk_processes import ROOT
from tests.invented_numbers import aadhaar, fours
from tests.made_books import make_books
from tests.page_sessions import said, sessions_over, show
from tests.servers import running_sandbox
from tests.test_layers import SOURCES
from tests.workers import running_worker, settings_for, until

# What may stand in st.html: drawn by us out of escaped pieces.
DRAWN = {("atlas_core/web/check_parts.py", "drawn(user, check, thresholds, palette, look)")}
SECRET = re.compile(
    r"""(?ix) -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \beyJhbGciOi[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.
    | \b(client[_-]secret|cookie_?secret|password)["']?\s*[=:]\s*["']?(?=[^\s"']*[0-9])[A-Za-z0-9+/_-]{20,}
    | \bAKIA[0-9A-Z]{16}\b"""
)


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Everything in the source, with its file."""
    return [
        (str(path.relative_to(ROOT)), node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in the source: its file, the name it calls, and itself."""
    for file, node in nodes():
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield file, name, node


def test_every_line_of_the_checklist_has_a_test_or_a_reason() -> None:
    found = covering_tests(letter="c")
    assert missing(found) == []
    assert set(found) <= set(CHECKLIST)
    assert set(NOT_APPLICABLE).isdisjoint(found)
    assert set(CHECKLIST) == set(range(1, 51))


def test_no_page_shows_raw_html_but_what_is_drawn_here_c12() -> None:
    for file, name, call in calls():
        for keyword in call.keywords:
            unsafe = keyword.arg in ("unsafe_allow_html", "unsafe_allow_javascript")
            assert not unsafe, f"{file}:{call.lineno}"
        assert name not in ("iframe", "declare_component"), f"{file}:{call.lineno}"
        if name == "html" and ast.unparse(call.func) != "server.html":
            assert (file, ast.unparse(call.args[0])) in DRAWN, f"{file}:{call.lineno}"


def test_nothing_that_is_read_is_cached_on_disk_c14() -> None:
    for file, _, call in calls():
        assert "persist" not in [keyword.arg for keyword in call.keywords], f"{file}:{call.lineno}"


def test_a_certificate_is_never_waved_through_and_a_redirect_never_followed_c26() -> None:
    for file, name, call in calls():
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert said.get("verify") != "False", f"{file}:{call.lineno}"
        assert said.get("allow_redirects") in (None, "False"), f"{file}:{call.lineno}"
        if name in ("get", "post", "put", "request") and ast.unparse(call.func).startswith("requests."):
            pytest.fail(f"{file}:{call.lineno} calls out past the client")


def test_secrets_are_compared_in_constant_time_c18() -> None:
    secret = re.compile(r"token|secret|password|credential|auth_part|callback_part")
    for file, node in nodes():
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) for side in sides):
                continue  # a word of ours, which nobody guesses
            names = re.sub(r"bool\(\w+\)", "", " ".join(ast.unparse(side) for side in sides))
            assert not secret.search(names), f"{file}:{node.lineno} {names}"


def test_no_sql_is_glued_together_of_values_c33() -> None:
    for file, name, call in calls():
        if name in ("execute", "executemany", "executescript", "rows") and call.args:
            sql = call.args[0]
            assert not (isinstance(sql, ast.BinOp) and isinstance(sql.op, ast.Mod)), f"{file}:{call.lineno}"
            assert ".format(" not in ast.unparse(sql), f"{file}:{call.lineno}"
    # Names put into a text are looked at one by one: the linter (S608) stops wherever nobody has marked that.


def test_the_linter_knows_the_rules_of_security_and_nothing_is_left_in_debugging_c47() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert {"S", "T10", "B"} <= set(lint["select"])
    assert [rule for rule in lint["ignore"] if rule.startswith("S")] == ["S603"]
    for file, name, call in calls():
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert said.get("debug") != "True", f"{file}:{call.lineno}"
        assert name not in ("eval", "exec", "breakpoint"), f"{file}:{call.lineno}"


def test_neither_the_files_nor_their_history_hold_a_secret_c29_c47() -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in files.decode().split("\0")[:-1]:
        path = ROOT / name
        if path.suffix not in (".png", ".lock") and path.is_file():
            found = SECRET.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name}: {found and found[0][:40]}"
    history = subprocess.run(
        ["git", "log", "-p", "--all", "--no-color", "--", ".", ":!*.png", ":!*.lock"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode(errors="replace")
    assert [found[0][:40] for found in SECRET.finditer(history)] == []


def test_a_personal_number_that_somebody_searches_for_is_taken_out_of_the_address_c15(tmp_path: Path) -> None:
    books = make_books(tmp_path)
    number = fours(aadhaar(random.Random(15)))
    with sessions_over(books.atlas.parent):
        for name in ("find", "words"):
            session = show("results", **{name: number})
            assert number not in str(session.query_params)
            assert "There is an Aadhaar number in this search" in said(session)


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/",
        "http://api.helloatlas.in",
        "https://api.helloatlas.in@evil.example",
        "http://0x7f.1",
        "http://2130706433",
        "//evil.example",
        "file:///etc/passwd",
        "https://",
    ],
)
def test_atlas_s_address_is_https_or_this_machine_and_nothing_that_only_looks_so_c27(address: str) -> None:
    environment = {"ATLAS_CLIENT_ID": "desk", "ATLAS_CLIENT_SECRET": "quiet", "ATLAS_BASE_URL": address}
    with pytest.raises(SettingsError, match="ATLAS_BASE_URL"):
        load_settings(environment, Path("/nonexistent/.env"))


def test_a_document_s_link_that_leads_to_us_is_neither_followed_nor_handed_on_c28(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary, running_sandbox() as sandbox:
        canary.setblocking(False)
        link = f"https://127.0.0.1:{canary.getsockname()[1]}/d.pdf"
        with running_worker(settings_for(tmp_path, sandbox.url)) as worker:
            worker.desk.save_submission("C28", "PROD_CDL", {}, [FileToSend("D", link)], "command", by=COMMAND)
            until(lambda: worker.rows("SELECT 1 FROM attempts WHERE state = 'refused'"))
        with pytest.raises(BlockingIOError):  # nobody waits to be let in
            canary.accept()
        assert sandbox.calls()["inits"] == {}
