"""The desk's own pages fed with constants.

    python -m tests.benchmarks.desks.recorded PORT

Before the server starts, every loader and every function of the rooms that count is put in front of a record:
the first call with the same arguments is answered by the real one, all later ones by what it said, without
asking whether anything has changed. All else, from app.py to the figures, is the desk as it is. Settings come
from the environment as usual.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from streamlit.web import cli

from atlas_core import insight
from atlas_core.web import judged_loaders, loaders, operations_loaders

_DRAWING = ("charts", "palette", "theme", "addresses", "differences")  # no answers but looks: the page's own


def recorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answers from the record whatever was asked before."""
    record: dict[Any, Any] = {}
    held: list[Any] = []  # what is known by its identity must stay

    def key_of(value: Any) -> Any:
        try:
            hash(value)
        except TypeError:
            held.append(value)
            return id(value)
        return value

    @functools.wraps(function)
    def ask(*args: Any, **kwargs: Any) -> Any:
        key = (*map(key_of, args), *((name, key_of(value)) for name, value in kwargs.items()))
        if key not in record:
            record[key] = function(*args, **kwargs)
        return record[key]

    return ask


def put_on_record(module: ModuleType, names: str = "") -> None:
    """Replaces a module's public functions, those whose names begin so."""
    for name, function in list(vars(module).items()):
        is_own = inspect.isfunction(function) and function.__module__ == module.__name__
        if is_own and name.startswith(names) and not name.startswith("_"):
            setattr(module, name, recorded(function))


def main() -> None:
    for found in pkgutil.iter_modules(insight.__path__):
        if not found.name.startswith(_DRAWING):
            put_on_record(importlib.import_module(f"{insight.__name__}.{found.name}"))
    for module in (loaders, judged_loaders, operations_loaders):
        put_on_record(module, "load_")
    sys.argv = ["streamlit", "run", "app.py", f"--server.port={sys.argv[1]}"]
    cli.main()


if __name__ == "__main__":
    main()
