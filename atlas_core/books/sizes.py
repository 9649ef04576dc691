"""How much room the books and what belongs to them take on the disk, and how much is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from atlas_core.books.log_size import log_bytes


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes; None where the file, the folder or the disk cannot be looked at, or is not there."""

    atlas: int | None
    log: int
    desk: int | None
    mirror: int | None
    backups: int | None
    free: int | None
    whole_disk: int | None


def sizes_of(atlas: Path, desk: Path, backup_dir: Path) -> Sizes:
    """Looks at the files themselves: some milliseconds."""
    try:
        whole, _, free = shutil.disk_usage(atlas.parent)
    except OSError:
        return Sizes(None, 0, None, None, None, None, None)
    return Sizes(
        atlas=_file_bytes(atlas),
        log=log_bytes(atlas),
        desk=_file_bytes(desk),
        mirror=_folder_bytes(atlas.parent / "mirror"),
        backups=_folder_bytes(backup_dir),
        free=free,
        whole_disk=whole,
    )


def _file_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _folder_bytes(folder: Path) -> int | None:
    try:
        return sum(_within(folder))
    except OSError:
        return None


def _within(folder: Path) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _within(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                try:
                    yield entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # the worker has just put another in its place
