"""`backup`: a verified copy of both books, also while everything runs."""

from __future__ import annotations

import time
from pathlib import Path

from atlas_core.books.backups import take_backup
from atlas_core.books.room import in_bytes
from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from atlas_core.settings import Settings


def run_backup(settings: Settings, folder: Path | None) -> int:
    """Copies both books and says where the copies are; returns 1 where one of them could not be made. A book
    that cannot be copied does not keep the other from being copied."""
    folder = settings.backup_dir if folder is None else folder
    well = True
    for book in (settings.atlas_book, settings.desk_book):
        started = time.monotonic()
        try:
            copy = take_backup(book, folder, now=now_ms())
        except BookError as error:
            print(f"BAD  {book.name}: {error}")
            well = False
            continue
        print(
            f"ok   {book.name}: {copy.folder} ({in_bytes(copy.size)}, verified, "
            f"{time.monotonic() - started:.1f} s)"
        )
    return 0 if well else 1
