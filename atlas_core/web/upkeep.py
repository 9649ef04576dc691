"""What the server does beside its sessions: the first visit made quick, old exports swept."""

from __future__ import annotations

import asyncio
import logging

from atlas_core.books.columns import open_columns
from atlas_core.books.queries import thresholds_now
from atlas_core.books.reading import open_books
from atlas_core.errors import AtlasDeskError, BookMissing
from atlas_core.exporting.jobs import sweep_exports
from atlas_core.insight.facets import facet_counts
from atlas_core.web.loaders import desk_settings

SWEPT_EVERY_SECONDS = 3_600

_log = logging.getLogger(__name__)


async def keep_up() -> None:
    """Runs until it is cancelled."""
    await asyncio.to_thread(_warm_facets)
    while True:
        await asyncio.to_thread(_sweep)
        await asyncio.sleep(SWEPT_EVERY_SECONDS)


def _warm_facets() -> None:
    """Facets remember which flows have which documents; at a million flows the first look takes a second."""
    settings = desk_settings()
    try:
        columns = open_columns(settings.data_dir)
        with open_books(settings.atlas_book, settings.desk_book) as books:
            thresholds = thresholds_now(books, settings.thresholds).thresholds
        facet_counts(columns, "type", columns.flows.exists, thresholds=thresholds)
    except BookMissing:
        return
    except AtlasDeskError as error:
        _log.warning("%s", error)


def _sweep() -> None:
    try:
        sweep_exports(desk_settings())
    except OSError as error:
        _log.warning("Old exports could not be swept: %s", error.strerror)
