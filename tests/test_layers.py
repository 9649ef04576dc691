"""The house keeps its shape: who may import whom, and which library lives in which room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for path in [ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("atlas_core/**/*.py")]
    if path.exists()
)

# A room may import the rooms named beside it, besides its own.
FLOOR = {
    "errors",
    "models",
    "clock",
    "links",
    "settings",
    "setting_values",
    "access",
    "thresholds",
    "sign_in",
}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "links": set(),
    "access": {"errors"},
    "thresholds": {"errors", "models"},
    "models": set(),
    "setting_values": {"errors", "links"},
    "settings": {"errors", "thresholds", "sign_in", "links", "setting_values"},
    "sign_in": {"errors", "access"},
    "selftest": {"settings", "links"},
    "api": {"errors", "models", "clock", "links"},
    "books": {"errors", "models", "clock", "links", "access", "thresholds"},
    "intake": {"errors", "models", "links", "api"},
    "worker": FLOOR | {"api", "books"},
    "insight": FLOOR | {"books"},
    "exporting": FLOOR | {"books", "insight"},
    "web": FLOOR | {"books", "insight", "intake", "exporting", "selftest"},
    "sandbox": set(),
    "cli": FLOOR | {"api", "books", "worker", "intake", "sandbox", "insight", "exporting", "selftest"},
    "__main__": FLOOR | {"cli", "worker"},
    "__init__": set(),
    "pages": FLOOR | {"web", "insight", "books", "intake", "exporting"},
    "app": FLOOR | {"web"},
}

# A library that only these rooms (or files) may import.
HOMES: dict[str, set[str]] = {
    "requests": {"api"},
    "urllib3": {"api"},
    "sqlite3": {"books"},
    "sqlite_utils": {"books"},
    "plotly": {"insight/charts.py"},
    "streamlit": {"web", "pages", "app"},
    "pyarrow": {"exporting"},
    "xlsxwriter": {"exporting"},
    "scipy": {"insight"},
    "rapidfuzz": {"sandbox", "insight"},
    "PIL": {"sandbox"},
}


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "atlas_core":
        return parts[1]
    return parts[0]


def imports_of(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            if module == "atlas_core":
                yield from (f"atlas_core.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        if name.startswith("pages"):
            pytest.fail(f"nobody imports pages, but {path.name} does")
        if name.startswith("atlas_core."):
            other = name.split(".")[1]
            if other != "__version__" and other != room:
                assert other in MAY_IMPORT[room], f"{room} must not import {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_stays_in_its_room(path: Path) -> None:
    room, file = room_of(path), "/".join(path.relative_to(ROOT).parts[-2:])
    for name in imports_of(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or room in homes or file in homes, f"{name} does not belong in {file}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_settings_reads_the_environment(path: Path) -> None:
    if room_of(path) == "settings":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reads = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert not reads, f"{path.name} reads the environment in lines {reads}"
