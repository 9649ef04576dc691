"""The commands behind the README's figures: `make bench` and `make faults` run too seldom to break unseen."""

import ast
import importlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted([*HERE.glob("benchmarks/**/*.py"), *HERE.glob("faults/**/*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_what_a_command_takes_from_the_house_is_there(path: Path) -> None:
    """Two benchmarks once asked for a chart that had moved, and nobody knew until they were run."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("atlas_core", "tests"):
            module = importlib.import_module(node.module or "")
            for name in node.names:
                found = hasattr(module, name.name) or importlib.util.find_spec(f"{node.module}.{name.name}")
                assert found, f"{path.name} asks {node.module} for {name.name}"
