"""`verify-audit`: is the audit log what was written?"""

from __future__ import annotations

import os
from pathlib import Path

from atlas_core.access import COMMAND, Action
from atlas_core.books.audit import audit_lines
from atlas_core.books.desk import Desk
from atlas_core.errors import ExportFailed, InputError
from atlas_core.settings import Settings


def run_verify_audit(settings: Settings, head: str | None, to: Path | None = None) -> int:
    """Prints what was found; returns 0 where the chain is whole, else 1. A whole log is also written to `to`,
    a line of JSON for each entry. Raises `InputError` where that file is there already."""
    if to is not None and to.exists():
        raise InputError(f"{to} is there already. Give another name, or move it away.")
    found = Desk(settings.desk_book).verify_audit(head)
    if found.broken_at is not None:
        print(f"The audit log is not what was written: {found.sentence}")
        return 1
    print(f"The audit log is whole: {found.entries:,} entries. Note the hash of the last one elsewhere:")
    print(found.head)
    if to is not None:
        try:
            _write(Desk(settings.desk_book), to)
        except OSError as error:
            raise ExportFailed(f"{to.name} could not be written: {error.strerror or error}.") from error
        print(f"Every entry, with that this file was made, is in {to}.")
    return 0


def _write(desk: Desk, to: Path) -> None:
    # Before the entry: a file that cannot be made must not be told of as made.
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            with desk.acting(COMMAND, Action.READ_AUDIT, "as a file"):
                pass
            desk.read(lambda book: file.writelines(f"{line}\n" for line in audit_lines(book)))
    except BaseException:
        to.unlink(missing_ok=True)
        raise
