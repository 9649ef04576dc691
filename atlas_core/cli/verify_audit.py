"""`verify-audit`: is the audit log what was written?"""

from __future__ import annotations

from atlas_core.books.desk import Desk
from atlas_core.settings import Settings


def run_verify_audit(settings: Settings, head: str | None) -> int:
    """Prints what was found; returns 0 where the chain is whole, else 1."""
    found = Desk(settings.desk_book).verify_audit(head)
    if found.broken_at is not None:
        print(f"The audit log is not what was written: {found.sentence}")
        return 1
    print(f"The audit log is whole: {found.entries:,} entries. Note the hash of the last one elsewhere:")
    print(found.head)
    return 0
