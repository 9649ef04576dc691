"""What somebody wants exported, and the row of the audit log that comes first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from atlas_core.access import Action, User
from atlas_core.books.desk import Desk
from atlas_core.books.queries import COLUMNS, What
from atlas_core.errors import InputError
from atlas_core.exporting.sheets import Format
from atlas_core.insight.addresses import address_text
from atlas_core.insight.finding import FlowFilter
from atlas_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """Which flows, a row for each of what, and in which format. Personal values are masked unless the order
    says that they are not."""

    wanted: FlowFilter
    what: What
    format: Format
    is_masked: bool = True


def note_order(settings: Settings, by: User, order: Order, *, flows: int, reason: str = "") -> None:
    """Asks for the right to the export and writes who exported what, before anything is written out.

    Words and ids that were searched for may be somebody's name: only that there were some is kept. Raises
    `NotAllowed`, errors of `BookError`, and `InputError` where personal values are wanted without a reason.
    """
    reason = reason.strip()
    if not order.is_masked and not reason:
        raise InputError("Say why personal values are needed: the audit log keeps it.")
    wanted = order.wanted
    detail = {
        "filter": address_text(replace(wanted, text="", words="")),
        "searched": bool(wanted.text.strip() or wanted.words.strip()),
        "flows": flows,
        "format": order.format.value,
        "columns": len(COLUMNS[order.what]),
    }
    action = Action.EXPORT if order.is_masked else Action.EXPORT_UNMASKED
    with Desk(settings.desk_book).acting(by, action, order.what.value, reason=reason, detail=detail):
        pass
