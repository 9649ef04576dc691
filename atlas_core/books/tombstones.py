"""What was erased, noted beside the books and not in them: whatever copy of a book is put in place later, the
case is erased from it too before anybody reads it.

`erased.jsonl` has one line of JSON for each erased case: an id and a moment, never a value. A line that a
kill cut off is passed over; its erasure was not begun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from atlas_core.books.book import filing, sync_folder

FILE = "erased.jsonl"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One erased case: all of an application that was begun by `at` (milliseconds since 1970, UTC), or one
    flow."""

    at: int
    application_id: str | None = None
    flow_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An erased case with what atlas.db knows of it and desk.db must: its flows and its submissions."""

    tombstone: Tombstone
    flow_uuids: frozenset[str] = frozenset()
    submission_ids: frozenset[int] = frozenset()


def tombstones_in(data_dir: Path) -> list[Tombstone]:
    """What was erased in the books of this folder, in its order."""
    try:
        lines = (data_dir / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            kept = json.loads(line)
            found.append(Tombstone(int(kept["at"]), kept["application_id"], kept["flow_uuid"]))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def set_tombstones(data_dir: Path, tombstones: Iterable[Tombstone]) -> None:
    """Notes these, durably, where they are not noted yet."""
    known = set(tombstones_in(data_dir))
    new = [tombstone for tombstone in tombstones if tombstone not in known]
    if not new:
        return
    path = data_dir / FILE
    # A line that a kill cut off ends here.
    lines = "\n" + "".join(f"{json.dumps(asdict(tombstone))}\n" for tombstone in new)
    with filing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
        sync_folder(data_dir)
