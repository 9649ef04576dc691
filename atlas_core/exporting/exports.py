"""One export: the flows that a filter finds, whole, into one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from atlas_core.books.columns import open_columns
from atlas_core.books.queries import COLUMNS, What, count_export_rows, export_rows, thresholds_now
from atlas_core.books.reading import Books, open_books
from atlas_core.clock import now_ms
from atlas_core.errors import ExportCancelled, ExportFailed
from atlas_core.exporting.orders import Order
from atlas_core.exporting.sheets import Sheet, open_sheet
from atlas_core.insight.finding import FlowFilter, Rules, flows_that_fit, newest_first
from atlas_core.insight.screen_masks import Sensitivity, masked, masked_reason, sensitivity_of
from atlas_core.settings import Settings

_FLOWS_AT_ONCE = 500


def _places(what: What, *pairs: tuple[str, str]) -> tuple[tuple[int, int], ...]:
    names = [column.name for column in COLUMNS[what]]
    return tuple((names.index(name), names.index(value)) for name, value in pairs)


_PERSONAL = {
    What.FIELDS: _places(What.FIELDS, ("name", "value")),
    What.CROSS_CHECKS: _places(
        What.CROSS_CHECKS, ("source_field_name", "source_value"), ("target_field_name", "target_value")
    ),
}
"""Where a value stands, and the name of the field that tells what it is."""
_REASON = [column.name for column in COLUMNS[What.DOCUMENTS]].index("error_reason")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is: rows and flows written, of how many. `cut_cells` as of `Sheet`."""

    rows: int
    rows_expected: int
    flows: int
    flows_expected: int
    cut_cells: int = 0


def rules_now(settings: Settings, books: Books) -> Rules:
    """What the words of a filter mean under these settings, now."""
    thresholds = thresholds_now(books, settings.thresholds).thresholds
    return Rules(thresholds, int(settings.overdue_minutes * 60_000), now_ms())


def fitting_flows(settings: Settings, wanted: FlowFilter) -> list[int]:
    """The flow_ids of every flow that fits, newest first, however many there are."""
    columns = open_columns(settings.data_dir)
    with open_books(settings.atlas_book, settings.desk_book) as books:
        fit = flows_that_fit(books, columns, wanted, rules_now(settings, books), at_most=None)
    flow_ids: list[int] = newest_first(columns, fit.mask).tolist()
    return flow_ids


def count_rows(settings: Settings, what: What, flow_ids: list[int]) -> int:
    """How many rows an export of these flows has now."""
    with open_books(settings.atlas_book, settings.desk_book) as books:
        return sum(count_export_rows(books, what, some) for some in _in_pieces(flow_ids))


def write_export(
    settings: Settings,
    order: Order,
    path: Path,
    *,
    told: Callable[[Progress], None] = lambda _: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Progress:
    """Writes the whole export to `path`, which exists only when it is done. `orders.note_order` comes first.

    The flows are those that fit at the beginning; each is written as it is when its turn comes, so rows may
    differ from those expected where results came in meanwhile. Raises `ExportFailed`, `ExportCancelled`,
    `InputError` and errors of `BookError`.
    """
    flow_ids = fitting_flows(settings, order.wanted)
    begin = Progress(0, count_rows(settings, order.what, flow_ids), 0, len(flow_ids))
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(open_sheet(unfinished, order.format, order.what.value, COLUMNS[order.what])) as sheet:
            progress = begin
            for progress in _written(settings, sheet, order, flow_ids, begin):
                told(progress)
                if is_cancelled():
                    raise ExportCancelled("The export was cancelled; nothing of it is kept.")
        unfinished.rename(path)
    except OSError as error:
        raise ExportFailed(f"{path.name} could not be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return progress


def _written(
    settings: Settings, sheet: Sheet, order: Order, flow_ids: list[int], progress: Progress
) -> Iterator[Progress]:
    yield progress
    for some in _in_pieces(flow_ids):
        # A connection for each piece: a long one would keep the book's journal from being tidied.
        with open_books(settings.atlas_book, settings.desk_book) as books:
            rows = export_rows(books, order.what, some)
        sheet.add(_masked(order.what, row) if order.is_masked else tuple(row) for row in rows)
        progress = replace(
            progress,
            rows=progress.rows + len(rows),
            flows=progress.flows + len(some),
            cut_cells=sheet.cut_cells,
        )
        yield progress


def _masked(what: What, row: Sequence[Any]) -> tuple[Any, ...]:
    """The row with its personal values as everybody may see them."""
    cells = list(row)
    for name, value in _PERSONAL.get(what, ()):
        held = cells[value]
        if held is not None and sensitivity_of(cells[name]) is not Sensitivity.OPEN:
            cells[value] = masked(cells[name], str(held))
    if what is What.DOCUMENTS and cells[_REASON] is not None:
        cells[_REASON] = masked_reason(str(cells[_REASON]))
    return tuple(cells)


def in_words(progress: Progress, what: What) -> str:
    """`16,004 of 16,004 cross-checks of 2,000 flows`, and what else must be said."""
    noun = what.value[:-1] if progress.rows_expected == 1 else what.value
    sentence = f"{progress.rows:,} of {progress.rows_expected:,} {noun}"
    if what is not What.FLOWS:
        sentence += f" of {progress.flows:,} flow{'' if progress.flows == 1 else 's'}"
    if progress.flows == progress.flows_expected and progress.rows != progress.rows_expected:
        sentence += "; results that came in meanwhile changed their number"
    if progress.cut_cells:
        sentence += f"; {progress.cut_cells:,} texts were too long for a cell and are cut"
    return sentence


def _in_pieces(flow_ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(flow_ids), _FLOWS_AT_ONCE):
        yield flow_ids[start : start + _FLOWS_AT_ONCE]
