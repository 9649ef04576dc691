"""Room on a disk, before it is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

from atlas_core.errors import BookFull

MARGIN_BYTES = 512 * 1024 * 1024
"""What is left free for others."""


def require_room(folder: Path, size: int, what: str, advice: str) -> None:
    """Raises `BookFull` unless the disk of `folder` holds that many bytes more, with a margin."""
    free = shutil.disk_usage(folder).free
    if free < size + MARGIN_BYTES:
        raise BookFull(
            f"The disk that holds {folder} has {in_bytes(free)} free; {what} needs {in_bytes(size)} and must "
            f"leave {in_bytes(MARGIN_BYTES)} free. {advice}"
        )


def in_bytes(count: int) -> str:
    """A number of bytes in words."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
