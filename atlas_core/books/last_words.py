"""Why the worker could not start or go on, in a file beside the books: a book that cannot be opened cannot
tell it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

BOOKS_UNUSABLE = 3
"""The exit status of a worker whose books cannot be used as they are; another start will not help."""

_NAME = "worker.ended"


def keep_last_words(data_dir: Path, sentence: str) -> None:
    """Keeps the sentence for the pages. Where not even that can be written it stands in the log alone."""
    unfinished = data_dir / f".{_NAME}"
    with suppress(OSError):
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(sentence)
        unfinished.replace(data_dir / _NAME)


def last_words(data_dir: Path) -> str | None:
    """The sentence, until a worker has started well."""
    try:
        return (data_dir / _NAME).read_text(encoding="utf-8") or None
    except OSError:
        return None


def forget_last_words(data_dir: Path) -> None:
    """A worker has started well."""
    (data_dir / _NAME).unlink(missing_ok=True)
