"""`export`: what a filter finds, whole, as CSV, XLSX or Parquet."""

from __future__ import annotations

import sys
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.queries import What
from atlas_core.errors import InputError
from atlas_core.exporting.exports import Progress, fitting_flows, in_words, write_export
from atlas_core.exporting.jobs import run_job
from atlas_core.exporting.orders import Order, note_order
from atlas_core.exporting.sheets import Format
from atlas_core.insight.addresses import read_address
from atlas_core.settings import Settings


def run_export(
    settings: Settings,
    path: Path,
    *,
    what: str,
    kind: str | None,
    filter_text: str,
    is_masked: bool = True,
    reason: str = "",
) -> int:
    """Writes the export and says how many rows of how many. Raises `InputError` where the file is there
    already or its format cannot be told."""
    if path.exists():
        raise InputError(f"{path} is there already. Give another name, or move it away.")
    try:
        chosen = Format(kind or path.suffix.removeprefix(".").lower())
    except ValueError:
        raise InputError(f"Give --format for {path.name}: csv, xlsx or parquet.") from None
    order = Order(read_address(filter_text), What(what), chosen, is_masked)
    note_order(settings, COMMAND, order, flows=len(fitting_flows(settings, order.wanted)), reason=reason)
    progress = write_export(settings, order, path, told=_tell)
    print(f"{_fresh_line()}{in_words(progress, What(what))} are in {path}.")
    return 0


def run_export_job(settings: Settings, job_id: str) -> int:
    """Does an export that a page asked for."""
    return 0 if run_job(settings, job_id).state == "done" else 1


def _tell(progress: Progress) -> None:
    if sys.stdout.isatty():
        print(f"\r{progress.rows:,} of {progress.rows_expected:,} rows", end="", flush=True)


def _fresh_line() -> str:
    return "\r" if sys.stdout.isatty() else ""
