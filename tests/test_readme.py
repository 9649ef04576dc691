"""The README is true: settings, commands, views and samples are those of the code."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from atlas_core.books.schema import migrate_atlas
from atlas_core.intake import check_rows, read_csv

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under one heading, up to the next of its level or above."""
    start = re.search(rf"^(#+) {re.escape(title)}$", README, re.MULTILINE)
    assert start, title
    end = re.search(rf"^#{{1,{len(start[1])}}} ", README[start.end() :], re.MULTILINE)
    return README[start.end() :][: end.start() if end else None]


def test_every_setting_is_named_and_no_other() -> None:
    code = "".join(
        (ROOT / "atlas_core" / name).read_text(encoding="utf-8") for name in ("settings.py", "sign_in.py")
    )
    read = set(re.findall(r'(?:read\.\w+|text|_required|_is_on)\(\s*(?:text, )?"(ATLAS_\w+)"', code))
    named = set(re.findall(r"`(ATLAS_\w+)`", section("Settings")))
    assert len(read) > 15
    assert named == read


def test_every_command_is_named_and_no_other() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "atlas_core", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    offered = set(re.findall(r"^    (\w[\w-]*)(?: |$)", answer.stdout, re.MULTILINE))
    named = set(re.findall(r"`python -m atlas_core (\w[\w-]*)", section("Commands")))
    assert {"up", "submit"} <= offered
    assert named == offered


def test_the_views_have_the_columns_the_readme_promises(tmp_path: Path) -> None:
    migrate_atlas(tmp_path / "atlas.db")
    promised = re.findall(
        r"^\| `(\w+_v)` \| (.+) \|$", section("Reading the books with other tools"), re.MULTILINE
    )
    assert len(promised) == 6
    with closing(sqlite3.connect(tmp_path / "atlas.db")) as book:
        for view, columns in promised:
            found = [row[1] for row in book.execute("SELECT * FROM pragma_table_info(?)", [view])]
            assert found == columns.split(", "), view


def test_pictures_and_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_sample_csv_passes_its_own_check() -> None:
    rows = read_csv((ROOT / "data" / "samples" / "applications.csv").read_bytes())
    checked = check_rows(rows, now=0)
    assert checked.findings == ()
    assert len(checked.applications) == 20


def test_the_rooms_of_the_picture_exist() -> None:
    for room in re.findall(r"`((?:atlas_core|tests|pages)[\w/.]*)`", section("How it is built")):
        assert (ROOT / room).exists(), room
