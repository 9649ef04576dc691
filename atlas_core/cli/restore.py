"""`restore`: a backup becomes the book again, and says what happens next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from atlas_core.books.backups import copies_in, find_copy
from atlas_core.books.copies import Copy
from atlas_core.books.restoring import restore
from atlas_core.books.room import in_bytes
from atlas_core.books.tombstones import Tombstone, tombstones_in
from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.settings import Settings


def run_restore(settings: Settings, wanted: Sequence[str], data_dir: Path | None) -> int:
    """Restores the named backups, or the newest of each book from a folder of backups; lists what there is
    where none is named. Raises `InputError` and errors of `BookError`."""
    if not wanted:
        return _list(settings.backup_dir)
    copies = [copy for name in wanted for copy in _meant(settings.backup_dir, name)]
    started = time.monotonic()
    restored = restore(
        copies,
        settings.data_dir if data_dir is None else data_dir,
        now=now_ms(),
        tombstones=_erased(settings.data_dir, copies),
    )
    for copy in copies:
        print(f"{copy.book} is now the backup of {_when(copy)}, which was proved whole.")
    if restored.set_aside:
        print(f"What was there is in {restored.set_aside}.")
    if restored.agreed and restored.agreed.sentence:
        print(restored.agreed.sentence)
    print(
        f"Done in {time.monotonic() - started:.0f} s. Start the desk: the worker goes on with every flow "
        "that is not final, and builds the column mirror anew."
    )
    return 0


def _erased(data_dir: Path, copies: Sequence[Copy]) -> list[Tombstone]:
    """What was erased in the books, and what an `erased.jsonl` says that was kept with the backups: in the
    folder of one, or in the folder they lie in."""
    folders = {folder for copy in copies for folder in (copy.folder, copy.folder.parent)} - {data_dir}
    return [tombstone for folder in (data_dir, *sorted(folders)) for tombstone in tombstones_in(folder)]


def _meant(folder: Path, name: str) -> list[Copy]:
    """The backup of this name or folder; of a folder of backups the newest of each book."""
    held = copies_in(Path(name)) if Path(name).is_dir() else []
    if not held:
        return [find_copy(folder, name)]
    return list({copy.book: copy for copy in held if not copy.label}.values())


def _list(folder: Path) -> int:
    copies = copies_in(folder)
    if not copies:
        raise InputError(f"There is no backup in {folder}. python -m atlas_core backup takes one.")
    for copy in copies:
        thing = "flow" if copy.book == "atlas.db" else "submission"
        count = copy.inventory.rows[f"{thing}s"]
        held = f"{count:,} {thing}{'' if count == 1 else 's'}"
        print(f"{copy.name:<42}{_when(copy)}  {in_bytes(copy.size):>9}  {held}")
    print("Name one of each book that is to be restored: python -m atlas_core restore NAME [NAME]")
    return 0


def _when(copy: Copy) -> str:
    return f"{datetime.fromtimestamp(copy.taken_at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
