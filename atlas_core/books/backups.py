"""When the books are copied, and which copies are kept.

desk.db, which nobody else has, is copied every hour; atlas.db as often while it is small. A large one is
copied less often, because what its copy lacks is fetched from Atlas again (call_notes.py).
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from atlas_core.books.book import alone_in, filing
from atlas_core.books.copies import MANIFEST, REWRITTEN, UNFINISHED, Copy, read_copy, take_copy
from atlas_core.errors import BookBusy, BookDamaged, InputError

HOUR_SECONDS = 3_600.0
UPGRADES_KEPT = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a book is copied, as a multiple of ATLAS_BACKUP_HOURS, and what is kept: so many of the
    newest copies, and the last copy of each of so many days."""

    every: int
    newest: int
    days: int


HOURLY = Cadence(1, 24, 14)
SOME_A_DAY = Cadence(6, 4, 6)
DAILY = Cadence(24, 1, 3)
LATE_TURNS = 3
"""So many turns without a new copy, and somebody is told."""
_SMALL, _LARGE = 128 * 1024 * 1024, 2 * 1024 * 1024 * 1024


def cadence_of(stem: str, size: int) -> Cadence:
    """How often a book (`atlas` or `desk`) of that many bytes is copied."""
    if stem == "desk" or size <= _SMALL:
        return HOURLY
    return SOME_A_DAY if size <= _LARGE else DAILY


def copies_in(folder: Path, book: str | None = None) -> list[Copy]:
    """The copies in a folder, of one book (`atlas.db`) or of both, oldest first. What is no copy is passed
    over."""
    found = []
    for place in (*folder.glob("atlas-*"), *folder.glob("desk-*")):
        try:
            copy = read_copy(place)
        except BookDamaged as error:
            _log.warning("%s", error)
            continue
        if book in (None, copy.book):
            found.append(copy)
    return sorted(found, key=lambda copy: (copy.taken_at, copy.name))


def find_copy(folder: Path, wanted: str) -> Copy:
    """A copy by its name in `folder`, or by its own folder. Raises `InputError` where there is none, and
    `BookDamaged` where it is none."""
    for place in (folder / wanted, Path(wanted)):
        if place.is_dir():
            return read_copy(place.resolve())
    raise InputError(f"There is no backup {wanted} in {folder}. python -m atlas_core restore lists them.")


def take_backup(
    book: Path, folder: Path, *, now: int, label: str = "", is_stopping: Callable[[], bool] = lambda: False
) -> Copy:
    """Copies one book and lets old copies go.

    Of two books copy atlas.db first: then the notes in the copy of desk.db tell of every call that the copy
    of atlas.db may lack. Raises `BookBusy` at once where a backup is being taken, and what `take_copy` does.
    """
    with at_work_in(folder):
        newest = max((copy.taken_at for copy in copies_in(folder, book.name)), default=0)
        # A later copy is named later, also after the clock was set back.
        moment = max(now, newest + 1_000)
        copy = take_copy(book, folder, now=moment, label=label, is_stopping=is_stopping)
        for old in beyond(copies_in(folder, book.name)):
            _remove(old)
        return copy


def remove_upgrades_before(folder: Path, moment: int) -> None:
    """Lets go of copies from before upgrades that are older than that; whoever calls is alone there."""
    for copy in copies_in(folder):
        if copy.label and copy.taken_at < moment:
            _remove(copy)


def seconds_until_due(book: Path, folder: Path, *, hours: float, now: int) -> float:
    """How long until a book's next copy. A copy from the future, as after a clock was set back, proves
    nothing: then it is due."""
    regular = [copy.taken_at for copy in copies_in(folder, book.name) if not copy.label]
    every = cadence_of(book.stem, book.stat().st_size).every * hours * HOUR_SECONDS
    age = (now - max(regular, default=0)) / 1000
    return every - age if 0 <= age < every else 0.0


def beyond(copies: list[Copy]) -> list[Copy]:
    """The copies of one book, oldest first, that nobody needs any more."""
    regular = [copy for copy in copies if not copy.label][::-1]
    labelled = [copy for copy in copies if copy.label]
    if not regular:
        return labelled[:-UPGRADES_KEPT]
    cadence = cadence_of(Path(regular[0].book).stem, regular[0].size)
    last_of_day: dict[str, Copy] = {}
    for copy in regular:
        last_of_day.setdefault(f"{datetime.fromtimestamp(copy.taken_at / 1000, UTC):%Y-%m-%d}", copy)
    needed = {copy.name for copy in (*regular[: cadence.newest], *list(last_of_day.values())[: cadence.days])}
    return [copy for copy in regular if copy.name not in needed] + labelled[:-UPGRADES_KEPT]


@contextmanager
def at_work_in(folder: Path) -> Iterator[None]:
    """Makes the folder where it is missing, is alone there, and sweeps what killed backups left."""
    with filing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with alone_in(folder, or_else=f"A backup is being taken in {folder}. Try again when it is done."):
            for place in folder.glob(f".*{REWRITTEN}"):
                _publish_or_sweep(place)
            for place in folder.glob(f".*{UNFINISHED}"):
                shutil.rmtree(place, ignore_errors=True)
            yield


@contextmanager
def alone_with_backups(folder: Path, seconds: float) -> Iterator[None]:
    """`at_work_in` for whoever waits so long for a backup under way. Raises `BookBusy` after that."""
    until = time.monotonic() + seconds
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(at_work_in(folder))
                break
            except BookBusy:
                if time.monotonic() > until:
                    raise
            time.sleep(0.5)
        yield


def _publish_or_sweep(place: Path) -> None:
    """A copy that an erasure wrote anew and a kill kept from its name gets it; any other is in the way."""
    copy = place.with_name(place.name[1 : -len(REWRITTEN)])
    if copy.exists() or not (place / MANIFEST).exists():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.rename(copy)


def _remove(copy: Copy) -> None:
    """Takes its name first, so that a copy whose removal is cut off is none."""
    doomed = copy.folder.with_name(f".{copy.name}{UNFINISHED}")
    copy.folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
