"""`rebuild`: the column mirror anew from atlas.db, while no worker runs."""

from __future__ import annotations

import time
from contextlib import closing

from atlas_core.books.columns import open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.schema import migrate_atlas
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookBusy
from atlas_core.settings import Settings


def run_rebuild(settings: Settings) -> int:
    """Builds the mirror; pages read the one before it until then. Raises `BookBusy` while a worker runs."""
    migrate_atlas(settings.atlas_book, settings.backup_dir)
    started = time.monotonic()
    try:
        writer = AtlasWriter(settings.atlas_book)
    except BookBusy as error:
        raise BookBusy(f"{error} Stop the worker, and run rebuild again.") from error
    with writer, closing(Mirror(writer, settings.atlas_book)) as mirror:
        flows = mirror.rebuild()
    columns = open_columns(settings.data_dir)
    print(
        f"The column mirror is built: {flows:,} flows, {len(columns.checks):,} cross-checks and "
        f"{len(columns.documents):,} documents in {time.monotonic() - started:.1f} s."
    )
    return 0
