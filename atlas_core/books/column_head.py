"""The column mirror's head: which files, and how much of each, are the version that counts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from atlas_core.books.book import sync_folder
from atlas_core.books.column_files import TABLES, CountsExtent, Extent
from atlas_core.errors import BookDamaged, BookMissing

EDITION = 3  # of the layout of the files: another number means that the mirror is built anew

NONE = -1


@dataclass(frozen=True, slots=True)
class Head:
    """One version of the mirror. Versions grow and never come again, not even after a rebuild.

    `follows` is the version that the book had noted when this one was published, `through` the last change
    that this one took over. A rebuilt one follows `NONE`: it is the book's once the book has noted it.
    """

    version: int
    follows: int
    through: int
    flows: Extent
    checks: Extent
    documents: Extent
    corrections: Extent
    names: Extent
    counts: CountsExtent | None

    def tables(self) -> dict[str, Extent]:
        """The extents of the tables of numbers."""
        return {table: getattr(self, table) for table in TABLES}


def mirror_folder(data_dir: Path) -> Path:
    """Where the mirror of the books in `data_dir` is."""
    return data_dir / "mirror"


def read_head(folder: Path) -> Head:
    """The head as it stands. Raises `BookMissing` where there is none, `BookDamaged` where it is not ours
    or of another edition."""
    try:
        with open(folder / "head", "rb", buffering=0) as file:  # noqa: PTH123 -- twice as fast as Path.open
            kept = json.loads(file.read())
        if kept.pop("edition") != EDITION:
            raise ValueError
        version, follows, through = (int(kept.pop(name)) for name in ("version", "follows", "through"))
        counts = kept.pop("counts")
        if counts:
            counts = CountsExtent(counts["file"], counts["first_day"], tuple(counts["shape"]))
        extents = {name: Extent(**extent) for name, extent in kept.items()}
        return Head(version, follows, through, **extents, counts=counts)
    except FileNotFoundError:
        raise BookMissing(
            f"There is no column mirror in {folder.parent} yet. Start the worker: it makes it."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BookDamaged(
            f"{folder / 'head'} is not a column mirror of this version. Start the worker: it builds it anew."
        ) from None


def write_head(folder: Path, head: Head) -> None:
    """Makes a version count: readers see the one before it or this one, after a crash too."""
    text = json.dumps({"edition": EDITION, **asdict(head)})
    unfinished = folder / "head.new"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.replace(folder / "head")
    sync_folder(folder)


def sweep(folder: Path, head: Head) -> None:
    """Removes the files that no version needs any more: those of earlier ones, and of killed writers."""
    needed = {"head", head.names.file, *(extent.file for extent in head.tables().values())}
    if head.counts:
        needed.add(head.counts.file)
    for path in folder.iterdir():
        if path.name not in needed:
            path.unlink()
